"""How a redemption is answered: as it was done, as it would be done, and as its receipt tells it for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from chaveiro.api import fields
from chaveiro.apps.redemption.actions import EffectDone, Outcome, Weighed, effects_of
from chaveiro.rules import receipts, serials
from chaveiro.rules.lifecycle import Stage


class OpenedSubscription(fields.Answer):
    """A subscription as the redemption left it; `id` is null while nothing is written."""

    id: str | None
    customer: str | None
    product: str
    seats: int
    ends_on: date = Field(description="The first day not covered.")
    last_day: date
    credit: int = Field(description="Seat-days left over.")
    stage: Stage


class EffectAnswer(fields.Answer):
    """What happens to one subscription, and the sum that says why."""

    subscription: str | None
    product: str
    before: fields.StandingAnswer | None
    after: fields.StandingAnswer
    sum: dict[str, Any] = Field(description="Every number of the sum, as `chaveiro terms` has them.")


class Redeemed(fields.Answer):
    """A redemption, done or (with `validate_only`) not: then nothing has an id that is not there already."""

    id: str | None
    reference: str | None
    customer: str | None
    subscriptions: list[OpenedSubscription]
    effects: list[EffectAnswer]
    fingerprint: str = Field(description="Send it with the commit: if the sum changed meanwhile, nothing is spent.")
    reversed_at: datetime | None = None


class SpentKey(fields.Answer):
    """A key of a redemption."""

    serial: str
    last_five: str | None
    seats: int
    months: int
    subscription: str


class NamedPerson(fields.Answer):
    """The administrator that a redemption named."""

    id: str
    given_name: str
    family_name: str
    email: str
    user_name: str


class NamedPartner(fields.Answer):
    """The partner who redeemed."""

    id: str
    name: str
    registration_number: str | None


class Receipt(Redeemed):
    """Everything that a receipt says."""

    purpose: str
    day: date
    at: datetime
    customer_name: str
    country: str
    opened_customer: bool
    administrator: NamedPerson | None
    partner: NamedPartner | None
    keys: list[SpentKey]
    reversal_reason: str


def of_outcome(outcome: Outcome) -> dict[str, Any]:
    """The answer to a redemption that was just done."""
    return {
        "id": fields.public("redemption", outcome.id),
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
            effect.subscription,
            effect.product,
            effect.sum.footing.before,
            effect.sum.after,
            _stage(effect),
            effect.sum,
        )
        for effect in receipts.effects_of(facts)
    ]
    customer, partner, person = facts["customer"], facts["partner"], facts["administrator"]
    return {
        "id": fields.public("redemption", UUID(facts["id"])),
        "reference": facts["reference"],
        **_told(UUID(customer["id"]), effects, facts["fingerprint"]),
        "purpose": facts["purpose"],
        "day": facts["day"],
        "at": facts["at"],
        "customer_name": customer["name"],
        "country": customer["country"],
        "opened_customer": facts["opened_customer"],
        "administrator": person and {**person, "id": fields.public("person", UUID(person["id"]))},
        "partner": partner and {**partner, "id": fields.public("partner", UUID(partner["id"]))},
        "keys": [_key(line) for line in facts["lines"]],
        "reversed_at": facts["reversed_at"],
        "reversal_reason": facts["reversal_reason"],
    }


def _stage(effect: receipts.ReceiptEffect) -> Stage:
    # Keys always leave at least a day: the policy's shortest term is counted from the day itself.
    assert effect.sum.ends_on > effect.sum.footing.day
    return Stage.ACTIVE


def _told(customer: UUID | None, effects: Sequence[EffectDone], fingerprint: str) -> dict[str, Any]:
    return {
        "customer": fields.public("customer", customer),
        "subscriptions": [_subscription(customer, effect) for effect in effects],
        "effects": [_effect(effect) for effect in effects],
        "fingerprint": fingerprint,
        "reversed_at": None,
    }


def _subscription(customer: UUID | None, effect: EffectDone) -> dict[str, Any]:
    after = fields.standing(effect.after)
    assert after is not None
    return {
        "id": fields.public("subscription", effect.subscription),
        "customer": fields.public("customer", customer),
        "product": effect.product,
        **after,
        "stage": effect.stage.value,
    }


def _effect(effect: EffectDone) -> dict[str, Any]:
    return {
        "subscription": fields.public("subscription", effect.subscription),
        "product": effect.product,
        "before": fields.standing(effect.before),
        "after": fields.standing(effect.after),
        "sum": effect.sum.to_dict(),
    }


def _key(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "serial": serials.write(line["number"]),
        "last_five": line["last_five"],
        "seats": line["seats"],
        "months": line["months"],
        "subscription": fields.public("subscription", UUID(line["subscription"])),
    }
