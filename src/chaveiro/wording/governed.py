"""Policies as programs read them: versions, drafts, what a draft would do, and subscriptions that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaveiro.apps.catalog.actions import Published
from chaveiro.apps.catalog.queries import AdoptionCard, DraftCard, PolicyCard
from chaveiro.apps.closing.queries.policies import Affected
from chaveiro.rules.policy_changes import LISTS, Move
from chaveiro.wording.telling import day, instant, public


def of_policy(card: PolicyCard) -> dict[str, Any]:
    """One published version."""
    return {
        "name": card.name,
        "version": card.version,
        "numbers": card.numbers.to_dict(),
        "published_at": instant(card.published_at),
    }


def of_draft(card: DraftCard) -> dict[str, Any]:
    """A draft, its fields as they were typed; `base` is the version that it was copied from, null for none."""
    return {
        "name": card.name,
        "base": card.base or None,
        "version": card.version,
        "typed": dict(card.typed),
        "changed_at": instant(card.changed_at),
    }


def of_move(move: Move) -> dict[str, Any]:
    """What other numbers would do to the subscriptions that exist, counted."""
    return {
        "subscriptions": move.subscriptions,
        "changed": move.changed,
        "access_stops": {"earlier": move.stops_earlier, "later": move.stops_later},
        "erased": {"earlier": move.erases_earlier, "later": move.erases_later},
        "notices": {"before": move.notices_before, "after": move.notices_after},
        "stages": [{"from": was, "to": becomes, "subscriptions": many} for was, becomes, many in move.stages],
        "takes_nothing_away": not (move.stops_earlier or move.erases_earlier),
    }


def of_affected(one: Affected) -> dict[str, Any]:
    """One subscription of which a date, or today's stage, would be another; days are the first of what they name."""
    return {
        "subscription": public("subscription", one.subscription),
        "customer": public("customer", one.customer),
        "customer_name": one.customer_name,
        "product": one.product,
        "version": one.version,
        "ends_on": day(one.ends_on),
        "stage": {"before": one.stage.value, "after": one.stage_after.value},
        "access_stops_on": {"before": day(one.access_stops_on), "after": day(one.access_stops_after)},
        "erases_on": {"before": day(one.erases_on), "after": day(one.erases_after)},
    }


def of_published(done: Published) -> dict[str, Any]:
    """A version that governs new terms, and the products that point to it."""
    return {"name": done.name, "version": done.version, "products": list(done.products)}


def of_adoption(card: AdoptionCard) -> dict[str, Any]:
    """That existing subscriptions follow a version: how many were to, how many did."""
    return {
        "id": public("adoption", card.id),
        "name": card.policy.name,
        "version": card.policy.version,
        "state": card.state.value,
        "proposed_at": instant(card.proposed_at),
        "settled_at": instant(card.settled_at),
        "finished_at": instant(card.finished_at),
        "wanted": card.wanted,
        "moved": card.moved,
    }


def typed_from(numbers: Mapping[str, Any]) -> dict[str, str]:
    """Numbers of a program as somebody would have typed them."""
    return {name: ", ".join(map(str, value)) if name in LISTS else str(value) for name, value in numbers.items()}
