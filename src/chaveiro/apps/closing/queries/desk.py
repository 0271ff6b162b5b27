"""What the operator's desk shows across the rooms: what needs doing, lists with filters, one customer whole.

Each is one statement, found by an index. Call it while acting; to others than operators it answers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

LISTED_AT_MOST = 200
PORTION_AT_MOST = 2_000  # of a list that is written into a file, whole

WAITING = """
SELECT (SELECT count(*) FROM closing_correction x WHERE state = 'proposed' AND seen_correction(x.organisation_id)),
    (SELECT count(*) FROM keys_batch b WHERE quantity > 1000 AND approved_at IS NULL AND minted = 0
        AND recalled_at IS NULL AND seen_batch(b.holder_id)),
    (SELECT count(*) FROM operations_operation o WHERE state = 'failed' AND seen_operation(o.actor_id)),
    (SELECT count(*) FROM closing_letters_given_up(100)),
    (SELECT count(*) FROM customers_customer c WHERE closed_at IS NULL AND seen_customer(c.id)),
    (SELECT count(*) FROM notices_notice n JOIN subscriptions_subscription s ON s.id = n.subscription_id
        WHERE n.state = 'bounced' AND n.kind NOT LIKE 'bounced-%' AND s.term = n.term AND s.erased_on IS NULL
          AND s.clock_id IS NULL AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
          AND seen_subscription(s.customer_id, s.id))
"""

REDEMPTIONS = """
SELECT r.id, r.reference, r.purpose, r.at, r.customer_id, c.name, r.reversed_at, o.name, r.corrects,
    EXISTS (SELECT FROM redemption_redemption later WHERE later.corrects = r.id
        AND seen_redemption(later.customer_id, later.organisation_id, later.draft_id)),
    (SELECT count(*) FROM redemption_line l WHERE l.redemption_id = r.id AND seen_line(l.customer_id, l.redemption_id))
FROM redemption_redemption r LEFT JOIN customers_customer c ON c.id = r.customer_id
    AND seen_customer(c.id)
LEFT JOIN channel_organisation o ON o.id = r.organisation_id AND seen_organisation(o.id)
WHERE seen_redemption(r.customer_id, r.organisation_id, r.draft_id)
  AND (%(before)s::uuid IS NULL OR r.id < %(before)s) AND (%(customer)s::uuid IS NULL OR r.customer_id = %(customer)s)
  AND (%(organisation)s::uuid IS NULL OR r.organisation_id = %(organisation)s)
  AND (%(since)s::timestamptz IS NULL OR r.at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR r.at < %(until)s)
  AND CASE %(state)s WHEN 'standing' THEN r.reversed_at IS NULL WHEN 'reversed' THEN r.reversed_at IS NOT NULL
      WHEN 'corrected' THEN r.corrects IS NOT NULL ELSE true END
ORDER BY r.id DESC LIMIT %(limit)s
"""

CUSTOMER = """
SELECT c.id, c.name, c.country::text, c.tax_number, c.language, c.time_zone, c.domain_prefix, c.opened_at, c.closed_at,
    c.is_test
FROM customers_customer c WHERE c.id = %s AND seen_customer(c.id)
"""

PARTNERS = """
SELECT o.id, o.kind, o.name, o.country::text, o.registration_number, o.created_at,
    (SELECT count(*) FROM channel_member m WHERE m.organisation_id = o.id AND m.ended_at IS NULL
        AND seen_member(m.account_id, m.organisation_id)),
    (SELECT coalesce(sum(b.quantity), 0) FROM keys_batch b WHERE b.holder_id = o.id AND b.recalled_at IS NULL
        AND seen_batch(b.holder_id))
FROM channel_organisation o
WHERE o.kind <> 'vendor' AND seen_organisation(o.id)
  AND (%(words)s = '' OR position(lower(%(words)s) IN lower(o.name)) > 0
      OR o.registration_number = %(words)s)
  AND (%(kind)s = '' OR o.kind = %(kind)s) AND (%(before)s::uuid IS NULL OR o.id < %(before)s)
ORDER BY o.id DESC LIMIT %(limit)s
"""

MEMBERS = """
SELECT a.id, a.given_name, a.family_name, a.login_name, a.email, m.role, m.since, a.owned_at, a.last_login, a.closed_at
FROM identity_account a LEFT JOIN channel_member m ON m.account_id = a.id AND m.ended_at IS NULL
    AND seen_member(m.account_id, m.organisation_id)
