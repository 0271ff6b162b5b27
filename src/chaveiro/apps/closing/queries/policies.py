"""What other numbers of a policy would do to the subscriptions under it: counted, and listed. Call it while acting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.catalog.queries import PolicyCard
from chaveiro.rules.errors import NotAllowed
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.policies import Policy
from chaveiro.rules.policy_changes import Move

WHATIF = "SELECT closing_whatif(%s, %s::jsonb, %s)"
ROWS = "SELECT * FROM closing_whatif_rows(%s, %s::jsonb, %s, %s, %s, %s)"
BEHIND = """
SELECT count(*) FROM subscriptions_subscription s
WHERE s.policy_id IN (SELECT old.id FROM catalog_policy old WHERE old.name = %s AND old.version < %s)
  AND s.closed_at IS NULL AND s.erased_on IS NULL AND seen_subscription(s.customer_id, s.id)
"""
LISTED_AT_MOST = 200
PORTION = 2_000
WANTED = ("", "stage", "earlier")


@dataclass(frozen=True, slots=True)
class Affected:
    """One subscription of which some date, or today's stage, would be another. Days are the first of what they name."""

    subscription: UUID
    customer: UUID
    customer_name: str
    product: str
    version: int
    ends_on: date
    stage: Stage
    stage_after: Stage
    access_stops_on: date
    access_stops_after: date
    erases_on: date
    erases_after: date


def what_if(name: str, numbers: Policy, *, day: date) -> Move:
    """What existing subscriptions under any version of a policy would come to with other numbers, if nobody renewed."""
    row = connection.connection.execute(WHATIF, (name, json.dumps(numbers.to_dict()), day)).fetchone()
    if row is None or row[0] is None:
        raise NotAllowed(needs="operator")
    counted = json.loads(row[0])
    stages = tuple((was, becomes, many) for was, becomes, many in counted.pop("stages"))
    return Move(**counted, stages=stages)


def behind(policy: PolicyCard) -> int:
    """How many subscriptions stand under an older version of a policy."""
    row = connection.connection.execute(BEHIND, (policy.name, policy.version)).fetchone()
    return int(row[0]) if row else 0


def affected(
    name: str, numbers: Policy, *, day: date, wanted: str = "", after: UUID | None = None, limit: int = 50
) -> list[Affected]:
    """Those of which something would change, by id, at most 201; `wanted`: `stage` (today's), `earlier`, or all.

    `after` is the last one seen.
    """
    return _rows(name, numbers, day, wanted, after, max(1, min(limit, LISTED_AT_MOST + 1)))


def all_affected(name: str, numbers: Policy, *, day: date, wanted: str = "") -> Iterator[Affected]:
    """Every one of them, some at a time."""
    after: UUID | None = None
    while found := _rows(name, numbers, day, wanted, after, PORTION):
        yield from found
        after = found[-1].subscription


def _rows(name: str, numbers: Policy, day: date, wanted: str, after: UUID | None, most: int) -> list[Affected]:
    values = (name, json.dumps(numbers.to_dict()), day, wanted, after, most)
    return [_affected(*row) for row in connection.connection.execute(ROWS, values).fetchall()]


def _affected(*row: Any) -> Affected:
    subscription, customer, name, product, version, ends_on, was, becomes, *days = row
    return Affected(subscription, customer, name, product, version, ends_on, Stage(was), Stage(becomes), *days)
