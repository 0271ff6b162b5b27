"""Every block that stands, the newest first: who is kept from using what, why, and on whose side."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries
from chaveiro.rules import identifiers
from chaveiro.web.addresses import id_or_none
from chaveiro.web.guards import operators_only
from chaveiro.web.pages import page
from chaveiro.wording.access import BLOCK_HOLDERS, BLOCK_KINDS

ROWS = 50


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Those that stand; with `state=all` those that were lifted too; `kind` narrows both."""
    everything = request.GET.get("state", "") == "all"
    kind = request.GET.get("kind", "")
    wanted = kind if kind in BLOCK_KINDS else ""
    before = id_or_none("block", request.GET.get("after", ""))
    with acting(request.actor):
        found = queries.all_blocks(kind=wanted, lifted=everything, before=before, limit=ROWS + 1)
    asked = {name: value for name, value in (("state", "all" if everything else ""), ("kind", wanted)) if value}
    more = (
        urlencode(asked | {"after": identifiers.write("block", found[ROWS - 1].card.id)}) if len(found) > ROWS else ""
    )
    context = {
        "rows": [
            {"line": line, "kind": BLOCK_KINDS[line.card.kind.value], "holder": BLOCK_HOLDERS[line.card.holder.value]}
            for line in found[:ROWS]
        ],
        "everything": everything,
        "kind": wanted,
        "kinds": list(BLOCK_KINDS.items()),
        "next": more and f"?{more}",
    }
    return page(request, "desk/blocks.html", context)
