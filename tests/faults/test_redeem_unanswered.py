"""The answer to COMMIT never comes, or COMMIT itself is lost: unknown, never failed; who asks again has the truth."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.redemption.actions import drafting, redeem
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import OutcomeUnknown
from chaveiro.rules.reversal import AlreadyReversed
from chaveiro.rules.verdicts import Refusals
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, means, open_customer, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.asking import ask
from tests.faults.proof import record, seed
from tests.faults.proxy import Proxy, proxy_before

pytestmark = pytest.mark.money

TIMES = 20


@pytest.fixture
def wire(server: Server, real_database: str) -> Iterator[Proxy]:
    """The way from this process to its server, in our hands."""
    with proxy_before(Path(server.socket_folder) / f".s.PGSQL.{server.port}") as proxy:
        connections["default"].close()
        connections["default"].settings_dict["HOST"] = str(proxy.folder)
        yield proxy
        connections["default"].close()
        connections["default"].settings_dict["HOST"] = server.socket_folder


@pytest.fixture
def world(wire: Proxy) -> World:
    return build_world()


def broken_again_and_again(wire: Proxy, world: World, times: int, chosen: random.Random) -> dict[str, int]:
    """Redeem key after key, each COMMIT broken; who asks gets a receipt, and the same one when asking again."""
    lost = {"request": 0, "answer": 0}
    for number, key in enumerate(make_keys(world, times)):
        wanted, what = opening([key], f"wire{number}"), chosen.choice(["request", "answer", "answer"])
        wire.arm(what)
        first = ask(world.ana, wanted, f"wire-{number}")
        second = ask(world.ana, wanted, f"wire-{number}")
        assert set(first.told) <= {"StillRunning"}, "what is unknown was told as something else"
        assert first.replayed == (what == "answer")
        assert second.replayed
        assert second.body == first.body
        lost[what] += 1
    assert wire.broken == times
    assert books.opened() == times
    books.balance()
    return lost


def test_when_the_answer_to_commit_is_lost_the_client_has_its_receipt_all_the_same(wire: Proxy, world: World) -> None:
    broken_again_and_again(wire, world, TIMES, random.Random(seed()))


@pytest.mark.prove
def test_five_hundred_lost_answers_to_commit_lose_and_double_nothing(wire: Proxy, world: World) -> None:
    used = seed()
    lost = broken_again_and_again(wire, world, 500, random.Random(used))
    record(
        "commit-unanswered",
        "A COMMIT whose request or answer is lost: one redemption, the same receipt, never told as failed.",
        used_seed=used,
        broken=sum(lost.values()),
        requests_lost=lost["request"],
        answers_lost=lost["answer"],
        redemptions_lost=0,
        redemptions_doubled=0,
    )


@pytest.mark.parametrize(("lost", "truth"), [("answer", "key_redeemed"), ("request", "done")])
def test_without_a_name_the_outcome_is_unknown_and_the_key_tells_it(
    wire: Proxy, world: World, lost: str, truth: str
) -> None:
    order = opening(make_keys(world))
    wire.arm(lost)
    with pytest.raises(OutcomeUnknown):
        redeem(actor=world.ana, order=order, means=means())
    try:
        redeem(actor=world.ana, order=order, means=means())
        told = "done"
    except Refusals as refused:
        told = {fault.refusal.code for fault in refused.faults if fault.pointer == "/keys/0"}.pop()
    assert told == truth
    assert books.opened() == 1


@pytest.mark.parametrize("lost", ["answer", "request"])
def test_a_draft_is_a_name_too(wire: Proxy, world: World, lost: str) -> None:
    texts, code = make_keys(world, 2), ResumeCode.made(bytes(range(13)))
    holder = drafting.begin(actor=world.ana, means=means(), code=code)
    drafting.keep_keys(actor=holder, code=code, texts=texts, sealer=wiring.sealer(), means=means())
    kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer())
    order = opening(texts, items=kept.items, draft=kept.id)
    wire.arm(lost)
    first = ask(holder, order, None)
    assert first.told == []
    assert ask(holder, order, None).reference == first.reference
    assert drafting.look(actor=holder, code=code, sealer=wiring.sealer()).state == "committed"
    assert one("SELECT count(*) FROM redemption_redemption") == 1
    books.balance()


@pytest.mark.parametrize("lost", ["answer", "request"])
def test_a_reversal_whose_answer_is_lost_is_unknown_and_done_once(wire: Proxy, world: World, lost: str) -> None:
    _, outcome = open_customer(world, make_keys(world))
    wire.arm(lost)
    with pytest.raises(OutcomeUnknown):
        reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    if lost == "answer":
        with pytest.raises(AlreadyReversed):
            reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    else:
        reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    assert one("SELECT count(*) FROM subscriptions_ledgerrow WHERE kind = 'reverse'") == 1
    books.balance()
