"""`chaveiro clocks`: test clocks made, moved through every day, ended; test customers put on them; their diaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import click

from chaveiro import wiring
from chaveiro.apps.clocks import queries
from chaveiro.apps.clocks.queries import ClockCard
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries.diary import LINES_AT_MOST, diary
from chaveiro.apps.identity.actions import acting
from chaveiro.console import clock_days, output
from chaveiro.console.acts import actor_named, day_of, id_of, limit_option, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.console.worker import desk
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.errors import Malformed
from chaveiro.wording import diary as telling

HEADINGS = ("CLOCK", "DAY", "NAME", "HOLDER", "MOVING TO", "ENDED")
DIARY_HEADINGS = ("DAY", "CUSTOMER", "PRODUCT", "WHAT HAPPENED")

as_option = click.option("--as", "login", default=None, help="Whose clock it is; absent: the vendor's.")


@click.command("list")
@limit_option
@speaking
def list_clocks(voice: Voice, limit: int) -> None:
    """List test clocks, the newest first, at most 200."""
    with acting(SYSTEM):
        told = [telling.clock(one) for one in queries.clocks(limit=limit)]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("make")
@click.argument("name")
@click.option("--day", default=None, help="Its first day (YYYY-MM-DD); absent: today.")
@as_option
@dry_run_option
@speaking
def make_clock(voice: Voice, name: str, day: str | None, login: str | None, dry_run: bool) -> None:
    """Make a test clock. Customers opened on it, or put onto it, live on its day."""
    actor = actor_named(login)
    with rehearsal(actor, dry_run):
        made = actions.make_clock(
            actor=actor, name=name, day=day_of("day", day), house=wiring.house(), means=wiring.means()
        )
        _show(voice, actor, made, dry_run)


@click.command("attach")
@click.argument("clock")
@click.argument("customer")
@as_option
@dry_run_option
@speaking
def attach_customer(voice: Voice, clock: str, customer: str, login: str | None, dry_run: bool) -> None:
    """Put a test customer onto a clock, with all that it has. It never goes back to a day that it has lived."""
    actor, wanted = actor_named(login), id_of("clock", clock)
    with rehearsal(actor, dry_run):
        actions.attach_customer(
            actor=actor,
            customer=id_of("customer", customer),
            clock=wanted,
            house=wiring.house(),
            means=wiring.means(),
        )
        _show(voice, actor, wanted, dry_run)


@click.command("move")
@click.argument("clock")
@click.option("--to", "until", default=None, help="The day to come to (YYYY-MM-DD).")
@click.option("--days", type=click.IntRange(0, 100_000), default=None, help="Or so many days.")
@as_option
@dry_run_option
@speaking
def move_clock(voice: Voice, clock: str, until: str | None, days: int | None, login: str | None, dry_run: bool) -> None:
    """Live every day up to and with the one named, in order, mails and all. Interrupted, run it again.

    It works here and now; pages and the API leave it to the worker.
    """
    actor, wanted = actor_named(login), id_of("clock", clock)
    with acting(actor):
        card = queries.clock(wanted)
    to = _until(card, day_of("to", until), days)
    with rehearsal(actor, dry_run):
        operation = actions.begin_move(
            actor=actor, clock=wanted, until=to, house=wiring.house(), means=wiring.means(), by_worker=False
        )
        if dry_run:
            _show(voice, actor, wanted, dry_run)
    if dry_run:
        return
    progress = output.Progress("days")
    clock_days.move(
        desk(),
        operation=operation,
        clock=wanted,
        until=to,
        told=lambda day: progress((day - card.day).days, (to - card.day).days),
    )
    _show(voice, actor, wanted, dry_run)


@click.command("end")
@click.argument("clock")
@as_option
@dry_run_option
@speaking
def end_clock(voice: Voice, clock: str, login: str | None, dry_run: bool) -> None:
    """Move a clock no more. Its customers keep its day."""
    actor, wanted = actor_named(login), id_of("clock", clock)
    with rehearsal(actor, dry_run):
        actions.end_clock(actor=actor, clock=wanted, house=wiring.house(), means=wiring.means())
        _show(voice, actor, wanted, dry_run)


@click.command("diary")
@click.argument("clock")
@click.option("--from", "first", default=None, help="From this day on (YYYY-MM-DD).")
@click.option("--before", default=None, help="Before this day (YYYY-MM-DD).")
@speaking
def show_diary(voice: Voice, clock: str, first: str | None, before: str | None) -> None:
    """Print what happened on each day of a clock, the earliest first, at most 1,000 lines."""
    wanted = id_of("clock", clock)
    with acting(SYSTEM):
        queries.clock(wanted)
        found = diary(
            wanted,
            first=day_of("from", first) or date.min,
            before=day_of("before", before) or date.max,
            limit=LINES_AT_MOST,
        )
    told = [telling.line(one, voice.language) for one in reversed(found)]
    voice.show(told, lambda: diary_table(told))


def diary_table(told: list[dict[str, Any]]) -> str:
    """The diary for people: a line for each thing that happened."""
    rows = ((one["day"], one["customer_name"], one["product"], one["text"]) for one in told)
    return output.table(DIARY_HEADINGS, rows)


def _until(card: ClockCard, day: date | None, days: int | None) -> date:
    if (day is None) == (days is None):
        raise Malformed(field="to", reason="either --to or --days")
    if day is not None:
        return day
    return card.day + timedelta(days=min(days or 0, (date.max - card.day).days))


def _show(voice: Voice, actor: Actor, clock: UUID, dry_run: bool) -> None:
    with acting(actor):
        told = telling.clock(queries.clock(clock)) | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(told[name] for name in ("id", "day", "name", "holder", "moving_to", "ended_at"))
