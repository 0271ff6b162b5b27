"""Without any page: what a person changes of themselves, and what the house does for who lost everything."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password

from chaveiro.adapters.passkeys import WebAuthn
from chaveiro.apps.identity.actions import (
    acting,
    challenges,
    digest_of,
    links,
    ownership,
    passkeys,
    profile,
    security,
    sessions,
)
from chaveiro.apps.identity.actions.challenges import About, Browser
from chaveiro.apps.identity.actions.passkeys import Counter
from chaveiro.apps.identity.actions.sessions import Arrival, SignInRefused
from chaveiro.apps.identity.models import Account, AddressChange, Passkey
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.factors import TRIES_AT_MOST, ChallengeSpent
from chaveiro.rules.sessions import How
from chaveiro.rules.tokens import LinkSpent, Purpose
from tests.authenticator import ORIGIN, Authenticator
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
SECRET = "a" * 32


@pytest.fixture
def world() -> World:
    return build_world()


def row(actor: Actor) -> Account:
    return Account.objects.get(id=actor.account)


def posted(actor: Actor, address: str) -> str:
    """Wish an address, and post the link that confirms it; answers the link's secret."""
    assert profile.wish_address(actor=actor, which="email", address=address, means=means())
    assert actor.account is not None
    raw = os.urandom(20)
    path = links.make(actor=SYSTEM, account=actor.account, purpose=Purpose.ADDRESS, means=means(), secret=raw).path
    secret = path.rpartition("/")[2]
    change = AddressChange.objects.get(settled_at=None)
    with acting(SYSTEM):
        profile.link_was_posted(change=change.id, secret=secret)
    return secret


def test_name_language_and_time_zone_are_changed_and_journalled(world: World) -> None:
    profile.rename(actor=world.ana, given_name=" Ana  Maria ", family_name="Silva", now=NOON)
    profile.speak(actor=world.ana, language="en", time_zone="Atlantic/Azores", now=NOON)
    found = row(world.ana)
    assert (found.given_name, found.language, found.time_zone) == ("Ana Maria", "en", "Atlantic/Azores")
    assert Entry.objects.filter(tag="person:changed", subject_id=str(world.ana.account)).count() == 2
    with pytest.raises(Malformed):
        profile.rename(actor=world.ana, given_name="", family_name="Silva", now=NOON)


def test_an_address_counts_when_its_own_link_comes_back_and_then_once(world: World) -> None:
    secret = posted(world.ana, "ana@nova.example")
    assert row(world.ana).email == "ana@example.test"
    assert profile.look_at_wish(secret=secret, now=NOON)[1].address == "ana@nova.example"
    profile.confirm_address(secret=secret, now=NOON)
    assert row(world.ana).email == "ana@nova.example"
    with pytest.raises(LinkSpent):
        profile.confirm_address(secret=secret, now=NOON)


def test_a_wish_that_was_dropped_or_replaced_is_confirmed_by_no_older_link(world: World) -> None:
    first = posted(world.ana, "ana@nova.example")
    posted(world.ana, "rui@example.test")
    with pytest.raises(LinkSpent):
        profile.confirm_address(secret=first, now=NOON)
    second = posted(world.ana, "ana@velha.example")
    profile.drop_wish(actor=world.ana, now=NOON)
    with pytest.raises(LinkSpent):
        profile.confirm_address(secret=second, now=NOON)
    assert row(world.ana).email == "ana@example.test"


def test_a_link_that_is_too_old_confirms_nothing(world: World) -> None:
    secret = posted(world.ana, "ana@nova.example")
    with pytest.raises(LinkSpent):
        profile.confirm_address(secret=secret, now=NOON + timedelta(days=3))


