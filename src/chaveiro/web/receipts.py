"""Receipts: of the draft at this browser, and by reference for whoever may read them; as a page and signed.

The signed form proves what was issued. It does not prove that nothing was reversed since: the page says that.
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules.errors import NotFound
from chaveiro.rules.receipts import RECEIPT_KIND, claims, effects_of
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page
from chaveiro.web.redeem.draft import desk_of


@require_safe
def receipt(request: HttpRequest) -> HttpResponse:
    """The receipt of this browser's redemption; the same for ever, however often it is asked for."""
    facts = _of_draft(request)
    if facts is None:
        return see_other("/redeem/confirm")
    return _page(request, facts, signed="/redeem/receipt")


@require_safe
def signed_receipt(request: HttpRequest, form: str) -> HttpResponse:
    """The same receipt, signed: `jws` in one line, `json` as an object."""
    facts = _of_draft(request)
    if facts is None:
        raise NotFound(what="redemption")
    return _signed(facts, form)


@require_safe
def by_reference(request: Any, reference: str) -> HttpResponse:
    """A receipt by its reference, for its customer, its partner and the operator."""
    facts = _by_reference(request, reference)
    return _page(request, facts, signed=f"/receipts/{facts['reference']}")


@require_safe
def signed_by_reference(request: Any, reference: str, form: str) -> HttpResponse:
    """The same, signed."""
    return _signed(_by_reference(request, reference), form)


def _of_draft(request: HttpRequest) -> dict[str, Any] | None:
    desk = desk_of(request)
    if desk is None or desk.kept.redemption is None:
        return None
    with acting(desk.holder):
        return queries.facts_of(desk.kept.redemption)


def _by_reference(request: Any, reference: str) -> dict[str, Any]:
    with acting(request.actor):
        return queries.facts_of(queries.by_reference(reference))


def _page(request: HttpRequest, facts: dict[str, Any], *, signed: str) -> HttpResponse:
    effects = effects_of(facts)
    names = {str(effect.subscription): effect.names for effect in effects}
    lines = [{**line, "names": names.get(line["subscription"], {})} for line in facts["lines"]]
    context = {"facts": facts, "lines": lines, "effects": effects, "signed": signed}
    return page(request, "receipt.html", context)


def _signed(facts: dict[str, Any], form: str) -> HttpResponse:
    """The receipt as JWS (RFC 7515): compact, or in its flattened JSON form. Its `kid` is among the published keys."""
    compact = wiring.keyring().sign(claims(facts, issuer=settings.BASE_URL), RECEIPT_KIND)
    if form == "json":
        protected, payload, signature = compact.split(".")
        text = json.dumps({"protected": protected, "payload": payload, "signature": signature})
        response = HttpResponse(text, content_type="application/jose+json")
    else:
        response = HttpResponse(compact, content_type="application/jose")
    response["Content-Disposition"] = f'attachment; filename="{facts["reference"]}.{form}"'
    response["Cache-Control"] = "no-store"
    return response
