"""The keys that a partner or distributor holds: batches and counts, never a key's text."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro.apps.identity.actions import acting
from chaveiro.web.channel_home import batches_with_counts
from chaveiro.web.guards import channel_only
from chaveiro.web.pages import page

ROWS = 20


@require_safe
@channel_only
def stock(request: Any) -> HttpResponse:
    """Batches, the newest first, each with its keys counted by state."""
    after = request.GET.get("after", "")
    before = int(after) if after.isdecimal() and len(after) < 10 else None
    with acting(request.actor):
        found = batches_with_counts(limit=ROWS + 1, before=before)
    shown = found[:ROWS]
    more = f"?after={shown[-1]['batch'].number}" if len(found) > ROWS else ""
    return page(request, "stock.html", {"batches": shown, "next": more, "first": "?" if before else ""})
