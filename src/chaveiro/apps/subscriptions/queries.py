"""Reading subscriptions and their ledgers. Call it while acting; it answers what the actor may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet

from chaveiro.apps.journal.models import seen
from chaveiro.apps.subscriptions import models as rows
from chaveiro.rules import lifecycle
from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import Change, Stage
from chaveiro.rules.policies import Policy
from chaveiro.rules.terms import Standing

LISTED_AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription as it stands. `ends_on` is the first day not covered, `credit` is in seat-days.

    `closed_at` is set where the redemption that opened it was taken back.
    """

    id: UUID
    customer: UUID
    product: str
    price_class: str
    seats: int
    assigned: int
    shortfall_until: date | None
    ends_on: date
    credit: int
    term: int
    version: int
    paid_by: str
    opened_at: datetime
    closed_at: datetime | None
    erased_on: date | None
    policy: Policy

    def stage_on(self, day: date) -> Stage:
        """Its stage on a day, from what is known now."""
        return lifecycle.stage_on(day, self.ends_on, self.policy, self.erased_on)

    def next_change(self, day: date) -> Change | None:
        """What comes next if nobody renews, and when."""
        return lifecycle.next_change(day, self.ends_on, self.policy, self.erased_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a ledger. `before` is None when it opens, `after` None when it takes an opening back.

    `granted` is in seat-days; `undoes` the number of the row that it reverses.
    """

    number: int
    term: int
    kind: str
    why: str
    redemption: UUID | None
    undoes: int | None
    day: date
    origin: date
    granted: int
    before: Standing | None
    after: Standing | None
    policy: str
    policy_version: int
    actor_kind: str
    actor: UUID | None
    organisation: UUID | None
    at: datetime


def subscription(wanted: UUID) -> Subscription:
    """One subscription. Raises NotFound, for foreign and absent alike."""
    row = _subscriptions().filter(id=wanted).first()
    if row is None:
        raise NotFound(what="subscription")
    return _card(row)


def subscriptions(*, limit: int = 50, before: UUID | None = None, customer: UUID | None = None) -> list[Subscription]:
    """Subscriptions, the newest first, at most 201; `before` is the last one seen."""
    found = _subscriptions().order_by("-id")
    if before is not None:
        found = found.filter(id__lt=before)
    if customer is not None:
        found = found.filter(customer_id=customer)
    return [_card(row) for row in found[: max(1, min(limit, LISTED_AT_MOST + 1))]]


def ledger(of_subscription: UUID, *, limit: int = 50, after: int = 0) -> list[Row]:
    """Rows of a ledger, the oldest first, at most 201, from the one behind number `after` on. Raises NotFound."""
    subscription(of_subscription)
    found = seen(rows.LedgerRow).select_related("policy").filter(subscription_id=of_subscription, number__gt=after)
    return [_row(row) for row in found.order_by("number")[: max(1, min(limit, LISTED_AT_MOST + 1))]]


def _subscriptions() -> QuerySet[rows.Subscription]:
    return seen(rows.Subscription).select_related("product", "policy")


def _card(row: rows.Subscription) -> Subscription:
    return Subscription(
        id=row.id,
        customer=row.customer_id,
        product=row.product.code,
        price_class=row.price_class,
        seats=row.seats,
        assigned=row.assigned,
        shortfall_until=row.shortfall_until,
        ends_on=row.ends_on,
        credit=row.credit,
        term=row.term,
        version=row.version,
        paid_by=row.paid_by,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        erased_on=row.erased_on,
        policy=Policy.from_dict(row.policy.numbers),
    )


def _row(row: rows.LedgerRow) -> Row:
    return Row(
        number=row.number,
        term=row.term,
        kind=row.kind,
        why=row.why,
        redemption=row.redemption_id,
        undoes=row.reverses,
        day=row.day,
        origin=row.origin,
        granted=row.granted,
        before=_standing(row.seats_before, row.ends_before, row.credit_before),
        after=_standing(row.seats_after, row.ends_after, row.credit_after),
        policy=row.policy.name,
        policy_version=row.policy.version,
        actor_kind=row.actor_kind,
        actor=row.actor_id,
        organisation=row.organisation_id,
        at=row.at,
    )


def _standing(seats: int, ends_on: date | None, credit: int) -> Standing | None:
    return None if ends_on is None or seats == 0 else Standing(seats, ends_on, credit)
