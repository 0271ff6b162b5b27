"""Many at once: of everybody who presents a key, exactly one redeems it, and nobody is told an untruth.

The same harness runs the version that every voucher system has once had, which looks first and then writes, and sees
it double: so it would see ours.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.redemption.actions import drafting, redeem
from chaveiro.apps.redemption.models import Draft, Line, Redemption
from chaveiro.rules.actors import ANONYMOUS
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import Refusal
from chaveiro.rules.verdicts import Refusals
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, items, make_keys, means, open_customer, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.asking import AGAIN
from tests.faults.clients import clients, written_down
from tests.faults.proof import record, seed

pytestmark = [pytest.mark.money]

CLIENTS = 64
PROCESSES = 8
ROUNDS = 12
KEYS_CONTESTED = 5_000  # as the proof has it; the short form has fewer
KEYS_OF_THE_SHORT_FORM = 400
TABLES_OF_THE_NAIVE = """
    CREATE TABLE naive_key (number integer PRIMARY KEY, state text NOT NULL DEFAULT 'released');
    CREATE TABLE naive_redemption (number integer NOT NULL, client integer NOT NULL);
    GRANT ALL ON naive_key, naive_redemption TO PUBLIC;
"""


def all_at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each act in a thread with a connection of its own, all begun together; a refusal is an answer."""
    barrier = threading.Barrier(len(acts), timeout=60)
    answers: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            answers[place] = act()
        except BaseException as fault:  # noqa: BLE001 - it is looked at by the test, in its own thread
            answers[place] = fault
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    strange = [answer for answer in answers if isinstance(answer, BaseException) and not isinstance(answer, Refusal)]
    assert strange == [], "a client was shown a fault instead of an answer"
    return answers


def until_true(act: Callable[[], Any]) -> Any:
    """The act's answer; where it asks to be asked again, it is, as any client would."""
    for _ in range(50):
        try:
            return act()
        except AGAIN:
            time.sleep(0.02)
    return act()


def code_of(answer: Any) -> str:
    """What a client was told, in one word."""
    if isinstance(answer, Refusals):
        return answer.first.code
    return answer.code if isinstance(answer, Refusal) else "done"


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
    for index in range(count):
        answers = [answer for history in told for key, answer in history if key == index]
        won = [answer for answer in answers if answer.startswith("R-")]
        assert len(won) == 1, f"key {index} was won {len(won)} times"
        assert Counter(answers)["key_redeemed"] == len(told) - 1
        references += won
    return references


def contest_of(world: Any, texts: list[str], chosen: int, processes: int) -> list[dict[str, Any]]:
    """One order for each client: the same keys, an order of its own to try them in."""
    return [
        {"task": "contest", "ana": written_down(world.ana), "keys": texts, "seed": chosen + place, "at_once": False}
        for place in range(processes)
    ]


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


def test_of_eight_clients_on_the_same_keys_each_key_has_one_winner(server: Server, real_database: str) -> None:
    world = build_world()
    seconds = contest_of_keys(server, real_database, world, KEYS_OF_THE_SHORT_FORM, seed())
    print(f"{KEYS_OF_THE_SHORT_FORM * PROCESSES} contested redemptions in {seconds:.1f} s")
    assert books.opened() == len(books.references()) == KEYS_OF_THE_SHORT_FORM
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
    doubles = naive_doubles(server, real_database, KEYS_OF_THE_SHORT_FORM, seed())
    assert doubles > 0, "the harness would not see a double if there were one"


@pytest.mark.prove
def test_of_eight_clients_on_five_thousand_keys_each_key_has_one_winner_again_and_again(
    server: Server, real_database: str
) -> None:
    world, chosen = build_world(), seed()
    keys, seconds = 0, []
    while keys * PROCESSES < 1_000_000:
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


@pytest.mark.usefixtures("real_database")
def test_overlapping_baskets_in_opposite_orders_wait_for_each_other_and_never_for_ever() -> None:
    world = build_world()
    for number in range(ROUNDS):
        texts = make_keys(world, 12, seats=1)
        baskets = [texts[:8], texts[4:][::-1], texts[2:10], texts[6:] + texts[:2]]
        answers = all_at_once(
            [
                lambda basket=basket, place=place: until_true(
                    lambda: redeem(
                        actor=world.ana, order=opening(basket, f"cesto{number}x{place}"), means=means()
                    )
                )
                for place, basket in enumerate(baskets)
            ]
        )
        told = [code_of(answer) for answer in answers]
        assert set(told) <= {"done", "key_redeemed"}
        won = [set(basket) for basket, answer in zip(baskets, told, strict=True) if answer == "done"]
        assert won, "somebody redeems"
        assert sum(map(len, won)) == len(set().union(*won)), "two baskets with a key in common were both redeemed"
        assert Key.objects.filter(state="redeemed").count() == Line.objects.count()
    books.balance()


def holder_of(code: ResumeCode) -> Any:
    """Somebody with a draft of their own."""
    return drafting.begin(actor=ANONYMOUS, means=means(), code=code)


def code_number(number: int) -> ResumeCode:
    return ResumeCode.made(number.to_bytes(13, "big"))


def hold(holder: Any, code: ResumeCode, texts: list[str]) -> list[str]:
    """Put the keys into the draft; the verdicts."""
    kept = drafting.keep_keys(actor=holder, code=code, texts=texts, sealer=wiring.sealer(), means=means())
    return [verdict.code for verdict in kept]


