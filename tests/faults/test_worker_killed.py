"""A worker killed with -9 at every step of a letter's way: never lost, and at most posted twice as the same letter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.cast import build_world, make_keys, open_customer
from tests.conftest import Server

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 40.0


class Workers:
    """Worker processes on one database, and what they sent into the world."""

    def __init__(self, server: Server, database: str, wire: Path) -> None:
        self._environment = os.environ | server.environment(database, "system") | {"PYTHONPATH": "src:."}
        self._environment["DJANGO_SETTINGS_MODULE"] = "chaveiro.config.settings"
        self._wire = wire
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, point: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker_process", point, str(self._wire)],
            env=self._environment,
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        self._running.append(process)
        return process

    def left(self) -> list[str]:
        """A line for each letter that left: its id and the link in it."""
        return self._wire.read_text().splitlines() if self._wire.exists() else []

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def workers(server: Server, real_database: str, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(server, real_database, tmp_path / "wire")
    yield made
    made.end()


def one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def until(wanted: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not wanted():
        assert time.monotonic() - began < PATIENCE_SECONDS, "it did not happen"
        time.sleep(0.05)


def all_settled() -> bool:
    """Everything owed was handed over, every job is gone, no letter waits."""
    return bool(
        one(
            "SELECT (SELECT count(*) FROM notices_owed WHERE relayed_at IS NULL)"
            " + (SELECT count(*) FROM procrastinate_jobs)"
            " + (SELECT count(*) FROM notices_letter WHERE state = 'owed') = 0"
            " AND EXISTS (SELECT FROM notices_letter)"
        )
    )


def open_customers(count: int) -> None:
    """Customers whose administrators are owed the letter with the link; the receipts are left out of the count."""
    world = build_world()
    for number in range(count):
        open_customer(world, make_keys(world, 1), prefix=f"padaria{number}")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notices_owed WHERE kind = 'receipt'")


@pytest.mark.parametrize(
    ("point", "postings"),
    [
        ("after_defer", 1),
        ("in_first_transaction", 1),
        ("before_post", 1),
        ("after_post", 2),
        ("after_mark", 1),
    ],
)
def test_a_killed_workers_letter_is_neither_lost_nor_another(workers: Workers, point: str, postings: int) -> None:
    open_customers(1)
    killed = workers.start(point)
    assert killed.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert len(workers.left()) == (1 if point in ("after_post", "after_mark") else 0)

    survivor = workers.start("never")
    until(all_settled)
    survivor.send_signal(signal.SIGTERM)
    assert survivor.wait(PATIENCE_SECONDS) == 0

    left = workers.left()
    assert len(left) == postings
    assert len(set(left)) == 1, "the second posting is the same letter with the same link"
    assert one("SELECT count(*) FROM notices_letter WHERE state = 'posted'") == 1
    assert one("SELECT count(*) FROM identity_link") == 1
    assert one("SELECT count(*) FROM journal_entry WHERE tag IN ('link:made', 'notice:written', 'notice:posted')") == 3


def test_workers_at_once_post_each_letter_once_and_leave_in_order(workers: Workers) -> None:
    open_customers(12)
    together = [workers.start("never") for _ in range(2)]
    until(lambda: all_settled() and one("SELECT count(*) FROM notices_letter") == 12)
    until(lambda: one("SELECT count(*) FROM journal_seal") == one("SELECT count(*) FROM journal_entry"))
    for process in together:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(PATIENCE_SECONDS) for process in together] == [0, 0]
    left = workers.left()
    assert len(left) == len(set(left)) == 12
    assert one("SELECT count(*) FROM procrastinate_workers") == 0
