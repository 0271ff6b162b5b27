"""The first page of each who is signed in: what is theirs, and what they can do now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.channel.queries import card
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import queries as keys
from chaveiro.apps.redemption import queries as redemption
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page

LISTED_AT_MOST = 50


@require_safe
def home(request: Any) -> HttpResponse:
    """The home of whoever is signed in; a stranger is led to sign in."""
    if request.account is None:
        return see_other("/sign-in")
    actor: Actor = request.actor
    with acting(actor):
        context = HOMES[actor.kind](actor)
    return page(request, f"homes/{actor.kind.value}.html", context)


def _operator(actor: Actor) -> dict[str, Any]:
    del actor
    batches = keys.batches(limit=LISTED_AT_MOST)
    counts = keys.counts(batch.id for batch in batches)
    return {
        "same_tax_number": customers.same_tax_number(limit=LISTED_AT_MOST),
        "batches": [{"batch": batch, "counts": counts[batch.id]} for batch in batches],
        "redemptions": redemption.made_by(LISTED_AT_MOST),
    }


def _channel(actor: Actor) -> dict[str, Any]:
    batches = keys.batches(limit=LISTED_AT_MOST)
    counts = keys.counts(batch.id for batch in batches)
    return {
        "organisation": card(organisation=actor.organisation),
        "redemptions": redemption.made_by(LISTED_AT_MOST),
        "subscriptions": delegation.subscriptions_in_sight(day=wiring.means().day, organisation=actor.organisation),
        "batches": [{"batch": batch, "counts": counts[batch.id]} for batch in batches],
        "may_redeem": not actor.roles.isdisjoint(PARTNER_ROLES),
        "today": wiring.means().day,
    }


def _customer(actor: Actor) -> dict[str, Any]:
    assert actor.customer is not None
    means = wiring.means()
    return {
        "organisation": customers.name_of(actor.customer),
        "subscriptions": delegation.subscriptions_in_sight(day=means.day, customer=actor.customer),
        "people": customers.people(actor.customer),
        "partners": delegation.partners_of_record(customer=actor.customer, now=means.now),
        "proposals": delegation.proposals(customer=actor.customer, now=means.now),
        "redemptions": redemption.made_by(LISTED_AT_MOST),
        "may_redeem": not actor.roles.isdisjoint(CUSTOMER_ROLES),
        "may_settle": "administrator" in actor.roles,
        "today": means.day,
    }


HOMES: Mapping[Kind, Callable[[Actor], dict[str, Any]]] = {
    Kind.OPERATOR: _operator,
    Kind.CHANNEL: _channel,
    Kind.CUSTOMER: _customer,
}
