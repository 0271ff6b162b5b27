"""The sweep: what is owed in the lives of subscriptions is written down, once. It asks what is due and not yet done.

Due is what says so in its own row (`due_on`), found by its index: a sweep costs what is due, not what exists. It goes
on in portions, each in a transaction of its own; late, doubled, concurrent or killed sweeps change nothing. The rules
are rules.notices; the statement is held against them row by row in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.notices import (
    CLOSED_DAYS,
    EVERYBODY,
    NOBODY,
    OUTSIDE_DAYS,
    PROOF_DAYS,
    PUT_OFF_DAYS,
)

PORTION = 5_000

# Two statements: the second one sees what was committed until the rows were locked, and nobody changes them any more.
CLAIM = """
SELECT array_agg(claimed.id) FROM (
    SELECT s.id FROM subscriptions_subscription s WHERE {whose} AND s.due_on <= %(day)s
    ORDER BY s.due_on LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED) AS claimed
"""
CLAIM_REAL = CLAIM.format(whose="s.clock_id IS NULL")
CLAIM_ON_CLOCK = CLAIM.format(whose="s.clock_id = %(clock)s")

SETTLE = """
WITH found AS MATERIALIZED (
    SELECT s.id, s.customer_id, s.term, s.ends_on, s.seats, s.erased_on, s.erase_on, s.closed_at IS NOT NULL AS closed,
        s.paid_by = 'direct' AS renews, p.numbers, first.day AS first_day, c.contact_email, c.closed_at,
        s.ends_on + coalesce((p.numbers ->> 'grace_days')::integer, 30) AS access_stops_on,
        CASE WHEN s.closed_at IS NOT NULL THEN coalesce(s.erase_on, first.day + %(closed_days)s)
             ELSE subscriptions_erases_on(s.ends_on, s.erase_on,
                 coalesce((p.numbers ->> 'retention_days')::integer, 120), false) END AS erases_on,
        EXISTS (SELECT FROM subscriptions_block b WHERE b.customer_id = s.customer_id AND b.lifted_at IS NULL
            AND b.kind = 'legal_hold' AND (b.subscription_id IS NULL OR b.subscription_id = s.id)) AS held
    FROM unnest(%(ids)s::uuid[]) AS claimed (id)
    JOIN subscriptions_subscription s ON s.id = claimed.id
    JOIN customers_customer c ON c.id = s.customer_id
    JOIN catalog_policy p ON p.id = s.policy_id
    CROSS JOIN LATERAL (SELECT w.day FROM subscriptions_ledgerrow w
        WHERE w.subscription_id = s.id AND w.term = s.term ORDER BY w.number LIMIT 1) AS first
),
-- rules.notices.must_put_off
weighed AS MATERIALIZED (
    SELECT f.*, told.kinds, told.outside_works,
        NOT f.held AND f.erased_on IS NULL AND (f.closed OR %(day)s >= f.ends_on)
        AND ((f.erases_on - %(day)s < %(proof_days)s AND NOT told.of_it)
          OR (f.erases_on <= %(day)s AND (NOT told.proven OR f.erases_on - %(day)s <= -%(proof_days)s))) AS put_off
    FROM found f CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(n.kind), '{{}}') AS kinds,
            coalesce(bool_or(n.of_it AND n.kind LIKE 'erasure-7%%'), false) AS of_it,
            coalesce(bool_or(n.of_it AND n.state = 'accepted' AND n.outside
                AND n.organisation_id IS NULL), false) AS proven,
            coalesce(bool_or(n.kind = 'outside_address' OR (n.state = 'accepted' AND n.outside
                AND n.organisation_id IS NULL)), false) AS outside_works
        FROM (SELECT n.kind, n.state, n.outside, n.organisation_id, n.kind LIKE 'erasure-%%' AND n.state <> 'superseded'
                AND n.facts ->> 'erase_on' = f.erases_on::text AS of_it
            FROM notices_notice n WHERE n.subscription_id = f.id AND n.term = f.term) AS n
    ) AS told
),
dated AS MATERIALIZED (
    SELECT w.*,
        CASE WHEN w.put_off THEN greatest(%(day)s + %(put_off_days)s, %(quiet_until)s::date + %(proof_days)s)
             WHEN w.closed AND w.erased_on IS NULL THEN w.erases_on ELSE w.erase_on END AS erase_then,
        CASE WHEN w.put_off THEN greatest(%(day)s + %(put_off_days)s, %(quiet_until)s::date + %(proof_days)s)
             ELSE w.erases_on END AS told_on
    FROM weighed w
),
agenda AS MATERIALIZED (
    SELECT d.id, slot.kind, slot.due, slot.place, slot.sent, slot.kind <> ALL (d.kinds) AS open,
        d.held AND slot.kind LIKE 'erasure-%%' AND slot.due <= %(day)s AS silenced
    FROM dated d CROSS JOIN LATERAL
        closing_slots(d.first_day, d.ends_on, d.numbers, d.erase_then, d.closed, d.renews, d.erased_on) AS slot
),
-- Of what is due, the latest is told; what is older and was told to nobody is superseded.
ranked AS (
    SELECT a.*, row_number() OVER (PARTITION BY a.id ORDER BY a.sent DESC, a.due DESC, a.place DESC) AS rank
    FROM agenda a WHERE a.due <= %(day)s AND NOT a.silenced
),
settled AS (
    SELECT r.id, r.kind, r.due, r.sent AND r.rank = 1 AS told FROM ranked r WHERE r.open
    UNION ALL
    SELECT d.id, 'outside_address', d.ends_on - %(outside_days)s, true FROM dated d
    WHERE {outside} AND %(day)s BETWEEN d.ends_on - %(outside_days)s AND d.ends_on - 1
      AND NOT CASE WHEN d.outside_works THEN true
          ELSE closing_outside_address_works(d.customer_id, %(initial_domain)s) END
),
written AS (
    INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, account_id, organisation_id,
        due_on, written_on, facts, state, attempts, try_at, address, server, direct, outcome, settled_on, settled_at)
    SELECT d.id, d.customer_id, d.term, s.kind,
        CASE WHEN NOT s.told THEN %(everybody)s ELSE coalesce(whom.recipient, %(nobody)s) END,
        whom.account_id, whom.organisation_id, s.due, %(day)s,
        jsonb_build_object('ends_on', d.ends_on, 'access_stops_on', d.access_stops_on,
            'erase_on', d.told_on, 'seats', d.seats),
        over.state, 0, %(now)s, '', '', false, '',
        CASE WHEN over.state <> 'owed' THEN %(day)s::date END,
        CASE WHEN over.state <> 'owed' THEN %(now)s::timestamptz END
    FROM settled s JOIN dated d ON d.id = s.id
    LEFT JOIN LATERAL (
        SELECT r.* FROM closing_readers(d.customer_id, d.id, d.contact_email, d.closed_at, %(now)s) AS r
        WHERE s.told) AS whom ON true
    CROSS JOIN LATERAL (SELECT CASE WHEN NOT s.told THEN 'superseded' WHEN whom.recipient IS NULL THEN 'dropped'
        ELSE 'owed' END AS state) AS over
    ON CONFLICT (subscription_id, term, kind, recipient) DO NOTHING
    RETURNING subscription_id, customer_id, term, kind, due_on, state
),
moved AS (
    UPDATE subscriptions_subscription s SET erase_on = n.erase_then, due_on = n.due_on
    FROM (
        SELECT d.id, d.erase_then,
            CASE WHEN d.erased_on <= %(day)s THEN '9999-12-31'::date
                 WHEN d.erased_on IS NOT NULL THEN d.erased_on
                 ELSE least(a.due, CASE WHEN {outside} AND d.ends_on - %(outside_days)s > %(day)s
                          THEN d.ends_on - %(outside_days)s END,
                     CASE WHEN a.silenced OR d.told_on <= %(day)s THEN %(day)s + 1 ELSE d.told_on END) END AS due_on
        FROM dated d LEFT JOIN (SELECT a.id, min(a.due) FILTER (WHERE a.due > %(day)s) AS due,
            bool_or(a.silenced) AS silenced FROM agenda a GROUP BY a.id) AS a ON a.id = d.id) AS n
    WHERE s.id = n.id
    RETURNING s.id
),
told AS (
    INSERT INTO journal_entry (at, tag, actor_kind, customer_id, subject_kind, subject_id, facts)
    SELECT %(now)s, act.tag, 'system', act.customer_id, 'subscription', act.id::text,
        jsonb_build_object('term', act.term, 'day', act.day)
    FROM (
        SELECT DISTINCT CASE w.kind WHEN 'ended' THEN 'subscription:grace_started'
                ELSE 'subscription:access_stopped' END AS tag, w.customer_id, w.subscription_id AS id, w.term,
            w.due_on AS day
        FROM written w WHERE w.kind IN ('ended', 'access_stopped')
        UNION ALL
        SELECT 'subscription:erasure_put_off', d.customer_id, d.id, d.term, d.erase_then FROM dated d WHERE d.put_off
    ) AS act
    RETURNING tag
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FILTER (WHERE w.state = 'owed') FROM written w),
    (SELECT count(*) FILTER (WHERE w.state = 'superseded') FROM written w),
    (SELECT count(*) FILTER (WHERE w.state = 'dropped') FROM written w),
    (SELECT count(*) FILTER (WHERE t.tag = 'subscription:erasure_put_off') FROM told t)
