"""The platform's own clock, held against what it has told before. Every doubt moves erasures later, never earlier (P1).

Source: rules, section 4 (one platform day; late, doubled and concurrent sweeps change nothing); reliability, P1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from chaveiro.rules.errors import Refusal
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.notices import QUIET_DAYS

BACK_AT_MOST = timedelta(minutes=5)  # time servers put clocks right by less
QUIET_DAYS_AT_MOST = 31  # what is left of a quiet once the clock that began it is known to have been wrong
NOTED_EVERY = timedelta(minutes=10)


class DayWentBack(Refusal):
    """The clock shows a day before one that was begun already; nothing is done until it is right. Facts: day, mark."""

    code = "day_went_back"


class Doubt(StrEnum):
    """Why nothing is erased for some days."""

    OUTAGE = "outage"  # no sweep for more than a day, or a clock that jumped ahead: nobody can tell which
    CLOCK_BACK = "clock_back"
    WOUND_BACK = "wound_back"  # an operator said that the clock had been wrong
    RESTORED = "restored"
    LOOKED_AT = "looked_at"  # a restore that an operator has looked at: notices go again, erasures wait


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the clock has come: the last day that was swept, the latest instant seen; no erasure before
    `quiet_until`, and why."""

    day: date | None = None
    at: datetime | None = None
    quiet_until: date | None = None
    why: str = ""

    def quiet_on(self, day: date) -> bool:
        """Whether nothing may be erased on that day."""
        return self.quiet_until is not None and day < self.quiet_until

    def silent_on(self, day: date) -> bool:
        """Whether no notice is posted on that day: a backup came back, and nobody has looked at it yet."""
        return self.why == Doubt.RESTORED and self.quiet_on(day)


def heed(mark: Mark, *, now: datetime, day: date) -> Mark:
    """The mark once that day is swept at that instant. Raises DayWentBack."""
    if mark.day is not None and day < mark.day:
        raise DayWentBack(day=day, mark=mark.day)
    doubt = _doubt(mark, now, day)
    latest = now if mark.at is None or doubt is Doubt.CLOCK_BACK else max(now, mark.at)
    moved = replace(mark, day=day, at=latest)
    if doubt is None:
        return moved
    # A restore is more than a doubt of the clock: what was told since the backup is not known.
    return quiet(moved, days_later(day, QUIET_DAYS), Doubt.RESTORED if mark.silent_on(day) else doubt)


def _doubt(mark: Mark, now: datetime, day: date) -> Doubt | None:
    if mark.at is not None and now < mark.at - BACK_AT_MOST:
        return Doubt.CLOCK_BACK
    if mark.day is not None and (day - mark.day).days > 1:
        return Doubt.OUTAGE
    return None


def quiet(mark: Mark, until: date, why: str) -> Mark:
    """The same with nothing erased before `until`; a longer quiet stays as it is."""
    if mark.quiet_until is not None and mark.quiet_until >= until:
        return mark
    return replace(mark, quiet_until=until, why=why)


def looked_at(mark: Mark) -> Mark:
    """The mark after an operator has looked at what a restore brought back; anything else stays as it is."""
    return replace(mark, why=Doubt.LOOKED_AT) if mark.why == Doubt.RESTORED else mark


def wound_back(mark: Mark, *, now: datetime, day: date) -> Mark:
    """The mark after an operator said that the clock had been wrong. A quiet that stands stays, but not of that clock's
    days: it ends within a month."""
    until = days_later(day, QUIET_DAYS)
    if mark.quiet_until is not None:
        until = max(until, min(mark.quiet_until, days_later(day, QUIET_DAYS_AT_MOST)))
    return quiet(Mark(day, now), until, Doubt.WOUND_BACK)


def needs_noting(mark: Mark, *, now: datetime, day: date) -> bool:
    """Whether the mark has to be moved at all, so that a look each minute writes nothing."""
    return mark.day != day or mark.at is None or abs(now - mark.at) >= NOTED_EVERY or now < mark.at - BACK_AT_MOST
