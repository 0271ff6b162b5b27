"""A redemption as programs read it: as it was done, as it would be done, and as its receipt tells it for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from chaveiro.apps.closing.actions import Reversed
from chaveiro.apps.redemption.actions import EffectDone, Outcome, Weighed, effects_of
from chaveiro.rules import receipts, serials
from chaveiro.rules.lifecycle import Stage
from chaveiro.wording.telling import public, standing


def of_outcome(outcome: Outcome) -> dict[str, Any]:
    """The answer to a redemption that was just done."""
    return {
        "id": public("redemption", outcome.id),
        "reference": outcome.reference,
        **_told(outcome.customer, outcome.effects, outcome.fingerprint),
    }


def of_weighed(weighed: Weighed) -> dict[str, Any]:
    """The answer to the same order when nothing is written."""
    targets = [effect.target for effect in weighed.plan.effects]
    subscriptions = tuple(None if target is None else target.id for target in targets)
    done = effects_of(weighed.plan, subscriptions)
    return {"id": None, "reference": None, **_told(weighed.customer, done, weighed.plan.fingerprint)}


def of_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The receipt, from the facts of a redemption that stands or was reversed."""
    effects = [
        EffectDone(
            effect.subscription, effect.product, effect.sum.footing.before, effect.sum.after, _stage(effect), effect.sum
        )
        for effect in receipts.effects_of(facts)
    ]
    customer, partner, person = facts["customer"], facts["partner"], facts["administrator"]
    return {
        "id": public("redemption", UUID(facts["id"])),
        "reference": facts["reference"],
        **_told(UUID(customer["id"]), effects, facts["fingerprint"]),
        "purpose": facts["purpose"],
        "day": facts["day"],
        "at": facts["at"],
        "customer_name": customer["name"],
        "country": customer["country"],
        "opened_customer": facts["opened_customer"],
        "administrator": person and {**person, "id": public("person", UUID(person["id"]))},
        "partner": partner and {**partner, "id": public("partner", UUID(partner["id"]))},
        "keys": [_key(line) for line in facts["lines"]],
        "reversed_at": facts["reversed_at"],
        "reversal_reason": facts["reversal_reason"],
        "corrects": facts["corrects"],
        "corrected_to": facts["corrected_to"],
    }


def of_reversal(done: Reversed) -> dict[str, Any]:
    """A redemption that was taken back: its keys, by serial, are for sale again."""
    return {
        "id": public("redemption", done.redemption),
        "reference": done.reference,
        "customer": public("customer", done.customer),
        "customer_closed": done.customer_closed,
        "keys": [serials.write(number) for number in done.keys],
        "subscriptions": [public("subscription", one) for one in done.subscriptions],
    }


def of_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A redemption as a list shows it."""
    return {
        **line,
        "id": public("redemption", line["id"]),
        "customer": public("customer", line["customer"]),
    }


def _stage(effect: receipts.ReceiptEffect) -> Stage:
    # Keys always leave at least a day: the policy's shortest term is counted from the day itself.
    assert effect.sum.ends_on > effect.sum.footing.day
    return Stage.ACTIVE


def _told(customer: UUID | None, effects: Sequence[EffectDone], fingerprint: str) -> dict[str, Any]:
    return {
        "customer": public("customer", customer),
        "subscriptions": [_subscription(customer, effect) for effect in effects],
        "effects": [_effect(effect) for effect in effects],
        "fingerprint": fingerprint,
        "reversed_at": None,
    }


def _subscription(customer: UUID | None, effect: EffectDone) -> dict[str, Any]:
    after = standing(effect.after)
    assert after is not None
    return {
        "id": public("subscription", effect.subscription),
        "customer": public("customer", customer),
        "product": effect.product,
        **after,
        "stage": effect.stage.value,
    }


def _effect(effect: EffectDone) -> dict[str, Any]:
    return {
        "subscription": public("subscription", effect.subscription),
        "product": effect.product,
        "before": standing(effect.before),
        "after": standing(effect.after),
        "sum": effect.sum.to_dict(),
    }


def _key(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "serial": serials.write(line["number"]),
        "last_five": line["last_five"],
        "seats": line["seats"],
        "months": line["months"],
        "subscription": public("subscription", UUID(line["subscription"])),
    }
