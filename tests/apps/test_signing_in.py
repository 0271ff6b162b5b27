"""Signing in with a password: the right one leads in, and nothing else tells a stranger which names exist."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password

from chaveiro.apps.identity.actions.sessions import SignInRefused, by_password, end
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry
from tests.cast import NOON, World, build_world

pytestmark = pytest.mark.django_db
PASSWORD = "a password that only tests know"


@pytest.fixture
def world() -> World:
    made = build_world()
    Account.objects.filter(id=made.ana.account).update(password=make_password(PASSWORD))
    return made


def name_of(world: World) -> str:
    return str(Account.objects.values_list("login_name", flat=True).get(id=world.ana.account))


def sessions() -> list[str]:
    return list(Entry.objects.filter(tag__startswith="session:").order_by("id").values_list("tag", flat=True))


def test_ana_signs_in_and_out_and_the_journal_knows(world: World) -> None:
    found = by_password(name=f" {name_of(world).upper()} ", password=PASSWORD, now=NOON)
    assert found.actor.account == world.ana.account
    end(actor=found.actor, now=NOON)
    assert sessions() == ["session:started", "session:ended"]


def test_a_wrong_password_an_unknown_name_and_a_closed_account_are_refused_alike(world: World) -> None:
    def refusal(name: str, password: str) -> str:
        with pytest.raises(SignInRefused) as caught:
            by_password(name=name, password=password, now=NOON)
        return str(caught.value)

    said = {refusal(name_of(world), "not this one"), refusal("carla@example.test", PASSWORD)}
    Account.objects.filter(id=world.ana.account).update(closed_at=NOON)
    said.add(refusal(name_of(world), PASSWORD))
    assert len(said) == 1
    assert sessions() == []
