"""A day of the platform: what the calendar does to all subscriptions that live by the real clock.

    the clock is held against its mark ──▶ what is due is erased ──▶ what is owed is written

Late, doubled and concurrent days change nothing. A clock in doubt puts erasures off, never forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import connection

from chaveiro.apps.clocks import actions as clocks
from chaveiro.apps.clocks import queries as marks
from chaveiro.apps.closing.actions import erasing, sweeping
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.platform_clock import Mark, needs_noting

# Read off the index by which the sweep claims.
IS_DUE = """
SELECT EXISTS (SELECT FROM subscriptions_subscription s
    WHERE s.clock_id IS NULL AND s.due_on <= %s AND seen_subscription(s.customer_id, s.id))
"""


@dataclass(frozen=True, slots=True)
class Lived:
    """What a day came to. `quiet_until`: nothing is erased before."""

    day: date
    erased: int
    swept: sweeping.Swept
    quiet_until: date | None
    quiet_why: str


def live(*, means: Means, dry_run: bool = False) -> Lived:
    """Do what is due on the platform's day. A dry run tells what the first portion of the sweep would write.

    Raises DayWentBack when a later day was begun before: then nothing is done (`wind_back`).
    """
    with acting(SYSTEM):
        mark = _heed(means, dry_run)
    erased = 0 if dry_run else len(erasing.erase_due(day=means.day, clock=None, means=means).subscriptions)
    swept = sweeping.sweep(day=means.day, means=means, quiet_until=mark.quiet_until, dry_run=dry_run)
    quiet = mark.quiet_on(means.day)
    return Lived(means.day, erased, swept, mark.quiet_until if quiet else None, mark.why if quiet else "")


def _heed(means: Means, dry_run: bool) -> Mark:
    if dry_run:
        return marks.mark()
    return clocks.heed(now=means.now, day=means.day)


def is_due(*, means: Means) -> bool:
    """Whether there is anything to do: a new day, a mark that grew old, or a subscription to look at."""
    with acting(SYSTEM):
        if needs_noting(marks.mark(), now=means.now, day=means.day):
            return True
        return bool(connection.connection.execute(IS_DUE, (means.day,)).fetchone()[0])


def wind_back(*, means: Means) -> Mark:
    """An operator says that the clock had been wrong and is right now: days go on from today, nothing is erased soon.

    Journals `clock:wound_back` and `clock:quiet`.
    """
    with acting(SYSTEM):
        return clocks.wind_back(now=means.now, day=means.day)
