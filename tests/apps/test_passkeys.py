"""Passkeys of an account: each answer is to one question, put to one browser, and counts once."""

from __future__ import annotations

import os
from typing import Any

import pytest

from chaveiro.adapters.passkeys import WebAuthn
from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import acting, challenges, passkeys
from chaveiro.apps.identity.actions.accounts import close_account
from chaveiro.apps.identity.actions.challenges import About, Browser
from chaveiro.apps.identity.actions.passkeys import Counter
from chaveiro.apps.identity.models import Account, Challenge, Passkey
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.factors import ChallengeSpent, LastWayIn, PasskeyRefused, SecondFactorNeeded
from chaveiro.rules.means import Means
from tests.authenticator import ORIGIN, Authenticator
from tests.cast import NOON, World, build_world, means

pytestmark = pytest.mark.django_db
PARTY = WebAuthn(ORIGIN, "Tagus Software")


@pytest.fixture
def world() -> World:
    return build_world()


def at(secret: str = "ana's browser", minutes: int = 0) -> Counter:
    from datetime import timedelta

    now = means()
    return Counter(
        Browser(secret), PARTY, Means(now.now + timedelta(minutes=minutes), now.day, now.new_id, os.urandom, ())
    )


def add(actor: Actor, device: Authenticator, name: str = "") -> Any:
    answer = device.make(passkeys.options_for_new(actor=actor, counter=at()))
    return passkeys.add(actor=actor, answer=answer, name=name, otherwise="a telephone", counter=at())


