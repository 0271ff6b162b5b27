"""Owing effects, handing them to the job engine, and the life of a letter. All stand in the caller's transaction.

owed ──attempt──▶ owed (one attempt more) ──posted──▶ posted
                                          ├─given_up─▶ failed
                                          └─deferred─▶ owed (its outcome kept)
owed ──superseded──▶ superseded
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices import queries
from chaveiro.apps.notices.models import Letter
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.outbox import Jobs, check_owed

RELAYED_AT_ONCE = 500
OUTCOME_LENGTH_AT_MOST = 300
SWEPT_AT_ONCE = 5_000

# The oldest first; rows that another relay has in hand are passed over. Late commits have lower ids and are met later.
CLAIM = """
WITH claimed AS (
    SELECT id FROM notices_owed WHERE relayed_at IS NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE notices_owed SET relayed_at = %s FROM claimed WHERE notices_owed.id = claimed.id
RETURNING notices_owed.id, notices_owed.kind
"""


def owe(kind: str, facts: Mapping[str, Any], now: datetime) -> None:
    """Owe the world an effect, with the act and in its transaction: one INSERT that waits for nobody.

    `facts` name things by id; whoever carries it out looks the rest up. Raises Malformed (rules.outbox.check_owed).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notices_owed (kind, facts, created_at) VALUES (%s, %s::jsonb, %s)",
            (kind, check_owed(kind, facts), now),
        )


def relay(*, now: datetime, jobs: Jobs, limit: int = RELAYED_AT_ONCE) -> int:
    """Hand what is owed to the job engine, one job each, and mark it handed over; answers how many.

    Both happen in this one transaction: a kill at any point loses nothing and doubles nothing. Any number of relays
    may run. Call it again at once while it answers `limit`.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, (limit, now))
        claimed = sorted(cursor.fetchall())
    if claimed:
        jobs.defer(claimed)
    return len(claimed)


def once(*, owed: int, name: str) -> bool:
    """True for the first run of an effect that owes further ones, false for every later run: a compare-and-set.

    In the same transaction as what follows from it, so that a kill between them leaves neither.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_owed SET facts = facts || jsonb_build_object(%s::text, true)"
            " WHERE id = %s AND NOT facts ? %s",
            (name, owed, name),
        )
        return bool(cursor.rowcount == 1)


# --- letters -------------------------------------------------------------------------------------------------------


def write_letter(
    *, owed: int, letter: UUID, kind: str, account: UUID | None, now: datetime, customer: UUID | None = None
) -> LetterFacts:
    """The letter of an owed effect: written now, or as it was written when the effect ran before; journalled once."""
    fresh = Letter(id=letter, kind=kind, account_id=account, customer_id=customer, owed_id=owed, created_at=now)
    Letter.objects.bulk_create([fresh], ignore_conflicts=True)
    found = queries.letter_of(owed)
    if found.id == letter:
        facts = {"kind": kind, **({} if account is None else {"account": str(account)})}
        record(tag="notice:written", at=now, actor=SYSTEM, subject_id=letter, customer_id=customer, facts=facts)
    return found


def attempt(*, letter: UUID) -> int | None:
    """Count one more attempt before it is made, so that a crash counts too; None when the letter needs none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_letter SET attempts = attempts + 1 WHERE id = %s AND state = 'owed' RETURNING attempts",
            (letter,),
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def posted(*, letter: UUID, outcome: str, now: datetime) -> bool:
    """The post office has it. False when somebody marked it already; then the journal has it too."""
    return _settle(letter, "posted", outcome, now)


def given_up(*, letter: UUID, outcome: str, now: datetime) -> bool:
    """It cannot be posted, or not after all attempts; an operator sees it among the failed."""
    return _settle(letter, "failed", outcome, now)


def superseded(*, letter: UUID) -> None:
    """What it would say is not true any more, or nobody is there to read it: it is never posted."""
    seen(Letter).filter(id=letter, state="owed").update(state="superseded")


def deferred(*, letter: UUID, outcome: str) -> None:
    """Nobody took it yet; the reason is kept, and the job engine comes back to it."""
    seen(Letter).filter(id=letter, state="owed").update(outcome=outcome[:OUTCOME_LENGTH_AT_MOST])


def _settle(letter: UUID, state: str, outcome: str, now: datetime) -> bool:
    changes: dict[str, Any] = {"state": state, "outcome": outcome[:OUTCOME_LENGTH_AT_MOST]}
    if state == "posted":
        changes["posted_at"] = now
    settled = seen(Letter).filter(id=letter, state="owed").update(**changes) == 1
    if settled and state == "posted":
        record(
            tag="notice:posted",
            at=now,
            actor=SYSTEM,
            subject_id=letter,
            customer_id=queries.letter(letter).customer_id,
        )
    return settled


def sweep(*, before: datetime) -> int:
    """Drop effects handed over before `before` that no letter refers to; answers how many. Letters keep theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM notices_owed WHERE id IN (SELECT o.id FROM notices_owed o"
            " WHERE o.relayed_at < %s AND NOT EXISTS (SELECT FROM notices_letter l WHERE l.owed_id = o.id)"
            " ORDER BY o.id LIMIT %s)",
            (before, SWEPT_AT_ONCE),
        )
        return int(cursor.rowcount)
