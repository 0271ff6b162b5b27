"""Long work with its progress, answers kept for a retry, and rate limits. All stand in the caller's transaction.

queued ──take_up──▶ running ──finish──▶ done
   │                   ├──────fail────▶ failed
   └──────cancel───────┴──────────────▶ cancelled
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.journal.models import seen
from chaveiro.apps.operations.models import Answer, Bucket, Operation
from chaveiro.rules import limits
from chaveiro.rules.actors import Actor
from chaveiro.rules.idempotency import (
    FIELD,
    IdempotencyMismatch,
    Request,
    StillRunning,
    Stored,
    answer_row,
    worth_keeping,
)
from chaveiro.rules.limits import SPENT_AFTER, Caller

__all__ = [
    "Work",
    "answer_row",
    "beat",
    "cancel",
    "fail",
    "finish",
    "questions",
    "recall",
    "remember",
    "remembered",
    "start",
    "sweep",
    "take",
    "take_up",
]

ANSWERS_KEPT = timedelta(hours=48)
SWEPT_AT_ONCE = 5_000
LIVE = ("queued", "running")
FAULT_LENGTH_AT_MOST = 200

REMEMBER = "SELECT operations_remember(%s::jsonb, %s)"
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"
FIND_ANSWER = (
    "SELECT a.body_digest, a.status, a.body FROM operations_answer a"
    " WHERE a.actor_id = %s AND a.method = %s AND a.path = %s AND a.key = %s AND seen_own(a.actor_id)"
)


# --- long work -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Work:
    """An operation as the worker takes it up; `lent` is the secret lent to it, still sealed by the vault."""

    id: UUID
    kind: str
    actor_id: UUID | None
    organisation_id: UUID | None
    subject_id: str
    total: int
    done: int
    lent: bytes | None


def start(
    *,
    operation: UUID,
    kind: str,
    actor: Actor,
    now: datetime,
    total: int = 0,
    subject_id: UUID | str = "",
    lent: bytes | None = None,
) -> UUID:
    """Write down a piece of long work as queued; the caller owes the effect that carries it out. Answers its id.

    `operation` is a new id, `lent` a secret sealed by the vault that is erased with the work's end.
    """
    Operation(
        id=operation,
        kind=kind,
        actor_id=actor.account,
        organisation_id=actor.organisation,
        subject_id=str(subject_id),
        total=total,
        lent=lent,
        created_at=now,
    ).save(force_insert=True)
    return operation


def take_up(*, operation: UUID, now: datetime) -> Work | None:
    """Begin, or go on after a worker was killed; None when the work has ended or was cancelled.

    The row stays locked until the caller's transaction ends, so that two workers do not take it up in one instant.
    """
    row = seen(Operation).select_for_update().filter(id=operation, state__in=LIVE).first()
    if row is None:
        return None
    row.state, row.beat_at = "running", now
    row.started_at = row.started_at or now
    row.save(update_fields=["state", "beat_at", "started_at"])
    lent = None if row.lent is None else bytes(row.lent)
    return Work(row.id, row.kind, row.actor_id, row.organisation_id, row.subject_id, row.total, row.done, lent)


def beat(*, operation: UUID, done: int, now: datetime, failed: int = 0, total: int | None = None) -> bool:
    """Tell how far the work is, in counts from its beginning; False means that it was cancelled and shall stop."""
    changes: dict[str, Any] = {"done": done, "failed": failed, "beat_at": now}
    if total is not None:
        changes["total"] = total
    return seen(Operation).filter(id=operation, state="running").update(**changes) == 1


def finish(*, operation: UUID, now: datetime, result: dict[str, Any] | None = None) -> bool:
    """The work is done; what was lent to it is erased. False when it had ended already."""
    ended = {"state": "done", "result": result or {}, "finished_at": now, "beat_at": now, "lent": None}
    return seen(Operation).filter(id=operation, state__in=LIVE).update(**ended) == 1


def fail(*, operation: UUID, now: datetime, fault: str) -> bool:
    """The work ended without success; `fault` is a refusal's code or a class name, never a message with facts."""
    ended = {"state": "failed", "fault": fault[:FAULT_LENGTH_AT_MOST], "finished_at": now, "lent": None}
    return seen(Operation).filter(id=operation, state__in=LIVE).update(**ended) == 1


