"""What a notice is about as it stands now, for whoever posts it. Call it while acting as the house."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.policies import Policy
from chaveiro.rules.posting import Life, Verdict, judge

DUE = """
SELECT n.id FROM notices_notice n JOIN customers_customer c ON c.id = n.customer_id
WHERE n.state = 'owed' AND n.try_at <= %(now)s AND c.clock_id IS NOT DISTINCT FROM %(clock)s
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id) AND seen_customer(c.id)
ORDER BY n.try_at, n.subscription_id, n.due_on, n.kind, n.recipient LIMIT %(limit)s
"""

CLOCKS_WITH_MAIL = """
SELECT DISTINCT k.id, k.day FROM notices_notice n JOIN customers_customer c ON c.id = n.customer_id
JOIN clocks_clock k ON k.id = c.clock_id
WHERE n.state = 'owed' AND n.try_at <= %s AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
  AND seen_customer(c.id) AND seen_clock(k.organisation_id)
"""

# In hand of one at a time: whoever claims it counts the attempt and has it for the lease.
CLAIM = """
UPDATE notices_notice n SET attempts = n.attempts + 1, try_at = %(until)s
FROM (
    SELECT n.id, s.term, s.seats, s.ends_on, s.erase_on, s.erased_on, s.closed_at IS NOT NULL AS closed, s.paid_by,
        s.version, p.numbers, names.names, c.name AS customer_name, c.language AS customer_language,
        c.domain_prefix, c.contact_email, a.email, a.alternate_email, a.language, a.given_name, a.login_name,
        a.owned_at IS NOT NULL AS owned, o.name AS partner_name, o.notice_email, o.language AS partner_language,
        c.clock_id IS NOT NULL AS on_a_clock,
        EXISTS (SELECT FROM closing_recipients(c.id, s.id, %(now)s) AS r WHERE r.recipient = n.recipient) AS wanted,
        EXISTS (SELECT FROM subscriptions_block h WHERE h.customer_id = s.customer_id AND h.kind = 'legal_hold'
            AND h.lifted_at IS NULL AND (h.subscription_id IS NULL OR h.subscription_id = s.id)
            AND seen_block(h.customer_id, h.subscription_id)) AS held,
        EXISTS (SELECT FROM delegation_partnerofrecord d WHERE d.organisation_id = o.id AND d.customer_id = c.id
            AND d.state = 'confirmed' AND (d.subscription_id IS NULL OR d.subscription_id = s.id)
            AND seen_partner_of_record(d.customer_id, d.organisation_id)) AS of_record,
        closing_outside_address_works(c.id, %(initial_domain)s) AS outside_works,
        b.outcome AS failed_outcome, b.recipient AS failed_recipient,
        concat_ws(' ', nullif(ba.given_name, ''), nullif(ba.family_name, '')) AS failed_name
    FROM notices_notice n
    JOIN subscriptions_subscription s ON s.id = n.subscription_id
    JOIN customers_customer c ON c.id = n.customer_id
    JOIN catalog_policy p ON p.id = s.policy_id
    JOIN LATERAL (SELECT v.names FROM catalog_productversion v WHERE v.product_id = s.product_id
        ORDER BY v.number DESC LIMIT 1) AS names ON true
    LEFT JOIN identity_account a ON a.id = n.account_id AND seen_account(a.id, a.customer_id, a.organisation_id)
    LEFT JOIN channel_organisation o ON o.id = n.organisation_id AND seen_organisation(o.id)
    LEFT JOIN notices_notice b ON b.id = (n.facts ->> 'of')::uuid
        AND seen_notice(b.customer_id, b.organisation_id, b.account_id)
    LEFT JOIN identity_account ba ON ba.id = b.account_id AND seen_account(ba.id, ba.customer_id, ba.organisation_id)
    WHERE n.id = %(notice)s AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
      AND seen_subscription(s.customer_id, s.id) AND seen_customer(c.id)
) AS f
WHERE n.id = f.id AND n.state = 'owed' AND n.try_at <= %(now)s
RETURNING n.id, n.kind, n.term AS of_term, n.recipient, n.facts, n.attempts, n.written_on, n.subscription_id,
    n.customer_id, n.account_id, n.organisation_id, f.*
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """One notice in hand, with all that its mail needs. `address` is empty where nobody is there to read it.

    `failed` tells, of a notice about one that did not arrive, to whom that went and what was answered.
    """

    id: UUID
    kind: str
    attempts: int
    written_on: date
    subscription: UUID
    customer: UUID
    account: UUID | None
    organisation: UUID | None
    verdict: Verdict
    life: Life
    seats: int
    version: int
    names: Mapping[str, str]
    customer_name: str
    served: str  # the first label of the domain that the subscription's own mailboxes have
    on_a_clock: bool
    language: str
    address: str = field(repr=False)
    given_name: str = field(repr=False)
    login_name: str = field(repr=False)
    owned: bool
    partner_name: str
    of_record: bool
    failed_name: str = field(repr=False)
    failed_outcome: str
    failed_partner: bool


