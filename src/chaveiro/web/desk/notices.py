"""Notices at the desk: all that were owed to anybody, with what became of each, filtered, and as a table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro.apps.closing.queries import notices as queries
from chaveiro.apps.closing.queries.notices import NoticeCard, Place
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.web.addresses import id_or_none
from chaveiro.web.desk.redemptions import day_of
from chaveiro.web.guards import operators_only
from chaveiro.web.notices import ROWS, Shown, pager, place_in
from chaveiro.web.pages import page
from chaveiro.web.spreadsheets import ROWS_AT_MOST, csv_file
from chaveiro.wording.notice_cards import KINDS, STATES

FIELDS = ("state", "kind", "since", "until", "customer")


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    asked = _asked(request)
    before = place_in(request.GET.get("after", ""))
    with acting(request.actor):
        found = queries.at_the_desk(_wanted(asked), before=before, limit=ROWS + 1)
    query = urlencode({name: value for name, value in asked.items() if value})
    context = {
        "notices": [Shown.of(card) for card in found[:ROWS]],
        "asked": asked,
        "states": [("", _("Everything")), *((name, word) for name, (word, _mood) in STATES.items())],
        "kinds": [("", _("Everything")), *KINDS.items()],
        "query": query,
        **pager(found, ROWS, bool(before), query),
    }
    return page(request, "desk/notices.html", context)


@require_safe
@operators_only
def listing_csv(request: Any) -> HttpResponse:
    """The newest of what the filters ask for, as a table; no address is in it."""
    found: list[NoticeCard] = []
    before: Place | None = None
    with acting(request.actor):
        wanted = _wanted(_asked(request))
        while len(found) < ROWS_AT_MOST:
            portion = queries.at_the_desk(wanted, before=before, limit=queries.PORTION_AT_MOST)
            found += portion
            if len(portion) < queries.PORTION_AT_MOST:
                break
            before = Place(portion[-1].written_on, portion[-1].id)
    headings = (
        *(_("Identifier"), _("Written"), _("Notice"), _("Customer"), _("To"), _("State"), _("Attempts")),
        *(_("Server"), _("Answer"), _("Settled on")),
    )
    return csv_file("notices", headings, [_row(Shown.of(card)) for card in found])


def _row(shown: Shown) -> tuple[Any, ...]:
    card = shown.card
    return (
        *(identifiers.write("notice", card.id), card.written_on, card.kind, card.customer_name, shown.to),
        *(card.state, card.attempts, card.server, card.outcome, card.settled_on),
    )


def _asked(request: Any) -> dict[str, str]:
    return {name: request.GET.get(name, "").strip()[:60] for name in FIELDS}


def _wanted(asked: dict[str, str]) -> queries.Wanted:
    return queries.Wanted(
        state=asked["state"] if asked["state"] in STATES else "",
        kind=asked["kind"] if asked["kind"] in KINDS else "",
        customer=id_or_none("customer", asked["customer"]),
        since=day_of(asked["since"]),
        until=day_of(asked["until"]),
    )
