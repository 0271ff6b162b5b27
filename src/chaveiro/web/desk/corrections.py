"""Corrections: a redemption moves to the right customer, proposed by whoever found it, agreed to by an operator.

The partner who redeemed proposes under its own address; the operator's pages stand at the desk. Both see what would
happen before anything is sent, by the act's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.actions import Proposal, Weighed
from chaveiro.apps.closing.queries import corrections as queries
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.delegation.queries import subscriptions_in_sight
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.correction import PURPOSES, SecondOperatorNeeded, State, may_approve
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.verdicts import Refusals
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.guards import channel_only, operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem
from chaveiro.web.step_up import stepped_up_to_post

ROWS = 50
CHOICES_AT_MOST = 50
# Where a fault of the plan is told: at the field that would have to be another.
PLACES = {"/customer": "customer", "/subscription": "purpose", "/purpose": "purpose", "/redemption": "impossible"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: words to look for a customer, the one chosen, what its keys do there, why."""

    words: str
    customer: UUID | None
    purpose: str
    subscription: UUID | None
    reason: str

    @classmethod
    def of(cls, request: Any) -> Asked:
        given = request.POST if request.method == "POST" else request.GET
        purpose, _slash, target = given.get("purpose", "open").partition(":")
        return cls(
            given.get("words", "").strip()[:200],
            id_or_none("customer", given.get("customer", "")),
            purpose if purpose in PURPOSES else "open",
            id_or_none("subscription", target),
            given.get("reason", "")[:2000],
        )

    @property
    def choice(self) -> str:
        """The option of the page's list that was chosen."""
        return _choice(self.purpose, self.subscription)


def _choice(purpose: str, subscription: UUID | None) -> str:
    return purpose if subscription is None else f"{purpose}:{identifiers.write('subscription', subscription)}"


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def propose(request: Any, reference: str) -> HttpResponse:
    """An operator proposes; another one approves."""
    return _propose(request, reference, f"/desk/redemptions/{reference}")


@require_http_methods(["GET", "HEAD", "POST"])
@channel_only
def propose_as_partner(request: Any, reference: str) -> HttpResponse:
    """The partner who redeemed proposes, to a customer that it already sees; an operator approves."""
    return _propose(request, reference, f"/receipts/{reference}")


def _propose(request: Any, reference: str, back: str) -> HttpResponse:
    actor, asked = request.actor, Asked.of(request)
    with acting(actor):
        redemption = redemptions.by_reference(reference)
        facts = redemptions.facts_of(redemption)
        context = {"facts": facts, "asked": asked, "back": back, **_choices(actor, asked, facts)}
    weighed, problems = _weighed(actor, redemption, asked, context)
    context |= _shown(weighed)
    if request.method != "POST" or problems or weighed is None:
        return page(request, "desk/correct.html", context, problems=problems, status=422 if problems else 200)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "desk/correct.html", context), language)
    try:
        proposal = _proposal(redemption, asked)
        done = actions.propose_correction(actor=actor, proposal=proposal, reason=asked.reason, means=wiring.means())
    except Refusal as refusal:
        at = "reason" if refusal.code == "malformed" else "impossible"
        return page(request, "desk/correct.html", context, problems=[problem(at, refusal)], status=422)
    if actor.kind is Kind.OPERATOR and done.id is not None:
        return see_other(f"/desk/corrections/{identifiers.write('correction', done.id)}")
    return see_other(f"{back}?proposed=1")