@pytest.mark.usefixtures("real_database")
def test_while_a_redemption_is_reversed_its_key_is_redeemed_or_held_by_one() -> None:
    world = build_world()
    seen: Counter[str] = Counter()
    for number in range(ROUNDS):
        text = make_keys(world)[0]
        _, outcome = open_customer(world, [text], f"errado{number}")
        code = code_number(number)
        holder = holder_of(code)
        back, again, other, held = all_at_once(
            [
                lambda: until_true(
                    lambda: reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
                ),
                lambda: redeem(actor=world.ana, order=opening([text], f"certo{number}"), means=means()),
                lambda: redeem(actor=world.rui, order=opening([text], f"outro{number}"), means=means()),
                lambda: hold(holder, code, [text]),
            ]
        )
        assert code_of(back) == "done"
        assert {code_of(again), code_of(other)} <= {"done", "key_redeemed", "key_held", "try_later"}
        standing = Line.objects.filter(key__last_five=text[-5:], reversed=False).count()
        is_held = Hold.objects.filter(draft_id=holder.draft).exists()
        assert standing == [code_of(again), code_of(other)].count("done")
        assert standing + is_held <= 1
        assert is_held == (held == ["ok"] and standing == 0)
        seen["redeemed" if standing else "held" if is_held else "free"] += 1
        drafting.abandon(actor=holder)
    print(json.dumps(seen))
    books.balance()


@pytest.mark.usefixtures("real_database")
def test_a_redemption_that_two_people_reverse_at_once_is_reversed_once() -> None:
    world = build_world()
    for number in range(ROUNDS):
        _, outcome = open_customer(world, make_keys(world), f"duas{number}")
        told = all_at_once(
            [
                lambda who=who: reverse(actor=who, redemption=outcome.id, reason="Cliente errado", means=means())
                for who in (world.ana, world.duarte, world.ana, world.duarte)
            ]
        )
        assert Counter(map(code_of, told)) == {"done": 1, "already_reversed": 3}
    assert one("SELECT count(*) FROM subscriptions_ledgerrow WHERE kind = 'reverse'") == ROUNDS
    books.balance()


@pytest.mark.usefixtures("real_database")
def test_reversing_an_opening_and_building_on_it_never_both_succeed() -> None:
    world = build_world()
    for number in range(ROUNDS):
        opened, longer = make_keys(world, 2)
        bruno, outcome = open_customer(world, [opened], f"base{number}")
        extend = opening(
            [longer], purpose="extend", customer=None, administrator=None, subscription=outcome.effects[0].subscription
        )
        back, built = all_at_once(
            [
                lambda: reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means()),
                lambda: until_true(lambda: redeem(actor=bruno, order=extend, means=means())),
            ]
        )
        assert [code_of(back), code_of(built)].count("done") == 1
        assert (code_of(back), code_of(built)) in {
            ("done", "not_found"),
            ("done", "role_required"),
            ("reversal_blocked", "done"),
            ("try_later", "done"),
        }
    books.balance()


@pytest.mark.usefixtures("real_database")
def test_two_tabs_of_one_draft_that_save_and_redeem_at_once_never_wait_for_each_other_for_ever() -> None:
    world = build_world()
    for number in range(ROUNDS):
        texts = make_keys(world, 4, seats=1)
        code = code_number(number)
        holder = holder_of(code)
        hold(holder, code, texts)
        kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer())
        order = opening(texts, f"aba{number}", items=kept.items, draft=kept.id)
        first, second, saved, left = all_at_once(
            [
                lambda: until_true(lambda: redeem(actor=holder, order=order, means=means())),
                lambda: until_true(lambda: redeem(actor=holder, order=order, means=means())),
                lambda: hold(holder, code, texts[::-1]),
                lambda: drafting.keep_form(actor=holder, form={"name": "Padaria Sol, Lda."}, means=means()),
            ]
        )
        assert (code_of(first), code_of(second)) == ("done", "done")
        assert first.reference == second.reference
        assert {code_of(saved), code_of(left)} <= {"done", "not_found"}
        assert Draft.objects.get(id=holder.draft).state == "committed"
        assert not Hold.objects.filter(draft_id=holder.draft).exists()
    assert Redemption.objects.count() == ROUNDS
    books.balance()


@pytest.mark.usefixtures("real_database")
def test_a_deadlock_that_somebody_else_makes_is_asked_again_and_never_shown(server: Server, real_database: str) -> None:
    world = build_world()
    low, high = make_keys(world, 2, seats=1)
    first = one("SELECT min(number) FROM keys_key")
    with psycopg.connect(server.superuser(real_database)) as stranger:
        # Somebody takes the same two keys the wrong way round, slowly, and is no part of the house.
        stranger.execute("UPDATE keys_key SET pepper = pepper WHERE number = %s", (first + 1,))
        stranger.execute("SET deadlock_timeout = '30s'")

        def cross() -> str:
            time.sleep(0.3)
            stranger.execute("UPDATE keys_key SET pepper = pepper WHERE number = %s", (first,))
            stranger.rollback()
            return "crossed"

        crossed, redeemed = all_at_once(
            [cross, lambda: redeem(actor=world.ana, order=opening([low, high]), means=means())]
        )
    assert (crossed, code_of(redeemed)) == ("crossed", "done")
    assert items([low])[0].last_five == low[-5:]
    books.balance()
