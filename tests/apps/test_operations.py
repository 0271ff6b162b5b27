"""Long work, answers kept for a retry, rate limits: in the actors' own scopes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, connections, transaction

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import actions, queries
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor, Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.idempotency import IdempotencyMismatch, Request, StillRunning, Stored, request
from chaveiro.rules.limits import Caller, TooMany, caller
from tests.cast import NOON, new_id

SECRET = b"thirty-two bytes, only for tests"
ANA = Actor(Kind.CHANNEL, UUID(int=1), UUID(int=10))
CARLA = Actor(Kind.CHANNEL, UUID(int=2), UUID(int=20))
DUARTE = Actor(Kind.OPERATOR, UUID(int=3), UUID(int=30))


def started(actor: Actor = DUARTE, **changes: Any) -> UUID:
    operation = new_id()
    with acting(actor):
        actions.start(operation=operation, kind="mint", actor=actor, now=NOON, total=1000, **changes)
    return operation


# --- long work -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_work_is_queued_taken_up_counted_and_done() -> None:
    operation = started(lent=b"sealed")
    with acting(SYSTEM):
        work = actions.take_up(operation=operation, now=NOON)
        assert work is not None
        assert (work.kind, work.total, work.done, work.lent) == ("mint", 1000, 0, b"sealed")
        assert actions.beat(operation=operation, done=400, failed=1, now=NOON + timedelta(seconds=1))
    with acting(DUARTE):
        seen = queries.progress(operation)
    assert (seen.state, seen.done, seen.failed, seen.left) == ("running", 400, 1, 599)
    with acting(SYSTEM):
        assert actions.finish(operation=operation, now=NOON + timedelta(seconds=2), result={"batch": "bat_1"})
        assert actions.take_up(operation=operation, now=NOON) is None
    with acting(DUARTE):
        seen = queries.progress(operation)
    assert (seen.state, seen.result, seen.finished_at) == ("done", {"batch": "bat_1"}, NOON + timedelta(seconds=2))


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["finish", "fail", "cancel"])
def test_what_was_lent_is_gone_with_the_works_end(end: str) -> None:
    operation = started(lent=b"sealed")
    with acting(SYSTEM):
        assert {
            "finish": lambda: actions.finish(operation=operation, now=NOON),
            "fail": lambda: actions.fail(operation=operation, now=NOON, fault="post_refused"),
            "cancel": lambda: actions.cancel(operation=operation, now=NOON),
        }[end]()
    with connection.cursor() as cursor:
        cursor.execute("SELECT lent, finished_at IS NOT NULL FROM operations_operation WHERE id = %s", (operation,))
        assert cursor.fetchone() == (None, True)


@pytest.mark.django_db
def test_work_that_was_killed_is_taken_up_again_and_keeps_its_beginning() -> None:
    operation = started()
    with acting(SYSTEM):
        actions.take_up(operation=operation, now=NOON)
        actions.beat(operation=operation, done=400, now=NOON)
        again = actions.take_up(operation=operation, now=NOON + timedelta(hours=1))
    assert again is not None
    assert again.done == 400
    with acting(DUARTE):
        assert queries.progress(operation).started_at == NOON


@pytest.mark.django_db
def test_a_cancelled_work_is_told_so_at_its_next_beat() -> None:
    operation = started()
    with acting(SYSTEM):
        actions.take_up(operation=operation, now=NOON)
    with acting(DUARTE):
        assert actions.cancel(operation=operation, now=NOON)
    with acting(SYSTEM):
        assert not actions.beat(operation=operation, done=1, now=NOON)
        assert not actions.finish(operation=operation, now=NOON)


@pytest.mark.django_db
def test_somebody_elses_work_is_not_there() -> None:
    operation = started(ANA)
    with acting(CARLA):
        with pytest.raises(NotFound):
            queries.progress(operation)
        assert queries.progresses() == []
        assert not actions.cancel(operation=operation, now=NOON)
    with acting(DUARTE):
        assert [seen.id for seen in queries.progresses()] == [operation]


# --- answers for a retry -------------------------------------------------------------------------------------------


def asked(actor: Actor = ANA, **changes: Any) -> Request:
    fields = {"method": "POST", "path": "/api/v1/redemptions", "key": "one", "body": {"a": 1}, "secret": SECRET}
    assert actor.account is not None
    return request(actor=actor.account, **{**fields, **changes})


@pytest.mark.django_db
def test_the_same_request_gets_the_same_answer() -> None:
    with acting(ANA):
        assert actions.remembered(asked()) is None
        assert actions.remember(asked(), status=201, body={"id": "red_1"}, now=NOON)
    with acting(ANA):
        assert actions.remembered(asked()) == Stored(201, {"id": "red_1"})


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused() -> None:
    with acting(ANA):
        actions.remember(asked(), status=201, body={}, now=NOON)
    with acting(ANA), pytest.raises(IdempotencyMismatch):
        actions.remembered(asked(body={"a": 2}))


@pytest.mark.django_db
def test_somebody_else_with_the_same_key_starts_anew() -> None:
    with acting(ANA):
        actions.remember(asked(), status=201, body={"id": "red_1"}, now=NOON)
    with acting(CARLA):
        assert actions.remembered(asked(CARLA)) is None


@pytest.mark.django_db
def test_an_answer_cannot_be_read_or_planted_in_anothers_name() -> None:
    with acting(ANA):
        actions.remember(asked(), status=201, body={"id": "red_1"}, now=NOON)
    with acting(CARLA):
        assert actions.remembered(asked(ANA)) is None
    # The database refuses it, whatever the program thinks.
    with pytest.raises(ProgrammingError, match="row-level security"), acting(CARLA):
        actions.remember(asked(ANA, key="two"), status=201, body={}, now=NOON)


@pytest.mark.django_db
def test_dry_runs_and_our_own_faults_leave_no_answer() -> None:
    with acting(ANA):
        assert not actions.remember(asked(), status=200, body={}, now=NOON, dry_run=True)
        assert not actions.remember(asked(), status=500, body={}, now=NOON)
    with acting(ANA):
        assert actions.remembered(asked()) is None


@pytest.mark.django_db
def test_the_commits_own_function_stores_what_a_retry_reads() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            actions.REMEMBER, (_json(actions.answer_row(asked(), 201, {"reference": "R-1", "name": "São"})), NOON)
        )
    with acting(ANA):
        assert actions.remembered(asked()) == Stored(201, {"reference": "R-1", "name": "São"})
        with pytest.raises(IdempotencyMismatch):
            actions.remembered(asked(body={"a": 2}))


def _json(value: Any) -> str:
    return json.dumps(value)


@pytest.fixture
def two_sessions(real_database: str) -> Iterator[ThreadPoolExecutor]:
    """A thread with a database session of its own."""
    pool = ThreadPoolExecutor(1)
    yield pool
    pool.submit(connections.close_all).result()
    pool.shutdown()


def test_a_second_request_while_the_first_runs_is_told_to_come_back(two_sessions: ThreadPoolExecutor) -> None:
    running, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with acting(ANA):
            assert actions.remembered(asked()) is None
            running.set()
            assert may_end.wait(30)
            actions.remember(asked(), status=201, body={"id": "red_1"}, now=NOON)

    ended = two_sessions.submit(first)
    assert running.wait(30)
    with acting(ANA), pytest.raises(StillRunning):
        actions.remembered(asked())
    with acting(ANA):
        assert actions.remembered(asked(key="another")) is None
    may_end.set()
    ended.result()
    with acting(ANA):
        assert actions.remembered(asked()) == Stored(201, {"id": "red_1"})


@pytest.mark.django_db
def test_the_database_keeps_one_answer_for_one_scope() -> None:
    with acting(ANA):
        actions.remember(asked(), status=201, body={}, now=NOON)
        with pytest.raises(Exception, match="answer_is_given_once"), transaction.atomic():
            actions.remember(asked(), status=201, body={}, now=NOON)


# --- rate limits ---------------------------------------------------------------------------------------------------

STRANGER = caller(address="192.0.2.1")
NEIGHBOUR = caller(address="192.0.2.2")


def take(who: Caller = STRANGER, *, after: float = 0, cost: int = 1, limit: str = "sign_in") -> int:
    """Seconds to wait, 0 when it passed."""
    try:
        with acting(ANONYMOUS):
            actions.take(limit=limit, caller=who, now=NOON + timedelta(seconds=after), secret=SECRET, cost=cost)
    except TooMany as refused:
        return int(refused.facts["retry_after"])
    return 0


@pytest.mark.django_db
def test_a_burst_passes_then_one_at_a_time() -> None:
    assert [take() for _ in range(20)] == [0] * 20
    assert take() == 5
    assert take(after=4.9) == 1
    assert take(after=5) == 0
    assert take(after=5) == 5


@pytest.mark.django_db
def test_a_stranger_who_asks_too_often_locks_nobody_else_out() -> None:
    for _ in range(30):
        take()
    assert take() > 0
    assert take(NEIGHBOUR) == 0
    assert take(caller(account=UUID(int=5), address="192.0.2.1")) == 0
    assert take(limit="key_checks") == 0


@pytest.mark.django_db
def test_a_basket_costs_what_it_holds_and_what_is_refused_costs_nothing() -> None:
    assert take(limit="key_checks", cost=200) == 0
    assert take(limit="key_checks", cost=200) == 0
    assert take(limit="key_checks", cost=200) == 40
    assert take(limit="key_checks", cost=5, after=1) == 0


@pytest.mark.django_db
def test_a_rested_caller_has_the_whole_burst_again_and_no_more() -> None:
    for _ in range(20):
        take()
    assert [take(after=10_000) for _ in range(21)] == [0] * 20 + [5]


@pytest.mark.django_db
def test_no_address_is_kept() -> None:
    take()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(b)::text FROM operations_bucket b")
        assert "192" not in cursor.fetchone()[0].replace(str(NOON.year), "")


# --- the sweep -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_answers_stay_for_two_days_and_buckets_while_they_mean_anything() -> None:
    with acting(ANA):
        actions.remember(asked(), status=201, body={}, now=NOON)
        actions.remember(asked(key="later"), status=201, body={}, now=NOON + timedelta(days=1))
    take()
    with acting(SYSTEM):
        assert actions.sweep(now=NOON + timedelta(minutes=30)) == 0
        assert actions.sweep(now=NOON + timedelta(hours=48, seconds=1)) == 2
        assert actions.sweep(now=NOON + timedelta(hours=48, seconds=1)) == 0
    with acting(ANA):
        assert actions.remembered(asked()) is None
        assert actions.remembered(asked(key="later")) == Stored(201, {})