def _choices(actor: Actor, asked: Asked, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The customers to choose from, and what can be done for the one that was chosen."""
    day, wrong = wiring.means().day, UUID(facts["customer"]["id"])
    if actor.kind is Kind.OPERATOR:
        found = desk.customers(words=asked.words, day=day, limit=CHOICES_AT_MOST) if asked.words else []
        customers = [(each["id"], each["name"], each["domain_prefix"]) for each in found if each["closed_at"] is None]
    else:
        seen = subscriptions_in_sight(day=day, organisation=actor.organisation)
        customers = list({card.customer: (card.customer, card.customer_name, "") for card in seen}.values())
    chosen = desk.customer(asked.customer) if asked.customer else None
    if asked.customer and chosen is None:
        raise NotFound(what="customer")
    products = {line["subscription"] for line in facts["lines"]}
    options = [("open", _("Open a new subscription for it"), "")]
    if asked.customer and len(products) == 1:
        options += list(_onto(asked.customer, facts))
    return {
        "customers": [
            (identifiers.write("customer", one), name, hint) for one, name, hint in customers if one != wrong
        ],
        "chosen": chosen,
        "options": options,
        "by_words": actor.kind is Kind.OPERATOR,
    }


def _onto(customer: UUID, facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Extending or adding to each subscription of the same product; whether it fits is asked of the act."""
    product = facts["effects"][0]["product"]
    cards = [card for card in subscriptions_in_sight(day=wiring.means().day, customer=customer)]
    found = []
    for card in cards:
        if card.product == product:
            name = card.names.get("pt", card.product)
            found.append((_choice("extend", card.id), _("Extend %(name)s") % {"name": name}, _("Its licences stay.")))
            found.append((_choice("add", card.id), _("Add licences to %(name)s") % {"name": name}, _("Its end moves.")))
    return found


def _proposal(redemption: UUID, asked: Asked) -> Proposal:
    assert asked.customer is not None
    return Proposal(
        redemption=redemption, customer=asked.customer, purpose=asked.purpose, subscription=asked.subscription
    )


def _weighed(
    actor: Actor, redemption: UUID, asked: Asked, context: dict[str, Any]
) -> tuple[Weighed | None, list[Problem]]:
    """What it would do, and what stands against it; neither while no customer was chosen."""
    if asked.customer is None:
        return None, []
    try:
        weighed = actions.preview_correction(actor=actor, proposal=_proposal(redemption, asked), means=wiring.means())
    except NotFound:
        raise
    except Refusal as refusal:
        context["impossible"] = True
        return None, [problem("impossible", refusal)]
    return weighed, [problem(PLACES.get(fault.pointer, "impossible"), fault.refusal) for fault in weighed.faults]


def _shown(weighed: Weighed | None) -> dict[str, Any]:
    if weighed is None:
        return {"moves": (), "plan": None}
    return {"moves": weighed.plan.moves, "plan": weighed.plan, "closes": weighed.plan.closes_customer}


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Those that wait first, then what became of the others."""
    everything = request.GET.get("state", "") == "all"
    before = id_or_none("correction", request.GET.get("after", ""))
    with acting(request.actor):
        found = queries.corrections(waiting=not everything, before=before, limit=ROWS + 1)
    state = {"state": "all"} if everything else {}
    more = (
        urlencode(state | {"after": identifiers.write("correction", found[ROWS - 1].id)}) if len(found) > ROWS else ""
    )
    context = {"rows": found[:ROWS], "everything": everything, "next": more and f"?{more}"}
    return page(request, "desk/corrections.html", context)


@require_safe
@operators_only
def show(request: Any, correction: str) -> HttpResponse:
    """What it would do now, who may agree to it, and if I may not, why."""
    return page(request, "desk/correction.html", _context(request, id_in("correction", correction)))


def _context(request: Any, wanted: UUID) -> dict[str, Any]:
    actor, means = request.actor, wiring.means()
    with acting(actor):
        card = queries.correction(wanted)
        proposer = names_of({card.proposed_by}).get(card.proposed_by, "") if card.proposed_by else ""
    context: dict[str, Any] = {"card": card, "proposer": proposer, "mine": card.proposed_by == actor.account}
    if card.state is not State.PROPOSED:
        made = None
        if card.made is not None:
            with acting(actor):
                made = redemptions.facts_of(card.made)["reference"]
        return context | {"made": made}
    try:
        may_approve(actor, card.proposed_by, card.proposed_at, wiring.house(), means.now)
    except SecondOperatorNeeded as refusal:
        context["why_not"] = problem("approve", refusal)
    try:
        weighed = actions.preview_correction(actor=actor, proposal=_of_card(card), means=means)
    except NotFound:
        raise
    except Refusal as refusal:
        return context | {"faults": [problem("impossible", refusal)]}
    context["faults"] = [problem("impossible", fault.refusal) for fault in weighed.faults]
    return context | _shown(weighed)


def _of_card(card: queries.CorrectionCard) -> Proposal:
    return Proposal(
        redemption=card.redemption, customer=card.customer, purpose=card.purpose, subscription=card.subscription
    )


@require_http_methods(["POST"])
@operators_only
@stepped_up_to_post
def settle(request: Any, correction: str) -> HttpResponse:
    """Approve, decline with a reason, or withdraw one's own."""
    wanted, means = id_in("correction", correction), wiring.means()
    do, reason = request.POST.get("do", ""), request.POST.get("reason", "")[:2000]
    try:
        if do == "approve":
            actions.approve_correction(
                actor=request.actor,
                correction=wanted,
                means=means,
                house=wiring.house(),
                fingerprint=request.POST.get("fingerprint", ""),
            )
        elif do == "decline":
            actions.decline_correction(actor=request.actor, correction=wanted, reason=reason, means=means)
        elif do == "withdraw":
            actions.withdraw_correction(actor=request.actor, correction=wanted, means=means)
    except NotFound:
        raise
    except Refusal as refusal:
        first = refusal.first if isinstance(refusal, Refusals) else refusal
        at = "reason" if first.code == "malformed" else "impossible"
        context = _context(request, wanted) | {"reason": reason}
        return page(request, "desk/correction.html", context, problems=[problem(at, refusal)], status=422)
    return see_other(f"/desk/corrections/{correction}")
