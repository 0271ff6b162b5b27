"""A subscription's ledger as people read it: each row with its keys, who made it, and the sum behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chaveiro.apps.redemption import queries as redemptions
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.queries import Row
from chaveiro.rules.workings import Working, working
from chaveiro.web.who import Doer, Names

ROWS = 20
PORTION = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. `keys` are those that its reader may see; `sum` is None where nothing was reckoned."""

    row: Row
    who: str
    keys: Sequence[Mapping[str, Any]]
    reference: str
    sum: Working | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a ledger, the newest first, and the number to go on from; 0 at its beginning."""

    entries: tuple[Entry, ...]
    earlier: int


def page(subscription: UUID, *, customer: str, version: int, before: int = 0) -> Page:
    """The rows before number `before`, or the newest. Rows are numbered from 1 to `version` without a gap.

    `customer` is the name of whose subscription it is.
    """
    until = min(before - 1, version) if before > 0 else version
    first = max(1, until - ROWS + 1)
    rows = queries.ledger(subscription, limit=until - first + 1, after=first - 1) if until > 0 else []
    return Page(tuple(reversed(_entries(subscription, customer, rows))), first if first > 1 else 0)


def whole(subscription: UUID, *, customer: str) -> Iterator[Entry]:
    """Every row, the oldest first, some at a time."""
    after = 0
    while rows := queries.ledger(subscription, limit=PORTION, after=after):
        yield from _entries(subscription, customer, rows)
        after = rows[-1].number


def _entries(subscription: UUID, customer: str, rows: Sequence[Row]) -> list[Entry]:
    facts = redemptions.facts_of_several({row.redemption for row in rows if row.redemption is not None})
    names = Names({_doer(row) for row in rows}, customer)
    return [_entry(subscription, row, names, facts.get(row.redemption) if row.redemption else None) for row in rows]


def _entry(subscription: UUID, row: Row, names: Names, facts: Mapping[str, Any] | None) -> Entry:
    lines = facts["lines"] or () if facts else ()
    return Entry(
        row=row,
        who=names.of(_doer(row)),
        keys=[line for line in lines if line["subscription"] == str(subscription)],
        reference=facts["reference"] if facts else "",
        sum=working(origin=row.origin, granted=row.granted, before=row.before, after=row.after),
    )


def _doer(row: Row) -> Doer:
    return Doer(row.actor_kind, row.actor, row.organisation)