def cancel(*, operation: UUID, now: datetime) -> bool:
    """Somebody who may see the work stops it; the worker notices at its next beat. False when it had ended."""
    ended = {"state": "cancelled", "finished_at": now, "lent": None}
    return seen(Operation).filter(id=operation, state__in=LIVE).update(**ended) == 1


# --- answers for a retry -------------------------------------------------------------------------------------------


def remembered(asked: Request) -> Stored | None:
    """The answer that this request was given before, or None: then the caller acts, and holds the request's lock.

    Call it first in the act's own transaction, after the caller's authority was checked: a replay checks it again.
    Raises StillRunning while another request of the same scope runs, IdempotencyMismatch when it had another body.
    """
    return recall(asked, *(connection.connection.execute(*question).fetchall() for question in questions(asked)))


def questions(asked: Request) -> tuple[tuple[str, Sequence[Any]], ...]:
    """What `recall` needs to be told, for acts that ask it together with more: statements and their values."""
    # Statements of their own: the look then sees what the lock's last holder committed.
    return (TRY_LOCK, (asked.lock(),)), (FIND_ANSWER, (asked.actor, asked.method, asked.path, asked.key))


def recall(asked: Request, locked: Sequence[Any], found: Sequence[Any]) -> Stored | None:
    """As `remembered`, from the rows that the `questions` were answered with."""
    if not locked[0][0]:
        raise StillRunning(retry_after=1)
    if not found:
        return None
    digest, status, body = found[0]
    if bytes(digest) != asked.body_digest:
        raise IdempotencyMismatch(header=FIELD)
    return Stored(status, json.loads(body))


def remember(asked: Request, *, status: int, body: Any, now: datetime, dry_run: bool = False) -> bool:
    """Keep the answer with the act, in its transaction (K5); True when it was worth keeping.

    The body must hold no secret: it is given again for 24 hours and more.
    """
    if not worth_keeping(status, dry_run=dry_run):
        return False
    Answer.objects.bulk_create(
        [
            Answer(
                actor_id=asked.actor,
                method=asked.method,
                path=asked.path,
                key=asked.key,
                body_digest=asked.body_digest,
                status=status,
                body=body,
                at=now,
            )
        ]
    )
    return True


# --- rate limits ---------------------------------------------------------------------------------------------------


def take(*, limit: str, caller: Caller, now: datetime, secret: bytes, cost: int = 1) -> None:
    """Count `cost` units of a named limit for this caller, or raise TooMany with the seconds to wait.

    A transaction of its own, before the act's: the bucket's row is locked until it ends. What is refused counts
    nothing. A cost above the limit's burst never passes; baskets are bounded below it.
    """
    rate = limits.rate_of(limit, caller)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT operations_take(%s, make_interval(secs => %s), %s, %s, %s)",
            (limits.bucket(limit, caller, secret), rate.every.total_seconds(), rate.burst, cost, now),
        )
        wait: timedelta = cursor.fetchone()[0]
    if wait > timedelta(0):
        raise limits.refusal(limit, wait)


# --- the sweep -----------------------------------------------------------------------------------------------------


def sweep(*, now: datetime) -> int:
    """Drop answers older than 48 hours and buckets that are empty again, some thousands at a time; answers how many.

    Late or doubled runs change nothing: after its time the state of the key itself gives a retry its answer.
    """
    old = seen(Answer).filter(at__lt=now - ANSWERS_KEPT).order_by("at")[:SWEPT_AT_ONCE]
    dropped, _ = seen(Answer).filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    spent = seen(Bucket).filter(empty_at__lt=now - SPENT_AFTER)[:SWEPT_AT_ONCE]
    # The instant is asked again in the DELETE: a caller may have come back in between.
    emptied, _ = (
        seen(Bucket).filter(pk__in=list(spent.values_list("pk", flat=True)), empty_at__lt=now - SPENT_AFTER).delete()
    )
    return dropped + emptied
