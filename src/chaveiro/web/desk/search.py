"""One box for everything. What is typed is sent by POST; only what is no key goes on into an address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.closing.queries.search import LENGTH_AT_MOST, Found, holds_a_key, search
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers, serials
from chaveiro.rules.keys import MAX_TYPED
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page
from chaveiro.wording import country_codes

TYPED_AT_MOST = max(MAX_TYPED, LENGTH_AT_MOST)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def found(request: Any) -> HttpResponse:
    """What fits, in groups; one alone is led to at once. A whole key is looked up and neither shown nor kept."""
    posted = request.method == "POST"
    text = (request.POST if posted else request.GET).get("q", "")[:TYPED_AT_MOST].strip()
    secret = bool(text) and holds_a_key(text)
    if posted and text and not secret:
        return see_other("/desk/search?" + urlencode({"q": text[:LENGTH_AT_MOST]}))
    means = wiring.means()
    with acting(request.actor):
        hits = search(text, digesters=means.digesters, countries=sorted(country_codes()), now=means.now)
    only = next(_places(hits), "") if len(hits) == 1 else ""
    if only:
        return see_other(only + "?found=" + ("key" if hits.by_text else "one"))
    if secret and not posted:
        # Nobody's address bar keeps a key longer than it has to.
        return see_other("/desk/search?found=no")
    unread = hits.by_text or request.GET.get("found") == "no"
    context = {"hits": hits, "q": "" if secret else text, "unread": unread, "asked": bool(text) or unread}
    return page(request, "desk/search.html", context)


def _places(hits: Found) -> Iterator[str]:
    """Where each of what was found is shown."""
    yield from (f"/desk/keys/{serials.write(key.number)}" for key in hits.keys)
    yield from (f"/desk/redemptions/{hit.reference}" for hit in hits.redemptions)
    yield from (f"/desk/customers/{identifiers.write('customer', hit.id)}" for hit in hits.customers)
    yield from (f"/desk/partners/{identifiers.write('partner', hit.id)}" for hit in hits.organisations)
    yield from (f"/subscriptions/{identifiers.write('subscription', one)}" for one in hits.subscriptions)
    yield from (f"/desk/batches/{one}" for one in hits.batches)
    yield from (f"/desk/operations/{identifiers.write('operation', one)}" for one in hits.operations)
    yield from (f"/desk/corrections/{identifiers.write('correction', one)}" for one in hits.corrections)
