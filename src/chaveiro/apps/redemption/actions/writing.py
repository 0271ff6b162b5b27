"""The plan of a redemption in the form that the database's commit function takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings

from chaveiro.apps.redemption.actions.ordering import Order, Weighed
from chaveiro.rules import redemption as rules
from chaveiro.rules.actors import Actor
from chaveiro.rules.means import Means
from chaveiro.rules.openings import NewCustomer

Id = TypeVar("Id", UUID, str)
AS_JSON = json.JSONEncoder(default=str, ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Names(Generic[Id]):
    """The ids that a redemption gives to what it makes; `subscriptions` one for each effect, in order."""

    redemption: Id
    reference: str
    customer: Id
    account: Id | None
    person: Id | None
    subscriptions: tuple[Id, ...]
    licences: tuple[Id, ...]

    @staticmethod
    def made(weighed: Weighed, means: Means) -> Names[UUID]:
        """New ids for whatever is new, the standing ones for the rest."""
        effects, opens = weighed.plan.effects, weighed.customer is None
        return Names(
            means.new_id(),
            rules.reference(means.random_bytes(5)),
            weighed.customer or means.new_id(),
            means.new_id() if opens else None,
            means.new_id() if opens else None,
            tuple(means.new_id() if effect.target is None else effect.target.id for effect in effects),
            tuple(means.new_id() for _ in effects) if opens else (),
        )

    def written(self) -> Names[str]:
        """The same as text, each made once: the same ones stand in many places of a plan."""
        return Names(
            str(self.redemption),
            self.reference,
            str(self.customer),
            None if self.account is None else str(self.account),
            None if self.person is None else str(self.person),
            tuple(map(str, self.subscriptions)),
            tuple(map(str, self.licences)),
        )


def plan_json(
    actor: Actor, weighed: Weighed, named: Names[UUID], means: Means, answer: Mapping[str, Any] | None
) -> str:
    """Everything that `redemption_commit` writes, as JSON text; the SQL function is its reader."""
    order, plan, names = weighed.order, weighed.plan, named.written()
    seller = actor.organisation
    whole = {
        "actor": {"kind": actor.kind.value, "account": actor.account, "organisation": actor.organisation},
        "redemption": {
            "id": names.redemption,
            "reference": names.reference,
            "draft": order.draft,
            "purpose": plan.purpose,
            "customer": names.customer,
            "person": names.person,
            "opened_customer": weighed.customer is None,
            "attestation": {**(order.attestation or {}), "at": means.now.isoformat()},
            "fingerprint": plan.fingerprint,
            "day": plan.day,
        },
        **_opening(order, names),
        "effects": [
            _effect(effect, subscription, names)
            for effect, subscription in zip(plan.effects, names.subscriptions, strict=True)
        ],
        "lines": [
            _line(key, effect, subscription)
            for effect, subscription in zip(plan.effects, names.subscriptions, strict=True)
            for key in effect.keys
        ],
        "licences": [
            {
                "id": licence,
                "customer": names.customer,
                "person": names.person,
                "product": effect.product,
                "subscription": subscription,
            }
            for licence, effect, subscription in zip(names.licences, plan.effects, names.subscriptions, strict=False)
        ],
        "proposal": _proposal(weighed, means),
        "seller": seller,
        "entries": list(_entries(weighed, names)),
        "owed": _owed(names),
        "answer": answer,
    }
    return AS_JSON(whole)


def _opening(order: Order, names: Names[str]) -> dict[str, Any]:
    customer, person = order.customer, order.administrator
    if not isinstance(customer, NewCustomer) or person is None:
        return {"customer": None, "account": None, "person": None}
    user_name = person.user_name()
    return {
        "customer": {
            "id": names.customer,
            "name": customer.name.strip(),
            "country": customer.country,
            "tax_number": customer.tax_number.strip(),
            "language": customer.language,
            "time_zone": customer.time_zone,
            "domain_prefix": customer.domain_prefix,
            "is_test": order.is_test,
            "clock": order.clock,
        },
        "account": {
            "id": names.account,
            "login_name": f"{user_name}@{customer.domain_prefix}.{settings.INITIAL_DOMAIN}",
            "customer": names.customer,
            "email": person.email,
            "alternate_email": person.alternate_email,
            "given_name": person.given_name.strip(),
            "family_name": person.family_name.strip(),
            "language": customer.language,
            "time_zone": customer.time_zone,
        },
        "person": {"id": names.person, "account": names.account, "user_name": user_name},
    }


def _effect(effect: rules.Effect, subscription: str, names: Names[str]) -> dict[str, Any]:
    before, target = effect.sum.footing.before, effect.target
    return {
        "subscription": subscription,
        "product": effect.product,
        "policy": effect.policy_id,
        "price_class": effect.price_class,
        "number": 1 if target is None else target.version + 1,
        "term": 1 if target is None else target.term + 1,
        "kind": effect.sum.footing.operation.value,
        "redemption": names.redemption,
        "origin": effect.sum.footing.origin,
        "granted": effect.sum.granted,
        "seats_before": 0 if before is None else before.seats,
        "ends_before": None if before is None else before.ends_on,
        "credit_before": 0 if before is None else before.credit,
        "seats_after": effect.sum.seats,
        "ends_after": effect.sum.ends_on,
        "credit_after": effect.sum.credit,
        "assigned": 1 if names.licences else 0,
    }


def _line(key: rules.KeyFacts, effect: rules.Effect, subscription: str) -> dict[str, Any]:
    return {
        "number": key.number,
        "subscription": subscription,
        "ledger_number": 1 if effect.target is None else effect.target.version + 1,
        "seats": key.seats,
        "months": key.months,
    }


def _proposal(weighed: Weighed, means: Means) -> dict[str, Any] | None:
    if weighed.proposed is None:
        return None
    return {"id": means.new_id(), "organisation": weighed.proposed, "subscription": None}


def _owed(names: Names[str]) -> list[dict[str, Any]]:
    """The mail that lets the administrator take ownership, whose secret is made when it is posted; then the receipt."""
    receipt = {"kind": "receipt", "facts": {"redemption": names.redemption}}
    if names.account is None:
        return [receipt]
    return [{"kind": "ownership", "facts": {"account": names.account, "customer": names.customer}}, receipt]


def _entries(weighed: Weighed, names: Names[str]) -> list[dict[str, Any]]:
    """What the journal is told: ids and numbers only."""
    plan = weighed.plan
    entries = [
        _entry(
            "redemption:committed",
            names.redemption,
            purpose=plan.purpose,
            keys=[key.number for effect in plan.effects for key in effect.keys],
            subscriptions=names.subscriptions,
        )
    ]
    if weighed.customer is None and isinstance(weighed.order.customer, NewCustomer):
        facts: dict[str, Any] = {"country": weighed.order.customer.country, "person": names.person}
        if weighed.same_tax_number:
            facts["same_tax_number"] = True
        entries.append(_entry("customer:opened", names.customer, **facts))
    for effect, subscription in zip(plan.effects, names.subscriptions, strict=True):
        entries.append(
            _entry(
                "subscription:opened" if effect.target is None else "subscription:changed",
                subscription,
                seats=effect.sum.seats,
                ends_on=effect.sum.ends_on,
                credit=effect.sum.credit,
            )
        )
    entries += [_entry("licence:assigned", licence, person=names.person, automatic=True) for licence in names.licences]
    if weighed.proposed is not None:
        entries.append(_entry("partner_of_record:proposed", names.customer, organisation=weighed.proposed))
    return entries


def _entry(tag: str, subject: str, **facts: Any) -> dict[str, Any]:
    return {"tag": tag, "subject_kind": tag.partition(":")[0], "subject_id": subject, "facts": facts}
