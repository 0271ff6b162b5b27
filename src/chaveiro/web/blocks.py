"""Putting a block on a subscription, and lifting one: by the operator, and by the partner that redeemed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions.actions import lift_block, put_block
from chaveiro.rules.access import BlockKind
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.blocks import PARTNER_KINDS, PARTNER_ROLES
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.openings import Missing
from chaveiro.web.addresses import id_in
from chaveiro.web.desk.forms import keeps_language, typed
from chaveiro.web.guards import signed_in
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording.access import BLOCK_EFFECTS, BLOCK_KINDS

FIELDS = ("kind", "reason")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@keeps_language
@stepped_up_to_post
def put(request: Any, subscription: str) -> HttpResponse:
    """Which kind and why, then what it does, then done."""
    wanted, actor, means = id_in("subscription", subscription), request.actor, wiring.means()
    kinds = kinds_for(actor)
    if not kinds:
        raise NotFound(what="subscription")
    with acting(actor):
        card = delegation.subscription_in_sight(wanted, day=means.day, organisation=actor.organisation)
    form = typed(request, FIELDS) if request.method == "POST" else {"kind": kinds[0].value, "reason": ""}
    context = {"card": card, "form": form, "kinds": [_choice(kind) for kind in kinds], "only": len(kinds) == 1}
    if not request.sent:
        return page(request, "subscriptions/block.html", context)
    try:
        if not form["reason"]:
            raise Missing(field="reason")
        put_block(actor=actor, subscription=wanted, kind=form["kind"], reason=form["reason"], means=means)
    except NotFound:
        raise
    except Refusal as refusal:
        return page(request, "subscriptions/block.html", context, status=422, problems=[_problem(refusal)])
    return see_other(f"/subscriptions/{subscription}")


@require_POST
@signed_in
@stepped_up_to_post
def lift(request: Any, subscription: str, block: str) -> HttpResponse:
    """Lift a block of one's own side."""
    wanted, of = id_in("block", block), id_in("subscription", subscription)
    if not kinds_for(request.actor):
        raise NotFound(what="block")
    lift_block(actor=request.actor, block=wanted, subscription=of, means=wiring.means())
    return see_other(f"/subscriptions/{subscription}")


def kinds_for(actor: Actor) -> Sequence[BlockKind]:
    """The kinds that the reader's side can put at all; none for whoever puts none."""
    if actor.kind is Kind.OPERATOR:
        return [kind for kind in BlockKind if kind is not BlockKind.PARTNER_SUSPENDED]
    if actor.kind is Kind.CHANNEL and not actor.roles.isdisjoint(PARTNER_ROLES):
        return sorted(PARTNER_KINDS)
    return []


def _choice(kind: BlockKind) -> tuple[str, object, object]:
    return kind.value, BLOCK_KINDS[kind.value], BLOCK_EFFECTS[kind.value]


def _problem(refusal: Refusal) -> Problem:
    field = refusal.facts.get("field") if isinstance(refusal, Malformed | Missing) else None
    return problem(field if field in FIELDS else "kind", refusal)
