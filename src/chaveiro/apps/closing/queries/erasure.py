"""What decides an erasure, read whole: dates, holds, deletion notices, evidence; and what was erased."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.clocks.models import Platform
from chaveiro.apps.closing.models import ErasingDay, Erasure, Evidence
from chaveiro.apps.journal.models import seen
from chaveiro.rules import erasure
from chaveiro.rules.erasure import Case, Proof, Told, Wait
from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.notices import QUIET_DAYS
from chaveiro.rules.policies import DEFAULT_POLICY


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subscription whose day may have come, with everything that decides. `closed_on`: its opening was taken back."""

    id: UUID
    customer: UUID
    term: int
    version: int
    seats: int
    ends_on: date
    credit: int
    policy: int
    due_on: date
    closed: bool
    case: Case


# A policy that says nothing of it is older than the number.
RETENTION = f"coalesce((p.numbers ->> 'retention_days')::integer, {DEFAULT_POLICY.retention_days})"
CANDIDATES_AND = f"""
SELECT s.id, s.customer_id, s.term, s.version, s.seats, s.ends_on, s.credit, s.policy_id, s.erase_on,
    s.closed_at IS NOT NULL, {RETENTION},
    (SELECT max(w.day) FROM subscriptions_ledgerrow w WHERE w.subscription_id = s.id),
    EXISTS (SELECT FROM subscriptions_block b WHERE b.customer_id = s.customer_id AND b.kind = 'legal_hold'
        AND b.lifted_at IS NULL AND (b.subscription_id = s.id OR b.subscription_id IS NULL)),
    (SELECT jsonb_agg(jsonb_build_array(n.id, n.kind, n.facts ->> 'erase_on', n.settled_on, n.outside, n.direct,
            n.returns) ORDER BY n.id)
        FROM notices_notice n WHERE n.subscription_id = s.id AND n.term = s.term AND n.state = 'accepted'
          AND n.kind LIKE 'erasure-%%' AND n.organisation_id IS NULL),
    (SELECT jsonb_agg(jsonb_build_array(e.id, e.told_on, e.approved_on) ORDER BY e.id) FROM closing_evidence e
        WHERE e.subscription_id = s.id AND e.term = s.term AND e.approved_at IS NOT NULL)
    {{columns}}
FROM subscriptions_subscription s JOIN catalog_policy p ON p.id = s.policy_id {{joined}}
WHERE s.erased_on IS NULL AND seen_by_operator()
"""  # noqa: S608 - numbers of ours
CANDIDATES = CANDIDATES_AND.format(columns="", joined="")
BY_NAME = (
    "JOIN customers_customer c ON c.id = s.customer_id AND seen_customer(c.id)"
    " LEFT JOIN clocks_clock k ON k.id = s.clock_id AND seen_clock(k.organisation_id)"
)
# Of what the sweep has to look at, by its own index. What is closed, and has no day named, has none yet.
DUE = f"""{CANDIDATES}
  AND s.due_on <= %(day)s AND (%(after)s::uuid IS NULL OR s.id > %(after)s::uuid)
  AND subscriptions_erases_on(s.ends_on, s.erase_on, {RETENTION}, s.closed_at IS NOT NULL) <= %(day)s
"""
IN_ORDER = " ORDER BY s.id LIMIT %(limit)s"
# `IS NOT DISTINCT FROM` would pass the partial indexes by.
DUE_ON_NONE = f"{DUE} AND s.clock_id IS NULL{IN_ORDER}"
DUE_ON_ONE = f"{DUE} AND s.clock_id = %(clock)s{IN_ORDER}"
ONE = CANDIDATES + " AND s.id = %(id)s"


def due(*, day: date, clock: UUID | None, quiet_until: date | None, after: UUID | None, limit: int) -> list[Candidate]:
    """Subscriptions whose data may have to go on this day, by id, from `after` on."""
    statement = DUE_ON_NONE if clock is None else DUE_ON_ONE
    return _candidates(statement, {"day": day, "clock": clock, "after": after, "limit": limit}, quiet_until)


