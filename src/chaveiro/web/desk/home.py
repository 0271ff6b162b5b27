"""The operator's first page: what needs doing, how much there is, and what was redeemed of late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chaveiro import wiring
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.customers.queries import same_tax_number
from chaveiro.web.pages import language
from chaveiro.wording import figures

LATEST = 10
PAIRS_AT_MOST = 10
DAYS = 30
CHART_WIDTH, CHART_HEIGHT, BAR_WIDTH = 900, 160, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """One day in the picture, in its units; `count` redemptions, `undone` of them taken back."""

    day: date
    count: int
    undone: int
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The days of the picture, the highest count, and how many there were together."""

    bars: tuple[Bar, ...]
    highest: int
    total: int

    @property
    def told(self) -> list[Bar]:
        """The days on which something was redeemed, the newest first, as the table has them."""
        return [bar for bar in reversed(self.bars) if bar.count]


def context() -> dict[str, Any]:
    """What the page shows; call it while acting as an operator."""
    means = wiring.means()
    waiting, pairs = desk.waiting(), same_tax_number(limit=PAIRS_AT_MOST)
    chart = _chart(means.day, desk.redeemed_by_day(desk.month_before(means.now)))
    ending = desk.ending(means.day)
    return {
        "tasks": list(_tasks(waiting, len(pairs))),
        "same_tax_number": pairs,
        "customers": waiting.customers,
        "keys_for_sale": desk.keys_for_sale(),
        "redeemed": chart.total,
        "ending": [(_soon(days), ending[days]) for days in (60, 30, 7, 1, 0)],
        "chart": chart,
        "width": CHART_WIDTH,
        "height": CHART_HEIGHT,
        "redemptions": desk.redemptions(desk.Wanted(), limit=LATEST),
    }


def _soon(days: int) -> str:
    words = {
        60: _("End within 60 days"),
        30: _("End within 30 days"),
        7: _("End within 7 days"),
        1: _("End tomorrow"),
        0: _("In grace"),
    }
    return words[days]


def _tasks(waiting: desk.Waiting, pairs: int) -> Iterator[dict[str, str]]:
    """What waits for somebody's decision; nothing where nothing does."""
    write = figures(language()).number
    if waiting.approvals:
        said = ngettext("%(n)s batch waits for approval", "%(n)s batches wait for approval", waiting.approvals) % {
            "n": write(waiting.approvals)
        }
        yield _task("/desk/batches", said, _("More than 1,000 keys need a second person."), "warn")
    if waiting.corrections:
        said = ngettext(
            "%(n)s correction waits for approval", "%(n)s corrections wait for approval", waiting.corrections
        ) % {"n": write(waiting.corrections)}
        yield _task("/desk/corrections", said, _("A redemption shall move to the right customer."), "warn")
    if waiting.letters_given_up:
        said = ngettext("%(n)s letter was given up", "%(n)s letters were given up", waiting.letters_given_up) % {
            "n": write(waiting.letters_given_up)
        }
        yield _task("/desk/state#letters", said, _("No mail server took it. Somebody was not told."), "bad")
    if waiting.failed_operations:
        said = ngettext("%(n)s long operation failed", "%(n)s long operations failed", waiting.failed_operations) % {
            "n": write(waiting.failed_operations)
        }
        yield _task("/desk/state#operations", said, _("Look at why, and begin it again where it is needed."), "bad")
    if pairs:
        said = ngettext(
            "%(n)s tax number has more than one organisation",
            "%(n)s tax numbers have more than one organisation",
            pairs,
        ) % {"n": write(pairs)}
        yield _task("/home#pairs", said, _("It may be meant, or somebody was opened twice."), "warn")


def _task(href: str, title: str, hint: str, kind: str) -> dict[str, str]:
    status = _("To decide") if kind == "warn" else _("To mend")
    return {"href": href, "title": title, "hint": hint, "status": status, "kind": kind}


def _chart(today: date, counted: list[tuple[date, int, int]]) -> Chart:
    found = {day: (count, undone) for day, count, undone in counted}
    highest = max((count for count, _undone in found.values()), default=0)
    step = CHART_WIDTH // DAYS
    bars = []
    for place in range(DAYS):
        day = today - timedelta(days=DAYS - 1 - place)
        count, undone = found.get(day, (0, 0))
        height = 0 if not count else max(3, count * (CHART_HEIGHT - 20) // highest)
        bars.append(Bar(day, count, undone, place * step + (step - BAR_WIDTH) // 2, CHART_HEIGHT - height, height))
    return Chart(tuple(bars), highest, sum(bar.count for bar in bars))