def test_a_passkey_signs_in_as_its_account_and_no_name_is_asked_for(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    answer = device.show(passkeys.options_to_sign_in(counter=at()))
    assert passkeys.sign_in(answer=answer, counter=at()).actor.account == world.ana.account
    row = Passkey.objects.get()
    assert (row.name, row.sign_count, row.used_at) == ("a telephone", 1, NOON)
    assert Entry.objects.filter(tag="person:changed", subject_id=str(world.ana.account)).count() == 1
    assert Owed.objects.get(kind="security").facts["what"] == "passkey_added"


def test_an_answer_counts_once(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    answer = device.show(passkeys.options_to_sign_in(counter=at()))
    passkeys.sign_in(answer=answer, counter=at())
    with pytest.raises(ChallengeSpent):
        passkeys.sign_in(answer=answer, counter=at())


def test_a_question_that_was_answered_wrongly_is_used_up_too(world: World) -> None:
    device, stranger = Authenticator(), Authenticator()
    add(world.ana, device)
    options = passkeys.options_to_sign_in(counter=at())
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(answer=stranger.show(options), counter=at())
    with pytest.raises(ChallengeSpent):
        passkeys.sign_in(answer=device.show(options), counter=at())


def test_another_browser_s_question_is_not_answered_here(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    answer = device.show(passkeys.options_to_sign_in(counter=at("carla's browser")))
    with pytest.raises(ChallengeSpent):
        passkeys.sign_in(answer=answer, counter=at())


def test_a_question_is_too_old_after_its_time(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    answer = device.show(passkeys.options_to_sign_in(counter=at()))
    with pytest.raises(ChallengeSpent):
        passkeys.sign_in(answer=answer, counter=at(minutes=31))


def test_the_answer_to_one_kind_of_question_opens_no_other(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    signing_in = device.show(passkeys.options_to_sign_in(counter=at()))
    with pytest.raises(ChallengeSpent):
        passkeys.show(actor=world.ana, answer=signing_in, counter=at())


def test_a_counter_that_went_back_opens_nothing_and_changes_nothing(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    device.count = 7
    passkeys.sign_in(answer=device.show(passkeys.options_to_sign_in(counter=at())), counter=at())
    device.count = 3
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(answer=device.show(passkeys.options_to_sign_in(counter=at())), counter=at())
    assert Passkey.objects.get().sign_count == 8


def test_a_passkey_of_another_account_confirms_nothing(world: World) -> None:
    hers, his = Authenticator(), Authenticator()
    add(world.ana, hers)
    add(world.rui, his)
    options = passkeys.options_to_confirm(actor=world.ana, counter=at())
    with pytest.raises(PasskeyRefused):
        passkeys.show(actor=world.ana, answer=his.show(options), counter=at())
    options = passkeys.options_to_confirm(actor=world.rui, counter=at())
    with pytest.raises(PasskeyRefused):
        passkeys.show(actor=world.ana, answer=hers.show(options), counter=at())


def test_a_handle_that_names_another_account_is_refused(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    assert world.rui.account is not None
    device.handle = world.rui.account.bytes
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(answer=device.show(passkeys.options_to_sign_in(counter=at())), counter=at())


def test_a_closed_account_s_passkey_opens_nothing(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    assert world.ana.account is not None
    close_account(actor=world.duarte, account=world.ana.account, now=NOON)
    with pytest.raises(PasskeyRefused):
        passkeys.sign_in(answer=device.show(passkeys.options_to_sign_in(counter=at())), counter=at())


def test_the_same_passkey_is_not_added_twice_not_even_to_another_account(world: World) -> None:
    device = Authenticator()
    add(world.ana, device)
    for actor in (world.ana, world.rui):
        with pytest.raises(PasskeyRefused):
            add(actor, device)
    assert Passkey.objects.count() == 1


def test_a_question_for_one_account_adds_no_passkey_to_another(world: World) -> None:
    device = Authenticator()
    answer = device.make(passkeys.options_for_new(actor=world.ana, counter=at()))
    with pytest.raises(PasskeyRefused):
        passkeys.add(actor=world.rui, answer=answer, name="", otherwise="x", counter=at())


def test_the_last_way_in_is_not_removed_and_of_two_the_second_stays(world: World) -> None:
    first, second = add(world.ana, Authenticator()), add(world.ana, Authenticator())
    passkeys.remove(actor=world.ana, passkey=first, now=NOON)
    with pytest.raises(LastWayIn):
        passkeys.remove(actor=world.ana, passkey=second, now=NOON)
    assert Passkey.objects.get().id == second
    assert Owed.objects.filter(kind="security", facts__what="passkey_removed").count() == 1


def test_who_must_have_a_second_factor_keeps_the_last_one(world: World) -> None:
    only = add(world.duarte, Authenticator())
    Account.objects.filter(id=world.duarte.account).update(password="a password")
    with pytest.raises(SecondFactorNeeded):
        passkeys.remove(actor=world.duarte, passkey=only, now=NOON)


def test_another_account_s_passkey_is_neither_seen_nor_named_nor_removed(world: World) -> None:
    hers = add(world.ana, Authenticator())
    assert world.ana.account is not None
    with acting(world.rui):
        assert queries.passkeys(world.ana.account) == []
    for act in (
        lambda: passkeys.remove(actor=world.rui, passkey=hers, now=NOON),
        lambda: passkeys.rename(actor=world.rui, passkey=hers, name="mine"),
    ):
        with pytest.raises(NotFound):
            act()


def test_an_account_has_twenty_passkeys_at_most(world: World) -> None:
    for _ in range(20):
        add(world.ana, Authenticator())
    with pytest.raises(Malformed):
        add(world.ana, Authenticator())


def test_questions_that_are_too_old_go_on_the_way_and_none_is_kept_in_the_clear(world: World) -> None:
    asked = [challenges.ask(actor=world.ana, about=About.PASSKEY_NEW, browser=Browser("b"), means=at().means)]
    assert asked[0].hex() not in str(list(Challenge.objects.values_list("id", "browser", "facts")))
    challenges.ask(actor=world.ana, about=About.PASSKEY_NEW, browser=Browser("b"), means=at(minutes=60).means)
    assert Challenge.objects.count() == 1


def test_nobody_puts_a_question_about_another_s_account(world: World) -> None:
    from django.db import connection
    from django.db.utils import ProgrammingError

    with pytest.raises(ProgrammingError), acting(world.rui), connection.cursor() as cursor:
        cursor.execute(
            "SELECT identity_ask(%s, %s, 'second_factor', %s, '{}', now(), now())",
            (challenges.id_of(b"x"), b"b", world.ana.account),
        )
