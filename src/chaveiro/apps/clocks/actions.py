"""Making test clocks and moving them, day by day. All stand in the caller's transaction.

made ──move──▶ moving ──advance, once for each day──▶ … ──settle──▶ standing ──end──▶ ended
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from chaveiro.apps.clocks.models import Clock, Platform
from chaveiro.apps.clocks.queries import ClockCard, card_of, mark_of
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules import platform_clock
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import NotFound
from chaveiro.rules.platform_clock import Mark


def make(*, clock: UUID, name: str, day: date, organisation: UUID | None, account: UUID | None, now: datetime) -> None:
    """Write a clock down; its name and day were checked (rules.clocks)."""
    made = Clock(id=clock, name=name, day=day, organisation_id=organisation, created_by=account, created_at=now)
    made.save(force_insert=True)


def hold(clock: UUID) -> ClockCard:
    """One clock, nobody else's to change until the transaction ends. Raises NotFound."""
    row = seen(Clock).select_for_update().filter(id=clock).first()
    if row is None:
        raise NotFound(what="clock")
    return card_of(row)


def begin(*, clock: UUID, until: date, operation: UUID) -> None:
    """The clock moves from now on; `operation` tells how far it is."""
    seen(Clock).filter(id=clock).update(moving_to=until, operation_id=operation)


def advance(*, clock: UUID, day: date, to: date) -> bool:
    """From `day` to the day after; False when somebody else moved it meanwhile: a compare-and-set."""
    return seen(Clock).filter(id=clock, day=day, ended_at=None).update(day=to) == 1


def settle(*, clock: UUID, now: datetime) -> None:
    """The clock has come to where it should."""
    seen(Clock).filter(id=clock).update(moving_to=None, moved_at=now)


def end(*, clock: UUID, now: datetime) -> None:
    """The clock is moved no more; its customers keep its day."""
    seen(Clock).filter(id=clock, ended_at=None).update(ended_at=now, moving_to=None)


# The platform's own clock: one row, made by whoever needs it first. What becomes quiet is journalled.


def heed(*, now: datetime, day: date) -> Mark:
    """That day begins to be swept at that instant; answers the mark. Raises DayWentBack.

    A clock that stood still for more than a day, or went back, makes the platform quiet: nothing is erased for a week.
    """
    before = _hold_mark()
    return _keep(before, platform_clock.heed(before, now=now, day=day), now)


def go_quiet(until: date, why: str, *, now: datetime) -> Mark:
    """Nothing is erased before `until`; a longer quiet stays. Answers the mark."""
    before = _hold_mark()
    return _keep(before, platform_clock.quiet(before, until, why), now)


def look_at(*, now: datetime) -> bool:
    """An operator has looked at what a restore brought back: notices go again. False where none waits for it."""
    before = _hold_mark()
    after = platform_clock.looked_at(before)
    if after == before:
        return False
    record(tag="installation:looked_at", at=now, actor=SYSTEM, subject_id="platform")
    _keep(before, after, now)
    return True


def wind_back(*, now: datetime, day: date) -> Mark:
    """The clock had been wrong: the last day that was swept is `day` from now on, and the platform is quiet."""
    before = _hold_mark()
    facts = {"day": day.isoformat(), "was": before.day and before.day.isoformat()}
    record(tag="clock:wound_back", at=now, actor=SYSTEM, subject_id="platform", facts=facts)
    return _keep(before, platform_clock.wound_back(before, now=now, day=day), now)


def _hold_mark() -> Mark:
    """The mark, nobody else's to move until the transaction ends."""
    Platform.objects.bulk_create([Platform(id=1)], ignore_conflicts=True)
    return mark_of(seen(Platform).select_for_update().get(id=1))


def _keep(before: Mark, after: Mark, now: datetime) -> Mark:
    if after != before:
        changes = {"day": after.day, "at": after.at, "quiet_until": after.quiet_until, "quiet_why": after.why}
        seen(Platform).filter(id=1).update(**changes)
    if after.quiet_until is not None and after.quiet_until != before.quiet_until:
        facts = {"until": after.quiet_until.isoformat(), "why": after.why}
        record(tag="clock:quiet", at=now, actor=SYSTEM, subject_id="platform", facts=facts)
    return after
