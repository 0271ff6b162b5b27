"""The worker's rounds: late, doubled and failing ones change nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from procrastinate.jobs import Job

from chaveiro import wiring
from chaveiro.adapters.jobs import RUNS_AT_MOST, Patience
from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.queries import is_extension_of
from chaveiro.apps.notices.actions import RELAYED_AT_ONCE, owe
from chaveiro.console import worker
from chaveiro.console.letters import Desk
from chaveiro.console.worker import Worker, seal
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from tests.cast import DAY, NOON, build_world, make_keys, means, open_customer

PATIENCE_SECONDS = 30.0


class Clock:
    """An instant that a test moves."""

    def __init__(self) -> None:
        self.now: datetime = NOON

    def means(self) -> Any:
        return means().at(self.now, DAY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def of_test(clock: Clock, tmp_path: Path) -> Worker:
    desk = Desk(
        office=MemoryPostOffice(),
        means=clock.means,
        base_url="https://chaveiro.example",
        vendor="Tagus Software",
        secret=b"thirty-two bytes, only for tests",
    )
    return Worker(desk, wiring.jobs(), wiring.keyring(), tmp_path / "checkpoints", heartbeat=0.2, stalled_after=1.0)


def one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def until(wanted: Any) -> None:
    began = time.monotonic()
    while not wanted():
        assert time.monotonic() - began < PATIENCE_SECONDS, "it did not happen"
        time.sleep(0.05)


# --- the whole worker ----------------------------------------------------------------------------------------------


def test_a_redemption_becomes_a_letter_and_a_sealed_journal_and_the_worker_leaves_when_told(
    real_database: str, of_test: Worker
) -> None:
    world = build_world()
    open_customer(world, make_keys(world, 1))
    stop = threading.Event()
    thread = threading.Thread(target=of_test.run, args=(stop,))
    thread.start()
    try:
        until(lambda: one("SELECT count(*) FROM notices_letter WHERE state = 'posted'") == 3)
        until(lambda: one("SELECT count(*) FROM journal_seal") == one("SELECT count(*) FROM journal_entry"))
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert isinstance(of_test.desk.office, MemoryPostOffice)
    posted = [message.to for message in of_test.desk.office.posted]
    assert sorted(posted) == ["ana@example.test", "bruno@padariasol.example", "bruno@padariasol.example"]
    assert one("SELECT count(*) FROM procrastinate_jobs") == 0


def test_a_long_work_hears_that_its_worker_shall_stop(
    real_database: str, of_test: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, heard = threading.Event(), threading.Event()

    def long_work(desk: Desk, number: int) -> None:
        begun.set()
        until(desk.stopping)
        heard.set()
        raise RuntimeError("stopped between two chunks")

    monkeypatch.setattr(worker, "carry_out", long_work)
    with acting(ANONYMOUS):
        owe("mint", {}, NOON)
    stop = threading.Event()
    thread = threading.Thread(target=of_test.run, args=(stop,))
    thread.start()
    try:
        assert begun.wait(PATIENCE_SECONDS)
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
    assert heard.is_set()
    assert not thread.is_alive()
    assert one("SELECT status::text || attempts FROM procrastinate_jobs") == "todo1"


# --- each round ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_relay_hands_over_everything_however_much_there_is(of_test: Worker) -> None:
    assert RELAYED_AT_ONCE < 1201
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notices_owed (kind, facts, created_at)"
            " SELECT 'ownership', '{}', now() FROM generate_series(1, 1201)"
        )
    of_test.relay()
    assert one("SELECT count(*) FROM procrastinate_jobs") == 1201


def test_a_checkpoint_leaves_the_database_each_hour_in_which_the_journal_grew(
    real_database: str, of_test: Worker, clock: Clock
) -> None:
    def files() -> list[str]:
        seal()
        of_test.checkpoint()
        seal()
        return sorted(file.name for file in of_test.checkpoints.glob("*.jws"))

    assert files() == []
    world = build_world()
    open_customer(world, make_keys(world, 1))
    first = files()
    assert len(first) == 1
    clock.now += timedelta(minutes=59)
    open_customer(world, make_keys(world, 1), prefix="padariadois")
    assert files() == first
    clock.now += timedelta(minutes=1)
    second = files()
    assert len(second) == 2
    # An hour in which nothing happened but our own telling of the last checkpoint.
    clock.now += timedelta(hours=5)
    assert files() == second
    assert one("SELECT count(*) FROM journal_entry WHERE tag = 'checkpoint:published'") == 2
    for file in of_test.checkpoints.iterdir():
        assert is_extension_of(file.read_text().strip(), reader=wiring.keyring())


def test_a_checkpoint_whose_file_was_lost_before_it_was_written_is_written_again(
    real_database: str, of_test: Worker
) -> None:
    world = build_world()
    open_customer(world, make_keys(world, 1))
    seal()
    of_test.checkpoint()
    [file] = of_test.checkpoints.iterdir()
    content = file.read_text()
    file.unlink()
    of_test.checkpoint()
    assert file.read_text() == content


@pytest.mark.django_db
def test_a_sweep_asks_what_is_due_and_may_run_twice(of_test: Worker, clock: Clock) -> None:
    with acting(SYSTEM), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO operations_answer (actor_id, method, path, key, body_digest, status, body, at)"
            " VALUES (gen_random_uuid(), 'POST', '/', 'k', '', 201, '{}', %s)",
            (NOON,),
        )
        cursor.execute(
            "INSERT INTO notices_owed (kind, facts, created_at, relayed_at) VALUES ('ownership', '{}', %s, %s)",
            (NOON, NOON),
        )
    of_test.sweep()
    assert one("SELECT count(*) FROM operations_answer") == 1
    clock.now += timedelta(days=31)
    for _ in range(2):
        of_test.sweep()
        assert one("SELECT (SELECT count(*) FROM operations_answer) + (SELECT count(*) FROM notices_owed)") == 0


@pytest.mark.django_db
def test_the_daily_round_writes_what_became_due_and_looks_once_more_only_when_something_is(
    of_test: Worker, clock: Clock
) -> None:
    world = build_world()
    open_customer(world, make_keys(world, 1))
    daily_round = next(one for one in of_test.rounds() if one.name == "daily")
    daily_round.act()
    assert one("SELECT due_on FROM subscriptions_subscription") == date(2027, 9, 23)
    seen = one("SELECT at FROM clocks_platform")
    clock.now += timedelta(minutes=1)
    daily_round.act()
    assert one("SELECT at FROM clocks_platform") == seen, "nothing was due, and something was done"
    clock.now += timedelta(minutes=10)
    daily_round.act()
    assert one("SELECT at FROM clocks_platform") == clock.now


def test_a_round_that_fails_is_tried_again_and_ends_nothing(of_test: Worker) -> None:
    tries = []
    stop = threading.Event()

    def act() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("the database went away")
        stop.set()

    thread = threading.Thread(target=of_test._keep, args=(worker.Round("test", 60, act), stop))
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert len(tries) == 2


def test_pauses_after_faults_grow_to_half_a_minute_and_no_further() -> None:
    pauses = [0.0]
    for _ in range(12):
        pauses.append(worker._longer(pauses[-1]))
    assert pauses[1:4] == [0.5, 1.0, 2.0]
    assert pauses[-1] == worker.LONGEST_PAUSE_SECONDS


def test_a_job_comes_back_later_each_time_and_at_last_not_at_all() -> None:
    def wait(attempts: int) -> Any:
        job = Job(id=1, queue="short", task_name="effect", lock=None, queueing_lock=None, attempts=attempts)
        return Patience().get_retry_decision(exception=RuntimeError(), job=job)

    assert all(wait(attempts) is not None for attempts in range(RUNS_AT_MOST - 1))
    assert wait(RUNS_AT_MOST - 1) is None


@pytest.mark.django_db
def test_the_installations_worker_is_made_from_its_settings() -> None:
    made = worker.of_installation()
    assert made.desk.office is wiring.post_office()
    assert made.jobs is wiring.jobs()
    assert made.desk.secret == wiring.derived_secret("links in letters") != wiring.derived_secret("anything else")
    assert replace(made.desk, secret=b"").secret == b""
    connections["default"].ensure_connection()
