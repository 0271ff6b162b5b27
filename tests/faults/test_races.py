"""Acts that meet on the same rows at the same moment: one of them happens, and everybody is told the truth."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.redemption.actions import Order, Outcome, drafting, redeem
from chaveiro.apps.redemption.models import Draft, Line, Redemption
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.drafts import ResumeCode
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, means, open_customer, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.racing import all_at_once, code_of, trying, until_true

pytestmark = [pytest.mark.money, pytest.mark.usefixtures("real_database")]

ROUNDS = 10


@pytest.fixture
def world(real_database: str) -> World:
    return build_world()


def redeeming(actor: Actor, order: Order) -> Callable[[], Outcome]:
    """An act that redeems, asked again where it says so."""
    return lambda: until_true(lambda: redeem(actor=actor, order=order, means=means()))


def reversing(actor: Actor, outcome: Outcome) -> Callable[[], Any]:
    return lambda: until_true(
        lambda: reverse(actor=actor, redemption=outcome.id, reason="Cliente errado", means=means())
    )


class Tab:
    """Somebody's browser with a draft in it."""

    def __init__(self, number: int) -> None:
        self.code = ResumeCode.made(number.to_bytes(13, "big"))
        self.holder = drafting.begin(actor=ANONYMOUS, means=means(), code=self.code)

    def keep(self, texts: list[str], *, take_up: bool = False) -> list[str]:
        """Put these keys into the draft and hold them; the verdicts."""
        kept = drafting.keep_keys(
            actor=self.holder, code=self.code, texts=texts, sealer=wiring.sealer(), means=means(), take_up=take_up
        )
        return [verdict.code for verdict in kept]

    def order(self, texts: list[str], prefix: str) -> Order:
        """What its last page asks for."""
        kept = drafting.look(actor=self.holder, code=self.code, sealer=wiring.sealer())
        return opening(texts, prefix, items=kept.items, draft=kept.id)

    def holds(self) -> int:
        """How many keys are held for it."""
        return Hold.objects.filter(draft_id=self.holder.draft).count()


def overlap(world: World, number: int) -> None:
    texts = make_keys(world, 12, seats=1)
    baskets = [texts[:8], texts[4:][::-1], texts[2:10], texts[6:] + texts[:2]]
    orders = [opening(basket, f"cesto{number}x{place}") for place, basket in enumerate(baskets)]
    told = [code_of(answer) for answer in all_at_once([redeeming(world.ana, order) for order in orders])]
    assert set(told) <= {"done", "key_redeemed"}
    won = [set(basket) for basket, answer in zip(baskets, told, strict=True) if answer == "done"]
    assert won, "somebody redeems"
    assert sum(map(len, won)) == len(set().union(*won)), "two baskets with a key in common were both redeemed"


def test_overlapping_baskets_in_opposite_orders_wait_for_each_other_and_never_for_ever(world: World) -> None:
    for number in range(ROUNDS):
        overlap(world, number)
    assert Key.objects.filter(state="redeemed").count() == Line.objects.count()
    books.balance()


def free_it_for_three(world: World, number: int) -> str:
    """One key is given back while two want to redeem it and one to hold it; answers who got it."""
    text = make_keys(world)[0]
    _, outcome = open_customer(world, [text], f"errado{number}")
    tab, over = Tab(number), threading.Event()

    def take_back() -> Any:
        try:
            return reversing(world.ana, outcome)()
        finally:
            over.set()

    back, again, other, held = all_at_once(
        [
            take_back,
            lambda: trying(
                lambda: redeem(actor=world.ana, order=opening([text], f"certo{number}"), means=means()), over
            ),
            lambda: trying(
                lambda: redeem(actor=world.rui, order=opening([text], f"outro{number}"), means=means()), over
            ),
            lambda: trying(lambda: tab.keep([text]), over),
        ]
    )
    told = [code_of(again), code_of(other)]
    assert code_of(back) == "done"
    assert set(told) <= {"done", "key_redeemed", "key_held", "try_later"}
    standing = Line.objects.filter(key__last_five=text[-5:], reversed=False).count()
    assert standing == told.count("done")
    assert standing + tab.holds() == 1, "it is free once, and three waited"
    assert not tab.holds() or held == ["ok"]
    drafting.abandon(actor=tab.holder)
    return "redeemed" if standing else "held"


