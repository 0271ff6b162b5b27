"""The notices that somebody may read, in lists: an inbox, those of one subscription, all of them at the desk.

Each list is one statement that walks an index. Call it while acting; the database decides what is in sight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from chaveiro.rules.errors import Malformed, NotFound

LISTED_AT_MOST = 200
PORTION_AT_MOST = 2_000  # of a list that is written into a file, whole
UNREAD_AT_MOST = 99  # more are not counted

NEWEST, OLDEST = "ORDER BY n.written_on DESC, n.id DESC", "ORDER BY n.written_on, n.id"

# Cut to the page before anything else is looked up. What is out of sight beside a notice leaves a gap, not the row.
LISTED = """
WITH found AS ({found})
SELECT n.id, n.subscription_id, n.customer_id, n.term, n.kind, n.recipient, n.account_id, n.organisation_id, n.due_on,
    n.written_on, n.facts, n.state, n.attempts, n.server, n.outcome, n.settled_on, n.settled_at, n.read_at,
    coalesce(c.name, ''), coalesce(product.names, '{{}}'),
    concat_ws(' ', nullif(a.given_name, ''), nullif(a.family_name, '')), coalesce(partner.name, '')
FROM found n
LEFT JOIN customers_customer c ON c.id = n.customer_id AND seen_customer(c.id)
LEFT JOIN subscriptions_subscription s ON s.id = n.subscription_id AND seen_subscription(s.customer_id, s.id)
LEFT JOIN LATERAL (SELECT v.names FROM catalog_productversion v WHERE v.product_id = s.product_id
    ORDER BY v.number DESC LIMIT 1) AS product ON true
LEFT JOIN identity_account a ON a.id = n.account_id AND seen_account(a.id, a.customer_id, a.organisation_id)
LEFT JOIN LATERAL (SELECT card.name FROM channel_card(n.organisation_id, NULL) AS card
    WHERE n.organisation_id IS NOT NULL) AS partner ON true {order}
"""

# A person's own, one for each occasion: a second address makes no second entry.
OF_A_PERSON = """
SELECT n.* FROM notices_notice n
WHERE n.account_id = %(account)s AND n.organisation_id IS NULL AND n.recipient NOT LIKE '%%:alternate'
  AND n.state <> 'superseded' AND (%(day)s::date IS NULL OR (n.written_on, n.id) < (%(day)s, %(id)s))
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
ORDER BY n.written_on DESC, n.id DESC LIMIT %(limit)s
"""

# Those of a partner's house: the reader's own, else the common one, else the one of a colleague.
OF_A_HOUSE = """
SELECT n.* FROM notices_notice n
WHERE n.organisation_id = %(organisation)s AND n.state <> 'superseded'
  AND (n.account_id IS NOT DISTINCT FROM %(account)s OR n.account_id IS NULL OR NOT EXISTS (
      SELECT FROM notices_notice other
      WHERE other.subscription_id = n.subscription_id AND other.term = n.term AND other.kind = n.kind
        AND other.organisation_id = n.organisation_id
        AND (other.account_id = %(account)s OR other.recipient < n.recipient)
        AND seen_notice(other.customer_id, other.organisation_id, other.account_id)))
  AND (%(day)s::date IS NULL OR (n.written_on, n.id) < (%(day)s, %(id)s))
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
ORDER BY n.written_on DESC, n.id DESC LIMIT %(limit)s
"""

OF_A_SUBSCRIPTION = """
SELECT n.* FROM notices_notice n
WHERE n.subscription_id = %(subscription)s
  AND (%(day)s::date IS NULL OR (n.written_on, n.id) > (%(day)s, %(id)s))
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
ORDER BY n.written_on, n.id LIMIT %(limit)s
"""

AT_THE_DESK = """
SELECT n.* FROM notices_notice n
WHERE (%(state)s = '' OR n.state = %(state)s)
  AND (%(kind)s = '' OR n.kind = %(kind)s OR n.kind LIKE %(kind)s || '-%%')
  AND (%(customer)s::uuid IS NULL OR n.customer_id = %(customer)s)
  AND (%(subscription)s::uuid IS NULL OR n.subscription_id = %(subscription)s)
  AND (%(since)s::date IS NULL OR n.written_on >= %(since)s)
  AND (%(until)s::date IS NULL OR n.written_on <= %(until)s)
  AND (%(day)s::date IS NULL OR (n.written_on, n.id) < (%(day)s, %(id)s))
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
ORDER BY n.written_on DESC, n.id DESC LIMIT %(limit)s
"""

ONE = """
SELECT n.* FROM notices_notice n
WHERE n.id = %(id)s AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
"""

# Of what somebody has to know: what they have not opened, and addresses of their organisation that failed.
STANDING = """
SELECT
    (SELECT count(*) FROM (SELECT FROM notices_notice n
        WHERE n.account_id = %(account)s AND n.read_at IS NULL AND n.state NOT IN ('superseded', 'dropped')
          AND n.recipient NOT LIKE '%%:alternate' AND seen_notice(n.customer_id, n.organisation_id, n.account_id)
        LIMIT %(most)s) AS unread),
    (SELECT count(*) FROM notices_notice n JOIN subscriptions_subscription s ON s.id = n.subscription_id
        WHERE n.customer_id = %(customer)s AND n.state = 'bounced' AND n.kind NOT LIKE 'bounced-%%'
          AND s.term = n.term AND s.erased_on IS NULL AND seen_subscription(s.customer_id, s.id)
          AND seen_notice(n.customer_id, n.organisation_id, n.account_id))
