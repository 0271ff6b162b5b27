"""Putting and lifting blocks: what stands against using a subscription, or against erasing its data."""

from __future__ import annotations

from uuid import UUID

import psycopg
from django.db import connection, transaction

from chaveiro.apps.customers.queries import day_of
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.queries import BlockCard
from chaveiro.rules import blocks
from chaveiro.rules.access import BlockKind
from chaveiro.rules.actors import Actor
from chaveiro.rules.blocks import BlockLifted, BlockStands
from chaveiro.rules.errors import NotAllowed, NotFound, SubscriptionDeleted
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means

PUT = "SELECT subscriptions_put_block(%s, %s, %s, %s, %s, %s)"
LIFT = "SELECT subscriptions_lift_block(%s, %s, %s)"
NOT_ALLOWED, NOT_THERE, TWICE = "CV003", "CV004", "23505"


def put_block(
    *, actor: Actor, subscription: UUID, kind: str, reason: str, means: Means, dry_run: bool = False
) -> BlockCard:
    """Put a block on a subscription, with the reason that customer and partner read; both are told by letter.

    Journals `subscription:blocked`, or `subscription:held` for a legal hold. A dry run keeps nothing of it.

    Raises NotFound, NotAllowed, Malformed, SubscriptionDeleted, BlockStands.
    """
    wanted, why = blocks.check_kind(kind), scrub(blocks.check_reason(reason))
    blocks.may_put(actor, wanted)
    with acting(actor), transaction.atomic():
        of = queries.subscription(subscription)
        if of.erased_on is not None:
            raise SubscriptionDeleted(erased_on=of.erased_on)
        fresh = means.new_id()
        try:
            with transaction.atomic():
                values = (fresh, subscription, wanted.value, why, of.today(means.day), means.now)
                connection.connection.execute(PUT, values)
        except psycopg.Error as fault:
            raise _refusal(fault, subscription, wanted, actor) from fault
        card = queries.block(fresh)
        _tell(actor, card, "held" if wanted is BlockKind.LEGAL_HOLD else "blocked", means)
        transaction.set_rollback(dry_run)
    return card


def lift_block(
    *, actor: Actor, block: UUID, means: Means, subscription: UUID | None = None, dry_run: bool = False
) -> BlockCard:
    """Lift a block of one's own side, of this `subscription` if one is named; customer and partner are told by letter.

    Journals `subscription:unblocked`, or `subscription:released` for a legal hold.

    Raises NotFound, NotAllowed, NotYourBlock, BlockLifted.
    """
    blocks.may_lift_any(actor)
    with acting(actor), transaction.atomic():
        card = queries.block(block)
        if subscription not in (None, card.subscription):
            raise NotFound(what="block")
        blocks.may_lift(actor, card.kind, card.holder, card.holder_id)
        row = connection.connection.execute(LIFT, (block, day_of(card.customer, means.day), means.now)).fetchone()
        if card.lifted_on is not None or row is None or not row[0]:
            raise BlockLifted(kind=card.kind.value, lifted_on=queries.block(block).lifted_on)
        card = queries.block(block)
        _tell(actor, card, "released" if card.kind is BlockKind.LEGAL_HOLD else "unblocked", means)
        transaction.set_rollback(dry_run)
    return card


def _tell(actor: Actor, card: BlockCard, what: str, means: Means) -> None:
    """The journal knows kind and side; what was written stays in the row, and the letter reads it there."""
    record(
        tag=f"subscription:{what}",
        at=means.now,
        actor=actor,
        subject_id=str(card.subscription or card.customer),
        customer_id=card.customer,
        facts={"block": str(card.id), "kind": card.kind.value, "holder": card.holder.value},
    )
    owe("block", {"block": str(card.id), "customer": str(card.customer), "did": what}, means.now)


def _refusal(fault: psycopg.Error, subscription: UUID, kind: BlockKind, actor: Actor) -> Exception:
    match fault.sqlstate:
        case state if state == NOT_ALLOWED:
            return NotAllowed(needs="partner that redeemed it")
        case state if state == NOT_THERE:
            return NotFound(what="subscription")
        case state if state == TWICE:
            side = blocks.side_of(actor)
            standing = queries.blocks(subscription)
            since = next((one.put_on for one in standing if (one.kind, one.holder) == (kind, side)), None)
            return BlockStands(kind=kind.value, since=since)
    return fault
