"""A correction under faults and races: the redemption moves once, whole, or not at all, and both ledgers close."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from chaveiro.apps.closing.actions import Proposal, approve_correction, propose_correction, reverse
from chaveiro.apps.redemption.actions import Outcome, redeem
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import House
from chaveiro.rules.correction import CorrectionSettled
from chaveiro.rules.errors import OutcomeUnknown
from tests.apps.house_of_cards import one
from tests.cast import World, build_world, make_keys, means, open_customer, opening
from tests.conftest import Server
from tests.faults import books
from tests.faults.racing import all_at_once, code_of, until_true
from tests.faults.test_redeem_statement_fails import FAULTS, Failing

pytestmark = [pytest.mark.money, pytest.mark.usefixtures("real_database")]

ROUNDS = 10
HOUSE = House()
# BEGIN with its scope, the card, the scene, the act, COMMIT.
STATEMENTS_AT_LEAST = 4
CORRECTED = "SELECT count(*) FROM redemption_redemption WHERE corrects IS NOT NULL"
TAKEN = "SELECT count(*) FROM subscriptions_ledgerrow WHERE kind = 'correct'"


@pytest.fixture
def failing(server: Server, real_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    with psycopg.connect(server.superuser(real_database), autocommit=True) as stranger:
        planted = Failing(stranger)
        monkeypatch.setattr(psycopg.Connection, "wait", lambda link, *a, **o: planted.wait(link, *a, **o))
        yield planted


@pytest.fixture
def world(real_database: str) -> World:
    return build_world()


def proposed(world: World, label: str) -> tuple[Outcome, Outcome, Actor, UUID]:
    """A redemption for the wrong customer, the right one with its administrator, and the correction that waits."""
    _, wrong = open_customer(world, make_keys(world), f"errado{label}")
    carla, right = open_customer(world, make_keys(world), f"certo{label}")
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    waits = propose_correction(actor=world.ana, proposal=proposal, reason="Cliente errado", means=means())
    assert waits.id is not None
    return wrong, right, carla, waits.id


def approving(actor: Actor, correction: UUID) -> Callable[[], Any]:
    return lambda: until_true(
        lambda: approve_correction(actor=actor, correction=correction, means=means(), house=HOUSE)
    )


def answered(actor: Actor, correction: UUID) -> str:
    """What somebody learns who approves until there is an answer."""
    for _ in range(4):
        try:
            approve_correction(actor=actor, correction=correction, means=means(), house=HOUSE)
        except OutcomeUnknown:
            continue
        except CorrectionSettled as settled:
            return str(settled.facts["state"])
        return "approved now"
    return "never answered"


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_statement_of_a_correction_fails_it_is_done_once(failing: Failing, world: World, fault: str) -> None:
    for number in count(1):
        _, _, _, correction = proposed(world, f"{fault.replace('_', '')}{number}")
        failing.fail(number, fault)
        assert answered(world.duarte, correction) in {"approved now", "approved"}
        reached = failing.has_failed()
        connection.close()  # the next request looks whether it still lives
        assert (one(CORRECTED), one(TAKEN)) == (number, number)
        if not reached:
            break
    assert number > STATEMENTS_AT_LEAST
    books.balance()


def test_a_correction_that_two_approve_at_once_moves_the_redemption_once(world: World) -> None:
    for number in range(ROUNDS):
        _, _, _, correction = proposed(world, str(number))
        told = [code_of(answer) for answer in all_at_once([approving(world.duarte, correction) for _ in range(4)])]
        assert told.count("done") == 1, told
        assert set(told) == {"done", "correction_settled"}
    assert (one(CORRECTED), one(TAKEN)) == (ROUNDS, ROUNDS)
    books.balance()


def test_a_redemption_is_moved_or_taken_back_and_never_both(world: World) -> None:
    for number in range(ROUNDS):
        wrong, _, _, correction = proposed(world, str(number))

        def take_back(redemption: UUID = wrong.id) -> Any:
            return until_true(
                lambda: reverse(actor=world.duarte, redemption=redemption, reason="Engano", means=means())
            )

        moved, back = all_at_once([approving(world.duarte, correction), take_back])
        assert [code_of(moved), code_of(back)].count("done") == 1, (code_of(moved), code_of(back))
    assert one(CORRECTED) == one(TAKEN)
    books.balance()


def test_a_correction_beside_an_extension_of_the_wrong_customer_leaves_both_ledgers_closed(world: World) -> None:
    for number in range(ROUNDS):
        _, wrong = open_customer(world, make_keys(world), f"misto{number}")
        bruno, right = open_customer(world, make_keys(world), f"puro{number}")
        [key] = make_keys(world)
        subscription = right.effects[0].subscription
        proposal = Proposal(redemption=wrong.id, customer=right.customer, purpose="extend", subscription=subscription)
        waits = propose_correction(actor=world.ana, proposal=proposal, reason="Cliente errado", means=means())
        assert waits.id is not None
        longer = opening([key], purpose="extend", customer=None, administrator=None, subscription=subscription)
        moved, extended = all_at_once(
            [
                approving(world.duarte, waits.id),
                lambda order=longer, who=bruno: until_true(lambda: redeem(actor=who, order=order, means=means())),
            ]
        )
        assert code_of(extended) == "done"
        assert code_of(moved) == "done"
    books.balance()
