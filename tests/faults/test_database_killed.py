"""kill -9 of PostgreSQL, all of it, under load: every redemption that a client was told of is there afterwards."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from psycopg.conninfo import conninfo_to_dict

from chaveiro.adapters.database_roles import role_name, role_password
from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.adapters.provision import provision
from tests.adapters.test_embedded_kills import all_in, kill
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, opening
from tests.conftest import SECRET
from tests.faults import books
from tests.faults.asking import ask
from tests.faults.proof import record

pytestmark = pytest.mark.money

CLIENTS = 4
KILLS = 3
KILLS_PROVED = 200
SECONDS_OF_LOAD = 0.6
DATABASE = "chaveiro_killed"


@pytest.fixture
def durable(django_db_blocker: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A server with full durability, our schema in it, and this process signed in to it."""
    folder = Path(tempfile.mkdtemp(prefix="chaveiro-killed-"))
    before, cluster = dict(connections["default"].settings_dict), Cluster(folder)
    running = cluster.start()
    place = {"NAME": DATABASE, "HOST": running.socket_folder, "PORT": str(running.port)}
    try:
        provision(cluster.dsn("postgres"), database=DATABASE, roles=settings.DATABASE_ROLES, secret=SECRET)
        with django_db_blocker.unblock():
            sign_in(
                **place,
                USER=role_name(settings.DATABASE_ROLES, "owner"),
                PASSWORD=role_password(SECRET, settings.DATABASE_ROLES, "owner"),
            )
            call_command("migrate", verbosity=0)
            sign_in(**place, USER="postgres", PASSWORD=str(conninfo_to_dict(cluster.dsn("postgres"))["password"]))
            yield cluster
            connections.close_all()
    finally:
        sign_in(**before)
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def sign_in(**facts: object) -> None:
    connections["default"].close()
    connections["default"].settings_dict.update(facts)


class Load:
    """Clients that redeem key after key, each under a name, and remember what they were told."""

    def __init__(self, world: World, keys: list[str], label: str) -> None:
        self.told: list[str] = []
        self.faults: list[BaseException] = []
        self._over = threading.Event()
        shares = [keys[place::CLIENTS] for place in range(CLIENTS)]
        self._threads = [
            threading.Thread(target=self._redeem, args=(world, share, f"{label}c{place}"))
            for place, share in enumerate(shares)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let everybody end what they have begun."""
        self._over.set()
        for thread in self._threads:
            thread.join(90)
        assert self.faults == []

    def _redeem(self, world: World, keys: list[str], label: str) -> None:
        try:
            for number, key in enumerate(keys):
                if self._over.is_set():
                    return
                name = f"{label}n{number}"
                self.told.append(ask(world.ana, opening([key], name), name, patience_seconds=60).reference)
            raise AssertionError("more keys are needed for this load")
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            connections.close_all()


def killed_again_and_again(cluster: Cluster, kills: int) -> dict[str, float]:
    """Kill everything under load, start it, and see that what was told is there; figures in seconds."""
    world = build_world()
    told: list[str] = []
    recoveries = []
    for number in range(kills):
        keys = make_keys(world, 1200)
        connections.close_all()
        load = Load(world, keys, f"q{number}")
        time.sleep(SECONDS_OF_LOAD)
        assert load.told, "nothing was under way"
        kill(*all_in(cluster.data))
        began = time.monotonic()
        cluster.start()
        served = len(load.told)
        while len(load.told) == served and time.monotonic() - began < 60:
            time.sleep(0.005)
        recoveries.append(time.monotonic() - began)
        load.stop()
        connection.close()
        told += load.told
        books.remember(told)
        assert books.opened() == len(told)
    assert one("SHOW fsync") == "on"
    books.balance()
    return {
        "kills": kills,
        "acknowledged": len(told),
        "lost": 0,
        "recovery_median_seconds": round(statistics.median(recoveries), 2),
        "recovery_longest_seconds": round(max(recoveries), 2),
    }


@pytest.mark.timeout(300)
def test_a_database_killed_under_load_has_every_redemption_that_was_acknowledged(durable: Cluster) -> None:
    print(killed_again_and_again(durable, KILLS))


@pytest.mark.prove
def test_two_hundred_kills_of_the_database_lose_nothing_acknowledged(durable: Cluster) -> None:
    figures = killed_again_and_again(durable, KILLS_PROVED)
    record(
        "database-killed",
        "kill -9 of PostgreSQL under load, to the first commit after it: nothing acknowledged is lost.",
        clients=CLIENTS,
        **figures,
    )
    assert figures["recovery_longest_seconds"] < 5
