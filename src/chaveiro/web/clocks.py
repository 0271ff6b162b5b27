"""Test clocks: a day of one's own for test customers, moved forward through every day, and the diary of those days.

The same pages for partners (`/clocks`) and for operators (`/desk/clocks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import wraps
from itertools import groupby
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.clocks import queries
from chaveiro.apps.clocks.queries import ClockCard
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.actions.clocks import may_have_clocks
from chaveiro.apps.closing.queries.diary import Line, diary
from chaveiro.apps.customers.queries import living_on, marked_as_test
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.queries import SubscriptionCard
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.operations.queries import Progress
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Kind
from chaveiro.rules.clocks import DAYS_AT_MOST
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.lifecycle import Stage, days_later
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.desk.forms import day as day_field
from chaveiro.web.desk.forms import keeps_language, typed, whole
from chaveiro.web.guards import signed_in
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problem
from chaveiro.wording import diary as diary_words
from chaveiro.wording import figures

ROWS = 50
LINES = 200
REFRESH_SECONDS = 5  # where there is no script
DESTINATIONS = 12
KINDS = {"/clocks": Kind.CHANNEL, "/desk/clocks": Kind.OPERATOR}
PLACES = {"too_many_days": "days", "clock_goes_back": "day"}

View = Callable[..., HttpResponse]


def keepers_only(view: View) -> View:
    """A page of whoever may have clocks, under the address of their side. `base` is that address."""

    @wraps(view)
    def guarded(request: Any, *arguments: Any, base: str, **named: Any) -> HttpResponse:
        if request.actor.kind is not KINDS[base]:
            raise NotFound()
        may_have_clocks(request.actor, wiring.house())
        return view(request, *arguments, base=base, **named)

    return signed_in(guarded)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_language
@keepers_only
def listing(request: Any, base: str) -> HttpResponse:
    """The clocks, the newest first; a POST makes one."""
    form, refused = typed(request, ("name", "day")), None
    if request.sent:
        try:
            made = actions.make_clock(
                actor=request.actor,
                name=form["name"],
                day=day_field("day", form["day"]),
                house=wiring.house(),
                means=wiring.means(),
            )
            return see_other(f"{base}/{identifiers.write('clock', made)}")
        except Refusal as refusal:
            refused = problem(str(refusal.facts.get("field", "name")), refusal)
    before = id_or_none("clock", request.GET.get("after", ""))
    with acting(request.actor):
        found = queries.clocks(limit=ROWS + 1, before=before)
    context = {
        "base": base,
        "clocks": found[:ROWS],
        "form": {"name": form["name"], "day": form["day"] or wiring.means().day.isoformat()},
        "first": base if before else "",
        "next": f"?after={identifiers.write('clock', found[ROWS - 1].id)}" if len(found) > ROWS else "",
    }
    return page(
        request, "clocks/clocks.html", context, status=422 if refused else 200, problems=filter(None, [refused])
    )


@require_safe
@keepers_only
def one(request: Any, clock: str, base: str) -> HttpResponse:
    """One clock: its day, how to move it, who lives on it, and what happened."""
    return _shown(request, id_in("clock", clock), base)


@require_POST
@keeps_language
@keepers_only
def move(request: Any, clock: str, base: str) -> HttpResponse:
    """Move it by days, or to a day; the work goes on in the background."""
    wanted, form = id_in("clock", clock), typed(request, ("days", "day"))
    if not request.sent:
        return _shown(request, wanted, base, form=form)
    try:
        with acting(request.actor):
            card = queries.clock(wanted)
        actions.begin_move(
            actor=request.actor,
            clock=wanted,
            until=_until(card.day, form),
            house=wiring.house(),
            means=wiring.means(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        field = str(refusal.facts.get("field", "days" if form["days"] else "day"))
        return _shown(request, wanted, base, refused=(field, refusal), form=form)
    return see_other(f"{base}/{clock}")


@require_POST
@keepers_only
def attach(request: Any, clock: str, base: str) -> HttpResponse:
    """A test customer goes onto it."""
    wanted, customer = id_in("clock", clock), id_or_none("customer", request.POST.get("customer", ""))
    try:
        if customer is None:
            raise Malformed(field="customer", reason="is none of the list")
        actions.attach_customer(
            actor=request.actor, customer=customer, clock=wanted, house=wiring.house(), means=wiring.means()
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _shown(request, wanted, base, refused=("customer", refusal))
    return see_other(f"{base}/{clock}")


@require_POST
@keepers_only
def end(request: Any, clock: str, base: str) -> HttpResponse:
    """Move it no more."""
    actions.end_clock(actor=request.actor, clock=id_in("clock", clock), house=wiring.house(), means=wiring.means())
    return see_other(f"{base}/{clock}")


@require_safe
@keepers_only
def progress(request: Any, clock: str, base: str) -> HttpResponse:
    """How far the move is, for the page's own script."""
    del base
    with acting(request.actor):
        card = queries.clock(id_in("clock", clock))
        work = _work(card)
    response = JsonResponse(_told(card, work))
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True, slots=True)
class Destination:
    """A day to which the clock can go at once, and what lies there."""

    day: date
    words: str