def one(subscription: UUID, quiet_until: date | None) -> Candidate | None:
    """One subscription as it stands at this moment; None where it was erased."""
    found = _candidates(ONE, {"id": subscription}, quiet_until)
    return found[0] if found else None


def _candidates(statement: str, values: Mapping[str, Any], quiet_until: date | None) -> list[Candidate]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [_candidate(row, quiet_until) for row in cursor.fetchall()]


def _candidate(row: Sequence[Any], quiet_until: date | None) -> Candidate:
    identifier, customer, term, version, seats, ends_on, credit, policy, erase_on, closed, retention, last_day = row[
        :12
    ]
    held, notices, evidence = row[12:]
    due_on = erasure.due_day(ends_on, retention, erase_on, last_day if closed else None)
    case = Case(
        due_on=due_on,
        held=held,
        quiet_until=quiet_until,
        notices=[_told(told) for told in _json(notices)],
        evidence=[erasure.Evidence(UUID(one[0]), date.fromisoformat(one[1]), _day(one[2])) for one in _json(evidence)],
    )
    return Candidate(identifier, customer, term, version, seats, ends_on, credit, policy, due_on, closed, case)


def _told(row: Sequence[Any]) -> Told:
    identifier, kind, erase_on, settled_on, outside, direct, returns = row
    settled = _day(settled_on)
    # What was accepted on no day that anybody wrote down was accepted on none.
    return Told(UUID(identifier), kind, _day(erase_on), settled or date.max, bool(outside), bool(direct), bool(returns))


def _json(value: Any) -> Any:
    if isinstance(value, str):
        return json.loads(value)
    return value or ()


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def quiet_until(day: date) -> date | None:
    """Until when the platform's own sanity forbids erasing on this day; None where nothing does.

    Beside what the sweep wrote down: a clock that never went through a day, or missed more than one, or went back,
    does not know what it slept through.
    """
    marks = seen(Platform).first()
    if marks is None or marks.day is None:
        return days_later(day, QUIET_DAYS)
    if timedelta(0) <= day - marks.day <= timedelta(days=1):
        return marks.quiet_until
    return max(days_later(day, QUIET_DAYS), marks.quiet_until or day)


def customers_that_count() -> int:
    """How many customers stand, those on test clocks aside: what is usual on a day is measured by them (P3)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM customers_customer c"
            " WHERE c.closed_at IS NULL AND c.clock_id IS NULL AND seen_customer(c.id)"
        )
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class Pending:
    """A subscription whose day has come or comes soon: by which day it lives, and what decides on it."""

    candidate: Candidate
    customer_name: str
    today: date
    verdict: Proof | Wait


PENDING = CANDIDATES_AND.format(columns=", c.name, k.day", joined=BY_NAME)
PENDING_SOON = f"""{PENDING}
  AND subscriptions_erases_on(s.ends_on, s.erase_on, {RETENTION}, s.closed_at IS NOT NULL)
      <= coalesce(k.day, %(day)s) + %(ahead)s