"""

# To a partner what it was told of counts: it does not see the notices of its customers' people.
UNDELIVERED = """
SELECT count(*) FROM notices_notice n JOIN subscriptions_subscription s ON s.id = n.subscription_id
WHERE n.subscription_id = %s AND s.term = n.term AND (n.state = 'bounced' OR n.kind LIKE 'bounced-%%')
  AND seen_notice(n.customer_id, n.organisation_id, n.account_id) AND seen_subscription(s.customer_id, s.id)
"""


@dataclass(frozen=True, slots=True)
class NoticeCard:
    """One notice with what became of it, without any address. Names are empty where they are out of sight."""

    id: UUID
    subscription: UUID
    customer: UUID
    term: int
    kind: str
    recipient: str
    account: UUID | None
    organisation: UUID | None
    due_on: date
    written_on: date
    facts: Mapping[str, Any]
    state: str
    attempts: int
    server: str
    outcome: str
    settled_on: date | None
    settled_at: datetime | None
    read_at: datetime | None
    customer_name: str
    names: Mapping[str, str]
    person: str = field(repr=False)
    partner_name: str


class Place(NamedTuple):
    """Where in a list by days one notice stands."""

    day: date
    id: UUID

    def __str__(self) -> str:
        return f"{self.day.isoformat()}|{self.id}"

    @classmethod
    def read(cls, text: str) -> Place:
        """Raises Malformed for what is no place."""
        day, _, identifier = text.partition("|")
        try:
            return cls(date.fromisoformat(day), UUID(identifier))
        except ValueError as fault:
            raise Malformed(field="cursor", reason="not a place in the list") from fault


class MailStanding(NamedTuple):
    """What somebody has not opened, and how many addresses of their organisation failed in terms that run."""

    unread: int
    bounced: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices the desk asks for; nothing given means all. Both days are inclusive, `kind` is a whole family."""

    state: str = ""
    kind: str = ""
    customer: UUID | None = None
    subscription: UUID | None = None
    since: date | None = None
    until: date | None = None


def written_to(
    *, account: UUID, organisation: UUID | None, before: Place | None = None, limit: int = 50
) -> list[NoticeCard]:
    """What was written to a person of a customer, or to a partner's house, the newest first."""
    asked = {"account": account, "organisation": organisation, **_cut(before, limit)}
    return _cards(OF_A_PERSON if organisation is None else OF_A_HOUSE, NEWEST, asked)


def of_subscription(wanted: UUID, *, after: Place | None = None, limit: int = 50) -> list[NoticeCard]:
    """The notices of one subscription that the actor may read, the oldest first."""
    return _cards(OF_A_SUBSCRIPTION, OLDEST, {"subscription": wanted, **_cut(after, limit)})


def at_the_desk(wanted: Wanted, *, before: Place | None = None, limit: int = 50) -> list[NoticeCard]:
    """All notices that are like that, the newest first."""
    asked = {name: getattr(wanted, name) for name in wanted.__slots__}
    return _cards(AT_THE_DESK, NEWEST, {**asked, **_cut(before, limit)})


def one(notice: UUID) -> NoticeCard:
    """One notice. Raises NotFound, for foreign and absent alike."""
    found = _cards(ONE, "", {"id": notice})
    if not found:
        raise NotFound(what="notice")
    return found[0]


def standing(*, account: UUID, customer: UUID | None) -> MailStanding:
    """What somebody has to know of their mail, on every page of theirs."""
    asked = {"account": account, "customer": customer, "most": UNREAD_AT_MOST + 1}
    row = connection.connection.execute(STANDING, asked, prepare=True).fetchone()
    return MailStanding(*row) if row else MailStanding(0, 0)


def undelivered(subscription: UUID) -> int:
    """How many notices of a subscription's present term did not arrive, as far as the actor knows of them."""
    row = connection.connection.execute(UNDELIVERED, (subscription,), prepare=True).fetchone()
    return int(row[0]) if row else 0


def _cut(place: Place | None, limit: int) -> dict[str, Any]:
    at = {"day": None, "id": None} if place is None else place._asdict()
    return {**at, "limit": max(1, min(limit, PORTION_AT_MOST))}


def _cards(found: str, order: str, asked: Mapping[str, Any]) -> list[NoticeCard]:
    rows = connection.connection.execute(LISTED.format(found=found, order=order), asked).fetchall()
    return [_card(*row) for row in rows]


def _card(*row: Any) -> NoticeCard:
    values: list[Any] = [*row[:10], _json(row[10]), *row[11:19], _json(row[19]), *row[20:]]
    return NoticeCard(*values)


def _json(value: Any) -> Any:
    # Django leaves JSON as text on its connections.
    return json.loads(value) if isinstance(value, str) else value
