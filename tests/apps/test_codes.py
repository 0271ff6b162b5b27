"""Codes of an authenticator app and recovery codes: each opens once."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import acting, codes
from chaveiro.apps.identity.actions.codes import Codes
from chaveiro.apps.identity.models import Account, OneTimeCodes, RecoveryCode
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, NotFound
from chaveiro.rules.factors import CodeRefused, SecondFactorNeeded, step_of
from chaveiro.rules.factors import RecoveryCode as Code
from chaveiro.rules.means import Means
from chaveiro.rules.vault import SealBroken
from tests.cast import DAY, NOON, World, build_world, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build_world()


def kit(seconds: int = 0) -> Codes:
    means = Means(NOON + timedelta(seconds=seconds), DAY, new_id, os.urandom, ())
    return Codes(wiring.vault(), wiring.authenticator_code, means)


def shown(actor: Actor, seconds: int = 0) -> str:
    """What the person's app shows."""
    assert actor.account is not None
    row = OneTimeCodes.objects.get(account_id=actor.account)
    seed = wiring.vault().open(bytes(row.sealed), codes._lending(actor.account))
    return wiring.authenticator_code(seed)(step_of(NOON + timedelta(seconds=seconds)))


def set_up(actor: Actor) -> list[Code]:
    codes.begin(actor=actor, codes=kit())
    return codes.switch_on(actor=actor, typed=shown(actor), codes=kit())


def test_the_first_code_switches_them_on_and_ten_recovery_codes_are_told_once(world: World) -> None:
    made = set_up(world.ana)
    assert len({code.symbols for code in made}) == 10
    assert world.ana.account is not None
    with acting(world.ana):
        ways = queries.ways(world.ana.account)
    assert (ways.one_time_codes, ways.recovery_codes, ways.second_factor) == (True, 10, True)
    kept = str(list(RecoveryCode.objects.values_list("digest", flat=True)))
    assert not any(code.symbols in kept for code in made)
    assert [owed.facts["what"] for owed in Owed.objects.filter(kind="security")] == ["codes_on"]


def test_a_set_up_that_was_not_finished_asks_for_nothing(world: World) -> None:
    codes.begin(actor=world.ana, codes=kit())
    assert world.ana.account is not None
    with acting(world.ana):
        assert not queries.ways(world.ana.account).second_factor
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.ana, typed=shown(world.ana), codes=kit())
    with pytest.raises(CodeRefused):
        codes.switch_on(actor=world.ana, typed="000000", codes=kit())
    codes.forget_waiting(actor=world.ana)
    assert not OneTimeCodes.objects.exists()


def test_the_seed_is_sealed_for_its_account_and_shown_only_until_the_first_code(world: World) -> None:
    codes.begin(actor=world.ana, codes=kit())
    seed = codes.waiting_seed(actor=world.ana, codes=kit())
    assert seed is not None
    row = OneTimeCodes.objects.get()
    assert seed not in bytes(row.sealed)
    assert world.rui.account is not None
    with pytest.raises(SealBroken):
        wiring.vault().open(bytes(row.sealed), codes._lending(world.rui.account))
    codes.switch_on(actor=world.ana, typed=shown(world.ana), codes=kit())
    assert codes.waiting_seed(actor=world.ana, codes=kit()) is None


def test_a_code_opens_once_and_the_next_half_minute_has_another(world: World) -> None:
    set_up(world.ana)
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.ana, typed=shown(world.ana), codes=kit())
    later = shown(world.ana, 60)
    assert codes.enter(actor=world.ana, typed=later, codes=kit(60)) == "code"
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.ana, typed=later, codes=kit(60))


def test_a_recovery_code_opens_once_and_its_use_is_told(world: World) -> None:
    made = set_up(world.ana)
    assert codes.enter(actor=world.ana, typed=made[0].grouped().lower(), codes=kit()) == "recovery_code"
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.ana, typed=made[0].grouped(), codes=kit())
    assert Owed.objects.filter(kind="security", facts__what="recovery_code_used").count() == 1


def test_new_recovery_codes_make_the_old_ones_worthless(world: World) -> None:
    old = set_up(world.ana)
    new = codes.renew_recovery_codes(actor=world.ana, means=kit().means)
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.ana, typed=old[0].grouped(), codes=kit())
    assert codes.enter(actor=world.ana, typed=new[0].grouped(), codes=kit()) == "recovery_code"


def test_another_s_code_opens_nothing(world: World) -> None:
    hers = set_up(world.ana)
    set_up(world.rui)
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.rui, typed=hers[0].grouped(), codes=kit())
    with pytest.raises(CodeRefused):
        codes.enter(actor=world.rui, typed=shown(world.ana, 60), codes=kit(60))


def test_codes_that_count_are_not_set_up_again_over_themselves(world: World) -> None:
    set_up(world.ana)
    with pytest.raises(Contention):
        codes.begin(actor=world.ana, codes=kit())


def test_codes_are_switched_off_and_recovery_codes_go_with_them(world: World) -> None:
    Account.objects.filter(id=world.ana.account).update(password="a password")
    set_up(world.ana)
    codes.switch_off(actor=world.ana, now=NOON)
    assert not OneTimeCodes.objects.exists()
    assert not RecoveryCode.objects.exists()
    with pytest.raises(NotFound):
        codes.switch_off(actor=world.ana, now=NOON)


def test_the_operator_s_last_second_factor_stays(world: World) -> None:
    Account.objects.filter(id=world.duarte.account).update(password="a password")
    set_up(world.duarte)
    with pytest.raises(SecondFactorNeeded):
        codes.switch_off(actor=world.duarte, now=NOON)


def test_a_vault_of_other_keys_opens_no_seed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(world.ana)
    typed = shown(world.ana, 60)
    monkeypatch.setattr(settings, "VAULT_KEYS", "1:" + "A" * 43 + "=")
    with pytest.raises(SealBroken):
        codes.enter(actor=world.ana, typed=typed, codes=kit(60))