def test_a_password_is_changed_and_the_old_one_opens_nothing(world: World) -> None:
    Account.objects.filter(id=world.ana.account).update(password=make_password("the old one"))
    sessions.check_own_password(actor=world.ana, password="the old one")
    profile.change_password(actor=world.ana, password="the new one", keep=None, now=NOON)
    sessions.check_own_password(actor=world.ana, password="the new one")
    with pytest.raises(SignInRefused):
        sessions.check_own_password(actor=world.ana, password="the old one")
    assert Owed.objects.get(kind="security").facts["what"] == "password_changed"


def test_a_token_changes_nothing_of_how_one_signs_in(world: World) -> None:
    token = Actor(world.ana.kind, world.ana.account, world.ana.organisation, scopes=frozenset({"people:write"}))
    with pytest.raises(NotAllowed):
        profile.change_password(actor=token, password="the new one", keep=None, now=NOON)
    with pytest.raises(NotAllowed):
        profile.wish_address(actor=token, which="email", address="x@nova.example", means=means())


def test_a_session_that_is_confirmed_is_journalled_and_one_that_ended_is_not_confirmed(world: World) -> None:
    arrival = Arrival(digest_of("her browser"), None, How.LINK)
    session = sessions.start(actor=world.ana, arrival=arrival, means=means())
    with pytest.raises(NotFound):
        security.confirm(actor=world.rui, session=session, by="code", now=NOON)
    security.confirm(actor=world.ana, session=session, by="code", now=NOON)
    assert Entry.objects.get(tag="session:confirmed").facts == {"by": "code"}
    sessions.end(actor=world.ana, session=session, now=NOON)
    with pytest.raises(NotFound):
        security.confirm(actor=world.ana, session=session, by="code", now=NOON)


def test_ownership_is_taken_with_a_passkey_or_not_at_all(world: World) -> None:
    bruno = open_customer(world, make_keys(world))[0]
    assert bruno.account is not None
    path = links.make(actor=SYSTEM, account=bruno.account, purpose=Purpose.OWNERSHIP, means=means()).path
    secret = path.rpartition("/")[2]
    counter = Counter(Browser("his"), WebAuthn(ORIGIN, "Tagus"), means())
    answer = Authenticator().make(passkeys.options_for_new(actor=bruno, counter=counter))
    stranger = Counter(Browser("another"), counter.party, counter.means)
    with pytest.raises(ChallengeSpent):
        ownership.with_passkey(secret=secret, answer=answer, name="x", counter=stranger)
    assert row(bruno).owned_at is None
    assert (
        ownership.with_passkey(secret=secret, answer=answer, name="x", counter=counter).actor.account == bruno.account
    )
    assert row(bruno).owned_at == NOON
    assert Passkey.objects.get().account_id == bruno.account


def test_a_question_allows_five_tries_and_a_stranger_s_browser_takes_none(world: World) -> None:
    question = security.mail_code(actor=world.ana, browser=Browser("hers"), means=means())
    assert Owed.objects.get(kind="mailed_code").facts["question"] == str(challenges.id_of(question))
    for browser, tries in (("another", 1), ("hers", TRIES_AT_MOST + 1)):
        for number in range(tries):
            told = {"question": question, "about": About.MAILED_CODE, "browser": Browser(browser), "means": means()}
            if browser == "another" or number == TRIES_AT_MOST:
                with pytest.raises(ChallengeSpent):
                    challenges.count_try(**told)
            else:
                challenges.count_try(**told)


def test_who_lost_everything_is_freed_of_it_by_the_house_and_told(world: World) -> None:
    assert world.ana.account is not None
    counter = Counter(Browser("hers"), WebAuthn(ORIGIN, "Tagus"), means())
    answer = Authenticator().make(passkeys.options_for_new(actor=world.ana, counter=counter))
    passkeys.add(actor=world.ana, answer=answer, name="", otherwise="lost", counter=counter)
    Owed.objects.all().delete()
    security.forget_factors(account=world.ana.account, now=NOON)
    assert not Passkey.objects.exists()
    assert Owed.objects.get(kind="security").facts["what"] == "factors_forgotten"
