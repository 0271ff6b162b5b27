"""The n-th statement fails, for every n: a backend that ended, an answer that never came, a disk that is full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.redemption.actions import Order, drafting
from chaveiro.rules.actors import Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import OutcomeUnknown
from chaveiro.rules.reversal import AlreadyReversed
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, means, open_customer, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.asking import Receipt, ask

pytestmark = pytest.mark.money

FAULTS = ("ended_before", "ended_after", "answer_lost", "disk_full")
# A redemption has no fewer messages: BEGIN, scope, name and look in one; commit function and COMMIT in the other.
STATEMENTS_AT_LEAST = 2


class Failing:
    """Fails one statement of this process's connection to the database: the n-th from when it was told, COMMIT too."""

    def __init__(self, stranger: psycopg.Connection[Any]) -> None:
        self._stranger = stranger
        self._wait = psycopg.Connection.wait
        self._left = 0
        self._fault = ""

    def fail(self, number: int, fault: str) -> None:
        """Let the statement of this number fail; it counts again from now on."""
        self._left, self._fault = number, fault

    def has_failed(self) -> bool:
        """Whether that statement was reached; nothing fails any more after asking."""
        reached, self._left = self._left == 0, 0
        return reached

    def wait(self, link: psycopg.Connection[Any], *arguments: Any, **options: Any) -> Any:
        """In place of psycopg's own: every statement passes here once."""
        if link is self._stranger or self._left == 0:
            return self._wait(link, *arguments, **options)
        self._left -= 1
        if self._left > 0:
            return self._wait(link, *arguments, **options)
        return self._failed(link, *arguments, **options)

    def _failed(self, link: psycopg.Connection[Any], *arguments: Any, **options: Any) -> Any:
        match self._fault:
            case "disk_full":
                raise psycopg.errors.DiskFull("planted: no space left on device")
            case "ended_before":
                self._end(link)
                return self._wait(link, *arguments, **options)
        answer = self._wait(link, *arguments, **options)
        if self._fault == "ended_after":
            self._end(link)
            return answer
        link.pgconn.finish()
        raise psycopg.OperationalError("planted: the connection is lost")

    def _end(self, link: psycopg.Connection[Any]) -> None:
        pid = link.info.backend_pid
        self._stranger.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


@pytest.fixture
def failing(server: Server, real_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    with psycopg.connect(server.superuser(real_database), autocommit=True) as stranger:
        planted = Failing(stranger)
        monkeypatch.setattr(psycopg.Connection, "wait", lambda link, *a, **o: planted.wait(link, *a, **o))
        yield planted


@pytest.fixture
def world(failing: Failing) -> World:
    return build_world()


Act = Callable[[], Receipt]


def opens(world: World, label: str) -> Act:
    order = opening(make_keys(world), label)
    return lambda: ask(world.ana, order, label)


def opens_a_draft(world: World, label: str) -> Act:
    texts, code = make_keys(world, 2, seats=1), ResumeCode.made(label.encode().ljust(13))
    holder = drafting.begin(actor=world.ana, means=means(), code=code)
    drafting.keep_keys(actor=holder, code=code, texts=texts, sealer=wiring.sealer(), means=means())
    kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer())
    order = opening(texts, label, items=kept.items, draft=kept.id)
    return lambda: ask(holder, order, None)


def extends(world: World, label: str) -> Act:
    opened, longer = make_keys(world, 2)
    bruno, outcome = open_customer(world, [opened], label)
    order = extension(outcome.effects[0].subscription, longer)
    return lambda: ask(bruno, order, label)


def extension(subscription: Any, key: str) -> Order:
    return opening([key], purpose="extend", customer=None, administrator=None, subscription=subscription)


def fails_everywhere(failing: Failing, world: World, prepare: Callable[[World, str], Act], fault: str) -> int:
    """Fail each statement of an act in turn; who asks has one receipt. Answers how many statements the act has."""
    for number in count(1):
        label = f"{fault.replace('_', '')}{number}"
        act = prepare(world, label)
        before = one("SELECT count(*) FROM redemption_redemption")
        failing.fail(number, fault)
        first = act()
        reached = failing.has_failed()
        second = act()
        assert second.replayed
        assert second.reference == first.reference
        assert set(first.told) <= {"OutcomeUnknown", "StillRunning"}, "what is unknown was told as something else"
        assert one("SELECT count(*) FROM redemption_redemption") == before + 1
        if not reached:
            return number - 1
    raise AssertionError


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("prepare", [opens, opens_a_draft, extends])
def test_whatever_statement_fails_who_asks_has_one_receipt(
    failing: Failing, world: World, prepare: Callable[[World, str], Act], fault: str
) -> None:
    assert fails_everywhere(failing, world, prepare, fault) >= STATEMENTS_AT_LEAST
    books.balance()


def back(actor: Actor, redemption: Any) -> str:
    """What somebody learns who asks until there is an answer."""
    for _ in range(4):
        try:
            reverse(actor=actor, redemption=redemption, reason="Cliente errado", means=means())
        except OutcomeUnknown:
            continue
        except AlreadyReversed:
            return "reversed before"
        return "reversed"
    return "never answered"


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_statement_of_a_reversal_fails_it_is_done_once(failing: Failing, world: World, fault: str) -> None:
    for number in count(1):
        _, outcome = open_customer(world, make_keys(world), f"{fault.replace('_', '')}{number}")
        failing.fail(number, fault)
        assert back(world.ana, outcome.id) in {"reversed", "reversed before"}
        reached = failing.has_failed()
        connection.close()  # the next request looks whether it still lives
        assert one("SELECT count(*) FROM subscriptions_ledgerrow WHERE kind = 'reverse'") == number
        if not reached:
            break
    assert number > 3
    books.balance()
