"""kill -9 of the web process at every network system call of a redemption, and at every moment.

After each: whoever asks again under the same name has one redemption and one receipt, and the books balance.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from chaveiro.rules.actors import Actor
from tests.apps.house_of_cards import one
from tests.cast import build_world, make_keys, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.asking import ask
from tests.faults.clients import Client, clients, written_down
from tests.faults.proof import record, seed

pytestmark = pytest.mark.money

# What a client of a database does with its socket. Each name is counted on its own.
NETWORK = (
    "sendto,recvfrom,sendmsg,recvmsg,poll,ppoll,epoll_wait,epoll_pwait,select,pselect6,"
    "connect,socket,shutdown,getsockopt,setsockopt"
)
SAMPLE = 4
RANDOM_KILLS = 8
KILLS_PROVED = 10_000
# A redemption has no fewer messages: BEGIN, scope, name and look in one; commit function and COMMIT in the other.
STATEMENTS_AT_LEAST = 2
CALL = re.compile(r"^\d+ +([a-z0-9_]+)\(")


def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    with subprocess.Popen(["sleep", "5"]) as sleeper:
        done = subprocess.run(
            ["timeout", "-s", "INT", "1", "strace", "-p", str(sleeper.pid)], capture_output=True, text=True, check=False
        )
        sleeper.kill()
    return "attached" in done.stderr


def order(ana: Actor, key: str, name: str) -> dict[str, Any]:
    """One redemption under a name, for a client process."""
    return {"task": "once", "ana": written_down(ana), "key": key, "prefix": f"p{name}", "name": f"name-{name}"}


def needs_tracing() -> None:
    """Skip where nothing can be traced; where nothing may be skipped, that is a failure."""
    if not _can_trace():
        assert os.environ.get("CI") != "true", "strace is missing, or may not trace"
        pytest.skip("needs strace, and leave to trace")


@contextmanager
def traced(client: Client, *options: str) -> Iterator[None]:
    """strace attached to a client that is ready; let go at the end."""
    command = ["strace", "-f", *options, "-p", str(client.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                tracer.send_signal(signal.SIGINT)
            tracer.communicate()


def calls_of_a_redemption(server: Server, database: str, ana: Actor, key: str, log: Path) -> list[tuple[str, int]]:
    """Every network system call of one redemption, in no order: its name, and the how manyth of that name it is."""
    orders, options = [order(ana, key, "counted")], ("-e", f"trace={NETWORK}", "-o", str(log))
    with clients(server, database, orders) as (client,), traced(client, *options):
        client.go()
        assert len(list(client.answers())) == 1
    names = Counter(found[1] for line in log.read_text().splitlines() if (found := CALL.match(line)))
    return [(name, number) for name, count in sorted(names.items()) for number in range(1, count + 1)]


def kill_at(server: Server, database: str, ana: Actor, key: str, point: tuple[str, int]) -> bool:
    """Kill a client at one call, ask again under its name, and once more; whether its work had been committed."""
    name, number = point
    label = f"{name.replace('_', '')}{number}"
    with clients(server, database, [order(ana, key, label)]) as (client,):
        with traced(
            client, "-e", f"trace={NETWORK}", "-e", f"inject={name}:signal=KILL:when={number}", "-o", "/dev/null"
        ):
            client.go()
            assert list(client.answers(until_killed=True)) == [], f"it lived through {name} {number}"
        assert client.process.wait(20) == -signal.SIGKILL
    return asked_again(ana, key, label)


def dies_at(server: Server, database: str, ana: Actor, key: str, point: tuple[str, int]) -> bool:
    """Let a client kill itself before or after one statement, then ask again; whether the statement was reached."""
    label = f"{point[0]}{point[1]}"
    with clients(server, database, [{**order(ana, key, label), "dies_at": point}]) as (client,):
        client.go()
        lived = list(client.answers(until_killed=True)) != []
    asked_again(ana, key, label)
    return not lived


def asked_again(ana: Actor, key: str, label: str) -> bool:
    """One redemption and one receipt, for whoever asks again; whether it stood before it was asked."""
    wanted = opening([key], f"p{label}")
    first = ask(ana, wanted, f"name-{label}")
    second = ask(ana, wanted, f"name-{label}")
    assert second.replayed
    assert second.body == first.body
    assert one("SELECT count(*) FROM redemption_redemption WHERE reference = %s", first.reference) == 1
    assert one("SELECT count(*) FROM customers_customer WHERE domain_prefix = %s", f"p{label}") == 1
    return first.replayed


def killed_at(server: Server, database: str, points: list[tuple[str, int]], ana: Actor, keys: list[str]) -> int:
    """Kill at each of these points; answers how often the work had been committed and nobody had been told."""
    committed = [kill_at(server, database, ana, key, point) for point, key in zip(points, keys, strict=True)]
    assert books.opened() == len(points) + 1
    books.balance()
    return sum(committed)


@pytest.mark.timeout(300)
def test_a_redemption_killed_at_some_of_its_system_calls_stands_once_for_who_asks_again(
    server: Server, real_database: str, tmp_path: Path
) -> None:
    needs_tracing()
    world, chosen = build_world(), random.Random(seed())
    keys = make_keys(world, SAMPLE + 1)
    points = calls_of_a_redemption(server, real_database, world.ana, keys[-1], tmp_path / "calls")
    assert len(points) > SAMPLE
    killed_at(server, real_database, chosen.sample(points, SAMPLE), world.ana, keys[:SAMPLE])


@pytest.mark.prove
def test_a_redemption_killed_at_every_system_call_stands_once_for_who_asks_again(
    server: Server, real_database: str, tmp_path: Path
) -> None:
    needs_tracing()
    world = build_world()
    counted = make_keys(world)[0]
    points = calls_of_a_redemption(server, real_database, world.ana, counted, tmp_path / "calls")
    committed = killed_at(server, real_database, points, world.ana, make_keys(world, len(points)))
    assert committed > 0, "no kill fell between the commit and its answer"
    record(
        "redeem-killed-at-every-call",
        "A redemption killed at every network system call stands once, with one receipt, for who asks again.",
        system_calls=len(points),
        by_name=dict(Counter(name for name, _ in points)),
        committed_but_not_told=committed,
        lost=0,
        doubled=0,
    )


@pytest.mark.timeout(300)
def test_a_redemption_killed_around_some_of_its_statements_stands_once_for_who_asks_again(
    server: Server, real_database: str
) -> None:
    world, chosen = build_world(), random.Random(seed())
    points = chosen.sample(list(product(("before", "after"), range(1, STATEMENTS_AT_LEAST + 1))), 3)
    for key, point in zip(make_keys(world, len(points)), points, strict=True):
        assert dies_at(server, real_database, world.ana, key, point)
    assert books.opened() == len(points)
    books.balance()


@pytest.mark.prove
def test_a_redemption_killed_around_every_statement_stands_once_for_who_asks_again(
    server: Server, real_database: str
) -> None:
    world = build_world()
    for number in count(1):
        first, second = make_keys(world, 2)
        if not dies_at(server, real_database, world.ana, first, ("before", number)):
            break
        assert dies_at(server, real_database, world.ana, second, ("after", number))
    assert number > STATEMENTS_AT_LEAST
    books.balance()
    record(
        "redeem-killed-around-every-statement",
        "A redemption killed before and after each of its statements stands once for who asks again.",
        statements=number - 1,
        lost=0,
        doubled=0,
    )


def random_kills(server: Server, database: str, kills: int, chosen: random.Random) -> dict[str, int]:
    """Kill clients in the middle of a stream of redemptions, at random moments; everything told, once, and true."""
    world = build_world()
    told: list[str] = []
    unknown = 0
    for number in range(kills):
        keys = make_keys(world, 40)
        name = f"s{number}x"
        orders = [{"task": "stream", "ana": written_down(world.ana), "keys": keys, "name": name}]
        with clients(server, database, orders) as (client,):
            client.go()
            time.sleep(chosen.uniform(0.01, 0.25))
            client.kill()
            heard = list(client.answers(until_killed=True))
        told += [answer["reference"] for answer in heard]
        place = len(heard)
        if place < len(keys):
            again = ask(world.ana, opening([keys[place]], f"{name}{place}"), f"{name}-{place}")
            unknown += again.replayed
            told.append(again.reference)
    books.remember(told)
    assert books.opened() == len(told)
    books.balance()
    return {"kills": kills, "acknowledged": len(told), "committed_but_not_told": unknown, "lost": 0, "doubled": 0}


@pytest.mark.timeout(300)
def test_a_client_killed_at_random_moments_loses_and_doubles_nothing(server: Server, real_database: str) -> None:
    figures = random_kills(server, real_database, RANDOM_KILLS, random.Random(seed()))
    print(figures)


@pytest.mark.prove
def test_ten_thousand_kills_at_random_moments_lose_and_double_nothing(server: Server, real_database: str) -> None:
    used = seed()
    record(
        "redeem-killed-at-random",
        "kill -9 of a redeeming process at random moments: nothing acknowledged lost, nothing doubled.",
        used_seed=used,
        **random_kills(server, real_database, KILLS_PROVED, random.Random(used)),
    )
