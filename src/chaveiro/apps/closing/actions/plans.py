"""The plan of a correction in the form that the database's function takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chaveiro.apps.closing.queries.corrections import CorrectionCard
from chaveiro.rules import redemption as redemptions
from chaveiro.rules.actors import Actor
from chaveiro.rules.correction import Move, Plan, Scene
from chaveiro.rules.means import Means


@dataclass(frozen=True, slots=True)
class Made:
    """The ids of what a correction makes; `subscriptions` one for each move, in order."""

    redemption: UUID
    reference: str
    subscriptions: tuple[UUID, ...]
    targets: tuple[UUID | None, ...]

    @classmethod
    def of(cls, plan: Plan, means: Means) -> Made:
        """New ids for whatever is new, the standing ones for the rest."""
        targets = tuple(move.target.id if move.target else None for move in plan.moves)
        return cls(
            means.new_id(),
            redemptions.reference(means.random_bytes(5)),
            tuple(target or means.new_id() for target in targets),
            targets,
        )


def plan_json(
    actor: Actor,
    card: CorrectionCard,
    scene: Scene,
    plan: Plan,
    made: Made,
    means: Means,
    *,
    second: bool,
    answer: Mapping[str, Any] | None,
) -> str:
    """Everything that `closing_correct` writes, as JSON text; the SQL function is its reader."""
    pairs = list(zip(plan.moves, made.subscriptions, strict=True))
    operator = {"kind": actor.kind.value, "account": actor.account, "organisation": actor.organisation}
    seller = {"kind": scene.actor_kind, "account": scene.actor, "organisation": scene.organisation}
    whole = {
        "correction": card.id,
        "redemption": card.redemption,
        "wrong_customer": scene.customer,
        "reason": card.reason,
        "actor": operator,
        # Who sold the keys sold them still; a customer's own person did nothing for another customer.
        "seller": seller if scene.organisation else {**operator, "organisation": None},
        "made": {
            "id": made.redemption,
            "reference": made.reference,
            "draft": None,
            "purpose": card.purpose,
            "customer": card.customer,
            "person": None,
            "opened_customer": False,
            "attestation": {"corrects": scene.reference, "at": means.now.isoformat()},
            "fingerprint": plan.fingerprint,
            "day": means.day,
        },
        "taken": [_taken(move) for move in plan.moves],
        "effects": [_effect(move, subscription, made) for move, subscription in pairs],
        "lines": [line for move, subscription in pairs for line in _lines(move, subscription)],
        "closes_customer": plan.closes_customer,
        "entries_wrong": _entries_wrong(card, scene, plan, second=second),
        "entries_right": _entries_right(card, plan, made),
        "owed": [{"kind": "correction", "facts": {"redemption": card.redemption, "made": made.redemption}}],
        "answer": answer,
    }
    return json.dumps(whole, default=str, ensure_ascii=False)


def _taken(move: Move) -> dict[str, Any]:
    before, after = move.taken.before, move.taken.after
    assert before is not None
    return {
        "subscription": move.wrong.subscription,
        "undone": move.wrong.undone,
        "version": move.wrong.version,
        "term": move.wrong.term,
        "row_policy": move.wrong.row_policy_id,
        "seats_before": before.seats,
        "ends_before": before.ends_on,
        "credit_before": before.credit,
        "seats_after": after.seats if after else 0,
        "ends_after": after.ends_on if after else None,
        "credit_after": after.credit if after else 0,
    }


def _effect(move: Move, subscription: UUID, made: Made) -> dict[str, Any]:
    before, target = move.brought.footing.before, move.target
    return {
        "subscription": subscription,
        "product": move.wrong.product,
        "policy": move.wrong.policy_id if target is None else target.policy_id,
        "price_class": move.wrong.price_class,
        "number": 1 if target is None else target.version + 1,
        "term": 1 if target is None else target.term + 1,
        "kind": move.brought.footing.operation.value,
        "redemption": made.redemption,
        "origin": move.brought.footing.origin,
        "granted": move.brought.granted,
        "seats_before": 0 if before is None else before.seats,
        "ends_before": None if before is None else before.ends_on,
        "credit_before": 0 if before is None else before.credit,
        "seats_after": move.brought.seats,
        "ends_after": move.brought.ends_on,
        "credit_after": move.brought.credit,
        "assigned": 0,
    }


def _lines(move: Move, subscription: UUID) -> list[dict[str, Any]]:
    number = 1 if move.target is None else move.target.version + 1
    return [
        {
            "number": key.number,
            "subscription": subscription,
            "ledger_number": number,
            "seats": key.seats,
            "months": key.months,
        }
        for key in move.wrong.keys
    ]


def _entries_wrong(card: CorrectionCard, scene: Scene, plan: Plan, *, second: bool) -> list[dict[str, Any]]:
    """What the wrong customer's history says: that its keys left, and not to whom."""
    keys = [key.number for move in plan.moves for key in move.wrong.keys]
    facts = {"keys": keys, "correction": card.id, "second_person": second}
    entries = [_entry("redemption:corrected", card.redemption, **facts)]
    for move in plan.moves:
        after = move.taken.after
        told = {"corrects": move.wrong.undone, "moved": move.moved, "used": move.used}
        left = {} if after is None else {"seats": after.seats, "ends_on": after.ends_on, "credit": after.credit}
        entries.append(_entry("subscription:changed", move.wrong.subscription, **told, **left))
    if plan.closes_customer:
        entries.append(_entry("customer:closed", scene.customer))
    return entries


def _entries_right(card: CorrectionCard, plan: Plan, made: Made) -> list[dict[str, Any]]:
    keys = [key.number for move in plan.moves for key in move.wrong.keys]
    facts = {"purpose": card.purpose, "keys": keys, "subscriptions": made.subscriptions, "correction": card.id}
    entries = [_entry("redemption:committed", made.redemption, **facts)]
    for move, subscription in zip(plan.moves, made.subscriptions, strict=True):
        tag = "subscription:opened" if move.target is None else "subscription:changed"
        brought = move.brought
        told = {"seats": brought.seats, "ends_on": brought.ends_on, "credit": brought.credit, "moved": move.moved}
        entries.append(_entry(tag, subscription, **told))
    return entries


def _entry(tag: str, subject: UUID, **facts: Any) -> dict[str, Any]:
    return {"tag": tag, "subject_kind": tag.partition(":")[0], "subject_id": subject, "facts": facts}
