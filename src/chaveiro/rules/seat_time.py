"""Seat-time: what keys bring, what a subscription has, and the sum that makes one of both.

    pool = A·B + R + Σ seats·T      S = seats afterwards      E' = O + pool div S      R' = pool mod S

A seats, B days left, R credit, T a key's days, O the origin (`Footing`). Source: rules, section 2. Nothing here
refuses for policy: limits stand in `offers`, the act in `terms`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from chaveiro.rules.errors import Malformed, SubscriptionDeleted
from chaveiro.rules.lifecycle import Stage, days_later, stage_on
from chaveiro.rules.policies import MONTHS_AT_MOST, Policy

SEATS_AT_MOST = 10_000_000
GRANTS_AT_MOST = 10_000
# Acts lie before the year 9000, ends one longest horizon later: no term then meets the end of Python's calendar.
LAST_YEAR = 9000
LAST_YEAR_OF_AN_END = LAST_YEAR + MONTHS_AT_MOST // 12
assert date.max.year > LAST_YEAR_OF_AN_END + MONTHS_AT_MOST // 12


class Operation(StrEnum):
    """What keys are presented for."""

    OPEN = "open"
    ADD = "add"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one key carries. Raises Malformed outside 1 to SEATS_AT_MOST seats, 1 to MONTHS_AT_MOST months."""

    seats: int
    months: int

    def __post_init__(self) -> None:
        whole_number("seats", self.seats, 1, SEATS_AT_MOST)
        whole_number("months", self.months, 1, MONTHS_AT_MOST)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a subscription has: seats, the first day not covered, and a credit in seat-days.

    Raises Malformed for fewer than one seat, a negative credit, or a day outside the calendar of the rules.
    """

    seats: int
    ends_on: date
    credit: int

    def __post_init__(self) -> None:
        whole_number("seats", self.seats, 1, SEATS_AT_MOST)
        whole_number("credit", self.credit, 0, None)
        calendar_day("ends_on", self.ends_on, LAST_YEAR_OF_AN_END)


@dataclass(frozen=True, slots=True)
class Granted:
    """One key's line in a sum: its seats, its months, those months in days from where its time starts."""

    seats: int
    months: int
    days: int

    @property
    def seat_days(self) -> int:
        """What the line brings."""
        return self.seats * self.days


@dataclass(frozen=True, slots=True)
class Footing:
    """Where keys act from: one row of the table of section 2, for one subscription on one day.

    `before` is None when opening. `stage` is that of the subscription on the day; a new one has none.
    """

    operation: Operation
    day: date
    stage: Stage | None
    before: Standing | None
    origin: date
    days_left: int

    @property
    def keys_start_on(self) -> date:
        """The day on which a key's months begin: the old end when an active one is extended, else the origin."""
        return days_later(self.origin, self.days_left) if self.operation is Operation.EXTEND else self.origin

    @property
    def carried(self) -> int:
        """The seat-days that were there before: seats times days left, and the credit."""
        return 0 if self.before is None else self.before.seats * self.days_left + self.before.credit

    def seats_given(self, granted: int) -> int:
        """The seats afterwards when nobody chooses, for keys that bring `granted` seats together."""
        if self.before is None:
            return granted
        return self.before.seats + granted if self.operation is Operation.ADD else self.before.seats


