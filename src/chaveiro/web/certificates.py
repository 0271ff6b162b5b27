"""The certificate of an erasure, for whoever was given its address: a page, a paper, a signature. It holds ids only."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.timezone import get_current_timezone_name
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.rules.erasure import CERTIFICATE_KIND, claims
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.web.pages import language, page
from chaveiro.wording import erasing, figures, papers


@require_safe
def certificate(request: Any, erasure: str) -> HttpResponse:
    """What was erased, when, why, and that its key is gone."""
    facts = _facts(request, erasure)
    rows = list(erasing.rows(facts, figures(language()), get_current_timezone_name()))
    title = erasing.title(facts["kind"])
    return page(request, "certificate.html", {"title": title, "rows": rows, "public": erasure})


@require_safe
def certificate_as(request: Any, erasure: str, form: str) -> HttpResponse:
    """The same to be kept: PDF, or JWS (RFC 7515) compact or in its flattened JSON form."""
    facts = _facts(request, erasure)
    if form == "pdf":
        reader = papers.Reader(language(), get_current_timezone_name(), settings.VENDOR_NAME, settings.BASE_URL)
        return _file(wiring.printer()(erasing.certificate(facts, reader)), f"{erasure}.pdf", "application/pdf")
    compact = wiring.keyring().sign(claims(facts, issuer=settings.BASE_URL), CERTIFICATE_KIND)
    if form == "jws":
        return _file(compact.encode(), f"{erasure}.jws", "application/jose")
    protected, payload, signature = compact.split(".")
    text = json.dumps({"protected": protected, "payload": payload, "signature": signature})
    return _file(text.encode(), f"{erasure}.json", "application/jose+json")


def _facts(request: Any, erasure: str) -> dict[str, Any]:
    try:
        wanted = identifiers.read("erasure", erasure)
    except Malformed:
        raise NotFound(what="erasure") from None
    with acting(request.actor):
        return queries.certificate(wanted)


def _file(content: bytes, name: str, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
