"""What each kind of owed effect does. The table is the whole list; the worker calls `carry_out` with a job's number.

An effect may run twice (a worker was killed after it): each is written so that the second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import structlog

from chaveiro import wiring
from chaveiro.apps.closing.actions import carry_out_adoption
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting, links
from chaveiro.apps.keys.actions import exports
from chaveiro.apps.notices import actions as notices_actions
from chaveiro.apps.notices import queries as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.console import (
    block_letters,
    clock_days,
    correction_letters,
    draft_letters,
    erasing,
    help_letters,
    partner_letters,
    receipt_letters,
    security_letters,
    sign_in_letters,
)
from chaveiro.console.cards import card_printer
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in, instant_for
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
    account, customer = id_in(owed, "account"), id_in(owed, "customer")
    assert account is not None

    def words(desk: Desk, letter: LetterFacts, reader: Reader, means: Means) -> Mapping[str, Any] | None:
        if reader.owned:
            return None
        link = links.make(
            actor=SYSTEM,
            account=account,
            purpose=Purpose.OWNERSHIP,
            means=means,
            secret=desk.link_secret(letter.id),
        )
        return {
            "organisation": "" if customer is None else customers.name_of(customer),
            "link": desk.base_url + link.path,
            "until": instant_for(reader, link.expires_at),
        }

    deliver(desk, owed, Occasion("ownership", account, customer, words))


def reversal(desk: Desk, owed: Owed) -> None:
    """Owe a letter to everybody whom an undone redemption concerns: the customer's administrators, who redeemed it.

    Facts: redemption.
    """
    redemption = id_in(owed, "redemption")
    assert redemption is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices_actions.once(owed=owed.id, name="told"):
            return
        facts = redemptions.facts_of(redemption)
        for account in receipt_letters.concerned(redemption, facts):
            letter = {"redemption": str(redemption), "account": str(account)}
            notices_actions.owe("reversal_letter", letter, now)


def reversal_letter(desk: Desk, owed: Owed) -> None:
    """Tell one person that a redemption was undone. Facts: redemption, account."""
    redemption, account = id_in(owed, "redemption"), id_in(owed, "account")
    assert redemption is not None
    assert account is not None

    def words(_desk: Desk, _letter: LetterFacts, _reader: Reader, _means: Means) -> Mapping[str, Any]:
        facts = redemptions.facts_of(redemption)
        return {
            "reference": facts["reference"],
            "organisation": facts["customer"]["name"],
            "closed": facts["customer"]["closed"],
            "keys": len(facts["lines"] or ()),
            "reason": facts["reversal_reason"],
        }

    deliver(desk, owed, Occasion("reversal", account, None, words, closed_too=True))


def make_keys(desk: Desk, owed: Owed) -> None:
    """Make the keys of a batch, or go on with it. Facts: operation. Raises Contention: somebody else is at it still."""
    operation = id_in(owed, "operation")
    assert operation is not None

    def progress(_done: int, _total: int) -> None:
        if desk.stopping():
            raise WorkerStopping(owed.id)

    finished = exports.run_mint(
        operation=operation,
        vault=wiring.vault(),
        locksmith=wiring.locksmith(),
        means=desk.means(),
        printer=card_printer(),
        progress=progress,
    )
    if finished:
        return
    with acting(SYSTEM):
        state = operations.progress(operation).state
    if state in ("queued", "running"):
        raise Contention(what="operation")


def move_clock(desk: Desk, owed: Owed) -> None:
    """Live the days of a test clock, or go on with them. Facts: operation, clock, until."""
    operation, clock = id_in(owed, "operation"), id_in(owed, "clock")
    assert operation is not None
    assert clock is not None
    until = date.fromisoformat(str(owed.facts["until"]))
    if not clock_days.move(desk, operation=operation, clock=clock, until=until, stopping=desk.stopping):
        raise WorkerStopping(owed.id)


def adopt_policy(desk: Desk, owed: Owed) -> None:
    """Let existing subscriptions follow a version of their policy, or go on with it. Facts: adoption."""
    adoption = id_in(owed, "adoption")
    assert adoption is not None
    if not carry_out_adoption(adoption=adoption, means=desk.means, stopping=desk.stopping):
        raise WorkerStopping(owed.id)


EFFECTS: Mapping[str, Effect] = {
    "block": block_letters.block,
    "block_letter": block_letters.block_letter,
    "policy_adoption": adopt_policy,
    "data_key": erasing.data_key,
    "erase_person": erasing.erase_person,
    "data_export": erasing.data_export,
    "clock.move": move_clock,
    "mint": make_keys,
    "reset": sign_in_letters.reset,
    "reset_letter": sign_in_letters.reset_letter,
    "ownership": ownership,
    "reversal": reversal,
    "reversal_letter": reversal_letter,
    "partner_of_record": partner_letters.partner_of_record,
    "partner_letter": partner_letters.partner_letter,
    "correction": correction_letters.correction,
    "correction_letter": correction_letters.correction_letter,
    "receipt": receipt_letters.receipt,
    "receipt_letter": receipt_letters.receipt_letter,
    "draft.resume": draft_letters.draft_resume,
    "help_request": help_letters.help_request,
    "help_letter": help_letters.help_letter,
    "security": security_letters.security,
    "confirm_address": security_letters.confirm_address,
    "mailed_code": security_letters.mailed_code,
}
