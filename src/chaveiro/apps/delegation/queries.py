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

from chaveiro.rules.lifecycle import Change, Stage, days_later, erasure_due_on, next_change, stage_on
from chaveiro.rules.policies import Policy

PROPOSAL_LIFE = timedelta(days=90)  # an untouched proposal lapses (rules, section 8)
LISTED_AT_MOST = 200

SUBSCRIPTIONS = """
SELECT s.id, c.id, c.name, c.country::text, p.code, names.names, s.seats, s.assigned, s.ends_on, s.credit, s.paid_by,
    s.erased_on, policy.numbers, EXISTS (
        SELECT FROM delegation_partnerofrecord d WHERE d.customer_id = c.id AND d.organisation_id = %(organisation)s
        AND d.state = 'confirmed')
FROM subscriptions_subscription s
JOIN customers_customer c ON c.id = s.customer_id
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_policy policy ON policy.id = s.policy_id
JOIN LATERAL (SELECT v.names FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1)
    AS names ON true
WHERE s.closed_at IS NULL AND (%(customer)s::uuid IS NULL OR c.id = %(customer)s)
ORDER BY s.ends_on, s.id LIMIT %(limit)s
"""

PROPOSALS = """
SELECT d.id, card.id, card.name, card.registration_number, d.proposed_at
FROM delegation_partnerofrecord d, LATERAL channel_card(d.organisation_id, NULL) AS card
WHERE d.customer_id = %s AND d.state = %s AND (d.state <> 'proposed' OR d.proposed_at > %s)
ORDER BY d.proposed_at DESC
"""

BESIDE = """
SELECT d.customer_id, d.subscription_id, d.state, card.id, card.name, card.registration_number
FROM delegation_partnerofrecord d, LATERAL channel_card(d.organisation_id, NULL) AS card
WHERE d.customer_id = ANY (%s) AND (d.state = 'confirmed' OR (d.state = 'proposed' AND d.proposed_at > %s))
ORDER BY d.proposed_at DESC
"""


@dataclass(frozen=True, slots=True)
class SubscriptionCard:
    """A subscription as lists show it. `ends_on` is the first day not covered, `credit` in seat-days.

    `is_of_record` tells whether the actor's organisation is the confirmed partner of record, and so may extend it.
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


@dataclass(frozen=True, slots=True)
class PartnerCard:
    """A partner of record, proposed or confirmed."""

    id: UUID
    organisation: UUID
    name: str
    registration_number: str
    proposed_at: datetime


def subscriptions_in_sight(
    *, day: date, organisation: UUID | None = None, customer: UUID | None = None, limit: int = LISTED_AT_MOST
) -> list[SubscriptionCard]:
    """Subscriptions that the actor may read, those that end first at the top; stage and next change as of `day`."""
    rows = connection.connection.execute(
        SUBSCRIPTIONS, {"organisation": organisation, "customer": customer, "limit": limit}, prepare=True
    ).fetchall()
    return [_card(row, day) for row in rows]


def _card(row: tuple[Any, ...], day: date) -> SubscriptionCard:
    # Django leaves JSON as text on its connections.
    ends_on, erased_on, policy = row[8], row[11], Policy.from_dict(json.loads(row[12]))
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
        next_change=next_change(day, ends_on, policy, erased_on),
        access_stops_on=days_later(ends_on, policy.grace_days),
        erasure_on=erasure_due_on(ends_on, policy),
        is_of_record=row[13],
    )


def proposals(*, customer: UUID, now: datetime) -> list[PartnerCard]:
    """The proposed partners of record that wait for the customer's administrator, the newest first."""
    return _partners(customer, "proposed", now)


def partners_of_record(*, customer: UUID, now: datetime) -> list[PartnerCard]:
    """The confirmed partners of record of a customer."""
    return _partners(customer, "confirmed", now)


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
