"""The ledger of one subscription: what its rows add up to, and where every seat-day that keys brought has gone.

    granted = consumed + remaining + credit + forfeited + reversed

Source: rules, sections 2 and 6; invariants L1 and L2. Directly billed days are outside this account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from chaveiro.rules.errors import LedgerBroken
from chaveiro.rules.seat_time import Standing, Sum


class Kind(StrEnum):
    """What a row of the ledger did."""

    OPEN = "open"
    ADD = "add"
    EXTEND = "extend"
    REVERSE = "reverse"
    FORFEIT = "forfeit"


BY_KEY = frozenset({Kind.OPEN, Kind.ADD, Kind.EXTEND})


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One change of a subscription's seat-time.

    `number` counts from 1 without a gap. `origin` is the day from which `after` counts: `day` itself, or the old end
    for keys that came in grace. `before` is None when opening, `after` None when an opening is reversed. `granted`
    is what the keys brought, in seat-days, and 0 for other kinds. `undoes` is the number of the row reversed.
    """

    number: int
    kind: Kind
    day: date
    origin: date
    before: Standing | None
    after: Standing | None
    granted: int = 0
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Where the seat-days are on a day. All in seat-days; `granted` counts reversed keys too."""

    granted: int
    consumed: int
    remaining: int
    credit: int
    forfeited: int
    reversed: int

    @property
    def closes(self) -> bool:
        """Whether nothing was lost and nothing came from nowhere (L1)."""
        return self.granted == self.consumed + self.remaining + self.credit + self.forfeited + self.reversed


def row_of(number: int, total: Sum) -> LedgerRow:
    """The row that writes an act of keys down."""
    start = total.footing
    return LedgerRow(
        number, Kind(start.operation.value), start.day, start.origin, start.before, total.after, total.granted
    )


def reversal_of(number: int, row: LedgerRow, day: date) -> LedgerRow:
    """The row that takes an act of keys back, whole: what was before it stands again.

    The keys get their whole worth back, so the whole worth counts as reversed. The days in between then count as if
    the act had never been: used at the seats of before, up to the end of before. What more was used meanwhile is
    charged to nobody; three days bound it for a partner, a reason and the journal for the operator.
    """
    return LedgerRow(number, Kind.REVERSE, day, day, row.after, row.before, undoes=row.number)


def forfeit_of(number: int, standing: Standing, day: date) -> LedgerRow:
    """The row that gives up, from this day on, all days left and the credit (direct billing today, erasure)."""
    left = Standing(standing.seats, min(standing.ends_on, day), 0)
    return LedgerRow(number, Kind.FORFEIT, day, day, standing, left)


def replay(rows: Iterable[LedgerRow]) -> Standing | None:
    """What the subscription has after these rows, oldest first (L2); None before any, or when its opening is reversed.

    Raises LedgerBroken, naming the first row that does not follow from those before it, or whose sum does not close.
    """
    standing, previous_day = None, date.min
    standing_rows: list[LedgerRow] = []
    for expected_number, row in enumerate(rows, start=1):
        _require(row, row.number == expected_number, f"its number should be {expected_number}")
        _require(row, row.day >= previous_day, "it lies before the row above it")
        _require(row, row.before == standing, "what it found is not what the row above left")
        if row.kind is Kind.REVERSE:
            _require_reversal(row, standing_rows)
            standing_rows.pop()
        else:
            _require_sum(row)
            standing_rows.append(row)
        standing, previous_day = row.after, row.day
    return standing


def account(rows: Sequence[LedgerRow], day: date) -> Account:
    """Where every seat-day is on a day, from the rows (oldest first) made until then.

    Between the origin of one standing row and that of the next, the seats of the first were consumed, up to its end:
    an act in grace has the old end as origin, so no day is counted twice, and a gap while retained counts for nobody.
    A row that was reversed, and the row that reversed it, count as if neither had been, but for `granted`.

    It adds up each side by itself and repairs nothing: on rows that do not follow, `closes` is false.
    """
    made = [row for row in rows if row.day <= day]
    kept, undone = _apart(made)
    consumed = sum(_consumed(row, following.origin) for row, following in pairwise(kept))
    remaining = credit = 0
    if kept and (last := kept[-1].after) is not None:
        consumed += _consumed(kept[-1], day)
        remaining = last.seats * _days(max(day, kept[-1].origin), last.ends_on)
        credit = last.credit
    return Account(
        granted=sum(row.granted for row in made),
        consumed=consumed,
        remaining=remaining,
        credit=credit,
        forfeited=sum(
            _left(row.before, row.day) - _left(row.after, row.day) for row in kept if row.kind is Kind.FORFEIT
        ),
        reversed=sum(row.granted for row in undone),
    )


def _apart(rows: Iterable[LedgerRow]) -> tuple[list[LedgerRow], list[LedgerRow]]:
    """The rows that stand, and those that were reversed; the reversals themselves are in neither."""
    kept: list[LedgerRow] = []
    undone: list[LedgerRow] = []
    for row in rows:
        if row.kind is not Kind.REVERSE:
            kept.append(row)
        elif kept and kept[-1].number == row.undoes:
            undone.append(kept.pop())
    return kept, undone


def _consumed(row: LedgerRow, until: date) -> int:
    if row.after is None:
        return 0
    return row.after.seats * _days(row.origin, min(until, row.after.ends_on))


def _left(standing: Standing | None, day: date) -> int:
    """What is still to be used, and the credit, in seat-days."""
    return 0 if standing is None else standing.seats * _days(day, standing.ends_on) + standing.credit


def _days(start: date, end: date) -> int:
    return max(0, (end - start).days)


def _require_sum(row: LedgerRow) -> None:
    if row.kind is Kind.FORFEIT:
        _require(row, row.before is not None, "there is nothing to forfeit")
        assert row.before is not None
        _require(row, row == forfeit_of(row.number, row.before, row.day), "it does not forfeit all that was left")
        return
    _require(row, (row.kind is Kind.OPEN) == (row.number == 1), "the first row opens, and no other")
    _require(row, row.after is not None, "keys leave a standing")
    assert row.after is not None
    origins = {row.day}
    if row.before is not None and row.before.ends_on <= row.day:
        origins.add(row.before.ends_on)
    _require(row, row.origin in origins, "its origin is neither its day nor an end already past")
    _require(row, row.granted > 0 and row.undoes is None, "keys grant something and undo nothing")
    _require(row, row.after.credit < row.after.seats, "its credit would make a whole day")
    pool = _left(row.before, row.origin) + row.granted
    spread = row.after.seats * (row.after.ends_on - row.origin).days + row.after.credit
    _require(row, pool == spread, f"it had {pool} seat-days and spread {spread}")


def _require_reversal(row: LedgerRow, kept: Sequence[LedgerRow]) -> None:
    undoes_last = bool(kept) and kept[-1].number == row.undoes and kept[-1].kind in BY_KEY
    _require(row, undoes_last, "it does not undo the last act of keys that stands")
    _require(row, row == reversal_of(row.number, kept[-1], row.day), "it does not restore what was before")


def _require(row: LedgerRow, holds: bool, reason: str) -> None:
    if not holds:
        raise LedgerBroken(number=row.number, reason=reason)
