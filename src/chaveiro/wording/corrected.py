"""Corrections as programs read them: what was proposed, what it would do, what it did."""

from __future__ import annotations

from typing import Any

from chaveiro.apps.closing.actions import Corrected, Proposed
from chaveiro.apps.closing.queries.corrections import CorrectionCard
from chaveiro.rules.correction import Move, Plan
from chaveiro.wording.telling import instant, public, standing


def of_plan(plan: Plan) -> dict[str, Any]:
    """What it does, in seat-days: what the keys brought, what stays used, what moves."""
    return {
        "moves": [_move(move) for move in plan.moves],
        "closes_customer": plan.closes_customer,
        "fingerprint": plan.fingerprint,
    }


def _move(move: Move) -> dict[str, Any]:
    return {
        "subscription": public("subscription", move.wrong.subscription),
        "product": move.wrong.product_code,
        "brought": move.brought_before,
        "used": move.used,
        "moved": move.moved,
        "before": standing(move.taken.before),
        "after": standing(move.taken.after),
        "to": None if move.target is None else public("subscription", move.target.id),
        "sum": move.brought.to_dict(),
    }


def of_proposed(done: Proposed) -> dict[str, Any]:
    """A proposal that waits; its id is null after a dry run."""
    return {
        "id": public("correction", done.id),
        "state": "proposed",
        "redemption": public("redemption", done.redemption),
        **of_plan(done.plan),
    }


def of_corrected(done: Corrected) -> dict[str, Any]:
    """A redemption that was moved, and the one that stands since."""
    return {
        "id": public("correction", done.correction),
        "state": "approved",
        "redemption": public("redemption", done.redemption),
        "made": public("redemption", done.made),
        "reference": done.reference,
        "customer": public("customer", done.customer),
        "subscriptions": [public("subscription", one) for one in done.subscriptions],
        **of_plan(done.plan),
    }


def of_card(card: CorrectionCard) -> dict[str, Any]:
    """A correction as a list shows it."""
    return {
        "id": public("correction", card.id),
        "state": card.state.value,
        "redemption": public("redemption", card.redemption),
        "reference": card.reference,
        "customer": public("customer", card.customer),
        "purpose": card.purpose,
        "subscription": public("subscription", card.subscription),
        "reason": card.reason,
        "proposed_at": instant(card.proposed_at),
        "settled_at": instant(card.settled_at),
        "answer": card.answer,
        "made": public("redemption", card.made),
    }
