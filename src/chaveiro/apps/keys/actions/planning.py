"""Ordering a batch, and the second person's word."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.queries import Product
from chaveiro.apps.channel import queries as channel
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.exports import owe_waiting_mint
from chaveiro.rules import serials
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import Batch, HolderRefused, House, Order, approval_at_once, check_approval
from chaveiro.rules.errors import Malformed, NotAllowed
from chaveiro.rules.means import Means
from chaveiro.rules.products import ProductRetired


def must_operate(actor: Actor) -> None:
    """Pass for the vendor's operators and the house itself; raise NotAllowed for everybody else."""
    actor.needs("batches:write")
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM):
        raise NotAllowed(needs="operator")


def plan_batch(*, actor: Actor, order: Order, house: House, means: Means, batch: UUID | None = None) -> Batch:
    """Write an order down: its batch number and its block of serials are set aside for ever, nothing is minted.

    `batch` is the id it shall have. Journals `batch:planned`. Raises Refusals with every fault of the order, NotFound
    for product or holder, HolderRefused, NotAllowed.
    """
    with acting(actor):
        product = check_order(actor=actor, order=order, means=means)
        return insert_batch(
            actor=actor,
            order=order,
            product_version=product.version,
            approved_at=approval_at_once(order.quantity, house, means.now),
            means=means,
            batch=batch,
        )


def check_order(*, actor: Actor, order: Order, means: Means) -> Product:
    """Pass with the product of an order that could be placed now; raise what `plan_batch` raises. Nothing is written.

    No serials are set aside either, which even a rehearsal of `plan_batch` leaves as a gap.
    """
    must_operate(actor)
    with acting(actor):
        product = catalog.product(order.product)
        if product.retired_at is not None:
            raise ProductRetired(product=order.product)
        order.check(maximum_seats=product.maximum_seats, markets=product.markets, day=means.day)
        _holder(order.holder)
        return product


def insert_batch(
    *,
    actor: Actor,
    order: Order,
    product_version: int,
    approved_at: datetime | None,
    means: Means,
    batch: UUID | None = None,
    replaces: int | None = None,
) -> Batch:
    """The row of an order that was found good, in the caller's transaction."""
    number, first_number = _reserve(order.quantity)
    row = rows.Batch(
        id=batch or means.new_id(),
        number=number,
        product_version_id=product_version,
        seats=order.seats,
        months=order.months,
        quantity=order.quantity,
        first_number=first_number,
        countries=list(order.countries),
        activate_before=order.activate_before,
        holder_id=_holder(order.holder),
        kind=order.kind.value,
        created_by=actor.account,
        created_at=means.now,
        approved_at=approved_at,
        replaces=replaces,
        cards=order.cards,
        recall_reason="",
        wholly_released=False,
    )
    row.save(force_insert=True)
    facts = {"quantity": order.quantity, "first": serials.write(first_number), "kind": order.kind.value}
    record(tag="batch:planned", at=means.now, actor=actor, subject_id=row.id, facts=facts)
    return queries.batch(row.id)


def approve_batch(*, actor: Actor, batch: UUID, house: House, means: Means) -> Batch:
    """Agree to a batch of more than 1,000 keys, so that it may be minted; a mint that waits for it is owed at once.

    A second person does it: an operator's account that did not order the batch. Where one person runs the
    installation, whoever ordered it may, 24 hours later. Journals `batch:approved`.
    Raises SecondPersonNeeded, BatchStep, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        locked = seen(rows.Batch).select_for_update().filter(pk=batch).first()
        facts = queries.batch(batch)
        is_second = check_approval(facts, actor.account, house, means.now)
        assert locked is not None
        locked.approved_at = means.now
        locked.approved_by = actor.account if is_second else None
        locked.save(update_fields=["approved_at", "approved_by"])
        record(tag="batch:approved", at=means.now, actor=actor, subject_id=batch, facts={"second_person": is_second})
        owe_waiting_mint(batch, means.now)
        return queries.batch(batch)


def _reserve(quantity: int) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('keys_batch_number'), keys_reserve(%s)", (quantity,))
        number, first_number = cursor.fetchone()
    if first_number + quantity - 1 > serials.GREATEST:
        raise Malformed(field="count", reason="no serial numbers are left")
    return number, first_number


def _holder(wanted: UUID | None) -> UUID:
    """The organisation that shall hold the keys, the vendor unless somebody is named."""
    card = channel.card(organisation=wanted or channel.vendor())
    if card.is_suspended:
        raise HolderRefused(reason="suspended")
    return card.id
