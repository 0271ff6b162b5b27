"""What was erased is gone, recorded and proven: parts of the invariants P1, P2 and P3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaveiro.apps.closing.queries import inventory
from chaveiro.apps.closing.queries.assertions import Assertion, Ground, holds, rows
from chaveiro.rules.datakeys import Whose
from chaveiro.rules.erasure import ERASURES_A_DAY
from chaveiro.rules.inventory import CUSTOMERS

GONE = """
SELECT e.id AS erasure, e.kind, e.customer_id, e.subscription_id, p.account_id
FROM closing_erasure e LEFT JOIN customers_person p ON p.id = e.person_id
WHERE e.day IS NOT NULL
"""
# A key whose end was owed a day ago, and was not written down.
KEYS_LEFT = """
SELECT e.id AS erasure, e.kind, e.day FROM closing_erasure e
WHERE e.day IS NOT NULL AND e.kind <> 'person' AND e.key_destroyed_at IS NULL
  AND e.at < %(day)s::date - interval '1 day'
"""
KEYS_GONE = """
SELECT e.id AS erasure, e.kind, coalesce(e.subscription_id, e.customer_id) AS whose FROM closing_erasure e
WHERE e.key_destroyed_at IS NOT NULL
"""


def _personal_left(_ground: Ground) -> Iterator[dict[str, Any]]:
    """Whatever personal still stands in a row of what was erased: every table of the inventory, set by set."""
    for table in (table for table in CUSTOMERS if table.erased):
        for kind, owner, paths in (
            ("subscription", "subscription_id", (table.subscription,) if table.subscription else ()),
            ("customer", "customer_id", table.customer),
            ("person", "account_id", table.person),
        ):
            if paths:
                left = inventory.left_of(table, paths, f"gone.{owner}")
                yield from rows(
                    f"SELECT gone.erasure, gone.kind, '{table.name}' AS \"table\" FROM ({GONE}) AS gone"  # noqa: S608
                    f" WHERE gone.kind = '{kind}' AND EXISTS (SELECT FROM {table.name} WHERE {left})"
                )


def _keys_left(ground: Ground) -> Iterator[dict[str, Any]]:
    yield from rows(KEYS_LEFT, {"day": ground.day})
    if ground.keys is not None:
        for told in rows(KEYS_GONE):
            if not ground.keys.is_destroyed(Whose(told["kind"]), told["whose"]):
                yield {**told, "reason": "the store of data keys does not know that it was destroyed"}


ERASED = (
    holds(
        "P1",
        "erased_with_a_record",
        "A subscription is erased exactly where a record of it says so, with its proof, and the journal too.",
        """SELECT s.id AS subscription, s.erased_on, e.id AS erasure, e.day
           FROM subscriptions_subscription s
           FULL JOIN (SELECT * FROM closing_erasure WHERE kind = 'subscription') e ON e.subscription_id = s.id
           WHERE (s.erased_on IS NOT NULL OR e.id IS NOT NULL)
             AND (s.erased_on IS DISTINCT FROM e.day OR e.day IS NULL OR e.proof = '{}' OR NOT EXISTS (
                 SELECT FROM journal_entry j WHERE j.tag = 'subscription:erased' AND j.subject_kind = 'subscription'
                     AND j.subject_id = s.id::text AND j.facts ->> 'erasure' = e.id::text))""",
    ),
    holds(
        "P1",
        "erased_after_its_end",
        "Nothing is erased before its end and the retention of its policy; after a reversal, not before thirty days.",
        """SELECT s.id AS subscription, s.ends_on, s.erased_on, s.closed_at
           FROM subscriptions_subscription s JOIN catalog_policy p ON p.id = s.policy_id
           WHERE s.erased_on < CASE WHEN s.closed_at IS NULL
               THEN s.ends_on + coalesce((p.numbers ->> 'retention_days')::integer, 120)
               ELSE (SELECT max(w.day) FROM subscriptions_ledgerrow w WHERE w.subscription_id = s.id
                   AND w.kind = 'reverse') + 30 END""",
    ),
    holds(
        "P1",
        "told_before_it_was_erased",
        "The proof of each erasure is a notice that named the day, or evidence of two, seven days old or more.",
        """SELECT e.id AS erasure, e.day, e.proof FROM closing_erasure e
           LEFT JOIN notices_notice n ON e.proof ->> 'how' = 'notice' AND n.id = (e.proof ->> 'id')::uuid
           LEFT JOIN closing_evidence v ON e.proof ->> 'how' = 'evidence' AND v.id = (e.proof ->> 'id')::uuid
           WHERE e.kind = 'subscription' AND NOT coalesce(
               e.day - (e.proof ->> 'told_on')::date >= 7
               AND ((n.subscription_id = e.subscription_id AND n.kind LIKE 'erasure-%'
                       AND n.facts ->> 'erase_on' = e.due_on::text AND n.outside AND n.organisation_id IS NULL)
                   OR (v.subscription_id = e.subscription_id AND v.approved_on <= e.day AND v.withdrawn_at IS NULL)),
               false)""",
    ),
    Assertion(
        "P1",
        "nothing_personal_is_left",
        "Of what was erased no personal value is left, in any table.",
        _personal_left,
    ),
    Assertion(
        "P1",
        "its_key_is_destroyed",
        "The data key of what was erased is destroyed within a day, and its store says so.",
        _keys_left,
    ),
    holds(
        "P1",
        "a_customer_goes_last",
        "A customer is erased only when no subscription of it is left.",
        """SELECT e.customer_id AS customer, s.id AS subscription FROM closing_erasure e
           JOIN subscriptions_subscription s ON s.customer_id = e.customer_id AND s.erased_on IS NULL
           WHERE e.kind = 'customer' AND e.day IS NOT NULL""",
    ),
    holds(
        "P2",
        "nothing_after_the_erasure",
        "An erased subscription has no licence and no seat-day left, and no key was spent on it after that.",
        """SELECT s.id AS subscription, s.erased_on, s.credit, s.assigned FROM subscriptions_subscription s
           WHERE s.erased_on IS NOT NULL AND (s.credit <> 0 OR s.assigned <> 0
               OR EXISTS (SELECT FROM licences_licence l WHERE l.subscription_id = s.id AND l.ended_at IS NULL)
               OR (s.closed_at IS NULL AND NOT EXISTS (SELECT FROM subscriptions_ledgerrow w
                   WHERE w.subscription_id = s.id AND w.number = s.version AND w.kind = 'forfeit'
                     AND w.day = s.erased_on)))""",
    ),
    holds(
        "P3",
        "no_more_than_allowed_a_day",
        "Erasures of a day are counted right, and are no more than usual unless an operator allowed them.",
        f"""SELECT coalesce(e.day, d.day) AS day, e.erased, d.erased AS counted, d.most, d.allowed_by
            FROM (SELECT e.day, count(*) AS erased FROM closing_erasure e
                  JOIN customers_customer c ON c.id = e.customer_id
                  WHERE e.kind = 'subscription' AND c.clock_id IS NULL GROUP BY e.day) AS e
            FULL JOIN closing_erasingday d ON d.day = e.day
            WHERE coalesce(e.erased, 0) <> coalesce(d.erased, 0) OR d.erased > d.most
               OR (d.allowed_by IS NULL AND d.erased > greatest({ERASURES_A_DAY},
                   (SELECT count(*) FROM customers_customer) / 100))""",  # noqa: S608 - a number of ours
    ),
)