def due(*, clock: UUID | None, now: datetime, limit: int) -> list[UUID]:
    """Notices that are to be posted now, of the customers on a test clock or of those on none."""
    asked = {"clock": clock, "now": now, "limit": limit}
    return [row[0] for row in connection.connection.execute(DUE, asked).fetchall()]


def clocks_with_mail(now: datetime) -> list[tuple[UUID, date]]:
    """Test clocks on which notices are to be posted, with their days."""
    return [(row[0], row[1]) for row in connection.connection.execute(CLOCKS_WITH_MAIL, (now,)).fetchall()]


def claim(notice: UUID, *, day: date, now: datetime, until: datetime) -> Ready | None:
    """Take one notice in hand until `until`, and all that its mail needs; None where somebody else has or had it."""
    asked = {"notice": notice, "now": now, "until": until, "initial_domain": settings.INITIAL_DOMAIN}
    cursor = connection.connection.execute(CLAIM, asked)
    row = cursor.fetchone()
    if row is None:
        return None
    names = [column.name for column in cursor.description or ()]
    return _ready(dict(zip(names, row, strict=True)), day)


def _ready(row: Mapping[str, Any], day: date) -> Ready:
    policy = Policy.from_dict(_json(row["numbers"]))
    life = Life(
        term=row["term"],
        ends_on=row["ends_on"],
        access_stops_on=days_later(row["ends_on"], policy.grace_days),
        erase_on=_erase_on(row, policy),
        notice_days=policy.notice_days,
        erased_on=row["erased_on"],
        closed=row["closed"],
        held=row["held"],
        renews=row["paid_by"] != "key",
        outside_works=row["outside_works"],
    )
    address, language, given_name, login_name = _reader(row)
    verdict = judge(row["kind"], row["of_term"], _json(row["facts"]), life, day)
    if verdict is Verdict.POST and (not address or not row["wanted"]):
        verdict = Verdict.DROPPED
    return Ready(
        id=row["id"],
        kind=row["kind"],
        attempts=row["attempts"],
        written_on=row["written_on"],
        subscription=row["subscription_id"],
        customer=row["customer_id"],
        account=row["account_id"],
        organisation=row["organisation_id"],
        verdict=verdict,
        life=life,
        seats=row["seats"],
        version=row["version"],
        names=_json(row["names"]),
        customer_name=row["customer_name"],
        served=row["domain_prefix"],
        on_a_clock=row["on_a_clock"],
        language=language,
        address=address,
        given_name=given_name,
        login_name=login_name,
        owned=bool(row["owned"]),
        partner_name=row["partner_name"] or "",
        of_record=row["of_record"],
        failed_name=row["failed_name"] or "",
        failed_outcome=row["failed_outcome"] or "",
        failed_partner=(row["failed_recipient"] or "").startswith("partner:"),
    )


def _erase_on(row: Mapping[str, Any], policy: Policy) -> date | None:
    """As subscriptions_erases_on in the database: a closed one waits for a day to be named."""
    named: date | None = row["erase_on"]
    if row["closed"]:
        return named
    usual = days_later(row["ends_on"], policy.retention_days)
    return usual if named is None else max(named, usual)


def _reader(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Address, language, given name and user name of whoever the notice goes to."""
    if row["account_id"] is not None:
        alternate = row["recipient"].endswith(":alternate")
        address = row["alternate_email"] if alternate else row["email"]
        return address or "", row["language"] or "", row["given_name"] or "", row["login_name"] or ""
    if row["organisation_id"] is not None:
        return row["notice_email"] or "", row["partner_language"] or "", "", ""
    return row["contact_email"], row["customer_language"], "", ""


def _json(value: Any) -> Any:
    # Django leaves JSON as text on its connections.
    return json.loads(value) if isinstance(value, str) else value
