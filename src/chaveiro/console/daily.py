"""`chaveiro daily`: the clock. What is due and not yet done is done; twice is once, and late is no loss."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import click
from django.conf import settings

from chaveiro import wiring
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
@click.option("--dry-run", is_flag=True, help="Say which day it would be and do nothing.")
@output.json_option
def daily(day: str | None, dry_run: bool, as_json: bool) -> None:
    """Let go what is over: drafts and holds past their end, exports that nobody fetched, answers past their time.

    Outside a sandbox no day after today is played.
    """
    means = at(day, wiring.means())
    told = {"day": means.day.isoformat(), "dry_run": dry_run} | ({} if dry_run else sweep(means))
    if as_json:
        output.write_json(told)
    else:
        output.write("\n".join(f"{name}: {value}" for name, value in told.items()))


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
    sessions_dropped = sessions.sweep(now=means.now)
    answers = 0
    while dropped := _drop_answers(means):
        answers += dropped
    return {
        "drafts_ended": drafts,
        "exports_dropped": exports,
        "sessions_dropped": sessions_dropped,
        "answers_dropped": answers,
    }


def _drop_answers(means: Means) -> int:
    with acting(SYSTEM):
        return operations.sweep(now=means.now)