def _shown(
    request: Any,
    wanted: UUID,
    base: str,
    *,
    refused: tuple[str, Refusal] | None = None,
    form: dict[str, str] | None = None,
) -> HttpResponse:
    actor, means = request.actor, wiring.means()
    before = _day_or_none(request.GET.get("before", ""))
    with acting(actor):
        card = queries.clock(wanted)
        cards = delegation.subscriptions_in_sight(day=means.day, organisation=actor.organisation, clock=wanted)
        people = living_on(wanted)
        others = [] if card.ended_at else marked_as_test(besides=wanted)
        found = diary(wanted, before=before or date.max, limit=LINES + 1)
        work = _work(card)
    lines, more = _whole_days(found)
    context = {
        "base": base,
        "card": card,
        "public": identifiers.write("clock", wanted),
        "erased": _("An organisation whose data were erased"),
        "home": "/desk/customers" if actor.kind is Kind.OPERATOR else "/customers",
        "told": _told(card, work),
        "seconds": REFRESH_SECONDS,
        "form": form or {"days": "", "day": ""},
        "last": days_later(card.day, DAYS_AT_MOST),
        "destinations": list(_destinations(cards, card.day)),
        "customers": [{"customer": one, "subscriptions": [c for c in cards if c.customer == one.id]} for one in people],
        "others": [("", _("Select")), *((identifiers.write("customer", one.id), one.name) for one in others)],
        "days": [
            {"day": day, "lines": [(line, diary_words.sentence(line, language())) for line in of_day]}
            for day, of_day in groupby(lines, key=lambda line: line.day)
        ],
        "first": f"{base}/{identifiers.write('clock', wanted)}" if before else "",
        "next": f"?before={lines[-1].day.isoformat()}" if more and lines else "",
        "mail": "/demo/mail" if settings.DEMO else ("/desk/notices" if actor.kind is Kind.OPERATOR else "/notices"),
    }
    problems = [problem(*refused)] if refused else []
    return page(request, "clocks/clock.html", context, status=422 if refused else 200, problems=problems)


def _work(card: ClockCard) -> Progress | None:
    """How far the move is; None while it stands, and where somebody else of the same house began it."""
    if card.moving_to is None or card.operation is None:
        return None
    try:
        return operations.progress(card.operation)
    except NotFound:
        return None


def _told(card: ClockCard, work: Progress | None) -> dict[str, Any]:
    write = figures(language())
    live = card.moving_to is not None
    if card.moving_to is None:
        words = ""
    else:
        words = _("The clock shows %(day)s and goes on to %(until)s.") % {
            "day": write.day(card.day),
            "until": write.day(card.moving_to),
        }
    total = (work.total if work else 0) or 1
    return {"live": live, "done": work.done if work else 0, "total": total, "words": words, "estimate": ""}


def _until(day: date, form: dict[str, str]) -> date:
    """The day that was asked for. Raises Malformed."""
    if form["day"]:
        return day_field("day", form["day"]) or day
    days = whole(form["days"])
    if days < 1:
        raise Malformed(field="days", reason="a number of days")
    return days_later(day, days)


def _destinations(cards: Iterable[SubscriptionCard], day: date) -> Iterator[Destination]:
    """The next days at which something happens, and the days before and after, each once, the nearest first."""
    words: dict[date, list[str]] = {}
    for card in cards:
        if card.stage is Stage.DELETED:
            continue
        for when, what in _events(card):
            if when > day:
                words.setdefault(when, []).append(
                    _("%(what)s: %(customer)s") % {"what": what, "customer": card.customer_name}
                )
    for when in sorted(words)[:DESTINATIONS]:
        told = words[when]
        yield Destination(when, told[0] if len(told) == 1 else _("%(first)s and others") % {"first": told[0]})


def _events(card: SubscriptionCard) -> Iterator[tuple[date, str]]:
    yield days_later(card.ends_on, -60), _("60 days before the end")
    yield days_later(card.ends_on, -1), _("The day before the end")
    yield card.ends_on, _("The end: grace begins")
    yield days_later(card.access_stops_on, -1), _("The last day of grace")
    yield card.access_stops_on, _("Access stops")
    yield days_later(card.erasure_on, -7), _("Seven days before the erasure")
    yield card.erasure_on, _("The erasure")
    yield days_later(card.erasure_on, 1), _("The day after the erasure")


def _whole_days(found: list[Line]) -> tuple[list[Line], bool]:
    """As many lines as the page shows, without the last day where not all of it fits, and whether there are more."""
    if len(found) <= LINES:
        return found, False
    cut = found[LINES].day
    kept = [line for line in found[:LINES] if line.day > cut]
    return kept or found[:LINES], True


def _day_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
