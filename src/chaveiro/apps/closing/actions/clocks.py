"""Test clocks, for whoever may have them: made, moved through every day, ended; test customers put on them.

In a sandbox any operator and any partner has clocks. Elsewhere only the operator: for customers marked as test.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import psycopg
from django.db import connection, transaction

from chaveiro.apps.clocks import actions as clocks
from chaveiro.apps.clocks.queries import ClockCard, going_on
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.operations import actions as operations
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import PARTNER_ROLES
from chaveiro.rules.batches import House
from chaveiro.rules.clocks import (
    CLOCKS_AT_MOST,
    CUSTOMERS_AT_MOST,
    ClockEnded,
    ClockFull,
    ClockGoesBack,
    ClockMoving,
    NoSandbox,
    NotATestCustomer,
    TooManyClocks,
    check_move,
    check_name,
    check_start,
)
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.means import Means

MOVE = "clock.move"
ATTACH = "SELECT against, lived FROM delegation_attach(%s, %s, %s, %s)"
NOT_THERE = "CV004"


def make_clock(
    *, actor: Actor, name: str, house: House, means: Means, day: date | None = None, dry_run: bool = False
) -> UUID:
    """A new clock of the actor's organisation, or of the vendor; its first day is today's unless given.

    Journals `clock:made`. Raises NotAllowed, NoSandbox, Malformed, TooManyClocks.
    """
    may_have_clocks(actor, house)
    named, first, clock = check_name(name), check_start(means.day if day is None else day), means.new_id()
    organisation = _owner(actor)
    with acting(actor), transaction.atomic():
        if going_on(organisation) >= CLOCKS_AT_MOST:
            raise TooManyClocks(most=CLOCKS_AT_MOST)
        clocks.make(clock=clock, name=named, day=first, organisation=organisation, account=actor.account, now=means.now)
        record(tag="clock:made", at=means.now, actor=actor, subject_id=clock, facts={"day": first.isoformat()})
        transaction.set_rollback(dry_run)
    return clock


def attach_customer(
    *, actor: Actor, customer: UUID, clock: UUID, house: House, means: Means, dry_run: bool = False
) -> None:
    """A test customer, with all that it has, lives on the clock's day from now on. `means` are of the platform's day.

    Journals `customer:attached`. Raises NotAllowed, NoSandbox, NotFound, NotATestCustomer, ClockGoesBack (it has lived
    a later day), ClockFull, ClockEnded.
    """
    may_have_clocks(actor, house)
    with acting(actor), transaction.atomic():
        held = _still_going(clock)
        values = (customer, clock, means.day, CUSTOMERS_AT_MOST)
        try:
            against, lived = connection.connection.execute(ATTACH, values).fetchone() or (None, None)
        except psycopg.Error as fault:
            if fault.sqlstate == NOT_THERE:
                raise NotFound(what="customer") from fault
            raise
        _refuse(against, lived, customer, held)
        facts = {"clock": str(clock), "day": held.day.isoformat()}
        record(
            tag="customer:attached",
            at=means.now,
            actor=actor,
            subject_id=customer,
            customer_id=customer,
            facts=facts,
        )
        transaction.set_rollback(dry_run)


def _refuse(against: str | None, lived: date | None, customer: UUID, clock: ClockCard) -> None:
    match against:
        case "not_test":
            raise NotATestCustomer(customer=customer)
        case "goes_back":
            raise ClockGoesBack(day=clock.day, lived=lived)
        case "full":
            raise ClockFull(most=CUSTOMERS_AT_MOST)
        case "ended":
            raise ClockEnded(day=clock.day)


def begin_move(
    *,
    actor: Actor,
    clock: UUID,
    until: date,
    house: House,
    means: Means,
    by_worker: bool = True,
    dry_run: bool = False,
) -> UUID:
    """Have every day up to and with `until` lived, in order; answers the operation that tells how far it is.

    The worker does it, or the caller where not `by_worker`. Asked again for the same day while it moves, it is the same
    move, taken up anew. Journals `clock:moved`. Raises NotAllowed, NoSandbox, NotFound, ClockGoesBack, TooManyDays,
    ClockMoving, ClockEnded.
    """
    may_have_clocks(actor, house)
    with acting(actor), transaction.atomic():
        held = _still_going(clock)
        if held.moving_to is not None and held.moving_to != until:
            raise ClockMoving(until=held.moving_to)
        days = check_move(held.day, until)
        again = held.moving_to is not None and held.operation is not None
        operation = held.operation if again and held.operation is not None else means.new_id()
        if not again:
            operations.start(operation=operation, kind=MOVE, actor=actor, now=means.now, total=days, subject_id=clock)
            clocks.begin(clock=clock, until=until, operation=operation)
            facts = {"from": held.day.isoformat(), "until": until.isoformat()}
            record(tag="clock:moved", at=means.now, actor=actor, subject_id=clock, facts=facts)
        if by_worker:
            owe(MOVE, {"operation": str(operation), "clock": str(clock), "until": until.isoformat()}, means.now)
        transaction.set_rollback(dry_run)
    return operation


def end_clock(*, actor: Actor, clock: UUID, house: House, means: Means, dry_run: bool = False) -> None:
    """Move the clock no more; its customers keep its day. Journals `clock:ended`. Raises as moving does."""
    may_have_clocks(actor, house)
    with acting(actor), transaction.atomic():
        held = _still_going(clock)
        if held.operation is not None:
            operations.cancel(operation=held.operation, now=means.now)
        clocks.end(clock=clock, now=means.now)
        facts = {"day": held.day.isoformat()}
        record(tag="clock:ended", at=means.now, actor=actor, subject_id=clock, facts=facts)
        transaction.set_rollback(dry_run)


def next_day(*, actor: Actor, clock: UUID, day: date) -> bool:
    """The clock shows the day after `day`; False when somebody else moved or ended it meanwhile."""
    with acting(actor):
        return clocks.advance(clock=clock, day=day, to=day + timedelta(days=1))


def may_have_clocks(actor: Actor, house: House) -> None:
    """Pass, or raise NotAllowed and NoSandbox."""
    actor.needs("subscriptions:write")
    match actor.kind:
        case Kind.OPERATOR | Kind.SYSTEM:
            return
        case Kind.CHANNEL:
            actor.needs_role(*PARTNER_ROLES)
            if not house.pretence:
                raise NoSandbox()
        case _:
            raise NotAllowed(needs="operator | partner")


def _owner(actor: Actor) -> UUID | None:
    return actor.organisation if actor.kind is Kind.CHANNEL else None


def _still_going(clock: UUID) -> ClockCard:
    held = clocks.hold(clock)
    if held.ended_at is not None:
        raise ClockEnded(day=held.day)
    return held