@dataclass(frozen=True, slots=True)
class Sum:
    """One act on seat-time, with every number that is needed to show it in words and figures.

    Days before `keys_start_on` were there already. `chosen` tells that the seats afterwards are not those that the
    act gives by itself. `days_after` counts from `origin` to `ends_on`. `moved` is set where a correction brought the
    keys here: so many seat-days were left of them, whatever they carried when they were new.
    """

    footing: Footing
    grants: tuple[Granted, ...]
    pool: int
    seats: int
    days_after: int
    credit: int
    chosen: bool
    moved: int | None = None

    @property
    def ends_on(self) -> date:
        """The first day not covered afterwards (the calendar's last for what would be refused anyway)."""
        return days_later(self.footing.origin, self.days_after)

    @property
    def granted(self) -> int:
        """The seat-days that the keys bring."""
        return sum(line.seat_days for line in self.grants) if self.moved is None else self.moved

    @property
    def after(self) -> Standing:
        """What the subscription has afterwards."""
        return Standing(self.seats, self.ends_on, self.credit)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: whole numbers, days as ISO 8601, names as in the rules."""
        footing, before = self.footing, self.footing.before
        return {
            "operation": footing.operation.value,
            "day": footing.day.isoformat(),
            "stage": None if footing.stage is None else footing.stage.value,
            "origin": footing.origin.isoformat(),
            "keys_start_on": footing.keys_start_on.isoformat(),
            "days_left": footing.days_left,
            "seats_before": 0 if before is None else before.seats,
            "ends_on_before": None if before is None else before.ends_on.isoformat(),
            "credit_before": 0 if before is None else before.credit,
            "carried": footing.carried,
            "grants": [
                {"seats": line.seats, "months": line.months, "days": line.days, "seat_days": line.seat_days}
                for line in self.grants
            ],
            "granted": self.granted,
            "pool": self.pool,
            "seats": self.seats,
            "chosen": self.chosen,
            "days_after": self.days_after,
            "ends_on": self.ends_on.isoformat(),
            "credit": self.credit,
            **({} if self.moved is None else {"moved": self.moved}),
        }


def add_months(day: date, months: int) -> date:
    """The same day of the month so many calendar months later (or earlier), clamped to that month's end.

    Always counted from the first day, never month by month: 31 January + 2 months is 31 March. The caller stays
    within Python's years (1 to 9999).
    """
    years, month_index = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month_index + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def footing(
    operation: Operation, day: date, standing: Standing | None, policy: Policy, erased_on: date | None = None
) -> Footing:
    """Where keys act from. In grace the service was in use, so time counts from the old end; retained, from the day.

    Raises Malformed when a subscription is missing or given against the operation, SubscriptionDeleted.
    """
    calendar_day("day", day, LAST_YEAR)
    if (standing is None) != (operation is Operation.OPEN):
        raise Malformed(field="subscription", reason="is for add and extend, and missing only to open")
    if standing is None:
        return Footing(operation, day, None, None, day, 0)
    stage = stage_on(day, standing.ends_on, policy, erased_on)
    if stage is Stage.DELETED:
        raise SubscriptionDeleted(erased_on=erased_on)
    if stage is Stage.ACTIVE:
        return Footing(operation, day, stage, standing, day, (standing.ends_on - day).days)
    return Footing(operation, day, stage, standing, standing.ends_on if stage is Stage.GRACE else day, 0)


def add_up(start: Footing, grants: Sequence[Grant], seats_after: int | None, moved: int | None = None) -> Sum:
    """The sum itself; with `moved`, the keys bring what was left of them elsewhere, and not what they carry when new.

    Raises Malformed for no key, or more than GRANTS_AT_MOST, or seats or seat-days that are no number.
    """
    if not 1 <= len(grants) <= GRANTS_AT_MOST:
        raise Malformed(field="keys", reason=f"must be 1 to {GRANTS_AT_MOST}")
    given = start.seats_given(sum(grant.seats for grant in grants))
    if seats_after is not None:
        whole_number("seats_after", seats_after, 1, None)
    keys_start_on = start.keys_start_on
    days = {months: (add_months(keys_start_on, months) - keys_start_on).days for months in {g.months for g in grants}}
    lines = tuple(Granted(grant.seats, grant.months, days[grant.months]) for grant in grants)
    if moved is not None:
        whole_number("moved", moved, 1, None)
    pool = start.carried + (sum(line.seat_days for line in lines) if moved is None else moved)
    seats = given if seats_after is None else seats_after
    days_after, credit = divmod(pool, seats)
    return Sum(start, lines, pool, seats, days_after, credit, chosen=seats != given, moved=moved)


def whole_number(field: str, value: object, least: int, most: int | None) -> None:
    """Raises Malformed unless the value is a whole number between the two (a truth value is none)."""
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not fits or (most is not None and isinstance(value, int) and value > most):
        raise Malformed(field=field, reason=f"must be a whole number from {least}" + (f" to {most}" if most else ""))


def calendar_day(field: str, value: object, last_year: int) -> None:
    """Raises Malformed unless the value is a day (not an instant), in `last_year` or before."""
    if type(value) is not date or value.year > last_year:
        raise Malformed(field=field, reason=f"must be a day, in the year {last_year} or before")
