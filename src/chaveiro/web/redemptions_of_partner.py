"""What was redeemed, as a list with its receipts; and a partner's way to take its own mistake back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse as take_back
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.receipts import effects_of
from chaveiro.web.addresses import id_or_none
from chaveiro.web.guards import channel_only, signed_in
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem
from chaveiro.web.spreadsheets import ROWS_AT_MOST, csv_file
from chaveiro.web.step_up import stepped_up
from chaveiro.wording.papers import purpose

ROWS = 50
PORTION = 2_000


@require_safe
@signed_in
def listing(request: Any) -> HttpResponse:
    """The redemptions of the reader's side, the newest first."""
    actor = _side(request)
    with acting(actor):
        found = _made(actor, ROWS + 1, request.GET.get("after", ""))
    shown = found[:ROWS]
    more = f"?after={identifiers.write('redemption', shown[-1]['id'])}" if len(found) > ROWS else ""
    context = {"redemptions": shown, "next": more, "mine": actor.kind is Kind.CUSTOMER}
    return page(request, "redemptions.html", context)


@require_safe
@signed_in
def listing_csv(request: Any) -> HttpResponse:
    """The same as a table, whole."""
    actor = _side(request)
    with acting(actor):
        rows = [_csv_row(line) for line in _all(actor)]
    headings = (_("Reference"), _("When"), _("What for"), _("Customer"), _("Keys"), _("Reversed on"))
    return csv_file("redemptions", headings, rows)


def _side(request: Any) -> Actor:
    actor: Actor = request.actor
    if actor.kind not in (Kind.CUSTOMER, Kind.CHANNEL):
        raise NotFound()
    return actor


def _made(actor: Actor, limit: int, after: str) -> list[dict[str, Any]]:
    seen = id_or_none("redemption", after)
    if actor.kind is Kind.CUSTOMER:
        assert actor.customer is not None
        return queries.redemptions_for(actor.customer, limit=limit, before=seen)
    assert actor.organisation is not None
    return queries.redemptions_by(actor.organisation, limit=limit, before=seen)


def _all(actor: Actor) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = ""
    while len(rows) < ROWS_AT_MOST:
        found = _made(actor, PORTION, after)
        rows += found
        if len(found) < PORTION:
            break
        after = identifiers.write("redemption", found[-1]["id"])
    return rows


def _csv_row(line: dict[str, Any]) -> tuple[Any, ...]:
    told = (line["reference"], line["at"], purpose(line["purpose"]), line["customer_name"], line["keys"])
    return (*told, line["reversed_at"])


@require_http_methods(["GET", "HEAD", "POST"])
@channel_only
def reverse(request: Any, reference: str) -> HttpResponse:
    """What taking it back would do; POST with a reason does it. Why it cannot be is said instead, where it cannot."""
    actor = request.actor
    with acting(actor):
        facts = queries.facts_of(queries.by_reference(reference))
    told = {"facts": facts, "effects": effects_of(facts), "reason": request.POST.get("reason", "")[:2000]}
    refusal = _why_not(request, facts)
    if refusal is not None:
        told |= {"impossible": problem("impossible", refusal)}
        return page(request, "reverse.html", told, status=422 if request.method == "POST" else 200)
    if request.method != "POST":
        return page(request, "reverse.html", told)
    wanted = switching(request)
    if wanted:
        switch_now(request, wanted)
        return remember(page(request, "reverse.html", told), wanted)
    return _taken_back(request, facts, told)


@stepped_up
def _taken_back(request: Any, facts: dict[str, Any], told: dict[str, Any]) -> HttpResponse:
    try:
        take_back(actor=request.actor, redemption=_id(facts), reason=told["reason"], means=wiring.means())
    except Malformed:
        missing = Problem("reason", _("Say why, in 1 to 500 characters."), _("Those who are told read it."))
        return page(request, "reverse.html", told, status=422, problems=[missing])
    return see_other(f"/receipts/{facts['reference']}")


def _why_not(request: Any, facts: dict[str, Any]) -> Refusal | None:
    """What stands against taking it back, asked of the act itself; None where nothing does."""
    try:
        take_back(actor=request.actor, redemption=_id(facts), reason="…", means=wiring.means(), dry_run=True)
    except NotFound:
        raise
    except Refusal as refusal:
        return refusal
    return None


def _id(facts: dict[str, Any]) -> UUID:
    return UUID(facts["id"])
