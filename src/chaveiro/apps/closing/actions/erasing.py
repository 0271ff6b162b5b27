"""Erasing what is due: decided by the rulebook, each subscription in a short transaction of its own, once for good.

due ──proof, no hold, no quiet──▶ erased ──last of its customer──▶ names wait for the last notice ──▶ blank
                                    └─────── after the commit: its data key is destroyed (destroying) ───────┘
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from django.db import Error, connection

from chaveiro.apps.closing.models import ErasingDay, Erasure
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.closing.queries import inventory
from chaveiro.apps.closing.queries.erasure import Candidate
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.redemption.actions import sqlstate_of
from chaveiro.rules import erasure as rules
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.erasure import Proof, Wait, Waiting
from chaveiro.rules.ledger import forfeit_of
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.means import Means
from chaveiro.rules.seat_time import Standing

log = structlog.get_logger(__name__)

PORTION = 500
BUSY = {"40001", "40P01", "55P03"}
KEY = "data_key"


@dataclass(frozen=True, slots=True)
class Erased:
    """What one run did: the subscriptions erased, how many wait and why, whether it stopped to ask, customers blanked.

    `asked` is how many more than usual were due, 0 where none were.
    """

    subscriptions: tuple[UUID, ...] = ()
    customers: tuple[UUID, ...] = ()
    waiting: Mapping[Waiting, int] = field(default_factory=dict)
    asked: int = 0


def erase_due(*, day: date, clock: UUID | None, means: Means, limit: int = PORTION) -> Erased:
    """Erase what is due on a day and proven; on a test clock, or where that is None on the platform's own day.

    Twice, late or twenty times at once changes nothing: each is decided again under its lock. Where more are due than
    are usual on a day, none is erased until an operator allows it. `limit` is how many are looked at in one statement.
    Journals `subscription:erased`, `customer:erased`, `erasure:asked`. Owes the end of each data key.
    """
    with acting(SYSTEM):
        quiet = None if clock is not None else queries.quiet_until(day)
    proven, waiting = _proven(day, clock, quiet, limit)
    asked = _ask(day, len(proven), means) if clock is None and proven else 0
    erased = [] if asked else [one for one in proven if _erase(one, day, clock, means)]
    return Erased(tuple(erased), tuple(blank_due(day=day, clock=clock, means=means)), waiting, asked)


def _proven(day: date, clock: UUID | None, quiet: date | None, limit: int) -> tuple[list[UUID], Mapping[Waiting, int]]:
    proven: list[UUID] = []
    waiting: Counter[Waiting] = Counter()
    for candidate in _candidates(day, clock, quiet, limit):
        match rules.decide(candidate.case, day):
            case Proof():
                proven.append(candidate.id)
            case Wait(why):
                waiting[why] += 1
    return proven, waiting


def _candidates(day: date, clock: UUID | None, quiet: date | None, limit: int) -> Iterator[Candidate]:
    after = None
    while True:
        with acting(SYSTEM):
            found = queries.due(day=day, clock=clock, quiet_until=quiet, after=after, limit=limit)
        yield from found
        if len(found) < limit:
            return
        after = found[-1].id


def _ask(day: date, wanted: int, means: Means) -> int:
    """0 when so many may go today; else how many are wanted, and the question is written down, once for each number."""
    with acting(SYSTEM):
        most = rules.bound(queries.customers_that_count())
        ErasingDay.objects.bulk_create([ErasingDay(day=day, most=most)], ignore_conflicts=True)
        today = seen(ErasingDay).select_for_update().get(day=day)
        if today.erased + wanted <= today.most:
            seen(ErasingDay).filter(day=day, wanted__gt=0).update(wanted=0)
            return 0
        if today.wanted != wanted or today.asked_at is None:
            seen(ErasingDay).filter(day=day).update(wanted=wanted, asked_at=means.now)
            facts = {"wanted": wanted, "erased": today.erased, "most": today.most}
            record(tag="erasure:asked", at=means.now, actor=SYSTEM, subject_id=day.isoformat(), facts=facts)
            log.warning("erasures_ask", day=day.isoformat(), **facts)
        return wanted


# --- one subscription ----------------------------------------------------------------------------------------------

LOCK = (
    "SELECT customer_id FROM subscriptions_subscription s"
    " WHERE id = %s AND erased_on IS NULL AND seen_by_operator() FOR UPDATE"
)
LOCK_CUSTOMER = "SELECT FROM customers_customer c WHERE id = %s AND seen_customer(c.id) FOR UPDATE"
ONE_MORE = "UPDATE closing_erasingday SET erased = erased + 1 WHERE day = %s AND erased < most AND seen_by_operator()"


def _erase(subscription: UUID, day: date, clock: UUID | None, means: Means) -> bool:
    """Erase one, or find under its lock that it is not due any more: a renewal or a hold that came first wins."""
    try:
        with acting(SYSTEM):
            return _erase_locked(subscription, day, clock, means)
    except Error as fault:
        if sqlstate_of(fault) not in BUSY:
            raise
        return False


def _erase_locked(subscription: UUID, day: date, clock: UUID | None, means: Means) -> bool:
    with connection.cursor() as cursor:
        # The day first, then the subscription, then its customer: who puts a hold or redeems takes them in this order.
        if clock is None:
            cursor.execute(ONE_MORE, (day,))
            if cursor.rowcount != 1:
                return False
        cursor.execute(LOCK, (subscription,))
        row = cursor.fetchone()
        if row is not None:
            cursor.execute(LOCK_CUSTOMER, (row[0],))
    # Read anew, in a statement that began after the locks were had: what others committed meanwhile is in it.
    candidate = None if row is None else queries.one(subscription, None if clock else queries.quiet_until(day))
    proof = None if candidate is None else rules.decide(candidate.case, day)
    if candidate is None or not isinstance(proof, Proof):
        if clock is None:
            _give_back(day)
        return False
    _carry_out(candidate, proof, day, means)
    return True


def _give_back(day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE closing_erasingday SET erased = erased - 1 WHERE day = %s AND seen_by_operator()", (day,)
        )


END_LICENCES = """
UPDATE licences_licence l SET ended_at = %(now)s
WHERE l.subscription_id = %(id)s AND l.ended_at IS NULL AND seen_person(l.customer_id)
"""
MARK = """
UPDATE subscriptions_subscription s SET erased_on = %(day)s, assigned = 0, shortfall_until = NULL, credit = 0,
    version = version + %(rows)s
