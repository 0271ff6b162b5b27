"""Living the days of a test clock: each of them, in order, with all that the calendar does on it.

    the clock's day ──▶ erase what is due ──▶ write what is owed ──▶ post it ──▶ the next day ──▶ …

Killed half-way it goes on from the day that the clock shows: what was done of it already is not due any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from chaveiro.apps.clocks import actions as clocks
from chaveiro.apps.clocks import queries
from chaveiro.apps.closing.actions import erasing, sweeping
from chaveiro.apps.closing.actions.clocks import next_day
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import actions as operations
from chaveiro.console.letters import Desk
from chaveiro.console.notice_letters import post_owed
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Contention

POSTED_AT_ONCE = 50


def live(desk: Desk, *, clock: UUID, day: date) -> None:
    """One day: what the sweep of the real calendar does on a day, for the customers on this clock."""
    means = desk.means()
    means = means.at(means.now, day)
    erasing.erase_due(day=day, clock=clock, means=means)
    sweeping.sweep(day=day, clock=clock, means=means)
    # What does not arrive makes others owed, on the same day.
    while post_owed(desk, day=day, clock=clock, limit=POSTED_AT_ONCE):
        pass


def move(
    desk: Desk,
    *,
    operation: UUID,
    clock: UUID,
    until: date,
    stopping: Callable[[], bool] = lambda: False,
    told: Callable[[date], None] = lambda _day: None,
) -> bool:
    """Live every day up to and with `until`; False when `stopping` said so before. What is done already stays done.

    `told` hears of each day after it was lived. Raises Contention when somebody else moves the same clock.
    """
    with acting(SYSTEM):
        work = operations.take_up(operation=operation, now=desk.means().now)
        card = queries.clock(clock)
    if work is None:
        return True
    day, first = card.day, until - timedelta(days=work.total)
    while card.ended_at is None:
        live(desk, clock=clock, day=day)
        told(day)
        with acting(SYSTEM):
            goes_on = operations.beat(operation=operation, done=(day - first).days, now=desk.means().now)
        if not goes_on or day >= until:
            break
        if stopping():
            return False
        if not next_day(actor=SYSTEM, clock=clock, day=day):
            raise Contention(what="clock")
        day += timedelta(days=1)
    with acting(SYSTEM):
        clocks.settle(clock=clock, now=desk.means().now)
        operations.finish(operation=operation, now=desk.means().now, result={"day": day.isoformat()})
    return True
