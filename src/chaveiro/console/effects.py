"""What each kind of owed effect does. The table is the whole list; the worker calls `carry_out` with a job's number.

An effect may run twice (a worker was killed after it): each is written so that the second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import structlog

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting, links
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.apps.keys.actions import exports
from chaveiro.apps.notices import actions as notices_actions
from chaveiro.apps.notices import queries as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.console.letters import Desk, Occasion, deliver, instant_for
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Contention, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed
from chaveiro.rules.tokens import Purpose

log = structlog.get_logger(__name__)


class WorkerStopping(Exception):
    """The worker was told to stop between two chunks of a long work; the next worker goes on with it."""


Effect = Callable[[Desk, Owed], None]


def carry_out(desk: Desk, number: int, effects: Mapping[str, Effect] | None = None) -> None:
    """Carry out one owed effect. What is not owed any more (its row was swept) is done."""
    try:
        with acting(SYSTEM):
            owed = notices.owed(number)
    except NotFound:
        log.warning("effect_gone", owed=number)
        return
    (EFFECTS if effects is None else effects)[owed.kind](desk, owed)


def ownership(desk: Desk, owed: Owed) -> None:
    """Post an administrator the one-time link by which they take ownership. Facts: account, customer."""
    customer = _id(owed, "customer")

    def words(desk: Desk, letter: LetterFacts, reader: AccountCard, means: Means) -> Mapping[str, Any] | None:
        if reader.owned:
            return None
        link = links.make(
            actor=SYSTEM,
            account=reader.id,
            purpose=Purpose.OWNERSHIP,
            means=means,
            secret=desk.link_secret(letter.id),
        )
        return {
            "organisation": "" if customer is None else customers.name_of(customer),
            "link": desk.base_url + link.path,
            "until": instant_for(reader, link.expires_at),
        }

    account = _id(owed, "account")
    assert account is not None
    deliver(desk, owed, Occasion("ownership", account, customer, words))


def reversal(desk: Desk, owed: Owed) -> None:
    """Owe a letter to everybody whom an undone redemption concerns: the customer's administrators, who redeemed it.

    Facts: redemption.
    """
    redemption = _id(owed, "redemption")
    assert redemption is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices_actions.once(owed=owed.id, name="told"):
            return
        facts = redemptions.facts_of(redemption)
        for account in dict.fromkeys(_concerned(redemption, facts)):
            letter = {"redemption": str(redemption), "account": str(account)}
            notices_actions.owe("reversal_letter", letter, now)


def _concerned(redemption: UUID, facts: Mapping[str, Any]) -> Iterator[UUID]:
    """The customer's administrators, the one whom the redemption named (even if it closes them), and who redeemed."""
    yield from customers.administrators_of(UUID(facts["customer"]["id"]))
    if facts["administrator"]:
        yield customers.account_of(UUID(facts["administrator"]["id"]))
    redeemer = redemptions.redeemer_of(redemption)
    if redeemer:
        yield redeemer


def reversal_letter(desk: Desk, owed: Owed) -> None:
    """Tell one person that a redemption was undone. Facts: redemption, account."""
    redemption, account = _id(owed, "redemption"), _id(owed, "account")
    assert redemption is not None
    assert account is not None

    def words(_desk: Desk, _letter: LetterFacts, _reader: AccountCard, _means: Means) -> Mapping[str, Any]:
        facts = redemptions.facts_of(redemption)
        return {
            "reference": facts["reference"],
            "organisation": facts["customer"]["name"],
            "closed": facts["customer"]["closed"],
            "keys": len(facts["lines"] or ()),
        }

    deliver(desk, owed, Occasion("reversal", account, None, words, closed_too=True))


def make_keys(desk: Desk, owed: Owed) -> None:
    """Make the keys of a batch, or go on with it. Facts: operation. Raises Contention: somebody else is at it still."""
    operation = _id(owed, "operation")
    assert operation is not None

    def progress(_done: int, _total: int) -> None:
        if desk.stopping():
            raise WorkerStopping(owed.id)

    finished = exports.run_mint(
        operation=operation, vault=wiring.vault(), locksmith=wiring.locksmith(), means=desk.means(), progress=progress
    )
    if finished:
        return
    with acting(SYSTEM):
        state = operations.progress(operation).state
    if state in ("queued", "running"):
        raise Contention(what="operation")


def _id(owed: Owed, name: str) -> UUID | None:
    value = owed.facts.get(name)
    return None if value is None else UUID(value)


EFFECTS: Mapping[str, Effect] = {
    "mint": make_keys,
    "ownership": ownership,
    "reversal": reversal,
    "reversal_letter": reversal_letter,
}
