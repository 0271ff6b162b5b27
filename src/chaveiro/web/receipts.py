"""Receipts: of the draft at this browser, and by reference for whoever may read them; as a page, on paper, and signed.

All forms tell the same facts. The signed form proves what was issued; whether it was reversed or corrected since, the
page and the paper say.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import get_current_timezone_name
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules.actors import ANONYMOUS, Kind
from chaveiro.rules.authority import PARTNER_ROLES
from chaveiro.rules.receipts import RECEIPT_KIND, claims, effects_of
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import language, page
from chaveiro.wording import papers


@require_safe
@signed_in
def by_reference(request: Any, reference: str) -> HttpResponse:
    """A receipt by its reference, for its customer, its partner and the operator."""
    facts = _by_reference(request, reference)
    return receipt_page(request, facts, stem=f"/receipts/{facts['reference']}")


@require_safe
@signed_in
def file_by_reference(request: Any, reference: str, form: str) -> HttpResponse:
    """The same to be kept."""
    return receipt_as(_by_reference(request, reference), form)


def _by_reference(request: Any, reference: str) -> dict[str, Any]:
    with acting(request.actor):
        return queries.facts_of(queries.by_reference(reference))


def receipt_page(
    request: HttpRequest, facts: dict[str, Any], *, stem: str, of_draft: bool = False, **more: Any
) -> HttpResponse:
    """The page of a receipt. `stem` is where its other forms lie; `of_draft` where a redemption just ended here."""
    effects = effects_of(facts)
    names = {str(effect.subscription): effect.names for effect in effects}
    context = {
        "facts": facts,
        "lines": [{**line, "names": names.get(line["subscription"], {})} for line in facts["lines"]],
        "effects": effects,
        "purpose": papers.purpose(facts["purpose"]),
        "stem": stem,
        "of_draft": of_draft,
        "reversible_here": _is_theirs_to_reverse(request, facts),
        **more,
    }
    return page(request, "receipt.html", context)


def _is_theirs_to_reverse(request: HttpRequest, facts: dict[str, Any]) -> bool:
    """Whether its reader's own organisation redeemed it; the page that leads on says whether it still can be."""
    actor = getattr(request, "actor", ANONYMOUS)
    mine = facts["partner"] is not None and facts["partner"]["id"] == str(actor.organisation)
    done = facts["reversed_at"] or facts.get("corrected_to")
    return actor.kind is Kind.CHANNEL and mine and not done and not actor.roles.isdisjoint(PARTNER_ROLES)


def receipt_as(facts: dict[str, Any], form: str) -> HttpResponse:
    """A receipt as a file: PDF, or JWS (RFC 7515) compact or in its flattened JSON form.

    Its `kid` is among the published keys.
    """
    if form == "pdf":
        return _file(_printed(facts), f"{facts['reference']}.pdf", "application/pdf")
    compact = wiring.keyring().sign(claims(facts, issuer=settings.BASE_URL), RECEIPT_KIND)
    if form == "jws":
        return _file(compact.encode(), f"{facts['reference']}.jws", "application/jose")
    protected, payload, signature = compact.split(".")
    text = json.dumps({"protected": protected, "payload": payload, "signature": signature})
    return _file(text.encode(), f"{facts['reference']}.json", "application/jose+json")


def _printed(facts: dict[str, Any]) -> bytes:
    reader = papers.Reader(language(), get_current_timezone_name(), settings.VENDOR_NAME, settings.BASE_URL)
    return wiring.printer()(papers.receipt(facts, reader))


def _file(content: bytes, name: str, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
