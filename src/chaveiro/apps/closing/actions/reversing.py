"""Taking back what was done: the reversal of a redemption, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import Error, connection

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import lost, sqlstate_of
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, NotFound
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means
from chaveiro.rules.reversal import Standing, may_reverse

ATTEMPTS = 3
LOOK_AGAIN = {"CV001", "CV002", "40001", "40P01"}


@dataclass(frozen=True, slots=True)
class Reversed:
    """A redemption that was taken back, and what that closed."""

    redemption: UUID
    reference: str
    customer: UUID
    customer_closed: bool
    keys: tuple[int, ...]
    subscriptions: tuple[UUID, ...]


def reverse(
    *,
    actor: Actor,
    redemption: UUID,
    reason: str,
    means: Means,
    dry_run: bool = False,
    answer: Callable[[Reversed], Mapping[str, Any]] | None = None,
) -> Reversed:
    """Take a redemption back: its keys are for sale again, each ledger gets the opposite row.

    A customer that it opened is closed. Journals `redemption:reversed`, `subscription:changed` and `customer:closed`.
    `answer` makes the row that is remembered under an Idempotency-Key. A dry run writes nothing.

    Raises NotFound, NotAllowed, Malformed, AlreadyReversed, ReversalTooLate, ReversalBlocked, Contention,
    OutcomeUnknown: who then asks again is told what became of it, AlreadyReversed if it was done.
    """
    for _ in range(ATTEMPTS):
        try:
            return _attempt(actor, redemption, reason, means, dry_run=dry_run, answer=answer)
        except (psycopg.Error, Error) as fault:
            if sqlstate_of(fault) not in LOOK_AGAIN:
                lost(fault, ask_again=False)
    raise Contention(what="redemption")


def _attempt(
    actor: Actor,
    redemption: UUID,
    reason: str,
    means: Means,
    *,
    dry_run: bool,
    answer: Callable[[Reversed], Mapping[str, Any]] | None,
) -> Reversed:
    with acting(actor):
        row = connection.connection.execute("SELECT closing_look(%s)", (redemption,)).fetchone()
        if row is None or row[0] is None:
            raise NotFound(what="redemption")
        look = json.loads(row[0])
        may_reverse(actor, reason, _standing(look), means.day)
        done = Reversed(
            redemption,
            look["reference"],
            UUID(look["customer"]),
            look["opened_customer"],
            tuple(look["numbers"]),
            tuple(UUID(one["subscription"]) for one in look["rows"]),
        )
        if not dry_run:
            plan = _plan(actor, scrub(reason.strip()), look, done, means.day, answer(done) if answer else None)
            connection.connection.execute("SELECT closing_reverse(%s::jsonb, %s)", (plan, means.now))
        return done


def _standing(look: Mapping[str, Any]) -> Standing:
    redeemed_on = date.fromisoformat(look["day"])
    return Standing(
        organisation=UUID(look["organisation"]) if look["organisation"] else None,
        reversed_at=look["reversed_at"],
        last_day=redeemed_on + timedelta(days=look["reversal_days"]),
        later_changes=sum(row["later"] for row in look["rows"]),
        people=look["people"],
        licences=look["licences"],
        corrected=look["corrected"],
    )


def _plan(
    actor: Actor,
    reason: str,
    look: Mapping[str, Any],
    done: Reversed,
    day: date,
    answer: Mapping[str, Any] | None,
) -> str:
    entries = [_entry("redemption:reversed", done.redemption, keys=done.keys)]
    entries += [_entry("subscription:changed", one["subscription"], reverses=one["number"]) for one in look["rows"]]
    if done.customer_closed:
        entries.append(_entry("customer:closed", done.customer))
    whole = {
        "redemption": done.redemption,
        "customer": done.customer,
        "opened_customer": done.customer_closed,
        "numbers": done.keys,
        "rows": look["rows"],
        "reason": reason,
        "day": day,
        "actor": {"kind": actor.kind.value, "account": actor.account, "organisation": actor.organisation},
        "entries": entries,
        "owed": [{"kind": "reversal", "facts": {"redemption": done.redemption}}],
        "answer": answer,
    }
    return json.dumps(whole, default=str, ensure_ascii=False)


def _entry(tag: str, subject: UUID | str, **facts: Any) -> dict[str, Any]:
    return {"tag": tag, "subject_kind": tag.partition(":")[0], "subject_id": subject, "facts": facts}
