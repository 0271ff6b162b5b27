"""What a person may use: the facts from one statement, the answer from the rulebook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.rules import entitlements, identifiers
from chaveiro.rules.access import Block, BlockKind, Holder, Life
from chaveiro.rules.entitlements import Entitled, Held, SeveralPeople
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.policies import Policy

IN_SCOPE = "SELECT * FROM closing_entitlements(%s, %s, %s, %s)"
BY_TOKEN = "SELECT * FROM closing_entitled(%s, %s, %s, %s, %s, %s)"  # noqa: S105 - a statement


def entitled(*, person: UUID | None = None, email: str = "", on: date | None = None, day: date) -> Entitled:
    """What somebody may use; call it while acting. `day` is the platform's, `on` another that is asked about.

    Raises NotFound for foreign and absent alike, SeveralPeople, NotAllowed.
    """
    row = connection.connection.execute(IN_SCOPE, (person, email, on, day), prepare=True).fetchone()
    found = _read(row)
    assert found is not None
    return found[0]


def entitled_by_token(
    digest: bytes, *, person: UUID | None = None, email: str = "", on: date | None = None, day: date, now: datetime
) -> tuple[Entitled, str | None] | None:
    """The same for whoever shows the token with this digest, and the token's language; None for no good token.

    One statement in nobody's scope: the database finds out who asks, and answers what they may know. Raises NotFound,
    SeveralPeople, NotAllowed.
    """
    connection.ensure_connection()
    values = (digest, person, email, on, day, now)
    return _read(connection.connection.execute(BY_TOKEN, values, prepare=True).fetchone())


def _read(row: Sequence[Any]) -> tuple[Entitled, str | None] | None:
    verdict, language, people, person, email, customer, organisation, day, held = row
    match verdict:
        case "found":
            subscriptions = (_held(*each) for each in json.loads(held or "[]"))
            given = entitlements.of(day, subscriptions)
            return Entitled(person, email, customer, organisation, day, given), language
        case "unknown":
            return None
        case "scope":
            raise NotAllowed(needs="entitlements:read | subscriptions:read")
        case "role":
            raise NotAllowed(needs="a role in the organisation")
        case "several":
            raise SeveralPeople(people=sorted(identifiers.write("person", each) for each in people))
    raise NotFound(what="person")


def _held(
    subscription: str,
    product: str,
    ends_on: str,
    erased_on: str | None,
    closed_on: str | None,
    numbers: str,
    licensed: bool,
    blocks: Sequence[tuple[str, str, str]] | None,
    erase_on: str | None,
) -> Held:
    life = Life(date.fromisoformat(ends_on), _policy(numbers), _day(erased_on), _day(closed_on), _day(erase_on))
    standing = tuple(
        Block(BlockKind(kind), Holder(holder), date.fromisoformat(since)) for kind, holder, since in blocks or ()
    )
    return Held(UUID(subscription), product, life, licensed, standing)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


@lru_cache(maxsize=100)
def _policy(numbers: str) -> Policy:
    """A policy by its text: versions never change, and the same few are read at every request."""
    return Policy.from_dict(json.loads(numbers))
