"""A partner's customers: a list by end, and a page for each with what a partner may see of it."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.queries import Beside, SubscriptionCard, Wanted
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries as redemption
from chaveiro.rules import identifiers
from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import last_day
from chaveiro.rules.renewals import Bucket
from chaveiro.web import own_day
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.guards import channel_only
from chaveiro.web.pages import language, page
from chaveiro.web.spreadsheets import ROWS_AT_MOST, csv_file
from chaveiro.web.subscriptions import acts_on, partner_of
from chaveiro.wording.papers import named

ROWS = 50
PORTION = delegation.PORTION_AT_MOST
NAME_LENGTH_AT_MOST = 100


@require_safe
@channel_only
def listing(request: Any) -> HttpResponse:
    """Subscriptions of the partner's customers, those that end first at the top; bucket, name and page in the URL."""
    actor, means, wanted = request.actor, wiring.means(), _wanted(request)
    with acting(actor):
        found = delegation.pipeline(organisation=actor.organisation, day=means.day, wanted=wanted, limit=ROWS + 1)
        steps = delegation.business(day=means.day).steps
        beside = delegation.beside({card.customer for card in found}, now=means.now) if found else {}
    shown = found[:ROWS]
    context = {
        "rows": [{"card": card, "state": _state(beside.get(card.customer, ()), card)} for card in shown],
        "steps": [steps[bucket] for bucket in Bucket if bucket is not Bucket.LATER or steps[bucket].subscriptions],
        "wanted": wanted,
        "next": _following(wanted, shown[-1]) if len(found) > ROWS else "",
        "first": f"?{_query(wanted)}" if wanted.after else "",
        "query": _query(wanted),
    }
    return page(request, "customers/list.html", context)


@require_safe
@channel_only
def listing_csv(request: Any) -> HttpResponse:
    """The same list as a table, whole."""
    headings = (
        *(_("Customer"), _("Country or region"), _("Product"), _("Licences assigned"), _("Licences bought")),
        *(_("Last day"), _("Stage"), _("Access stops on"), _("Data kept until at least"), _("Partner of record")),
        *(_("Customer identifier"), _("Subscription identifier")),
    )
    actor = request.actor
    with acting(actor):
        rows = [_csv_row(card) for card in _all(actor.organisation, _wanted(request))]
    return csv_file("customers", headings, rows)


def _all(organisation: UUID, wanted: Wanted) -> list[SubscriptionCard]:
    cards: list[SubscriptionCard] = []
    day, after = wiring.means().day, None
    while len(cards) < ROWS_AT_MOST:
        asked = Wanted(wanted.bucket, wanted.name, after)
        found = delegation.pipeline(organisation=organisation, day=day, wanted=asked, limit=PORTION)
        cards += found
        if len(found) < PORTION:
            break
        after = (found[-1].ends_on, found[-1].id)
    return cards


def _csv_row(card: SubscriptionCard) -> tuple[Any, ...]:
    return (
        *(card.customer_name, card.country, named(card.names, language()), card.assigned, card.seats),
        *(last_day(card.ends_on), card.stage.value, card.access_stops_on, last_day(card.erasure_on)),
        _("yes") if card.is_of_record else _("no"),
        identifiers.write("customer", card.customer),
        identifiers.write("subscription", card.id),
    )


@require_safe
@channel_only
def customer(request: Any, customer: str) -> HttpResponse:
    """One customer: its subscriptions within sight, what was redeemed for it, and how the partner stands beside it."""
    wanted, actor, means = id_in("customer", customer), request.actor, wiring.means()
    with acting(actor):
        card = customers.card(wanted)
        found = delegation.subscriptions_in_sight(day=means.day, organisation=actor.organisation, customer=wanted)
        own_day.about(request, wanted)
        beside = delegation.beside({wanted}, now=means.now).get(wanted, [])
        redemptions = redemption.redemptions_for(wanted, limit=ROWS)
    if card.closed_at is None and not found and not redemptions:
        raise NotFound(what="customer")
    context = {
        "customer": card,
        "subscriptions": [{"card": one, "acts": acts_on(actor, one), "of": partner_of(beside, one)} for one in found],
        "state": min((one.state for one in beside), default=""),
        "redemptions": redemptions,
    }
    return page(request, "customers/customer.html", context)


def _wanted(request: Any) -> Wanted:
    """What the address asks for; what it asks wrongly is left out."""
    given = request.GET
    bucket = given.get("bucket", "")
    end, _comma, last = given.get("after", "").partition(",")
    return Wanted(
        bucket if bucket in {each.value for each in Bucket} else "",
        given.get("name", "").strip()[:NAME_LENGTH_AT_MOST],
        _after(end, last),
    )


def _after(end: str, last: str) -> tuple[date, UUID] | None:
    seen = id_or_none("subscription", last)
    try:
        return None if seen is None else (date.fromisoformat(end), seen)
    except ValueError:
        return None


def _query(wanted: Wanted) -> str:
    return urlencode({name: value for name, value in (("bucket", wanted.bucket), ("name", wanted.name)) if value})


def _following(wanted: Wanted, last: SubscriptionCard) -> str:
    after = {"after": f"{last.ends_on.isoformat()},{identifiers.write('subscription', last.id)}"}
    return "?" + "&".join(filter(None, (_query(wanted), urlencode(after))))


def _state(beside: Any, card: SubscriptionCard) -> str:
    """`confirmed`, `proposed` or nothing: how the partner itself stands to this subscription."""
    found: Beside | None = partner_of(beside, card)
    return "" if found is None else found.state
