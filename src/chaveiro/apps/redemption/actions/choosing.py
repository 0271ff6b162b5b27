"""What the keys of a draft could be for: each subscription in reach, with what they would do to it, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.queries import Candidate
from chaveiro.rules import redemption as rules
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.errors import Refusal
from chaveiro.rules.means import Means

LISTED_AT_MOST = 20
ACTS = {Kind.CUSTOMER: ("extend", "add"), Kind.CHANNEL: ("extend",)}
ROLES = {Kind.CUSTOMER: CUSTOMER_ROLES, Kind.CHANNEL: PARTNER_ROLES}


@dataclass(frozen=True, slots=True)
class Choice:
    """One act on one subscription: its effect as the commit would compute it, and what stands against it."""

    act: str
    candidate: Candidate
    effect: rules.Effect | None
    refusals: tuple[Refusal, ...]

    @property
    def value(self) -> str:
        """How a form names it."""
        return f"{self.act}:{self.candidate.target.id}"


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices that were found; `more` says that a search would find others."""

    found: tuple[Choice, ...]
    more: bool


def may_choose(actor: Actor) -> bool:
    """Whether this actor may do more with keys than open something new."""
    return not actor.roles.isdisjoint(ROLES.get(actor.kind, ()))


def choices(
    *,
    actor: Actor,
    draft: UUID,
    items: Sequence[rules.Item],
    means: Means,
    wanted: str = "",
    only: UUID | None = None,
    seats_after: int | None = None,
) -> Choices:
    """What could be added to or extended: a customer's own, a partner's where it is the confirmed partner of record.

    `wanted` is part of a customer's name; `only` one subscription; `seats_after` the licences chosen for extending.
    Those that the keys fit come first. Writes nothing.
    """
    if not may_choose(actor):
        return Choices((), more=False)
    with acting(actor):
        known = queries.known_keys(items, draft, means)
        products = {facts.product for facts in known.values()}
        rows = queries.candidates(
            customer=actor.customer,
            organisation=actor.organisation,
            products=products,
            wanted=wanted,
            only=only,
            limit=LISTED_AT_MOST + 1,
        )
    found = [
        _weighed(act, candidate, items, known, means, seats_after if act == "extend" else None)
        for candidate in rows[:LISTED_AT_MOST]
        for act in ACTS[actor.kind]
    ]
    return Choices(tuple(sorted(found, key=lambda choice: bool(choice.refusals))), more=len(rows) > LISTED_AT_MOST)


def _weighed(
    act: str,
    candidate: Candidate,
    items: Sequence[rules.Item],
    known: Mapping[bytes, rules.KeyFacts],
    means: Means,
    seats: int | None,
) -> Choice:
    target = candidate.target
    chosen = None if seats is None else {target.product_code: seats}
    around = rules.Situation(act, candidate.day or means.day, candidate.country, False, target, chosen)
    plan, _verdicts, faults = rules.plan(items, known, around)
    refusals = {fault.refusal.code: fault.refusal for fault in faults}  # said once, of however many keys
    return Choice(act, candidate, plan.effects[0] if plan.effects else None, tuple(refusals.values()))
