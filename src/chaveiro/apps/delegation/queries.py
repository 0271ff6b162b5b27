"""Who stands beside a customer, and which subscriptions an actor sees. Call it while acting; the database decides.

Rows of several rooms below are read together here, because pages and lists show them together.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import Change, Stage, days_later, erasure_due_on, next_change, stage_on
from chaveiro.rules.policies import Policy
from chaveiro.rules.renewals import Bucket

PROPOSAL_LIFE = timedelta(days=90)  # an untouched proposal lapses (rules, section 8)
LISTED_AT_MOST = 200
PORTION_AT_MOST = 2_000  # of a list that is written into a file, whole

# The accessor of what a card is made of, beside row-level security.
SEEN = "seen_subscription(s.customer_id, s.id) AND seen_customer(c.id)"

CARD = """
SELECT s.id, c.id, c.name, c.country::text, p.code, names.names, s.seats, s.assigned, s.ends_on, s.credit, s.paid_by,
    s.erased_on, policy.numbers, delegation_counts(c.id, s.id, %(organisation)s), s.closed_at,
    s.clock_id, CASE WHEN s.clock_id IS NOT NULL THEN (SELECT own.day FROM customers_day(c.id) AS own) END, s.erase_on
FROM subscriptions_subscription s
JOIN customers_customer c ON c.id = s.customer_id
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_policy policy ON policy.id = s.policy_id
JOIN LATERAL (SELECT v.names FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1)
    AS names ON true
"""

SUBSCRIPTIONS = f"""{CARD}
WHERE s.closed_at IS NULL AND (%(customer)s::uuid IS NULL OR c.id = %(customer)s)
  AND (%(clock)s::uuid IS NULL OR s.clock_id = %(clock)s) AND {SEEN}
ORDER BY s.ends_on, s.id LIMIT %(limit)s
"""

SEVERAL = f"{CARD} WHERE s.id = ANY (%(subscriptions)s) AND {SEEN}"
ONE_SUBSCRIPTION = f"{CARD} WHERE s.id = %(subscription)s AND {SEEN}"

PIPELINE = f"""{CARD}
JOIN delegation_pipeline(%(day)s, %(bucket)s, %(name)s, %(after_end)s, %(after_id)s, %(limit)s) AS found
    ON found.subscription = s.id
WHERE s.closed_at IS NULL AND {SEEN} ORDER BY s.ends_on, s.id
"""

STEPS = "SELECT bucket, subscriptions, seats, customers FROM delegation_steps(%s)"

PROPOSALS = """
SELECT d.id, card.id, card.name, card.registration_number, d.proposed_at
FROM delegation_partnerofrecord d, LATERAL channel_card(d.organisation_id, NULL) AS card
WHERE d.customer_id = %s AND d.state = %s AND (d.state <> 'proposed' OR d.proposed_at > %s)
  AND seen_partner_of_record(d.customer_id, d.organisation_id)
ORDER BY d.proposed_at DESC
"""

WAITING = """
SELECT count(*) FROM delegation_partnerofrecord d
WHERE d.organisation_id = %s AND d.state = 'proposed' AND d.proposed_at > %s
  AND seen_partner_of_record(d.customer_id, d.organisation_id)
"""

CHOSEN = """
SELECT d.organisation_id FROM delegation_partnerofrecord d
WHERE d.customer_id = %s AND d.subscription_id IS NOT DISTINCT FROM %s AND d.state = 'confirmed'
  AND seen_partner_of_record(d.customer_id, d.organisation_id)
"""

BESIDE = """
SELECT d.customer_id, d.subscription_id, d.state, card.id, card.name, card.registration_number
FROM delegation_partnerofrecord d, LATERAL channel_card(d.organisation_id, NULL) AS card
WHERE d.customer_id = ANY (%s) AND (d.state = 'confirmed' OR (d.state = 'proposed' AND d.proposed_at > %s))
  AND seen_partner_of_record(d.customer_id, d.organisation_id)
ORDER BY d.proposed_at DESC
"""


@dataclass(frozen=True, slots=True)
class SubscriptionCard:
    """A subscription as lists show it. `ends_on` is the first day not covered, `credit` in seat-days.

    `is_of_record` tells whether the actor's organisation is the confirmed partner of record, and so may extend it.
    `day` is the day for which all of this is told: its test clock's, where its customer lives on one.
    """

    id: UUID
    customer: UUID
    customer_name: str
    country: str
    product: str
    names: Mapping[str, str]
    seats: int
    assigned: int
    ends_on: date
    credit: int
    paid_by: str
    stage: Stage
    next_change: Change | None
    access_stops_on: date
    erasure_on: date
    is_of_record: bool
    days_left: int | None = None  # until the end; nought or less once it has passed
    closed_at: datetime | None = None  # the redemption that opened it was taken back
    clock: UUID | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class PartnerCard:
    """A partner of record, proposed or confirmed."""

    id: UUID
    organisation: UUID
    name: str
    registration_number: str
    proposed_at: datetime


def subscriptions_in_sight(
    *,
    day: date,
    organisation: UUID | None = None,
    customer: UUID | None = None,
    clock: UUID | None = None,
    limit: int = LISTED_AT_MOST,
) -> list[SubscriptionCard]:
    """Subscriptions that the actor may read, those that end first at the top; all of them, or those on one test clock.

    Stage and next change are as of `day`, or as of the day of the test clock on which a customer lives.
    """
    asked = {"organisation": organisation, "customer": customer, "clock": clock, "limit": limit}
    rows = connection.connection.execute(SUBSCRIPTIONS, asked, prepare=True).fetchall()
    return [_card(row, day) for row in rows]


def cards_of(
    subscriptions: Collection[UUID], *, day: date, organisation: UUID | None = None
) -> dict[UUID, SubscriptionCard]:
    """These subscriptions, by id, as far as they are in sight: one statement for a whole page of a list."""
    if not subscriptions:
        return {}
    asked = {"subscriptions": list(subscriptions), "organisation": organisation}
    cards = [_card(row, day) for row in connection.connection.execute(SEVERAL, asked).fetchall()]
    return {card.id: card for card in cards}


def subscription_in_sight(wanted: UUID, *, day: date, organisation: UUID | None = None) -> SubscriptionCard:
    """One subscription, a closed one too. Raises NotFound, for foreign and absent alike."""
    row = connection.connection.execute(
        ONE_SUBSCRIPTION, {"subscription": wanted, "organisation": organisation}, prepare=True
    ).fetchone()
    if row is None:
        raise NotFound(what="subscription")
    return _card(row, day)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a partner's subscriptions are asked for. An empty bucket means all that are not deleted.

    `after` is the end and the id of the last one seen.
    """

    bucket: str = ""
    name: str = ""
    after: tuple[date, UUID] | None = None


