"""Sessions: signing in beside others at one browser, being there for so long and no longer, and leaving."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chaveiro.apps.customers.queries import AtBrowser, at_browser
from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import acting, digest_of, links, sessions
from chaveiro.apps.identity.actions.accounts import close_account
from chaveiro.apps.identity.actions.sessions import Arrival, SignInRefused, by_password
from chaveiro.apps.identity.models import Account, Session
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor
from chaveiro.rules.sessions import ACCOUNTS_AT_MOST, IDLE_AT_MOST, KEPT, LIFE, How, tag_of
from chaveiro.rules.tokens import LinkSpent, Purpose
from tests.cast import NOON, World, build_world, means

pytestmark = pytest.mark.django_db
PASSWORD = "a password that only tests know"
FIRST, SECOND = digest_of("the first secret"), digest_of("the second secret")
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    made = build_world()
    Account.objects.filter(id=made.ana.account).update(password=make_password(PASSWORD))
    return made


def name_of(actor: Actor) -> str:
    return str(Account.objects.values_list("login_name", flat=True).get(id=actor.account))


def arriving(browser: bytes, was: bytes | None = None, how: How = How.PASSWORD) -> Arrival:
    return Arrival(browser, was, how, "an agent", "192.0.2.0/24")


def start(actor: Actor, browser: bytes = FIRST, was: bytes | None = None, how: How = How.PASSWORD) -> UUID:
    return sessions.start(actor=actor, arrival=arriving(browser, was, how), means=means())


def here(browser: bytes, now: datetime = NOON, asking: Actor | None = None) -> dict[UUID, AtBrowser]:
    tag = tag_of(asking.account) if asking is not None and asking.account else ""
    return {each.account.id: each for each in at_browser(browser, tag, now)}


def live(browser: bytes, now: datetime = NOON) -> list[UUID]:
    return [account for account, each in here(browser, now).items() if each.live]


def entries() -> list[tuple[str, UUID]]:
    return list(Entry.objects.filter(tag__startswith="session:").order_by("id").values_list("tag", "actor_id"))


def ident(actor: Actor) -> UUID:
    assert actor.account is not None
    return actor.account


# ── beside one another ──


def test_ana_signs_in_beside_duarte_and_the_old_secret_of_the_browser_says_nothing_any_more(world: World) -> None:
    start(world.duarte)
    start(world.ana, SECOND, was=FIRST)
    assert live(SECOND) == [ident(world.duarte), ident(world.ana)]
    assert here(FIRST) == {}
    assert entries() == [("session:started", ident(world.duarte)), ("session:started", ident(world.ana))]


def test_the_same_account_is_at_one_browser_once(world: World) -> None:
    before = start(world.ana)
    after = start(world.ana, SECOND, was=FIRST)
    assert [each.session for each in here(SECOND).values()] == [after]
    assert Session.objects.get(id=before).ended_at == NOON


def test_a_browser_has_so_many_accounts_and_no_more(world: World) -> None:
    start(world.ana)
    template = Account.objects.get(id=world.ana.account)
    for number in range(ACCOUNTS_AT_MOST):
        template.id, template.login_name = UUID(int=number + 1), f"ana{number}@example.test"
        template.save(force_insert=True)
        secret = digest_of(f"secret {number}")
        was = digest_of(f"secret {number - 1}") if number else FIRST
        start(Actor(world.ana.kind, template.id, world.ana.organisation), secret, was=was)
    assert len(live(secret)) == ACCOUNTS_AT_MOST


def test_roles_are_told_of_the_account_that_asks_and_as_they_stand(world: World) -> None:
    start(world.duarte)
    start(world.ana, SECOND, was=FIRST)
    found = here(SECOND, asking=world.ana)
    assert found[ident(world.ana)].actor == world.ana
    assert found[ident(world.ana)].home == "Sol Informática, Lda."
    assert found[ident(world.duarte)].actor.roles == frozenset({"operator"})
    assert here(SECOND)[ident(world.ana)].actor.roles == frozenset()


def test_an_account_sees_its_own_sessions_and_no_other_and_a_stranger_none(world: World) -> None:
    start(world.ana)
    start(world.duarte, SECOND, was=FIRST)
    with acting(world.ana):
        assert [each.how for each in queries.sessions(ident(world.ana), NOON)] == [How.PASSWORD]
        assert queries.sessions(ident(world.duarte), NOON) == []
    with acting(ANONYMOUS):
        assert list(Session.objects.values_list("id")) == []


def test_nobody_starts_a_session_without_being_somebody(world: World) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(ANONYMOUS):
        connection.connection.execute("SELECT identity_start_session('{}', %s, NULL, 20, %s)", (FIRST, NOON))


# ── for how long ──


@pytest.mark.parametrize(("later", "there"), [(IDLE_AT_MOST - HOUR, True), (IDLE_AT_MOST, False)])
def test_a_session_ends_twelve_hours_after_it_was_last_used(world: World, later: timedelta, there: bool) -> None:
    start(world.ana)
    assert here(FIRST, NOON + later)[ident(world.ana)].live is there


def test_a_session_in_use_ends_thirty_days_after_it_began(world: World) -> None:
    session = start(world.ana)
    sessions.seen(actor=world.ana, session=session, now=NOON + LIFE - HOUR)
    assert live(FIRST, NOON + LIFE - timedelta(minutes=1)) == [ident(world.ana)]
    assert live(FIRST, NOON + LIFE) == []


def test_only_a_password_or_a_passkey_shows_that_the_person_is_there(world: World) -> None:
    found = {}
    for how in How:
        start(world.ana, digest_of(how), how=how)
        found[how] = here(digest_of(how))[ident(world.ana)].confirmed_at
    assert found == {How.LINK: None, How.OIDC: None, How.PASSWORD: NOON, How.PASSKEY: NOON}


def test_sessions_are_dropped_ninety_days_after_their_end(world: World) -> None:
    start(world.ana)
    assert sessions.sweep(now=NOON + IDLE_AT_MOST + KEPT) == 0
    assert sessions.sweep(now=NOON + IDLE_AT_MOST + KEPT + HOUR) == 1


# ── leaving ──


def test_signing_out_ends_one_session_and_leaves_the_others(world: World) -> None:
    session = start(world.ana)
    start(world.duarte, SECOND, was=FIRST)
    assert sessions.end(actor=world.ana, session=session, now=NOON, forget=True)
    assert not sessions.end(actor=world.ana, session=session, now=NOON, forget=True)
    assert list(here(SECOND)) == [ident(world.duarte)]
    assert entries()[-1] == ("session:ended", ident(world.ana))
    assert len(entries()) == 3


def test_a_session_ended_from_elsewhere_stays_on_its_browsers_list_until_it_is_forgotten(world: World) -> None:
    start(world.ana)
    other = start(world.ana, SECOND)
    assert sessions.end_others(actor=world.ana, keep=other, now=NOON) == 1
    assert (live(FIRST), list(here(FIRST)), live(SECOND)) == ([], [ident(world.ana)], [ident(world.ana)])
    for browser in (FIRST, SECOND):
        sessions.forget(browser=browser, account=None, now=NOON)
    assert (list(here(FIRST)), live(SECOND)) == ([], [ident(world.ana)])


def test_nobody_ends_the_session_of_somebody_else(world: World) -> None:
    session = start(world.ana)
    assert not sessions.end(actor=world.duarte, session=session, now=NOON)
    assert not sessions.end(actor=world.rui, session=session, now=NOON, forget=True)
    assert live(FIRST) == [ident(world.ana)]


def test_a_closed_account_is_signed_out_everywhere_at_once(world: World) -> None:
    start(world.ana)
    close_account(actor=world.duarte, account=ident(world.ana), now=NOON)
    assert here(FIRST) == {}
    assert Session.objects.get().ended_at == NOON


def test_an_account_that_was_closed_in_any_way_is_nobody_at_its_browsers(world: World) -> None:
    start(world.ana)
    Account.objects.filter(id=world.ana.account).update(closed_at=NOON)
    assert here(FIRST) == {}


# ── passwords ──


def test_name_and_address_both_lead_in(world: World) -> None:
    for name in (f" {name_of(world.ana).upper()} ", "Ana@example.test"):
        assert [each.actor.account for each in by_password(name=name, password=PASSWORD)] == [world.ana.account]
    assert entries() == []


def test_an_address_of_several_accounts_opens_those_whose_password_it_is(world: World) -> None:
    for actor, password in ((world.rui, PASSWORD), (world.dalila, "another password of tests")):
        Account.objects.filter(id=actor.account).update(email="ANA@example.test", password=make_password(password))
    found = by_password(name="ana@example.test", password=PASSWORD)
    assert {each.actor.account for each in found} == {world.ana.account, world.rui.account}


def test_a_wrong_password_an_unknown_name_and_a_closed_account_are_refused_alike(world: World) -> None:
    def refusal(name: str, password: str) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as asked, pytest.raises(SignInRefused) as caught:
            by_password(name=name, password=password)
        return str(caught.value), len(asked)

    said = {refusal(name_of(world.ana), "not this one"), refusal("carla@example.test", PASSWORD), refusal("", "")}
    said.add(refusal(name_of(world.duarte), "!"))
    Account.objects.filter(id=world.ana.account).update(closed_at=NOON)
    said.add(refusal(name_of(world.ana), PASSWORD))
    assert len(said) == 1
    assert entries() == []


def test_as_many_passwords_are_worked_through_for_nobody_as_for_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    monkeypatch.setattr(sessions, "make_password", lambda text: worked.append(text) or "")
    monkeypatch.setattr(sessions, "check_password", lambda text, encoded: worked.append(text))
    Account.objects.filter(id__in=[world.rui.account, world.dalila.account]).update(email="ana@example.test")
    counts = []
    for name in ("nobody@example.test", "ana@example.test", name_of(world.duarte)):
        worked.clear()
        with pytest.raises(SignInRefused):
            by_password(name=name, password="x")
        counts.append(len(worked))
    assert counts == [sessions.TRIED_AT_ONCE] * 3


# ── forgotten passwords ──


def test_whatever_is_typed_one_effect_is_owed_and_it_names_no_address(world: World) -> None:
    asked = []
    for name in ("ana@example.test", "carla@nowhere.example"):
        with CaptureQueriesContext(connection) as found:
            sessions.ask_reset(name=name, now=NOON)
        asked.append(len(found))
    assert asked[0] == asked[1]
    owed = Owed.objects.filter(kind="reset").order_by("id")
    assert [each.facts for each in owed] == [{"accounts": [str(world.ana.account)]}, {"accounts": []}]


def test_a_new_password_by_link_ends_every_session_and_owes_a_letter(world: World) -> None:
    start(world.ana)
    path = links.make(actor=SYSTEM, account=ident(world.ana), purpose=Purpose.RESET, means=means()).path
    secret = path.removeprefix("/reset/")
    sessions.reset_password(secret=secret, password="uma palavra-passe nova", now=NOON)
    assert live(FIRST) == []
    assert by_password(name="ana@example.test", password="uma palavra-passe nova")
    with pytest.raises(SignInRefused):
        by_password(name="ana@example.test", password=PASSWORD)
    with pytest.raises(LinkSpent):
        sessions.reset_password(secret=secret, password="ainda outra palavra", now=NOON)
    assert Entry.objects.filter(tag="person:changed", facts={"what": "password"}).count() == 1


def test_a_link_for_signing_in_sets_no_password(world: World) -> None:
    path = links.make(actor=SYSTEM, account=ident(world.ana), purpose=Purpose.SIGN_IN, means=means()).path
    with pytest.raises(LinkSpent):
        sessions.reset_password(secret=path.removeprefix("/sign-in/"), password="uma palavra-passe nova", now=NOON)
