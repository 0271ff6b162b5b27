"""Renewal on one page: keys, licences afterwards, the sum at once, and the button that names act and organisation.

Beneath it stands a draft like any other, with its purpose and target fixed: what was typed survives, its code resumes
it in the wizard, and the commit is the wizard's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries as redemption
from chaveiro.apps.redemption.actions import drafting, redeem
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Contention, Malformed, NotFound, OutcomeUnknown, Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.rules.redemption import BASKET_AT_MOST, AttestationMissing, BasketTooLarge, SumChanged
from chaveiro.rules.renewals import renewal
from chaveiro.rules.verdicts import KeyEmpty, Refusals
from chaveiro.web.addresses import id_in
from chaveiro.web.guards import signed_in
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem, problems_at
from chaveiro.web.problems import OUT_OF_REACH
from chaveiro.web.redeem import draft, start, targets, uploads
from chaveiro.web.redeem.attest import CUSTOMER, OWN
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import steps
from chaveiro.web.redeem.keys import keep, pasted, texts_of
from chaveiro.web.redeem.order import attestation_of, attested, order_of
from chaveiro.web.renewal_page import FIT, OTHER, PLACES, SAME, Scene, fields_of, frame, grants_of, shown
from chaveiro.web.subscriptions import acts_on

SEATS_AT_MOST = 10_000_000


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def renew(request: Any, subscription: str) -> HttpResponse:
    """The page; a POST keeps what was typed whatever the button, then calculates, or redeems what was shown."""
    wanted, actor = id_in("subscription", subscription), request.actor
    with acting(actor):
        seen = delegation.subscription_in_sight(wanted, day=wiring.means().day, organisation=actor.organisation)
        day = customers.day_of(seen.customer, wiring.means().day)
    with wiring.on_day(day):
        scene = _scene(actor, wanted, f"/subscriptions/{subscription}/renew")
        if not scene.acts.extend:
            return page(request, "subscriptions/renew.html", frame(scene), status=200)
        desk = _desk(request, wanted)
        if desk is not None and desk.kept.state == "committed":
            return see_other(desk.path("receipt"))
        return _sent(request, scene, desk) if request.method == "POST" else shown(request, scene, desk)


def _scene(actor: Actor, wanted: UUID, path: str) -> Scene:
    means = wiring.means()
    with acting(actor):
        card = delegation.subscription_in_sight(wanted, day=means.day, organisation=actor.organisation)
        acts = acts_on(actor, card)
        target = redemption.target_of(wanted)[0] if acts.extend else None
    if target is None:
        return Scene(actor, card, acts, None, path)
    allowed = renewal(
        means.day,
        target.standing,
        target.policy,
        assigned=target.assigned,
        maximum=target.maximum_seats,
        may_choose=actor.kind is Kind.CUSTOMER,
        erased_on=target.erased_on,
    )
    return Scene(actor, card, acts, allowed, path)


def _desk(request: Any, wanted: UUID) -> Desk | None:
    """The draft that the address names, as far as it is for this subscription, or is done: what was typed is gone."""
    desk = draft.desk_of(request, request.GET.get("draft", "")[: draft.TAG_DIGITS])
    if desk is None or desk.kept.state == "committed":
        return desk
    fits = desk.form.get("subscription") == str(wanted) and desk.purpose == "extend"
    return desk if fits and desk.kept.state == "open" else None


def _sent(request: Any, scene: Scene, desk: Desk | None) -> HttpResponse:
    do, to = request.POST.get("do", "calculate"), switching(request)
    texts = texts_of(request.POST.getlist("key"), request.POST.getlist("repair"))
    try:
        found = [*pasted(request.POST.get("many", ""), "many"), *pasted(uploads.text_of(request), uploads.FIELD)]
        count(request, "key_checks", min(len(texts) + len(found), BASKET_AT_MOST))
        seats = _chosen(request)
        if desk is None and not texts and not found:
            return _nothing_yet(request, scene, to)
        begun = desk or _begun(request, scene)
        if do == "continue":
            drafting.take_over(actor=begun.holder, kept=begun.kept, means=wiring.means())
        keep(begun, do, [*texts, *found])
    except (TooMany, Malformed, BasketTooLarge) as refusal:
        return _refused(request, scene, desk, refusal, texts)
    begun = _with_seats(look_again(begun), scene, seats)
    if to or do != "redeem" or texts or found:
        return _back(request, scene, begun, to, add=do == "add")
    return _redeemed(request, scene, begun)


def _begun(request: Any, scene: Scene) -> Desk:
    """A draft for this renewal, its purpose and target fixed."""
    count(request, "redemptions")
    choice = start.choice_of(scene.actor, identifiers.write("subscription", scene.card.id), "extend")
    assert choice is not None
    chosen = {**targets.fields_of(choice, scene.actor.kind), "target": choice.value}
    begun, code = draft.begin(request, chosen)
    return draft.open_desk(scene.actor.holding(begun), code)


def _chosen(request: Any) -> dict[str, str]:
    """Which licences afterwards were asked for. A number that was typed counts, whatever choice it stands beside."""
    choice, text = request.POST.get("seats_choice", SAME), request.POST.get("seats_after", "").strip()[:20]
    if not text:
        return {"seats_choice": choice if choice in (SAME, FIT) else SAME, "seats_after": ""}
    if not text.isdecimal() or not 0 < int(text) <= SEATS_AT_MOST:
        raise Malformed(field="seats_after", reason="is no whole number")
    return {"seats_choice": OTHER, "seats_after": text}


def _with_seats(desk: Desk, scene: Scene, seats: dict[str, str]) -> Desk:
    """The draft with the licences that were chosen; as few as are in use is worked out from its keys."""
    if scene.allowed is None or not scene.allowed.chooses:
        return desk
    if seats["seats_choice"] == FIT:
        drafting.keep_form(actor=desk.holder, form={"seats_after": ""}, means=wiring.means())
        weighed = targets.weighed_or_nothing(look_again(desk))
        keys = grants_of(weighed.plan.effects[0]) if weighed and weighed.plan.effects else ()
        fitting = scene.allowed.right_sized(keys) if keys else None
        fewest = scene.allowed.proposal.proposed
        seats = {**seats, "seats_after": str(fitting.seats if fitting else fewest or "")}
    drafting.keep_form(actor=desk.holder, form=seats, means=wiring.means())
    return look_again(desk)


def _back(request: Any, scene: Scene, desk: Desk, to: str | None, *, add: bool) -> HttpResponse:
    """To the page with the draft in its address, which may be looked at again and does nothing by that."""
    if add:
        fields = str(fields_of(desk) + 1)
        drafting.keep_form(actor=desk.holder, form={"fields": fields}, means=wiring.means())
    response = see_other(f"{scene.path}?draft={desk.tag}" + ("#next" if add else "#result"))
    response = draft.remember(request, response, desk.kept.id, desk.code)
    return remember_language(response, to) if to else response


def _nothing_yet(request: Any, scene: Scene, to: str | None) -> HttpResponse:
    if to:
        switch_now(request, to)
        return remember_language(shown(request, scene, None), to)
    return shown(request, scene, None, [problem("key-1", KeyEmpty())], status=422)


def _redeemed(request: Any, scene: Scene, desk: Desk) -> HttpResponse:
    """Do what was shown: all of it, or nothing and why. Sent twice it is done once."""
    if request.POST.get("attestation") != "yes":
        return shown(request, scene, desk, [problem("attestation", AttestationMissing())], status=422)
    count(request, "redemptions")
    means, whose = wiring.means(), OWN if scene.actor.kind is Kind.CUSTOMER else CUSTOMER
    declared = {"attested_at": means.now.isoformat(), **attested(request, acting_for=whose), "attestation_box": "yes"}
    drafting.keep_form(actor=desk.holder, form={**declared, "acting_for": whose, "checked": "yes"}, means=means)
    desk = look_again(desk)
    fingerprint = request.POST.get("fingerprint", "")[:40] or None
    order = order_of(desk, attestation=attestation_of(desk, request), fingerprint=fingerprint)
    try:
        redeem(actor=desk.holder, order=order, means=means)
    except Refusals as refusals:
        return shown(request, scene, desk, problems_at(refusals.faults, PLACES), status=422)
    except (SumChanged, Contention) as refusal:
        return shown(request, scene, desk, [problem("sum", refusal)], status=409)
    except NotFound:
        return see_other(scene.path)
    except (OutcomeUnknown, *OUT_OF_REACH):
        # The act was done whole or not at all, and its draft names it: asking again is safe and gives the truth.
        context = {**steps(desk, "confirm"), "fingerprint": fingerprint or ""}
        return page(request, "redeem/checking.html", context, status=503)
    return see_other(desk.path("receipt"))


def _refused(request: Any, scene: Scene, desk: Desk | None, refusal: Refusal, texts: Sequence[str]) -> HttpResponse:
    """The page with what was sent still in its fields, when it could not even be looked at."""
    at = str(refusal.facts["field"]) if isinstance(refusal, Malformed) else "key-1"
    typed = {"texts": texts, "many": request.POST.get("many", ""), "seats_after": request.POST.get("seats_after", "")}
    status = 429 if isinstance(refusal, TooMany) else 422
    response = shown(request, scene, desk, [problem(at, refusal)], status=status, typed=typed)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.facts["retry_after"])
    return response
