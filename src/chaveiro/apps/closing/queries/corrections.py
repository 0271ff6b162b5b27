"""Corrections: those that wait, those of a redemption, and everything that decides one. Call it while acting."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.redemption.queries import policy_of
from chaveiro.rules.correction import CarriedKey, Right, Scene, State, Wrong
from chaveiro.rules.errors import NotFound
from chaveiro.rules.ledger import Kind, LedgerRow
from chaveiro.rules.redemption import Target
from chaveiro.rules.seat_time import Standing

LISTED_AT_MOST = 200

CORRECTIONS = """
SELECT x.id, x.redemption_id, r.reference, r.customer_id, w.name, x.right_customer_id, c.name, x.purpose,
    x.subscription_id, x.reason, x.state, x.proposed_kind, x.proposed_by, x.organisation_id, x.proposed_at,
    x.settled_at, x.answer, x.made
FROM closing_correction x JOIN redemption_redemption r ON r.id = x.redemption_id
    AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)
LEFT JOIN customers_customer w ON w.id = r.customer_id AND seen_customer(w.id)
LEFT JOIN customers_customer c ON c.id = x.right_customer_id AND seen_customer(c.id)
WHERE seen_correction(x.organisation_id)
"""
STATE_PLACE = 10


@dataclass(frozen=True, slots=True)
class CorrectionCard:
    """A correction with the names that the reader may see; `customer` is the right one, `made` what stands for it."""

    id: UUID
    redemption: UUID
    reference: str
    wrong_customer: UUID
    wrong_name: str | None
    customer: UUID
    customer_name: str | None
    purpose: str
    subscription: UUID | None
    reason: str
    state: State
    proposed_kind: str
    proposed_by: UUID | None
    organisation: UUID | None
    proposed_at: datetime
    settled_at: datetime | None
    answer: str
    made: UUID | None


def correction(wanted: UUID) -> CorrectionCard:
    """One correction. Raises NotFound."""
    row = connection.connection.execute(CORRECTIONS + "AND x.id = %s", (wanted,)).fetchone()
    if row is None:
        raise NotFound(what="correction")
    return _card(row)


def corrections(
    *, redemption: UUID | None = None, waiting: bool = False, before: UUID | None = None, limit: int = 50
) -> list[CorrectionCard]:
    """Corrections within sight, the newest first, at most 201; `before` is the last one seen."""
    rows = connection.connection.execute(
        CORRECTIONS
        + """AND (%(redemption)s::uuid IS NULL OR x.redemption_id = %(redemption)s)
             AND (NOT %(waiting)s OR x.state = 'proposed') AND (%(before)s::uuid IS NULL OR x.id < %(before)s)
             ORDER BY x.id DESC LIMIT %(limit)s""",
        {
            "redemption": redemption,
            "waiting": waiting,
            "before": before,
            "limit": max(1, min(limit, LISTED_AT_MOST + 1)),
        },
    ).fetchall()
    return [_card(row) for row in rows]


def _card(row: Sequence[Any]) -> CorrectionCard:
    told: list[Any] = [State(value) if place == STATE_PLACE else value for place, value in enumerate(row)]
    return CorrectionCard(*told)


def scene(*, redemption: UUID, customer: UUID, purpose: str, subscription: UUID | None) -> Scene:
    """Everything that decides a correction, locked until the transaction ends. Raises NotFound."""
    row = connection.connection.execute(
        "SELECT closing_scene(%s, %s, %s)", (redemption, customer, subscription)
    ).fetchone()
    if row is None or row[0] is None:
        raise NotFound(what="redemption")
    seen = json.loads(row[0])
    target = seen["target"]
    return Scene(
        reference=seen["reference"],
        customer=UUID(seen["customer"]),
        organisation=_id(seen["organisation"]),
        actor_kind=seen["actor_kind"],
        actor=_id(seen["actor"]),
        reversed_at=seen["reversed_at"],
        opened_customer=seen["opened_customer"],
        people=seen["people"],
        others=seen["others"],
        wrongs=tuple(_wrong(one) for one in seen["wrongs"] or ()),
        right=Right(customer, seen["country"], purpose, _target(target) if target else None),
    )


def _wrong(seen: Mapping[str, Any]) -> Wrong:
    return Wrong(
        subscription=UUID(seen["subscription"]),
        product=seen["product"],
        product_code=seen["code"],
        names=seen["names"],
        price_class=seen["price_class"],
        term=seen["term"],
        version=seen["version"],
        rows=tuple(_row(row) for row in seen["rows"]),
        undone=seen["undone"],
        assigned=seen["assigned"],
        automatic=seen["automatic"],
        keys=tuple(
            CarriedKey(key["number"], key["last_five"], key["seats"], key["months"], tuple(key["countries"]))
            for key in seen["keys"]
        ),
        row_policy_id=seen["row_policy"],
        policy_id=seen["policy"],
        policy=policy_of(json.dumps(seen["policy_numbers"])),
        maximum_seats=seen["maximum_seats"],
    )


def _row(row: Mapping[str, Any]) -> LedgerRow:
    return LedgerRow(
        number=row["number"],
        kind=Kind(row["kind"]),
        day=date.fromisoformat(row["day"]),
        origin=date.fromisoformat(row["origin"]),
        before=_standing(row["seats_before"], row["ends_before"], row["credit_before"]),
        after=_standing(row["seats_after"], row["ends_after"], row["credit_after"]),
        granted=row["granted"],
        undoes=row["reverses"],
    )


def _standing(seats: int, ends_on: str | None, credit: int) -> Standing | None:
    return None if ends_on is None else Standing(seats, date.fromisoformat(ends_on), credit)


def _target(seen: Mapping[str, Any]) -> Target:
    standing = _standing(seen["seats"], seen["ends_on"], seen["credit"])
    assert standing is not None
    return Target(
        id=UUID(seen["id"]),
        customer=UUID(seen["customer"]),
        product=seen["product"],
        product_code=seen["code"],
        price_class=seen["price_class"],
        standing=standing,
        assigned=seen["assigned"],
        term=seen["term"],
        version=seen["version"],
        paid_by=seen["paid_by"],
        erased_on=seen["erased_on"] and date.fromisoformat(seen["erased_on"]),
        policy_id=seen["policy"],
        policy=policy_of(json.dumps(seen["policy_numbers"])),
        maximum_seats=seen["maximum_seats"],
    )


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
