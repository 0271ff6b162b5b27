"""The diary of a test clock: what happened on each of its days. Call it while acting; whose clock it is reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

LINES_AT_MOST = 1_000
DIARY = "SELECT day, what, customer, customer_name, subscription, names, facts FROM delegation_diary(%s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `what` is `grace`, `retained`, `erased`, `ledger:<kind>` or `notice:<kind>`.

    Facts of a ledger's row: seats, ends_on afterwards; of a notice: to how many addresses, and what became of it.
    """

    day: date
    what: str
    customer: UUID
    customer_name: str
    subscription: UUID
    names: Mapping[str, str]
    facts: Mapping[str, Any]


def diary(clock: UUID, *, first: date = date.min, before: date = date.max, limit: int = 200) -> list[Line]:
    """The latest things that happened from `first` on and before `before`, the latest first, at most 1,000."""
    asked = (clock, first, before, max(1, min(limit, LINES_AT_MOST)))
    rows = connection.connection.execute(DIARY, asked).fetchall()
    return [
        Line(day, what, customer, name, subscription, json.loads(names), json.loads(facts))
        for day, what, customer, name, subscription, names, facts in rows
    ]
