"""The lives of subscriptions: notices written once, in time and true (N1), none forgotten (N2), dates put off (P1)."""

from __future__ import annotations

from chaveiro.apps.closing.queries.assertions import holds

# The slots of every standing term that fell due more than a day before the last day whose sweep began, on whichever
# clock it lives.
UNSETTLED = """
SELECT s.id AS subscription, s.term, slot.kind, slot.due
FROM subscriptions_subscription s
JOIN catalog_policy p ON p.id = s.policy_id
CROSS JOIN LATERAL (SELECT w.day FROM subscriptions_ledgerrow w
    WHERE w.subscription_id = s.id AND w.term = s.term ORDER BY w.number LIMIT 1) AS first
CROSS JOIN LATERAL (SELECT coalesce((SELECT k.day FROM clocks_clock k WHERE k.id = s.clock_id),
    (SELECT platform.day FROM clocks_platform platform)) AS day) AS swept
CROSS JOIN LATERAL closing_slots(first.day, s.ends_on, p.numbers, s.erase_on, s.closed_at IS NOT NULL,
    s.paid_by = 'direct', s.erased_on) AS slot
WHERE s.due_on > '0001-01-01' AND slot.due < swept.day - 1
  AND NOT EXISTS (SELECT FROM notices_notice n
      WHERE n.subscription_id = s.id AND n.term = s.term AND n.kind = slot.kind)
  AND NOT (slot.kind LIKE 'erasure-%' AND EXISTS (SELECT FROM subscriptions_block b
      WHERE b.customer_id = s.customer_id AND b.kind = 'legal_hold' AND b.lifted_at IS NULL
        AND (b.subscription_id IS NULL OR b.subscription_id = s.id)))
"""

# A subscription that waits for a day after its next slot is forgotten by every sweep to come.
FORGOTTEN = """
SELECT s.id AS subscription, s.due_on, slot.kind, slot.due
FROM subscriptions_subscription s
JOIN catalog_policy p ON p.id = s.policy_id
CROSS JOIN LATERAL (SELECT w.day FROM subscriptions_ledgerrow w
    WHERE w.subscription_id = s.id AND w.term = s.term ORDER BY w.number LIMIT 1) AS first
CROSS JOIN LATERAL closing_slots(first.day, s.ends_on, p.numbers, s.erase_on, s.closed_at IS NOT NULL,
    s.paid_by = 'direct', s.erased_on) AS slot
WHERE slot.due < s.due_on
  AND NOT EXISTS (SELECT FROM notices_notice n
      WHERE n.subscription_id = s.id AND n.term = s.term AND n.kind = slot.kind)
  AND NOT (slot.kind LIKE 'erasure-%' AND EXISTS (SELECT FROM subscriptions_block b
      WHERE b.customer_id = s.customer_id AND b.kind = 'legal_hold' AND b.lifted_at IS NULL
        AND (b.subscription_id IS NULL OR b.subscription_id = s.id)))
"""


N1 = (
    holds(
        "N1",
        "no_notice_before_it_is_due",
        "No notice is written before the day on which it is owed, or settled before it is written.",
        """SELECT id AS notice, due_on, written_on, settled_on FROM notices_notice
           WHERE written_on < due_on OR settled_on < written_on""",
    ),
    holds(
        "N1",
        "notices_tell_the_days_of_their_term",
        "A notice names the end that its term had, and one of an erasure a date at least a week ahead.",
        """SELECT n.id AS notice, n.kind, n.written_on, n.facts FROM notices_notice n
           WHERE n.state <> 'superseded' AND n.kind LIKE 'erasure-%'
             AND (n.facts ->> 'erase_on')::date - n.written_on < 7
           UNION ALL
           SELECT n.id, n.kind, n.written_on, n.facts FROM notices_notice n
           JOIN LATERAL (SELECT w.ends_after FROM subscriptions_ledgerrow w WHERE w.subscription_id = n.subscription_id
               AND w.term = n.term ORDER BY w.number LIMIT 1) AS first ON true
           WHERE first.ends_after IS NOT NULL AND (n.facts ->> 'ends_on')::date <> first.ends_after""",
    ),
    holds(
        "N1",
        "what_is_superseded_goes_to_nobody",
        "Of a slot that another superseded, nobody is told.",
        """SELECT n.id AS notice, n.kind FROM notices_notice n
           WHERE n.recipient = 'everybody' AND n.state <> 'superseded'""",
    ),
)

N2 = (
    holds(
        "N2",
        "every_owed_slot_is_settled",
        "What fell due before the day that was swept last is told, superseded, or not owed any more.",
        UNSETTLED,
    ),
    holds(
        "N2",
        "the_sweep_looks_again_in_time",
        "No subscription waits for its next look beyond the day on which something is owed.",
        FORGOTTEN,
    ),
)

P1_DATES = (
    holds(
        "P1",
        "an_erasure_is_never_put_forward",
        "A date put off lies no earlier than the policy's own; what a reversal closed waits at least thirty days.",
        """SELECT s.id AS subscription, s.ends_on, s.erase_on FROM subscriptions_subscription s
           JOIN catalog_policy p ON p.id = s.policy_id
           CROSS JOIN LATERAL (SELECT w.day FROM subscriptions_ledgerrow w
               WHERE w.subscription_id = s.id AND w.term = s.term ORDER BY w.number LIMIT 1) AS first
           WHERE s.erase_on < CASE WHEN s.closed_at IS NOT NULL THEN first.day + 30
               ELSE s.ends_on + 8 END""",
    ),
)
