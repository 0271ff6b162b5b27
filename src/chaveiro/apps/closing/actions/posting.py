"""The notices of subscriptions on their way: taken in hand, settled, and told to others where one did not arrive."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.closing.queries import posting as queries
from chaveiro.apps.closing.queries.posting import Ready
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices.actions import settling
from chaveiro.apps.notices.actions.settling import Handed
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.posting import LEASE, Verdict

# The day of whoever the notice is about: its test clock's, where it lives on one.
DAY_OF = """
SELECT k.day FROM notices_notice n JOIN customers_customer c ON c.id = n.customer_id
JOIN clocks_clock k ON k.id = c.clock_id
WHERE n.id = %s AND seen_notice(n.customer_id, n.organisation_id, n.account_id) AND seen_customer(c.id)
  AND seen_clock(k.organisation_id)
"""

# The administrator of longest standing who has not been told of this and none of whose addresses has failed in this
# term, and the partner's notice contacts. Nobody where what did not arrive told of a bounce itself; no partner where
# it went to one.
ESCALATE = """
INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, account_id, organisation_id, due_on,
    written_on, facts, state, attempts, try_at, address, server, direct, returns, outcome)
SELECT b.subscription_id, b.customer_id, b.term, 'bounced-' || b.kind, who.recipient, who.account_id,
    who.organisation_id, %(day)s, %(day)s, b.facts || jsonb_build_object('of', b.id::text), 'owed', 0, %(now)s,
    '', '', false, false, ''
FROM notices_notice b, LATERAL (
    (SELECT r.recipient, r.account_id, r.organisation_id
     FROM closing_recipients(b.customer_id, b.subscription_id, %(now)s) AS r
     JOIN customers_person p ON p.account_id = r.account_id
     JOIN customers_role held ON held.person_id = p.id AND held.name = 'administrator' AND held.ended_at IS NULL
     WHERE r.recipient = 'account:' || r.account_id AND r.account_id IS DISTINCT FROM b.account_id
       AND seen_person(p.customer_id) AND seen_person(held.customer_id)
       AND NOT EXISTS (SELECT FROM notices_notice other WHERE other.subscription_id = b.subscription_id
           AND other.term = b.term AND other.account_id = r.account_id
           AND (other.state = 'bounced' OR other.kind = 'bounced-' || b.kind)
           AND seen_notice(other.customer_id, other.organisation_id, other.account_id))
     ORDER BY held.since, held.id LIMIT 1)
    UNION ALL
    (SELECT r.recipient, r.account_id, r.organisation_id
     FROM closing_recipients(b.customer_id, b.subscription_id, %(now)s) AS r
     WHERE r.organisation_id IS NOT NULL AND b.organisation_id IS NULL)
) AS who
WHERE b.id = %(notice)s AND b.state = 'bounced' AND b.kind NOT LIKE 'bounced-%%'
  AND seen_notice(b.customer_id, b.organisation_id, b.account_id)
ON CONFLICT (subscription_id, term, kind, recipient) DO NOTHING
"""


def take(notice: UUID, *, day: date, now: datetime) -> Ready | None:
    """Take a notice in hand to post it; None where somebody else has it, or where it is not to be posted any more.

    Its truth is looked at in the very statement that takes it: what is true no more, or has no reader, is settled here.
    """
    with acting(SYSTEM):
        ready = queries.claim(notice, day=day, now=now, until=now + LEASE)
        if ready is not None and ready.verdict is not Verdict.POST:
            settling.not_posted(notice=notice, verdict=ready.verdict, day=day, now=now)
            return None
    return ready


def accepted(notice: UUID, handed: Handed, *, day: date, now: datetime) -> None:
    """The server has it. Journals `notice:posted`."""
    with acting(SYSTEM):
        settling.accepted(notice=notice, handed=handed, day=day, now=now)


def refused(notice: UUID, handed: Handed, *, day: date, now: datetime) -> None:
    """It will never be taken: others are told. Journals `notice:bounced`."""
    with acting(SYSTEM):
        if settling.refused(notice=notice, handed=handed, day=day, now=now):
            _tell_others(notice, day, now)


def put_off(ready: Ready, handed: Handed, *, day: date, now: datetime) -> None:
    """Nobody took it yet; after the last attempt it counts as refused."""
    with acting(SYSTEM):
        if settling.put_off(notice=ready.id, handed=handed, attempts=ready.attempts, now=now):
            return
    refused(ready.id, handed, day=day, now=now)


def came_back(notice: UUID, *, outcome: str, server: str, day: date, now: datetime) -> bool:
    """A delivery report: what was accepted did not arrive, and others are told. `day` is the platform's.

    False where nothing changed: no accepted notice of that id, or known already. Journals `notice:bounced`.
    """
    with acting(SYSTEM):
        row = connection.connection.execute(DAY_OF, (notice,)).fetchone()
        on = day if row is None else row[0]
        if not settling.came_back(notice=notice, outcome=outcome, server=server, day=on, now=now):
            return False
        _tell_others(notice, on, now)
    return True


def _tell_others(notice: UUID, day: date, now: datetime) -> None:
    connection.connection.execute(ESCALATE, {"notice": notice, "day": day, "now": now})