WHERE seen_account(a.id, a.customer_id, a.organisation_id)
  AND CASE WHEN %(organisation)s::uuid IS NULL THEN a.kind = 'operator'
      ELSE a.organisation_id = %(organisation)s AND a.kind = 'channel' END
ORDER BY a.closed_at NULLS FIRST, a.given_name, a.family_name, a.id LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for an operator, and how many customers stand."""

    corrections: int
    approvals: int
    failed_operations: int
    letters_given_up: int
    customers: int
    notices_bounced: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which redemptions are asked for; nothing given means all. `until` is not inclusive."""

    state: str = ""
    customer: UUID | None = None
    organisation: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def waiting() -> Waiting:
    """What needs doing, counted."""
    row = connection.connection.execute(WAITING, prepare=True).fetchone()
    assert row is not None
    return Waiting(*row)


def keys_for_sale() -> int:
    """Keys that can be redeemed, of all batches that are for sale."""
    row = connection.connection.execute("SELECT closing_keys_for_sale()", prepare=True).fetchone()
    return int(row[0] or 0) if row else 0


def redemptions(wanted: Wanted, *, before: UUID | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Redemptions, the newest first, at most 2,000; `before` is the last one seen."""
    rows = connection.connection.execute(
        REDEMPTIONS,
        {
            "before": before,
            "customer": wanted.customer,
            "organisation": wanted.organisation,
            "since": wanted.since,
            "until": wanted.until,
            "state": wanted.state,
            "limit": max(1, min(limit, PORTION_AT_MOST)),
        },
    ).fetchall()
    names = ("id", "reference", "purpose", "at", "customer", "customer_name", "reversed_at", "partner_name", "corrects")
    return [dict(zip((*names, "moved", "keys"), row, strict=True)) for row in rows]


def customers(
    *, words: str = "", country: str = "", stage: str = "", day: date, before: UUID | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Customers, the newest first, with how many subscriptions and seats they have and the next end."""
    cursor = connection.connection.execute(
        "SELECT * FROM closing_customers(%s, %s, %s, %s, %s, %s)",
        (words.strip(), country, stage, day, before, max(1, min(limit, LISTED_AT_MOST + 1))),
    )
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def customer(wanted: UUID) -> dict[str, Any] | None:
    """What is known of one customer; None when there is none."""
    cursor = connection.connection.execute(CUSTOMER, (wanted,))
    row = cursor.fetchone()
    names = [column.name for column in cursor.description or ()]
    return None if row is None else dict(zip(names, row, strict=True))


def letters(*, redemption: UUID | None = None, customer: UUID | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """Letters that a redemption led to, or about a customer, the newest first, with what became of each."""
    return _named("SELECT * FROM closing_letters(%s, %s, %s)", (redemption, customer, limit))


def letters_given_up(limit: int = 50) -> list[dict[str, Any]]:
    """Letters that are tried no more, the newest first."""
    return _named("SELECT * FROM closing_letters_given_up(%s)", (limit,))


def last_letter() -> tuple[str, datetime] | None:
    """The outcome of the letter that was taken last, and when."""
    row = connection.connection.execute("SELECT outcome, posted_at FROM closing_last_letter()").fetchone()
    return None if row is None else (row[0], row[1])


def partners(*, words: str = "", kind: str = "", before: UUID | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Distributors and resellers, the newest first, with how many people they have and keys they hold."""
    asked = {"words": words.strip(), "kind": kind, "before": before, "limit": max(1, min(limit, LISTED_AT_MOST + 1))}
    names = ("id", "kind", "name", "country", "registration_number", "created_at", "people", "keys")
    rows = connection.connection.execute(PARTNERS, asked).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def members(organisation: UUID | None) -> list[dict[str, Any]]:
    """The accounts of an organisation of the channel, or the vendor's operators; those that are open first."""
    return _named(MEMBERS, {"organisation": organisation})


def _named(statement: str, values: tuple[Any, ...] | Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor = connection.connection.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def database_now() -> tuple[datetime, str, int]:
    """The database's own clock, its version, and how many bytes it takes."""
    row = connection.connection.execute(
        "SELECT clock_timestamp(), current_setting('server_version'), pg_database_size(current_database())"
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def attestation(redemption: UUID) -> dict[str, Any]:
    """What whoever redeemed attested: wording, language, address, agent, instant; empty when it is out of sight."""
    row = connection.connection.execute(
        "SELECT attestation FROM redemption_redemption r WHERE r.id = %s"
        " AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)",
        (redemption,),
    ).fetchone()
    return {} if row is None else dict(json.loads(row[0]) if isinstance(row[0], str) else row[0])
