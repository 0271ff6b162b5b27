"""Whether a person may use what on a day, and if not, why and who can lift it; and the same as a signed document.

    facts of the person's organisation ──of──▶ one entitlement for each product ──document──▶ claims, to be signed

Of several subscriptions of one product the one counts that lets the person in, else the one that a licence names, else
the latest. The document carries the dates of the stages, so that whoever reads it can decide on another day by itself
until it expires. Source: rules, section 4; docs/entitlements.md is the public contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from chaveiro.rules import identifiers
from chaveiro.rules.access import Access, Act, Block, Hindrance, Life, decide
from chaveiro.rules.errors import Refusal
from chaveiro.rules.lifecycle import erasure_due_on

DOCUMENT_KIND = "chaveiro-entitlements+jws"
DOCUMENT_VERSION = 1
DOCUMENT_LIVES = timedelta(minutes=15)
SUBSCRIPTIONS_AT_MOST = 200  # of one organisation that are looked at, those that end last


class SeveralPeople(Refusal):
    """The e-mail address leads to several people; ask by person. Facts: people."""

    code = "several_people"


@dataclass(frozen=True, slots=True)
class Held:
    """One subscription of the person's organisation. `licensed`: a live licence of it is theirs."""

    subscription: UUID
    product: str
    life: Life
    licensed: bool
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One product, the subscription that counts for it, and the answer."""

    held: Held
    access: Access


@dataclass(frozen=True, slots=True)
class Entitled:
    """A person on a day, and what their organisation has; sorted by product. `day` is the organisation's own."""

    person: UUID
    email: str
    customer: UUID
    organisation: str
    day: date
    entitlements: tuple[Entitlement, ...]


def of(day: date, held: Iterable[Held]) -> tuple[Entitlement, ...]:
    """One entitlement for each product."""
    best: dict[str, Entitlement] = {}
    for one in held:
        access = decide(Act.USE, day=day, life=one.life, blocks=one.blocks, licensed=one.licensed)
        found = Entitlement(one, access)
        if one.product not in best or _rank(found) > _rank(best[one.product]):
            best[one.product] = found
    return tuple(best[product] for product in sorted(best))


def _rank(one: Entitlement) -> tuple[bool, bool, date, UUID]:
    return one.access.allowed, one.held.licensed, one.held.life.ends_on, one.held.subscription


def told(one: Entitlement) -> dict[str, Any]:
    """An entitlement as JSON; days as ISO 8601 has them."""
    life, access = one.held.life, one.access
    return {
        "product": one.held.product,
        "subscription": identifiers.write("subscription", one.held.subscription),
        "may_use": access.allowed,
        "until": _day(access.until),
        "stage": access.stage.value,
        "licensed": one.held.licensed,
        "ends_on": life.ends_on.isoformat(),
        "access_stops_on": life.access_stops_on.isoformat(),
        "erasure_on": (life.erased_on or erasure_due_on(life.ends_on, life.policy, life.erase_on)).isoformat(),
        "reasons": [reason(hindrance) for hindrance in access.hindrances],
        "next_change": access.next_change
        and {"stage": access.next_change.stage.value, "day": access.next_change.day.isoformat()},
    }


def reason(hindrance: Hindrance) -> dict[str, Any]:
    """One thing that stands in the way, as JSON. What whoever put a block wrote is not told to services."""
    block = hindrance.block
    return {
        "code": hindrance.reason.value,
        "since": _day(hindrance.since),
        "lifted_by": [lifter.value for lifter in hindrance.lifted_by],
        "block": block and {"kind": block.kind.value, "holder": block.holder.value},
    }


def claim(one: Entitlement) -> dict[str, Any]:
    """An entitlement as an ID token carries it: short, for it is told at every sign-in."""
    return {
        "product": one.held.product,
        "stage": one.access.stage.value,
        "may_use": one.access.allowed,
        "until": _day(one.access.until),
        "reason": one.access.reason and one.access.reason.value,
    }


def document(entitled: Entitled, *, issuer: str, now: datetime) -> Mapping[str, Any]:
    """The claims of the signed document; it expires soon, for a block can be put at any moment."""
    return {
        "version": DOCUMENT_VERSION,
        "iss": issuer,
        "iat": int(now.timestamp()),
        "exp": int((now + DOCUMENT_LIVES).timestamp()),
        "sub": identifiers.write("person", entitled.person),
        "email": entitled.email,
        "organisation": {"id": identifiers.write("customer", entitled.customer), "name": entitled.organisation},
        "day": entitled.day.isoformat(),
        "entitlements": [told(one) for one in entitled.entitlements],
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
