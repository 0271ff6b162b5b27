"""The customer's administrator decides who stands beside the organisation: confirms, declines, chooses, ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.channel.queries import Card
from chaveiro.apps.channel.queries import card as card_of
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.actions import (
    choose_partner_of_record,
    confirm_partner_of_record,
    decline_partner_of_record,
    remove_partner_of_record,
)
from chaveiro.apps.delegation.queries import Beside, SubscriptionCard
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.lifecycle import Stage
from chaveiro.web.addresses import id_in
from chaveiro.web.guards import customers_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page

NUMBER_LENGTH_AT_MOST = 40
PAGE = "/partner"


@require_POST
def settle(request: Any, proposal: UUID) -> HttpResponse:
    """Confirm, or decline with any other answer."""
    act = confirm_partner_of_record if request.POST.get("partner") == "confirm" else decline_partner_of_record
    act(actor=request.actor, proposal=proposal, now=wiring.now())
    return see_other("/home#partners")


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for the organisation, and for each subscription that has its own; what could still get one."""

    default: Beside | None
    own: Sequence[tuple[SubscriptionCard, Beside]]
    without_own: Sequence[SubscriptionCard]


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
def partner(request: Any) -> HttpResponse:
    """Who it is now, and a number to enter: first the name behind it is shown, then a button with that name."""
    told = _told(request.actor)
    if request.method != "POST":
        return page(request, "partners/partner.html", told)
    typed = request.POST.get("registration_number", "").strip()[:NUMBER_LENGTH_AT_MOST]
    told |= {"typed": typed, "for": request.POST.get("for", "")}
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "partners/partner.html", told), language)
    if request.POST.get("do") == "remove":
        remove_partner_of_record(actor=request.actor, now=wiring.now(), subscription=_subscription(told["for"]))
        return see_other(PAGE)
    return _choose(request, told)


def _choose(request: Any, told: dict[str, Any]) -> HttpResponse:
    """Look the number up, or, where its name was seen and confirmed, choose it."""
    typed, really = told["typed"], request.POST.get("do") == "choose"
    try:
        choose_partner_of_record(
            actor=request.actor,
            registration_number="".join(typed.split()),
            means=wiring.means(),
            subscription=_subscription(told["for"]),
            dry_run=not really,
        )
    except (Malformed, NotFound) as refusal:
        problems = [_problem(refusal)]
        return page(request, "partners/partner.html", told, status=422, problems=problems)
    if really:
        return see_other(PAGE)
    with acting(request.actor):
        found: Card = card_of(registration_number="".join(typed.split()))
    return page(request, "partners/partner.html", {**told, "found": found, "target": _target(told)})


def _problem(refusal: Malformed | NotFound) -> Problem:
    if isinstance(refusal, Malformed):
        text = _("A registration number has seven digits.")
        return Problem("registration_number", text, _("You find it on what the partner wrote to you."))
    text = _("No partner has this registration number.")
    return Problem("registration_number", text, _("Compare it with what the partner wrote to you, or ask the partner."))


def _told(actor: Actor) -> dict[str, Any]:
    assert actor.customer is not None
    means = wiring.means()
    with acting(actor):
        cards = delegation.subscriptions_in_sight(day=means.day, customer=actor.customer)
        beside = delegation.beside({actor.customer}, now=means.now).get(actor.customer, [])
        proposals = delegation.proposals(customer=actor.customer, now=means.now)
    confirmed = {one.subscription: one for one in beside if one.state == "confirmed"}
    living = [card for card in cards if card.stage is not Stage.DELETED]
    return {
        "standing": Standing(
            confirmed.get(None),
            [(card, confirmed[card.id]) for card in living if card.id in confirmed],
            [card for card in living if card.id not in confirmed],
        ),
        "choices": [(identifiers.write("subscription", card.id), card) for card in living],
        "proposals": proposals,
        "may_settle": "administrator" in actor.roles,
    }


def _target(told: dict[str, Any]) -> SubscriptionCard | None:
    return next((card for public, card in told["choices"] if public == told["for"]), None)


def _subscription(text: str) -> UUID | None:
    return id_in("subscription", text) if text else None