WHERE s.id = %(id)s AND s.version = %(version)s AND s.erased_on IS NULL AND seen_by_operator()
"""
FORFEIT = """
INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, day, origin, granted,
    seats_before, ends_before, credit_before, seats_after, ends_after, credit_after, policy_id, actor_kind, at)
VALUES (%(id)s, %(customer)s, %(number)s, %(term)s, 'forfeit', 'erasure', %(day)s, %(day)s, 0, %(seats)s, %(ends_on)s,
    %(credit)s, %(seats)s, %(ends_after)s, 0, %(policy)s, 'system', %(now)s)
"""
OWED_NOT_ANY_MORE = """
UPDATE notices_notice n SET state = 'superseded', settled_on = %(day)s, settled_at = %(now)s
WHERE n.subscription_id = %(id)s AND n.state = 'owed' AND n.kind <> 'erased' AND seen_by_operator()
"""


def _carry_out(candidate: Candidate, proof: Proof, day: date, means: Means) -> None:
    erasure = means.new_id()
    with connection.cursor() as cursor:
        values = _values(candidate, day, means)
        cursor.execute(END_LICENCES, values)
        licences = cursor.rowcount
        cursor.execute(MARK, values)
        assert cursor.rowcount == 1, "the lock was had"
        if values["ends_after"] is not None:
            cursor.execute(FORFEIT, values)
        cursor.execute(OWED_NOT_ANY_MORE, values)
    Erasure.objects.create(
        id=erasure,
        kind="subscription",
        customer_id=candidate.customer,
        subscription_id=candidate.id,
        due_on=candidate.due_on,
        begun_on=day,
        day=day,
        at=means.now,
        proof=proof.to_dict(),
        rows=blank(inventory.blanking_of_subscription(), candidate.id),
    )
    facts = {
        "erasure": str(erasure),
        "due_on": candidate.due_on.isoformat(),
        "day": day.isoformat(),
        "licences": licences,
        "proof": proof.to_dict(),
    }
    _tell("subscription:erased", candidate.id, candidate.customer, facts, means)
    owe(KEY, {"erasure": str(erasure)}, means.now)
    _begin_customer(candidate.customer, day, means)


def _values(candidate: Candidate, day: date, means: Means) -> dict[str, Any]:
    # A subscription whose opening was taken back has nothing left to give up.
    ends_after = None
    if not candidate.closed:
        standing = Standing(candidate.seats, candidate.ends_on, candidate.credit)
        left = forfeit_of(candidate.version + 1, standing, day).after
        assert left is not None
        ends_after = left.ends_on
    return {
        "id": candidate.id,
        "customer": candidate.customer,
        "version": candidate.version,
        "number": candidate.version + 1,
        "rows": 0 if ends_after is None else 1,
        "term": candidate.term,
        "seats": candidate.seats,
        "ends_on": candidate.ends_on,
        "ends_after": ends_after,
        "credit": candidate.credit,
        "policy": candidate.policy,
        "day": day,
        "now": means.now,
    }


def _begin_customer(customer: UUID, day: date, means: Means) -> None:
    """With the last subscription the customer's own erasure begins: its names wait for the last notice."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT, {"customer": customer})
        if cursor.fetchone() is not None:
            return
    Erasure.objects.bulk_create(
        [
            Erasure(
                id=means.new_id(),
                kind="customer",
                customer_id=customer,
                due_on=day,
                begun_on=day,
                waits_until=days_later(day, rules.LAST_NOTICE_DAYS),
            )
        ],
        ignore_conflicts=True,
    )


