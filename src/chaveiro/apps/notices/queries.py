"""Reading what is owed, the letters, and how deep the house's queues are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.models import Letter
from chaveiro.apps.notices.models import Owed as OwedRow
from chaveiro.rules.errors import NotFound
from chaveiro.rules.outbox import Owed


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A letter without its words: to which account, how often it was tried, what became of it.

    `account_id` is None for a letter to an address that no account of ours stands behind.
    """

    id: UUID
    kind: str
    account_id: UUID | None
    customer_id: UUID | None
    state: str
    attempts: int
    outcome: str
    created_at: datetime
    posted_at: datetime | None


class Depth(NamedTuple):
    """One number about the house's queues: a name, what it is divided by (a state or a queue, or empty), its value."""

    name: str
    part: str
    value: float


def owed(number: int) -> Owed:
    """One effect that is owed. Raises NotFound."""
    row = seen(OwedRow).filter(id=number).first()
    if row is None:
        raise NotFound()
    return Owed(row.id, row.kind, row.facts)


def letter(identifier: UUID) -> LetterFacts:
    """One letter. Raises NotFound."""
    return _facts(seen(Letter).filter(id=identifier).first())


def letter_of(owed_number: int) -> LetterFacts:
    """The letter that an owed effect led to. Raises NotFound."""
    return _facts(seen(Letter).filter(owed_id=owed_number).first())


def _facts(row: Letter | None) -> LetterFacts:
    if row is None:
        raise NotFound()
    return LetterFacts(
        row.id,
        row.kind,
        row.account_id,
        row.customer_id,
        row.state,
        row.attempts,
        row.outcome,
        row.created_at,
        row.posted_at,
    )


def depths(now: datetime) -> list[Depth]:
    """How much waits where, for the metrics: counts and ages in seconds, nothing that names anybody."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, part, value FROM notices_depths(%s)", (now,))
        return [Depth(name, part, float(value)) for name, part, value in cursor.fetchall()]
