"""Erasures at the desk: what is due and why it waits, what was erased, evidence, and days that ask for a word."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.closing.actions import evidence as acts
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.closing.queries.erasure import Pending
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.rules.erasure import Wait, Waiting
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.web.guards import operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import erasing

AHEAD_DAYS = 14
ROWS = 100


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """What is due within two weeks and why it waits; with `state=done`, what was erased."""
    done = request.GET.get("state", "") == "done"
    with acting(request.actor):
        days = queries.asked_days()
        erased = queries.erasures(limit=ROWS) if done else []
        pending = [] if done else queries.pending(day=wiring.means().day, ahead=AHEAD_DAYS, limit=ROWS)
    context = {
        "done": done,
        "erased": erased,
        "rows": [_row(one) for one in pending],
        "asked": [one for one in days if one.erased + one.wanted > one.most],
        "allowed": request.GET.get("allowed", ""),
    }
    return page(request, "desk/erasures.html", context)


@require_POST
@operators_only
@stepped_up_to_post
def allow(request: Any) -> HttpResponse:
    """Say go to the erasures that a day asked for."""
    try:
        day = date.fromisoformat(request.POST.get("day", ""))
        acts.allow(actor=request.actor, day=day, means=wiring.means())
    except (ValueError, Refusal):
        # Somebody else said it, or it is over: the list says how it stands.
        return see_other("/desk/erasures")
    return see_other("/desk/erasures?allowed=1")


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def one(request: Any, subscription: str) -> HttpResponse:
    """One subscription's erasure: its day, why it waits, and the evidence in the place of a mail's proof."""
    try:
        wanted = identifiers.read("subscription", subscription)
    except Malformed:
        raise NotFound(what="subscription") from None
    asked = {name: request.POST.get(name, "") for name in ("text", "told_on", "evidence", "do")}
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "desk/erasure.html", _context(request, wanted, asked)), language)
    problems = _settle(request, wanted, asked) if asked["do"] else []
    if asked["do"] and not problems:
        return see_other(f"/desk/erasures/{subscription}")
    context = _context(request, wanted, asked)
    return page(request, "desk/erasure.html", context, problems=problems, status=422 if problems else 200)


def _context(request: Any, wanted: UUID, asked: dict[str, str]) -> dict[str, Any]:
    means = wiring.means()
    with acting(request.actor):
        pending = queries.pending_one(wanted, day=means.day)
        record = queries.erasure_of(wanted)
        found = queries.evidence_of(wanted)
    if pending is None and record is None:
        raise NotFound(what="subscription")
    return {
        "public": identifiers.write("subscription", wanted),
        "row": None if pending is None else _row(pending),
        "record": record,
        "evidence": [{"card": card, "mine": card.proposed_by == request.actor.account} for card in found],
        "waiting": any(card.approved_at is None and card.withdrawn_at is None for card in found),
        "asked": asked,
        "today": means.day,
    }


def _settle(request: Any, subscription: UUID, asked: dict[str, str]) -> list[Any]:
    actor, means = request.actor, wiring.means()
    try:
        if asked["do"] == "record":
            told_on = _day(asked["told_on"])
            acts.record_evidence(
                actor=actor, subscription=subscription, text=asked["text"], told_on=told_on, means=means
            )
        elif asked["do"] == "approve":
            acts.approve_evidence(actor=actor, evidence=_evidence(asked), house=wiring.house(), means=means)
        elif asked["do"] == "withdraw":
            acts.withdraw_evidence(actor=actor, evidence=_evidence(asked), means=means)
    except NotFound:
        raise
    except Malformed as refusal:
        return [problem("told_on" if refusal.facts["field"] == "told_on" else "text", refusal)]
    except Refusal as refusal:
        return [problem("told_on" if refusal.facts.get("reason") == "not_told_yet" else "top", refusal)]
    return []


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(field="told_on", reason="must be a day as YYYY-MM-DD") from None


def _evidence(asked: dict[str, str]) -> UUID:
    try:
        return identifiers.read("evidence", asked["evidence"])
    except Malformed:
        raise NotFound(what="evidence") from None


def _row(one: Pending) -> dict[str, Any]:
    verdict = one.verdict
    if not isinstance(verdict, Wait):
        return {"one": one, "why": _("Proven: it goes with the next run."), "until": None, "kind": "good"}
    kind = "idle" if verdict.why is Waiting.NOT_DUE else "warn"
    return {"one": one, "why": erasing.why(verdict), "until": verdict.until, "kind": kind}
