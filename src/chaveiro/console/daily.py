"""`chaveiro daily`: the clock. What is due and not yet done is done; twice is once, and late is no loss."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.closing.actions import destroying, exporting, living
from chaveiro.apps.identity.actions import acting, sessions
from chaveiro.apps.keys.actions.exports import drop_expired_exports
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.redemption.actions import drafting
from chaveiro.console import output
from chaveiro.console.refusals import DayNotYet
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Malformed
from chaveiro.rules.means import Means


@click.command()
@click.option("--day", default=None, help="Do what the clock would do on that day (YYYY-MM-DD); absent: today.")
@click.option("--dry-run", is_flag=True, help="Tell what would be written and do nothing.")
@click.option("--clock-was-wrong", is_flag=True, help="Days go on from this one, though a later one was begun before.")
@output.json_option
def daily(day: str | None, dry_run: bool, clock_was_wrong: bool, as_json: bool) -> None:
    """Do what is due and not yet done: erase what may be, write the notices that are owed, let go what is over.

    Twice is once, and late is no loss. A day before one that was begun already is refused; after a wrong clock was put
    right, `--clock-was-wrong` says so, and nothing is erased for a week. Outside a sandbox no day after today is
    played.
    """
    means = at(day, wiring.means())
    if clock_was_wrong and not dry_run:
        living.wind_back(means=means)
    told = {"day": means.day.isoformat(), "dry_run": dry_run} | live(means, dry_run=dry_run)
    if not dry_run:
        told |= sweep(means)
    if as_json:
        output.write_json(told)
    else:
        output.write("\n".join(f"{name}: {value}" for name, value in told.items()))


def live(means: Means, *, dry_run: bool = False) -> dict[str, Any]:
    """Live the platform's day; answers how much was written. Raises DayWentBack."""
    lived = living.live(means=means, dry_run=dry_run)
    return {
        "quiet_until": lived.quiet_until and lived.quiet_until.isoformat(),
        "quiet_why": lived.quiet_why,
        "erased": lived.erased,
        "looked_at": lived.swept.looked_at,
        "notices_owed": lived.swept.owed,
        "notices_superseded": lived.swept.superseded,
        "nobody_to_tell": lived.swept.nobody,
        "erasures_put_off": lived.swept.put_off,
    }


def live_if_due(means: Means) -> None:
    """The worker's look, each minute: a day is lived where there is something to do on it."""
    if living.is_due(means=means):
        live(means)


def at(day: str | None, today: Means) -> Means:
    """The means of the clock on a day: now if it is today, else that day's first instant where the platform is.

    Raises Malformed, DayNotYet.
    """
    if day is None:
        return today
    try:
        wanted = date.fromisoformat(day)
    except ValueError as fault:
        raise Malformed(field="day", reason="must be a day as YYYY-MM-DD") from fault
    if wanted == today.day:
        return today
    if wanted > today.day and not settings.SANDBOX:
        raise DayNotYet(day=wanted, today=today.day)
    return today.at(datetime.combine(wanted, time.min, ZoneInfo(settings.PLATFORM_TIME_ZONE)), wanted)


def sweep(means: Means) -> dict[str, int]:
    """Do what is due; answers how much of each was."""
    drafts = drafting.sweep(now=means.now)
    exports = drop_expired_exports(means=means)
    takeouts = exporting.drop_old_exports(means=means)
    keys_destroyed = destroying.destroy_left(keys=wiring.data_keys(), means=means)
    sessions_dropped = sessions.sweep(now=means.now)
    answers = 0
    while dropped := _drop_answers(means):
        answers += dropped
    return {
        "drafts_ended": drafts,
        "exports_dropped": exports,
        "takeouts_dropped": takeouts,
        "data_keys_destroyed": keys_destroyed,
        "sessions_dropped": sessions_dropped,
        "answers_dropped": answers,
    }


def _drop_answers(means: Means) -> int:
    with acting(SYSTEM):
        return operations.sweep(now=means.now)
