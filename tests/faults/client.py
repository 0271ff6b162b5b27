"""A client of the house in a process of its own, as a web process has its connection: `python -m tests.faults.client`.

It reads one order as JSON on stdin, gets ready (settings, connection), says `ready`, waits for a line, and acts; what
it got it prints as JSON, one line each. Whoever started it may kill it at any moment.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import django
import psycopg

django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up first
from django.db import connection  # noqa: E402

from chaveiro import wiring  # noqa: E402
from chaveiro.apps.redemption.actions import redeem  # noqa: E402
from chaveiro.rules.actors import Actor, Kind  # noqa: E402
from chaveiro.rules.verdicts import Refusals  # noqa: E402
from tests.cast import means, opening  # noqa: E402
from tests.faults.asking import AGAIN, ask, shown, under  # noqa: E402

# Keys are fought over in stretches of so many: everybody is on the same ones, each in an order of their own.
STRETCH = 8
LETS_ANYBODY_TRACE = (0x59616D61, ctypes.c_ulong(-1))  # PR_SET_PTRACER, where the kernel restricts tracing


def actor_of(told: dict[str, Any]) -> Actor:
    """Ana, as whoever started this process wrote her down."""
    return Actor(Kind.CHANNEL, UUID(told["account"]), UUID(told["organisation"]), roles=frozenset(told["roles"]))


def once(order: dict[str, Any]) -> Iterator[Any]:
    """Redeem one key under a name; nothing is asked twice, so that a fault shows."""
    wanted = opening([order["key"]], order["prefix"])
    actor = actor_of(order["ana"])
    if order.get("dies_at"):
        die_at(*order["dies_at"])
    outcome = redeem(actor=actor, order=wanted, means=means(), answering=under(actor, order["name"]))
    yield shown(outcome)


def die_at(side: str, number: int) -> None:
    """kill -9 of this very process before or after its n-th statement from now on, COMMIT included."""
    wait, left = psycopg.Connection.wait, iter(range(number, 0, -1))

    def counted(link: Any, *arguments: Any, **options: Any) -> Any:
        last = next(left, 0) == 1
        if last and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = wait(link, *arguments, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    psycopg.Connection.wait = counted  # type: ignore[method-assign]


def stream(order: dict[str, Any]) -> Iterator[Any]:
    """Redeem key after key, each under a name, and say each receipt as soon as it is there."""
    actor = actor_of(order["ana"])
    for index, key in enumerate(order["keys"]):
        name = f"{order['name']}-{index}"
        yield {"key": index, "reference": ask(actor, opening([key], f"{order['name']}{index}"), name).reference}


def contest(order: dict[str, Any]) -> Iterator[Any]:
    """Try every key, whoever else does; say each key's outcome: a reference, or the code of the refusal."""
    actor = actor_of(order["ana"])
    for index in _stretched(len(order["keys"]), order["seed"]):
        wanted = opening([order["keys"][index]], f"k{os.urandom(10).hex()}")
        yield index, _redeemed(actor, wanted)


def _redeemed(actor: Actor, wanted: Any) -> str:
    for _ in range(3):
        try:
            return redeem(actor=actor, order=wanted, means=means()).reference
        except Refusals as refused:
            return refused.first.code
        except AGAIN as fault:
            told = fault.code
    return told


def naive(order: dict[str, Any]) -> Iterator[Any]:
    """The same contest as every voucher system has once written it: look whether the key is free, then write."""
    run = connection.connection.execute
    for index in _stretched(order["count"], order["seed"]):
        with connection.connection.transaction():
            state = run("SELECT state FROM naive_key WHERE number = %s", (index,)).fetchone()[0]
            if state == "released":
                run("UPDATE naive_key SET state = 'redeemed' WHERE number = %s", (index,))
                run("INSERT INTO naive_redemption (number, client) VALUES (%s, %s)", (index, order["client"]))
        yield index, "won" if state == "released" else "key_redeemed"


def _stretched(count: int, seed: int) -> Iterator[int]:
    shuffle = random.Random(seed).shuffle
    for start in range(0, count, STRETCH):
        stretch = list(range(start, min(start + STRETCH, count)))
        shuffle(stretch)
        yield from stretch


TASKS: dict[str, Callable[[dict[str, Any]], Iterator[Any]]] = {
    task.__name__: task for task in (once, stream, contest, naive)
}


def main() -> None:
    """Get ready, wait for the word, act."""
    ctypes.CDLL(None).prctl(*LETS_ANYBODY_TRACE)
    order = json.loads(sys.stdin.readline())
    wiring.digesters(settings.KEY_PEPPERS)
    connection.ensure_connection()
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    batch = TASKS[order["task"]](order)
    if order.get("at_once", True):
        for told in batch:
            print(json.dumps(told), flush=True)
    else:
        print("\n".join(json.dumps(told) for told in batch), flush=True)
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