"""
# rules.notices.owes_outside_address, but for the day.
OUTSIDE_OWED = """d.erased_on IS NULL AND NOT d.closed AND NOT d.renews
    AND d.ends_on - d.first_day > %(outside_days)s AND 2 * %(outside_days)s <= d.ends_on - d.first_day"""
SETTLE = SETTLE.format(outside=OUTSIDE_OWED)


@dataclass(frozen=True, slots=True)
class Swept:
    """How much a sweep did. `nobody`: slots that nobody was left to be told of."""

    looked_at: int = 0
    owed: int = 0
    superseded: int = 0
    nobody: int = 0
    put_off: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def sweep(
    *,
    day: date,
    means: Means,
    clock: UUID | None = None,
    quiet_until: date | None = None,
    limit: int | None = None,
    dry_run: bool = False,
) -> Swept:
    """Write down what is owed on `day` to everybody who lives on that clock, or on none; at most `limit` subscriptions.

    `quiet_until`: nothing is erased before. A dry run tells what one portion would do, and does nothing.
    """
    swept = Swept()
    while limit is None or swept.looked_at < limit:
        most = PORTION if limit is None else min(PORTION, limit - swept.looked_at)
        portion = _portion(day, clock, quiet_until, most, means, dry_run)
        swept += portion
        if portion.looked_at < most or dry_run:
            break
    return swept


def _portion(day: date, clock: UUID | None, quiet_until: date | None, most: int, means: Means, dry_run: bool) -> Swept:
    with acting(SYSTEM), transaction.atomic():
        # A statement as long as this one would be compiled for longer than it runs.
        connection.connection.execute("SET LOCAL jit = off")
        ids = _claim(day, clock, most)
        if not ids:
            return Swept()
        values: dict[str, Any] = {
            "ids": ids,
            "day": day,
            "now": means.now,
            "quiet_until": quiet_until,
            "initial_domain": settings.INITIAL_DOMAIN,
            "closed_days": CLOSED_DAYS,
            "outside_days": OUTSIDE_DAYS,
            "proof_days": PROOF_DAYS,
            "put_off_days": PUT_OFF_DAYS,
            "nobody": NOBODY,
            "everybody": EVERYBODY,
        }
        swept = Swept(*connection.connection.execute(SETTLE, values).fetchone())
        transaction.set_rollback(dry_run)
        return swept


def _claim(day: date, clock: UUID | None, most: int) -> list[UUID]:
    text = CLAIM_REAL if clock is None else CLAIM_ON_CLOCK
    row = connection.connection.execute(text, {"day": day, "clock": clock, "most": most}).fetchone()
    return row[0] or []