# --- the last of a customer ----------------------------------------------------------------------------------------

LEFT = """
SELECT 1 FROM subscriptions_subscription s
WHERE s.customer_id = %(customer)s AND s.erased_on IS NULL AND seen_by_operator() LIMIT 1
"""
# Every notice of an erasure was settled, or the longest wait is over. On the day itself the sweep has yet to write it.
CUSTOMERS_DUE = """
SELECT e.id, e.customer_id FROM closing_erasure e JOIN customers_customer c ON c.id = e.customer_id
WHERE e.kind = 'customer' AND e.day IS NULL AND c.clock_id IS NOT DISTINCT FROM %(clock)s AND seen_by_operator()
  AND (e.waits_until <= %(day)s OR (e.begun_on < %(day)s
      AND NOT EXISTS (SELECT FROM notices_notice n WHERE n.customer_id = e.customer_id AND n.state = 'owed')
      AND EXISTS (SELECT FROM notices_notice n WHERE n.customer_id = e.customer_id AND n.kind = 'erased')))
ORDER BY e.id
"""
CLOSE = (
    """UPDATE customers_role r SET ended_at = %(now)s
WHERE r.customer_id = %(customer)s AND r.ended_at IS NULL AND seen_person(r.customer_id)""",
    """UPDATE identity_account a SET closed_at = coalesce(a.closed_at, %(now)s)
WHERE a.customer_id = %(customer)s AND seen_account(a.id, a.customer_id, a.organisation_id)""",
    """UPDATE customers_person p SET deleted_at = coalesce(p.deleted_at, %(now)s)
WHERE p.customer_id = %(customer)s AND seen_person(p.customer_id)""",
    """UPDATE delegation_partnerofrecord d SET state = 'ended', ended_at = %(now)s
WHERE d.customer_id = %(customer)s AND d.state IN ('proposed', 'confirmed')
  AND seen_partner_of_record(d.customer_id, d.organisation_id)""",
    """UPDATE customers_customer c SET closed_at = coalesce(c.closed_at, %(now)s)
WHERE c.id = %(customer)s AND seen_customer(c.id)""",
    """UPDATE notices_notice n SET state = 'dropped', settled_on = %(day)s, settled_at = %(now)s
WHERE n.customer_id = %(customer)s AND n.state = 'owed' AND seen_by_operator()""",
)


def blank_due(*, day: date, clock: UUID | None, means: Means) -> list[UUID]:
    """Blank the customers whose last subscription is gone and whose last notice was settled; answers which."""
    with acting(SYSTEM), connection.cursor() as cursor:
        cursor.execute(CUSTOMERS_DUE, {"day": day, "clock": clock})
        found = cursor.fetchall()
    return [customer for erasure, customer in found if _blank_customer(erasure, customer, day, means)]


def _blank_customer(erasure: UUID, customer: UUID, day: date, means: Means) -> bool:
    values: dict[str, Any] = {"customer": customer, "day": day, "now": means.now}
    with acting(SYSTEM):
        with connection.cursor() as cursor:
            cursor.execute(LOCK_CUSTOMER, (customer,))
            cursor.execute(LEFT, values)
            if cursor.fetchone() is not None:
                # A new subscription was opened meanwhile: the customer lives on.
                seen(Erasure).filter(id=erasure, day__isnull=True).delete()
                return False
        if seen(Erasure).filter(id=erasure, day__isnull=True).select_for_update().first() is None:
            return False
        with connection.cursor() as cursor:
            for statement in CLOSE:
                cursor.execute(statement, values)
        rows = blank(inventory.blanking_of_customer(), customer)
        seen(Erasure).filter(id=erasure).update(day=day, at=means.now, rows=rows)
        facts = {"erasure": str(erasure), "day": day.isoformat()}
        _tell("customer:erased", customer, customer, facts, means)
        owe(KEY, {"erasure": str(erasure)}, means.now)
    return True


def blank(statements: Iterable[tuple[str, str]], owner: UUID) -> dict[str, int]:
    """Blank or remove what the inventory says is the owner's; answers how many rows of each table."""
    done = {}
    with connection.cursor() as cursor:
        for table, statement in statements:
            cursor.execute(statement, {"owner": owner})
            if cursor.rowcount:
                done[table] = cursor.rowcount
    return done


def _tell(tag: str, subject: UUID, customer: UUID, facts: Mapping[str, Any], means: Means) -> None:
    record(tag=tag, at=means.now, actor=SYSTEM, subject_id=subject, customer_id=customer, facts=facts)
    log.info(tag.replace(":", "_"), **json.loads(json.dumps(facts)))