def test_while_a_redemption_is_reversed_its_key_goes_to_one_of_those_who_wait_for_it(world: World) -> None:
    print(json.dumps(Counter(free_it_for_three(world, number) for number in range(ROUNDS))))
    books.balance()


def test_a_redemption_that_two_people_reverse_at_once_is_reversed_once(world: World) -> None:
    for number in range(ROUNDS):
        _, outcome = open_customer(world, make_keys(world), f"duas{number}")
        told = all_at_once([reversing(who, outcome) for who in (world.ana, world.duarte, world.ana, world.duarte)])
        assert Counter(map(code_of, told)) == {"done": 1, "already_reversed": 3}
    assert one("SELECT count(*) FROM subscriptions_ledgerrow WHERE kind = 'reverse'") == ROUNDS
    books.balance()


def test_reversing_an_opening_and_building_on_it_never_both_succeed(world: World) -> None:
    for number in range(ROUNDS):
        opened, longer = make_keys(world, 2)
        bruno, outcome = open_customer(world, [opened], f"base{number}")
        extend = opening(
            [longer], purpose="extend", customer=None, administrator=None, subscription=outcome.effects[0].subscription
        )
        back, built = all_at_once([reversing(world.ana, outcome), redeeming(bruno, extend)])
        assert (code_of(back), code_of(built)) in {
            ("done", "not_found"),
            ("done", "role_required"),
            ("reversal_blocked", "done"),
        }
    books.balance()


def save_and_redeem(world: World, number: int) -> None:
    texts, tab = make_keys(world, 4, seats=1), Tab(number)
    tab.keep(texts)
    order = tab.order(texts, f"aba{number}")
    first, second, saved, left = all_at_once(
        [
            redeeming(tab.holder, order),
            redeeming(tab.holder, order),
            lambda: tab.keep(texts[::-1]),
            lambda: drafting.keep_form(actor=tab.holder, form={"name": "Padaria Sol, Lda."}, means=means()),
        ]
    )
    assert (code_of(first), code_of(second)) == ("done", "done")
    assert first.reference == second.reference
    assert {code_of(saved), code_of(left)} <= {"done", "not_found"}
    assert Draft.objects.get(id=tab.holder.draft).state == "committed"
    assert tab.holds() == 0


def test_two_tabs_of_one_draft_that_save_and_redeem_at_once_end_with_one_receipt(world: World) -> None:
    for number in range(ROUNDS):
        save_and_redeem(world, number)
    assert Redemption.objects.count() == ROUNDS
    books.balance()


def take_up_from_elsewhere(world: World, number: int) -> None:
    texts, here, there = make_keys(world, 3, seats=1), Tab(2 * number), Tab(2 * number + 1)
    here.keep(texts)
    mine = here.order(texts, f"aqui{number}")
    saved, redeemed, taken, direct = all_at_once(
        [
            lambda: here.keep(texts[::-1]),
            redeeming(here.holder, mine),
            lambda: there.keep(texts, take_up=True),
            redeeming(world.ana, opening(texts, f"direto{number}", start_over=True)),
        ]
    )
    assert [code_of(redeemed), code_of(direct)].count("done") <= 1
    assert {code_of(saved), code_of(taken)} <= {"done", "not_found"}
    assert Line.objects.filter(key__last_five__in=[text[-5:] for text in texts]).count() in {0, len(texts)}


def test_a_draft_taken_up_elsewhere_while_it_is_saved_and_redeemed_ends_in_one_place(world: World) -> None:
    for number in range(ROUNDS):
        take_up_from_elsewhere(world, number)
    books.balance()


def test_a_deadlock_that_somebody_else_makes_is_asked_again_and_never_shown(server: Server, real_database: str) -> None:
    world = build_world()
    texts = make_keys(world, 2, seats=1)
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

        crossed, redeemed = all_at_once([cross, lambda: redeem(actor=world.ana, order=opening(texts), means=means())])
    assert (crossed, code_of(redeemed)) == ("crossed", "done")
    books.balance()
