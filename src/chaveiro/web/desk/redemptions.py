"""Redemptions at the desk: the list with its filters, one whole, and taking one back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse as take_back
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.closing.queries.corrections import corrections
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.apps.journal.queries import StoryFilter
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.queries import redeemer_of
from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.receipts import effects_of
from chaveiro.web import chronicle
from chaveiro.web.addresses import id_or_none
from chaveiro.web.guards import operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.spreadsheets import ROWS_AT_MOST, csv_file
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording.letters import outcome_of, title_of

ROWS = 50
STORY = 10
FIELDS = ("state", "since", "until", "customer", "partner")


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    asked = _asked(request)
    before = id_or_none("redemption", request.GET.get("after", ""))
    with acting(request.actor):
        found = desk.redemptions(_wanted(asked), before=before, limit=ROWS + 1)
    shown = found[:ROWS]
    query = urlencode({name: value for name, value in asked.items() if value})
    more = f"?{query}&after={identifiers.write('redemption', shown[-1]['id'])}" if len(found) > ROWS else ""
    context = {
        "redemptions": shown,
        "asked": asked,
        "states": states(),
        "next": more,
        "first": f"?{query}" if before else "",
        "query": query,
    }
    return page(request, "desk/redemptions.html", context)


def states() -> list[tuple[str, str]]:
    """What the list can be narrowed to."""
    return [
        ("", _("Everything")),
        ("standing", _("Standing")),
        ("reversed", _("Reversed or moved")),
        ("corrected", _("Brought here by a correction")),
    ]


@require_safe
@operators_only
def listing_csv(request: Any) -> HttpResponse:
    """The newest of what the filters ask for, as a table."""
    rows: list[dict[str, Any]] = []
    with acting(request.actor):
        wanted, before = _wanted(_asked(request)), None
        while len(rows) < ROWS_AT_MOST:
            found = desk.redemptions(wanted, before=before, limit=desk.PORTION_AT_MOST)
            rows += found
            if len(found) < desk.PORTION_AT_MOST:
                break
            before = found[-1]["id"]
    names = ("reference", "at", "purpose", "customer_name", "partner_name", "keys", "reversed_at")
    headings = (_("Reference"), _("When"), _("What for"), _("Customer"), _("Partner"), _("Keys"), _("Reversed on"))
    return csv_file("redemptions", headings, [tuple(row[name] for name in names) for row in rows])


def _asked(request: Any) -> dict[str, str]:
    return {name: request.GET.get(name, "").strip()[:60] for name in FIELDS}


def _wanted(asked: dict[str, str]) -> desk.Wanted:
    until = day_of(asked["until"])
    return desk.Wanted(
        state=asked["state"],
        customer=id_or_none("customer", asked["customer"]),
        organisation=id_or_none("partner", asked["partner"]),
        since=midnight(day_of(asked["since"])),
        until=midnight(None if until is None else until + timedelta(days=1)),
    )


def day_of(text: str) -> date | None:
    """A day of a filter; what is none narrows nothing."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def midnight(day: date | None) -> datetime | None:
    """The first instant of a day, as the reader's days begin."""
    return None if day is None else datetime.combine(day, time(), get_current_timezone())


@require_safe
@operators_only
def show(request: Any, reference: str) -> HttpResponse:
    """Its lines and effects, who did it and attested, its letters, its corrections, its history."""
    actor = request.actor
    with acting(actor):
        redemption = queries.by_reference(reference)
        facts = queries.facts_of(redemption)
        redeemer = redeemer_of(redemption)
        letters = desk.letters(redemption=redemption)
        people = names_of(
            {each["account"] for each in letters if each["account"]} | ({redeemer} if redeemer else set())
        )
        of = StoryFilter(subject_kind="redemption", subject_id=str(redemption))
        entries, _following = chronicle.page(actor, of, limit=STORY)
        context = {
            "facts": facts,
            "effects": effects_of(facts),
            "attestation": desk.attestation(redemption),
            "redeemer": people.get(redeemer, "") if redeemer else "",
            "letters": told_letters(letters, people),
            "corrections": corrections(redemption=redemption),
            "entries": entries,
            "found": request.GET.get("found", ""),
        }
    return page(request, "desk/redemption.html", context)


def told_letters(letters: list[dict[str, Any]], people: dict[UUID, str]) -> list[dict[str, Any]]:
    """Letters in words: what each is, to whom, what became of it."""
    return [
        {
            **each,
            "title": title_of(each["kind"]),
            "to": people.get(each["account"], "") if each["account"] else "",
            "word": outcome_of(each["state"])[0],
            "mood": outcome_of(each["state"])[1],
        }
        for each in letters
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def reverse(request: Any, reference: str) -> HttpResponse:
    """What taking it back does to each ledger, or why it cannot be; POST with a reason does it."""
    with acting(request.actor):
        facts = queries.facts_of(queries.by_reference(reference))
    context = {"facts": facts, "effects": effects_of(facts), "reason": request.POST.get("reason", "")[:2000]}
    redemption = UUID(facts["id"])
    refusal = _why_not(request, redemption)
    if refusal is not None:
        told = context | {"impossible": True}
        return page(request, "desk/reverse.html", told, problems=[problem("impossible", refusal)])
    if request.method != "POST":
        return page(request, "desk/reverse.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "desk/reverse.html", context), language)
    try:
        take_back(actor=request.actor, redemption=redemption, reason=context["reason"], means=wiring.means())
    except Malformed as fault:
        return page(request, "desk/reverse.html", context, status=422, problems=[problem("reason", fault)])
    return see_other(f"/desk/redemptions/{facts['reference']}")


def _why_not(request: Any, redemption: UUID) -> Refusal | None:
    """What stands against taking it back, asked of the act itself; None where nothing does."""
    try:
        take_back(actor=request.actor, redemption=redemption, reason="…", means=wiring.means(), dry_run=True)
    except NotFound:
        raise
    except Refusal as refusal:
        return refusal
    return None
