"""Renewals by month and redemptions over time as pictures, and the same as tables to take along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Wanted
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.seat_time import add_months
from chaveiro.web.charts import Chart, panel
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import language
from chaveiro.web.spreadsheets import csv_file
from chaveiro.wording import figures

# How many columns there are for each step.
SPANS = {"day": 30, "week": 26, "month": 13}
USUAL = "day"


def usual_wanted() -> Wanted:
    """What a home shows: without test customers where customers are real."""
    return Wanted(test="" if wiring.house().pretence else "no")


def months(wanted: Wanted, *, day: date, csv: str) -> Chart:
    """What ends in each of the next thirteen months, this one first. Call it while acting."""
    found, write = queries.by_month(wanted, day=day), figures(language())
    words = [write.month(month.begins) for month in found]
    subscriptions, seats = [month.subscriptions for month in found], [month.seats for month in found]
    total = sum(subscriptions)
    if total:
        says = ngettext(
            "%(n)s subscription ends from %(first)s to %(last)s, by its last day.",
            "%(n)s subscriptions end from %(first)s to %(last)s, by their last day.",
            total,
        ) % {"n": write.number(total), "first": words[0], "last": words[-1]}
    else:
        says = _("No subscription ends from %(first)s to %(last)s.") % {"first": words[0], "last": words[-1]}
    return Chart(
        "renewals-by-month",
        _("Renewals by month"),
        says,
        (panel(_("Subscriptions"), subscriptions, words), panel(_("Licences"), seats, words)),
        tuple(write.month_short(month.begins) for month in found),
        (_("Month"), _("Subscriptions"), _("Licences")),
        tuple(zip(words, subscriptions, seats, strict=True)),
        csv,
    )


def redemptions(step: str, *, day: date) -> Chart:
    """What was redeemed in each of the last 30 days, 26 weeks or 13 months. Call it while acting."""
    step = step if step in SPANS else USUAL
    write = figures(language())
    begins = columns(step, day)
    found = queries.redeemed(begins[0], day, step)
    counts = [found.get(first, (0, 0))[0] for first in begins]
    undone = [found.get(first, (0, 0))[1] for first in begins]
    word: Callable[[date], str] = write.month if step == "month" else write.day
    words = [word(first) for first in begins]
    total = sum(counts)
    if total:
        says = ngettext(
            "%(n)s redemption since %(first)s; of them taken back or moved: %(undone)s.",
            "%(n)s redemptions since %(first)s; of them taken back or moved: %(undone)s.",
            total,
        ) % {"n": write.number(total), "first": write.day(begins[0]), "undone": write.number(sum(undone))}
    else:
        says = _("Nothing was redeemed since %(first)s.") % {"first": write.day(begins[0])}
    heading = {"day": _("Day"), "week": _("Week (its Monday)"), "month": _("Month")}[step]
    rows = [row for row in zip(words, counts, undone, strict=True) if row[1] or step != "day"]
    return Chart(
        "redemptions-over-time",
        _("Redemptions over time"),
        says,
        (panel(_("Redemptions"), counts, words, undone),),
        (words[0], _("today")),
        (heading, _("Redemptions"), _("Taken back or moved")),
        tuple(reversed(rows)),
        f"/charts/redemptions.csv?by={step}",
    )


def columns(step: str, day: date) -> list[date]:
    """The day on which each column begins, the oldest first; the last one has the day in it."""
    count = SPANS[step]
    match step:
        case "month":
            return [add_months(day.replace(day=1), -back) for back in range(count - 1, -1, -1)]
        case "week":
            monday = day - timedelta(days=day.weekday())
            return [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]
    return [day - timedelta(days=back) for back in range(count - 1, -1, -1)]


def steps(here: str, current: str) -> list[tuple[str, str, bool]]:
    """The links that change how redemptions are counted."""
    current = current if current in SPANS else USUAL
    named = (("day", _("by day")), ("week", _("by week")), ("month", _("by month")))
    return [(f"{here}?by={step}#redemptions-over-time", word, step == current) for step, word in named]


@require_safe
@signed_in
def redemptions_csv(request: Any) -> HttpResponse:
    """Redemptions over time as a table."""
    with acting(business(request)):
        chart = redemptions(request.GET.get("by", ""), day=wiring.means().day)
    return csv_file("redemptions-over-time", chart.headings, chart.rows)


def business(request: Any) -> Any:
    """Whoever sells or runs the house; to others there is no such page."""
    if request.actor.kind not in (Kind.CHANNEL, Kind.OPERATOR):
        raise NotFound()
    return request.actor
