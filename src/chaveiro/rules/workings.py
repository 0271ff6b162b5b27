"""How a ledger row was reckoned, from the row alone: what was there, what came, and how it was shared out.

    pool = A·B + R + granted      S seats afterwards      E' = O + pool div S      R' = pool mod S

Source: rules, section 2. The single keys of a row may be another's to read; its sum is everybody's who sees the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chaveiro.rules.seat_time import Standing


@dataclass(frozen=True, slots=True)
class Working:
    """One row's sum. Days count from `origin`; everything else is in seats or seat-days."""

    origin: date
    seats_before: int
    days_left: int
    credit_before: int
    granted: int
    seats: int
    days: int
    credit: int
    ends_on: date

    @property
    def carried(self) -> int:
        """What was there before: seats times days left, and the credit."""
        return self.seats_before * self.days_left + self.credit_before

    @property
    def pool(self) -> int:
        """Everything that is shared out."""
        return self.carried + self.granted

    @property
    def spread(self) -> int:
        """What was shared out; the pool again, in every row that stands in the books."""
        return self.seats * self.days + self.credit


def working(*, origin: date, granted: int, before: Standing | None, after: Standing | None) -> Working | None:
    """The sum of a row by which keys came; None for one that took something back or gave it up: it reckons nothing.

    Days left count from `origin` too: the day itself, or, in grace, the old end, from which nothing was left.
    """
    if after is None or granted == 0:
        return None
    return Working(
        origin=origin,
        seats_before=0 if before is None else before.seats,
        days_left=0 if before is None else max(0, (before.ends_on - origin).days),
        credit_before=0 if before is None else before.credit,
        granted=granted,
        seats=after.seats,
        days=(after.ends_on - origin).days,
        credit=after.credit,
        ends_on=after.ends_on,
    )
