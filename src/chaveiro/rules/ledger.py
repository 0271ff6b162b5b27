"""The ledger of one subscription: what its rows add up to, and where every seat-day that keys brought has gone.

    granted = consumed + remaining + credit + forfeited + reversed + moved

What a correction moves away from one subscription another one is granted: `moved` here, `granted` there, the same
number (decision 0021). Source: rules, sections 2 and 6; invariants L1 and L2. Directly billed days are outside this
account.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from chaveiro.rules.errors import LedgerBroken, Refusal
from chaveiro.rules.seat_time import Standing, Sum


class Kind(StrEnum):
    """What a row of the ledger did."""

    OPEN = "open"
    ADD = "add"
    EXTEND = "extend"
    REVERSE = "reverse"
    FORFEIT = "forfeit"
    CORRECT = "correct"


BY_KEY = frozenset({Kind.OPEN, Kind.ADD, Kind.EXTEND})


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One change of a subscription's seat-time.

    `number` counts from 1 without a gap. `origin` is the day from which `after` counts: `day` itself, or the old end
    for keys that came in grace. `before` is None when opening, `after` None when an opening is reversed. `granted`
    is what the keys brought, in seat-days, and 0 for other kinds. `undoes` is the number of the row that is reversed,
    or whose keys a correction moves away.
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
    moved: int = 0

    @property
    def closes(self) -> bool:
        """Whether nothing was lost and nothing came from nowhere (L1)."""
        left = self.remaining + self.credit
        return self.granted == self.consumed + left + self.forfeited + self.reversed + self.moved


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


class NothingToMove(Refusal):
    """Nothing is left of what these keys brought. Facts: number, granted (seat-days)."""

    code = "nothing_to_move"


class ChangesStandOnIt(Refusal):
    """The keys opened the subscription, and later ones stand on them. Facts: number, changes."""

    code = "changes_stand_on_it"


def moved_by(row: LedgerRow) -> int:
    """The seat-days that a correction takes away from a subscription; 0 for every other kind of row."""
    return _left(row.before, row.day) - _left(row.after, row.day) if row.kind is Kind.CORRECT else 0


def standing_rows_of(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The rows that no reversal took back, oldest first."""
    return _apart(rows)[0]


def correction_of(number: int, kept: Sequence[LedgerRow], undoes: int, day: date) -> LedgerRow:
    """The row that takes what is left of the keys of row `undoes` away, for the subscription where they belong.

    `kept` are the rows that stand, oldest first. The subscription is left with what it would have had by its other
    keys, and never with less; what it used beyond that stays used and is not moved. No more moves than the keys
    brought. An end that would have passed by itself becomes the day: stages count from there, and nothing is erased
    earlier for a mistake of others. An opening leaves nothing.

    Raises NothingToMove, ChangesStandOnIt.
    """
    place = next(index for index, row in enumerate(kept) if row.number == undoes)
    made, now = kept[place], kept[-1].after
    assert now is not None
    own = _without(kept, place)
    moved = min(made.granted, _left(now, day) - _left(own, day))
    if moved <= 0 or now.ends_on <= day:
        raise NothingToMove(number=undoes, granted=made.granted)
    pool = _left(now, day) - moved
    after = None if own is None else Standing(own.seats, day + timedelta(days=pool // own.seats), pool % own.seats)
    return LedgerRow(number, Kind.CORRECT, day, day, now, after, undoes=undoes)


def _without(kept: Sequence[LedgerRow], place: int) -> Standing | None:
    """What would stand if the row at `place` had never been made; None where it opened and nothing came after it."""
    own, later = kept[place].before, kept[place + 1 :]
    for row in later:
        if own is None or row.before is None or row.after is None:
            raise ChangesStandOnIt(number=kept[place].number, changes=len(later))
        seats = own.seats + row.after.seats - row.before.seats
        if seats < 1:
            raise ChangesStandOnIt(number=kept[place].number, changes=len(later))
        change = _left(row.after, row.origin) - _left(row.before, row.origin)
        pool = max(0, _left(own, row.day) + change)
        own = Standing(seats, row.day + timedelta(days=pool // seats), pool % seats)
    return own


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
            _require_correction(row, standing_rows) if row.kind is Kind.CORRECT else _require_sum(row)
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
        moved=sum(moved_by(row) for row in kept),
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


def _require_correction(row: LedgerRow, kept: Sequence[LedgerRow]) -> None:
    moved_before = {other.undoes for other in kept if other.kind is Kind.CORRECT}
    by_key = any(other.number == row.undoes and other.kind in BY_KEY for other in kept)
    _require(row, by_key and row.undoes not in moved_before, "it moves no keys that stand here")
    _require(row, row.before is not None, "there is nothing to move")
    try:
        right = correction_of(row.number, kept, row.undoes or 0, row.day)
    except (NothingToMove, ChangesStandOnIt) as refusal:
        raise LedgerBroken(number=row.number, reason=refusal.summary()) from refusal
    _require(row, row == right, "it takes more or less than was left of the keys")


def _require(row: LedgerRow, holds: bool, reason: str) -> None:
    if not holds:
        raise LedgerBroken(number=row.number, reason=reason)