def pipeline(*, organisation: UUID, day: date, wanted: Wanted, limit: int = 50) -> list[SubscriptionCard]:
    """A partner's customers' subscriptions, those that end first at the top, at most 2,000."""
    asked = {
        "organisation": organisation,
        "day": day,
        "bucket": wanted.bucket,
        "name": wanted.name.strip(),
        "after_end": wanted.after and wanted.after[0],
        "after_id": wanted.after and wanted.after[1],
        "limit": max(1, min(limit, PORTION_AT_MOST)),
    }
    rows = connection.connection.execute(PIPELINE, asked).fetchall()
    return [_card(row, day) for row in rows]


@dataclass(frozen=True, slots=True)
class Step:
    """How much of a partner's business stands in one bucket of the pipeline."""

    bucket: Bucket
    subscriptions: int
    seats: int


@dataclass(frozen=True, slots=True)
class Business:
    """A partner's whole pipeline, counted; a bucket with nobody in it is there too. What is deleted is in no sum."""

    steps: Mapping[Bucket, Step]
    subscriptions: int
    seats: int
    customers: int


def business(*, day: date) -> Business:
    """What the partner who asks has, on a day."""
    rows = connection.connection.execute(STEPS, (day,), prepare=True).fetchall()
    counted = {Bucket(row[0]): Step(Bucket(row[0]), row[1], row[2]) for row in rows if row[0] is not None}
    whole = next((row for row in rows if row[0] is None), (None, 0, 0, 0))
    return Business({bucket: counted.get(bucket, Step(bucket, 0, 0)) for bucket in Bucket}, *whole[1:])


def _card(row: tuple[Any, ...], day: date) -> SubscriptionCard:
    # Django leaves JSON as text on its connections.
    ends_on, erased_on, policy = row[8], row[11], Policy.from_dict(json.loads(row[12]))
    day = row[16] or day
    return SubscriptionCard(
        id=row[0],
        customer=row[1],
        customer_name=row[2],
        country=row[3],
        product=row[4],
        names=json.loads(row[5]),
        seats=row[6],
        assigned=row[7],
        ends_on=ends_on,
        credit=row[9],
        paid_by=row[10],
        stage=stage_on(day, ends_on, policy, erased_on),
        next_change=next_change(day, ends_on, policy, erased_on, row[17]),
        access_stops_on=days_later(ends_on, policy.grace_days),
        erasure_on=erasure_due_on(ends_on, policy, row[17]),
        is_of_record=row[13],
        days_left=(ends_on - day).days,
        closed_at=row[14],
        clock=row[15],
        day=day,
    )


def proposals(*, customer: UUID, now: datetime) -> list[PartnerCard]:
    """The proposed partners of record that wait for the customer's administrator, the newest first."""
    return _partners(customer, "proposed", now)


def partners_of_record(*, customer: UUID, now: datetime) -> list[PartnerCard]:
    """The confirmed partners of record of a customer."""
    return _partners(customer, "confirmed", now)


def proposals_waiting(organisation: UUID, *, now: datetime) -> int:
    """How many customers a partner has proposed itself to that have not decided yet."""
    row = connection.connection.execute(WAITING, (organisation, now - PROPOSAL_LIFE), prepare=True).fetchone()
    return int(row[0]) if row else 0


def chosen(*, customer: UUID, subscription: UUID | None = None) -> UUID | None:
    """The organisation that is confirmed as default, or for one subscription; None where nobody is."""
    row = connection.connection.execute(CHOSEN, (customer, subscription), prepare=True).fetchone()
    return row[0] if row else None


def _partners(customer: UUID, state: str, now: datetime) -> list[PartnerCard]:
    rows = connection.connection.execute(PROPOSALS, (customer, state, now - PROPOSAL_LIFE), prepare=True).fetchall()
    return [PartnerCard(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Beside:
    """A partner of record of a customer, confirmed or still proposed; `subscription` is None for the default."""

    customer: UUID
    subscription: UUID | None
    state: str
    organisation: UUID
    name: str
    registration_number: str | None


def beside(customers: Collection[UUID], *, now: datetime) -> dict[UUID, list[Beside]]:
    """Who stands beside each of these customers, within sight: one statement for a whole page of a list."""
    rows = connection.connection.execute(BESIDE, (list(customers), now - PROPOSAL_LIFE), prepare=True).fetchall()
    found: dict[UUID, list[Beside]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Beside(*row))
    return found
