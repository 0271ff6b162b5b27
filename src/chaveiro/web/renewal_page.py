"""What the page of a renewal shows: where the subscription stands, its keys, each choice of licences with its sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from chaveiro import wiring
from chaveiro.apps.delegation.queries import SubscriptionCard
from chaveiro.apps.redemption.actions import Weighed, drafting
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.redemption import BASKET_AT_MOST, Effect
from chaveiro.rules.renewals import Renewal
from chaveiro.rules.seat_time import Grant, Sum
from chaveiro.rules.verdicts import KeyHeld
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problems_at
from chaveiro.web.redeem import said, targets
from chaveiro.web.redeem.confirm import told_effect
from chaveiro.web.redeem.draft import Desk
from chaveiro.web.redeem.keys import offers_of
from chaveiro.web.redeem.rows import Row, empty_rows, row_of
from chaveiro.web.subscriptions import Acts

FIELDS_AT_FIRST = 1
SAME, FIT, OTHER = "same", "fit", "other"
# Where a fault stands on this page; of a key, at that key.
PLACES = {
    "/keys": "#sum",
    "/keys/*": "#key-{}",
    "/seats_after/*": "#seats_after",
    "/subscription": "#sum",
    "/purpose": "#sum",
    "/attestation": "#attestation",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who renews what, and what its rules allow: None for whoever may not extend it."""

    actor: Actor
    card: SubscriptionCard
    acts: Acts
    allowed: Renewal | None
    path: str


def shown(
    request: Any,
    scene: Scene,
    desk: Desk | None,
    problems: Sequence[Problem] = (),
    *,
    status: int = 200,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    weighed = targets.weighed_or_nothing(desk) if desk and desk.kept.items else None
    if desk and desk.kept.items and weighed is None:
        return see_other(scene.path)
    rows = _rows(desk, weighed, (typed or {}).get("texts", ()))
    offers = offers_of(desk) if desk and weighed and any(_is_held(verdict) for verdict in weighed.verdicts) else {}
    whole = any(each.facts.get("whole") for each in offers.values())
    found = list(problems) or (problems_at(weighed.faults, PLACES) if weighed else [])
    effect = weighed.plan.effects[0] if weighed and weighed.plan.effects else None
    room = max(1, fields_of(desk) - len(rows))
    context = {
        **frame(scene),
        **_of_draft(desk),
        "held": [row for row in rows if row.position is not None],
        "fields": [*(row for row in rows if row.position is None), *empty_rows(rows, min(room, BASKET_AT_MOST))],
        "removed": desk.kept.removed if desk else (),
        "can_start_over": whole,
        "can_continue": whole and _may_continue(desk),
        "many": (typed or {}).get("many", ""),
        "words": said.words(),
        "at_most": BASKET_AT_MOST,
        "seats": _seats(scene, desk, effect, (typed or {}).get("seats_after")),
        "effect": effect and told_effect(effect),
        "fingerprint": weighed.plan.fingerprint if weighed else "",
        "is_ready": bool(weighed and not weighed.faults),
        "key_count": len(desk.kept.items) if desk else 0,
        "ticked": request.POST.get("attestation") == "yes",
    }
    return page(request, "subscriptions/renew.html", context, status=status, problems=found)


def _may_continue(desk: Desk | None) -> bool:
    return desk is not None and drafting.may_continue(actor=desk.holder, kept=desk.kept, means=wiring.means())


def frame(scene: Scene) -> dict[str, Any]:
    return {
        "card": scene.card,
        "acts": scene.acts,
        "renewal": scene.allowed,
        "proposal": scene.allowed.proposal if scene.allowed else None,
        "here_page": scene.path,
        "is_customer": scene.actor.kind is Kind.CUSTOMER,
        "is_partner": scene.actor.kind is Kind.CHANNEL,
    }


def _of_draft(desk: Desk | None) -> dict[str, Any]:
    if desk is None:
        return {}
    return {
        "draft": f"/redeem/{desk.tag}",
        "draft_tag": desk.tag,
        "draft_ends": desk.kept.ends_at,
        "held_until": desk.kept.held_until,
        "resume_code": desk.code.grouped(),
    }


def _rows(desk: Desk | None, weighed: Weighed | None, texts: Sequence[str]) -> list[Row]:
    """The draft's keys, each with its verdict, and texts that could not be looked at."""
    rows: list[Row] = []
    if desk is not None and weighed is not None:
        rows = [row_of(desk, position, verdict) for position, verdict in enumerate(weighed.verdicts)]
    if not texts:
        return rows
    rows = [row for row in rows if row.position is not None]
    return rows + [Row(len(rows) + at, f"key-{len(rows) + at}", text=text) for at, text in enumerate(texts, 1)]


def fields_of(desk: Desk | None) -> int:
    kept = desk.form.get("fields", "") if desk else ""
    return min(int(kept) if kept.isdecimal() else FIELDS_AT_FIRST, BASKET_AT_MOST)


def _is_held(verdict: Any) -> bool:
    return isinstance(verdict.refusal, KeyHeld)


@dataclass(frozen=True, slots=True)
class Seats:
    """The licences afterwards as the page asks for them: each choice with what it would come to, where keys are in."""

    choice: str
    typed: str
    same: Sum | None
    fit: int | None
    fitting: Sum | None
    lowest: int | None
    highest: int | None


def _seats(scene: Scene, desk: Desk | None, effect: Effect | None, typed: str | None) -> Seats | None:
    allowed = scene.allowed
    if allowed is None or not allowed.chooses:
        return None
    form = desk.form if desk else {}
    keys = grants_of(effect) if effect else ()
    same, fitting = (allowed.with_seats(keys), allowed.right_sized(keys)) if keys else (None, None)
    window = allowed.seats_for(keys) if keys else None
    fit = allowed.proposal.proposed
    if keys:
        fit = fitting.seats if fitting else None
    choice = form.get("seats_choice", SAME)
    text = form.get("seats_after", "") if choice == OTHER else ""
    return Seats(
        OTHER if typed else choice,
        text if typed is None else typed,
        same,
        fit,
        fitting,
        window.lowest if window else None,
        window.highest if window else None,
    )


def grants_of(effect: Effect) -> tuple[Grant, ...]:
    return tuple(Grant(key.seats, key.months) for key in effect.keys)
