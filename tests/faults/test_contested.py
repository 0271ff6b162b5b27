"""Many at once on the same keys: of everybody who presents a key, exactly one redeems it.

The same harness runs the version that every voucher system has once had, which looks first and then writes, and sees
it double: so it would see ours.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain
from typing import Any

import pytest
from django.db import connection

from chaveiro.apps.redemption.actions import redeem
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, means, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.clients import clients, written_down
from tests.faults.proof import record, seed
from tests.faults.racing import all_at_once, code_of, until_true

pytestmark = pytest.mark.money

CLIENTS = 64
PROCESSES = 8
KEYS_CONTESTED = 5_000
KEYS_OF_THE_NAIVE = 400  # it doubles soon
CONTESTED = 1_000_000
TABLES_OF_THE_NAIVE = """
    CREATE TABLE naive_key (number integer PRIMARY KEY, state text NOT NULL DEFAULT 'released');
    CREATE TABLE naive_redemption (number integer NOT NULL, client integer NOT NULL);
    GRANT ALL ON naive_key, naive_redemption TO PUBLIC;
"""


@pytest.mark.usefixtures("real_database")
def test_of_sixty_four_clients_on_one_key_one_redeems_and_all_others_learn_that_it_is_redeemed() -> None:
    world = build_world()
    text = make_keys(world)[0]
    acts = [
        lambda number=number: until_true(
            lambda: redeem(actor=world.ana, order=opening([text], f"padaria{number}"), means=means())
        )
        for number in range(CLIENTS)
    ]
    told = Counter(code_of(answer) for answer in all_at_once(acts))
    assert told == {"done": 1, "key_redeemed": CLIENTS - 1}
    assert books.opened() == 1
    books.balance()


def contested(server: Server, database: str, orders: list[dict[str, Any]]) -> tuple[list[list[Any]], float]:
    """What each client was told of each key, and how long all of them took."""
    with clients(server, database, orders) as started:
        began = time.monotonic()
        for client in started:
            client.go()
        told = [list(client.answers()) for client in started]
        return told, time.monotonic() - began


def explain(told: list[list[Any]], count: int) -> list[str]:
    """Every history is explained by clients that came one after another; answers the winners' references.

    For each key one client won, and all others were told that it is redeemed. Nobody was told anything else.
    """
    references = []
    by_key: list[list[str]] = [[] for _ in range(count)]
    for key, answer in chain.from_iterable(told):
        by_key[key].append(answer)
    for index, answers in enumerate(by_key):
        won = [answer for answer in answers if answer.startswith("R-")]
        assert len(won) == 1, f"key {index} was won {len(won)} times"
        assert Counter(answers)["key_redeemed"] == len(told) - 1
        references += won
    return references


def contest_of_keys(server: Server, database: str, world: World, count: int, chosen: int) -> float:
    """Eight clients on so many keys: every key has one winner, who holds its only receipt. Answers the seconds."""
    texts = make_keys(world, count)
    orders = [
        {"task": "contest", "ana": written_down(world.ana), "keys": texts, "seed": chosen + place, "at_once": False}
        for place in range(PROCESSES)
    ]
    told, seconds = contested(server, database, orders)
    books.remember(explain(told, count))
    return seconds


@pytest.mark.timeout(400)
def test_of_eight_clients_on_five_thousand_keys_each_key_has_one_winner(server: Server, real_database: str) -> None:
    world = build_world()
    seconds = contest_of_keys(server, real_database, world, KEYS_CONTESTED, seed())
    print(f"{KEYS_CONTESTED * PROCESSES} contested redemptions in {seconds:.1f} s")
    assert books.opened() == len(books.references()) == KEYS_CONTESTED
    books.balance()


def naive_doubles(server: Server, database: str, count: int, chosen: int) -> int:
    """How many redemptions too many the naive version makes of so many keys, for the same clients."""
    connection.ensure_connection()
    connection.connection.execute(TABLES_OF_THE_NAIVE)
    connection.connection.execute("INSERT INTO naive_key SELECT generate_series(0, %s)", (count - 1,))
    orders = [
        {"task": "naive", "count": count, "client": place, "seed": chosen + place, "at_once": False}
        for place in range(PROCESSES)
    ]
    told, _ = contested(server, database, orders)
    won = Counter(key for history in told for key, answer in history if answer == "won")
    doubles = sum(winners - 1 for winners in won.values())
    assert one("SELECT count(*) - count(DISTINCT number) FROM naive_redemption") == doubles
    assert len(won) == count
    return doubles


def test_looking_first_and_then_writing_doubles_in_the_same_harness(server: Server, real_database: str) -> None:
    doubles = naive_doubles(server, real_database, KEYS_OF_THE_NAIVE, seed())
    assert doubles > 0, "the harness would not see a double if there were one"


@pytest.mark.prove
def test_a_million_contested_redemptions_have_as_many_winners_as_keys(server: Server, real_database: str) -> None:
    world, chosen = build_world(), seed()
    keys, seconds = 0, []
    while keys * PROCESSES < CONTESTED:
        seconds.append(contest_of_keys(server, real_database, world, KEYS_CONTESTED, chosen + keys))
        keys += KEYS_CONTESTED
    winners = books.opened()
    assert winners == len(books.references()) == keys
    books.balance()
    doubles = naive_doubles(server, real_database, KEYS_CONTESTED, chosen)
    assert doubles > 0
    record(
        "contested",
        "Contested redemptions have as many winners as keys; the naive version doubles in the same harness.",
        used_seed=chosen,
        clients=PROCESSES,
        contested=keys * PROCESSES,
        keys=keys,
        winners=winners,
        seconds_for_5000_keys=round(sum(seconds) / len(seconds), 1),
        naive_keys=KEYS_CONTESTED,
        naive_doubles=doubles,
    )