ORDER BY s.ends_on, s.id LIMIT %(limit)s
"""
PENDING_ONE = f"{PENDING} AND s.id = %(id)s"


def pending(*, day: date, ahead: int, limit: int) -> list[Pending]:
    """What is due, or will be within `ahead` days, the longest ended first, and why it waits. For operators."""
    return _pending(PENDING_SOON, {"day": day, "ahead": ahead, "limit": limit}, day)


def pending_one(subscription: UUID, *, day: date) -> Pending | None:
    """One subscription that was not erased; None where it was, or is out of sight."""
    return next(iter(_pending(PENDING_ONE, {"id": subscription}, day)), None)


def _pending(statement: str, values: Mapping[str, Any], day: date) -> list[Pending]:
    quiet = quiet_until(day)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    told = []
    for *row, name, on_clock in found:
        candidate = _candidate(row, None if on_clock else quiet)
        today = on_clock or day
        told.append(Pending(candidate, name, today, erasure.decide(candidate.case, today)))
    return told


# --- what was erased, and what waits --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErasureCard:
    """The record of an erasure. `day` is None while it was begun and is not done."""

    id: UUID
    kind: str
    customer: UUID
    subscription: UUID | None
    person: UUID | None
    due_on: date
    begun_on: date
    waits_until: date | None
    day: date | None
    at: datetime | None
    proof: Mapping[str, Any]
    rows: Mapping[str, int]
    key_destroyed_at: datetime | None


CARD = (
    "id",
    "kind",
    "customer_id",
    "subscription_id",
    "person_id",
    "due_on",
    "begun_on",
    "waits_until",
    "day",
    "at",
    "proof",
    "rows",
    "key_destroyed_at",
)


def erasure_of(subscription: UUID) -> ErasureCard | None:
    """The record of a subscription's erasure; None where it was not erased, or is out of sight."""
    row = seen(Erasure).filter(subscription_id=subscription, kind="subscription").values_list(*CARD).first()
    return None if row is None else ErasureCard(*row)


def erasures(*, limit: int, before: datetime | None = None, customer: UUID | None = None) -> list[ErasureCard]:
    """What was erased, the latest first."""
    found = seen(Erasure).filter(day__isnull=False).order_by("-at", "-id")
    if before is not None:
        found = found.filter(at__lt=before)
    if customer is not None:
        found = found.filter(customer_id=customer)
    return [ErasureCard(*row) for row in found.values_list(*CARD)[:limit]]


def certificate(wanted: UUID) -> dict[str, Any]:
    """The facts of an erasure's certificate, for whoever has its id. Raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT closing_certificate(%s)", (wanted,))
        found = cursor.fetchone()[0]
    if found is None:
        raise NotFound(what="erasure")
    facts: dict[str, Any] = _json(found)
    return facts


@dataclass(frozen=True, slots=True)
class EvidenceCard:
    """Evidence that somebody was told, in the place of a mail's proof."""

    id: UUID
    subscription: UUID
    customer: UUID
    term: int
    text: str
    told_on: date
    proposed_by: UUID | None
    proposed_at: datetime
    approved_at: datetime | None
    withdrawn_at: datetime | None


def evidence_of(subscription: UUID) -> list[EvidenceCard]:
    """What was recorded for a subscription, the latest first. For operators."""
    found = seen(Evidence).filter(subscription_id=subscription).order_by("-proposed_at")
    return [_evidence(row) for row in found[:50]]


def evidence(wanted: UUID) -> EvidenceCard:
    """One piece of evidence. Raises NotFound."""
    row = seen(Evidence).filter(id=wanted).first()
    if row is None:
        raise NotFound(what="evidence")
    return _evidence(row)


def _evidence(row: Evidence) -> EvidenceCard:
    return EvidenceCard(
        row.id,
        row.subscription_id,
        row.customer_id,
        row.term,
        row.text,
        row.told_on,
        row.proposed_by,
        row.proposed_at,
        row.approved_at,
        row.withdrawn_at,
    )


@dataclass(frozen=True, slots=True)
class AskedDay:
    """A day on which more erasures were due than are usual. `allowed_at` is None while nobody has said go."""

    day: date
    most: int
    erased: int
    wanted: int
    asked_at: datetime | None
    allowed_at: datetime | None


def asked_days(*, limit: int = 20) -> list[AskedDay]:
    """The days that asked, the latest first. For operators."""
    found = seen(ErasingDay).filter(asked_at__isnull=False).order_by("-day")
    return [
        AskedDay(*row) for row in found.values_list("day", "most", "erased", "wanted", "asked_at", "allowed_at")[:limit]
    ]
