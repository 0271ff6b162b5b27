"""Renewals as programs read them: what is due, how much of it, and what extending one may do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chaveiro.apps.closing.queries.renewals import Due, Month, Step
from chaveiro.apps.delegation.queries import SubscriptionCard
from chaveiro.rules.lifecycle import last_day
from chaveiro.rules.renewals import Renewal, WhyNot
from chaveiro.wording.telling import day, public

# Direct billing comes with payments; its place is here, so that programs need not be changed for it.
NOT_OFFERED = "not_offered"


def due(one: Due) -> dict[str, Any]:
    """A subscription in the pipeline."""
    card = one.card
    return {
        "subscription": public("subscription", card.id),
        "customer": public("customer", card.customer),
        "customer_name": card.customer_name,
        "country": card.country,
        "product": card.product,
        "seats": card.seats,
        "assigned": card.assigned,
        "ends_on": day(card.ends_on),
        "last_day": day(last_day(card.ends_on)),
        "days_left": card.days_left,
        "bucket": one.bucket.value,
        "stage": card.stage.value,
        "paid_by": card.paid_by,
        "is_test": one.is_test,
    }


def summary(steps: Iterable[Step], months: Iterable[Month]) -> dict[str, Any]:
    """How much stands in each bucket, and what ends in each month."""
    return {
        "buckets": [
            {"bucket": step.bucket.value, "subscriptions": step.subscriptions, "seats": step.seats} for step in steps
        ],
        "months": [
            {"month": f"{month.begins:%Y-%m}", "subscriptions": month.subscriptions, "seats": month.seats}
            for month in months
        ],
    }


def renewal(card: SubscriptionCard, allowed: Renewal | None, why_not: WhyNot | None) -> dict[str, Any]:
    """What extending a subscription may do today; `allowed` is None where nobody can extend it any more."""
    return {
        "subscription": public("subscription", card.id),
        "day": day(allowed.start.day) if allowed else day(card.day),
        "stage": card.stage.value,
        "seats": card.seats,
        "assigned": card.assigned,
        "proposal": None if allowed is None else _proposal(allowed),
        "limits": None if allowed is None else _limits(allowed),
        "ways": [
            {"way": "key", "available": why_not is None, "why_not": why_not and why_not.value},
            {"way": "direct_billing", "available": False, "why_not": NOT_OFFERED},
        ],
    }


def _proposal(allowed: Renewal) -> dict[str, Any]:
    found = allowed.proposal
    return {"seats": found.bought if found.proposed is None else found.proposed, "as_now": found.proposed is None}


def _limits(allowed: Renewal) -> dict[str, Any]:
    shortest, shortest_chosen = allowed.shortest_ends_on
    return {
        "may_choose_seats": allowed.chooses,
        "lowest_seats": allowed.proposal.lowest,
        "highest_seats": allowed.proposal.highest,
        "keys_start_on": day(allowed.start.keys_start_on),
        "earliest_end": day(shortest),
        "earliest_end_with_other_seats": day(shortest_chosen),
        "latest_end": day(allowed.bound.horizon),
    }
