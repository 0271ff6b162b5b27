"""Reading subscriptions and their ledgers. Call it while acting; it answers what the actor may see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import DateField, Q, QuerySet
from django.db.models.expressions import RawSQL

from chaveiro.apps.journal.models import seen
from chaveiro.apps.subscriptions import models as rows
from chaveiro.rules import access, lifecycle
from chaveiro.rules.access import BlockKind, Holder, Life
from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import Change, Stage
from chaveiro.rules.policies import Policy
from chaveiro.rules.terms import Standing

LISTED_AT_MOST = 200

# Who may see a customer may know its day, and not every clock.
CLOCK_DAY = (
    "CASE WHEN subscriptions_subscription.clock_id IS NOT NULL"
    " THEN (SELECT own.day FROM customers_day(subscriptions_subscription.customer_id) AS own) END"
)


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
    policy_name: str
    policy_version: int
    clock: UUID | None = None  # the test clock on which its customer lives, and the day that it has
    clock_day: date | None = None
    erase_on: date | None = None  # until when its erasure was put off

    def today(self, day: date) -> date:
        """Its own day: its test clock's, else `day`, the platform's."""
        return self.clock_day or day

    @property
    def life(self) -> Life:
        """The dates from which its stage, and what may be done with it, follow."""
        closed_on = None if self.closed_at is None else self.closed_at.date()
        return Life(self.ends_on, self.policy, self.erased_on, closed_on, self.erase_on)

    def stage_on(self, day: date) -> Stage:
        """Its stage on a day, from what is known now."""
        return lifecycle.stage_on(day, self.ends_on, self.policy, self.erased_on)

    def next_change(self, day: date) -> Change | None:
        """What comes next if nobody renews, and when."""
        return lifecycle.next_change(day, self.ends_on, self.policy, self.erased_on, self.erase_on)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCard:
    """A block, standing or lifted. `subscription` is None where it stands against all that the customer has."""

    id: UUID
    customer: UUID
    subscription: UUID | None
    kind: BlockKind
    holder: Holder
    holder_id: UUID | None
    reason: str
    put_by: UUID | None
    put_on: date
    put_at: datetime
    lifted_by: UUID | None
    lifted_on: date | None

    @property
    def as_rule(self) -> access.Block:
        """As the rules weigh it."""
        return access.Block(self.kind, self.holder, self.put_on, self.reason)

    def stands_on(self, day: date) -> bool:
        """Whether it stood on that day."""
        return self.put_on <= day and (self.lifted_on is None or day < self.lifted_on)


@dataclass(frozen=True, slots=True)
class BlockLine:
    """A block with whose it is, for a list; `product` is empty where it stands against all that the customer has."""

    card: BlockCard
    customer_name: str
    product: str


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


def block(wanted: UUID) -> BlockCard:
    """One block, a lifted one too. Raises NotFound."""
    row = seen(rows.Block).filter(id=wanted).first()
    if row is None:
        raise NotFound(what="block")
    return _block(row)


def blocks(of_subscription: UUID, *, lifted: bool = False) -> list[BlockCard]:
    """What stands against a subscription, the oldest first, at most 200; with `lifted` also what stood once.

    Raises NotFound.
    """
    one = subscription(of_subscription)
    return blocks_of([one], lifted=lifted)[one.id]


def blocks_of(cards: Collection[Subscription], *, lifted: bool = False) -> dict[UUID, list[BlockCard]]:
    """What stands against each of these subscriptions: one statement for a whole page of a list."""
    found: dict[UUID, list[BlockCard]] = {card.id: [] for card in cards}
    if not cards:
        return found
    wanted = Q(subscription_id__in=found) | Q(subscription=None)
    among = seen(rows.Block).filter(wanted, customer_id__in={card.customer for card in cards})
    if not lifted:
        among = among.filter(lifted_at=None)
    of_customer: dict[UUID, list[UUID]] = {}
    for card in cards:
        of_customer.setdefault(card.customer, []).append(card.id)
    for row in among.order_by("put_at", "id")[: LISTED_AT_MOST * len(cards)]:
        concerned = of_customer[row.customer_id] if row.subscription_id is None else (row.subscription_id,)
        for one in concerned:
            found[one].append(_block(row))
    return found


def all_blocks(*, kind: str = "", lifted: bool = False, before: UUID | None = None, limit: int = 50) -> list[BlockLine]:
    """Blocks within sight, the newest first, at most 201; `before` is the last one seen."""
    found = seen(rows.Block).select_related("customer", "subscription__product").order_by("-id")
    if kind:
        found = found.filter(kind=kind)
    if not lifted:
        found = found.filter(lifted_at=None)
    if before is not None:
        found = found.filter(id__lt=before)
    return [
        BlockLine(_block(row), row.customer.name, "" if row.subscription is None else row.subscription.product.code)
        for row in found[: max(1, min(limit, LISTED_AT_MOST + 1))]
    ]


def _subscriptions() -> QuerySet[rows.Subscription]:
    found = seen(rows.Subscription).select_related("product", "policy")
    return found.annotate(clock_day=RawSQL(CLOCK_DAY, (), DateField()))  # noqa: S611 - a constant of this module


def _card(row: rows.Subscription) -> Subscription:
    return Subscription(
        id=row.id,
        customer=row.customer_id,
        erase_on=row.erase_on,
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
        policy_name=row.policy.name,
        policy_version=row.policy.version,
        clock=row.clock_id,
        clock_day=getattr(row, "clock_day", None),
    )


def _block(row: rows.Block) -> BlockCard:
    return BlockCard(
        id=row.id,
        customer=row.customer_id,
        subscription=row.subscription_id,
        kind=BlockKind(row.kind),
        holder=Holder(row.holder),
        holder_id=row.holder_id,
        reason=row.reason,
        put_by=row.put_by,
        put_on=row.put_on,
        put_at=row.put_at,
        lifted_by=row.lifted_by,
        lifted_on=row.lifted_on,
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
