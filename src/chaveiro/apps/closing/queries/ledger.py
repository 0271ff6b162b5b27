"""The ledgers of seat-time: invariants L1 and L2, by the rulebook's own replay, one subscription at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from chaveiro.apps.closing.queries.assertions import Assertion, Ground, holds, rows
from chaveiro.rules.errors import LedgerBroken, Malformed
from chaveiro.rules.ledger import Kind, LedgerRow, account, replay
from chaveiro.rules.seat_time import Standing

# One subscription after another with its rows, oldest first; a subscription without any has one line of nothing.
LEDGERS = """
SELECT s.id AS subscription, s.seats, s.ends_on, s.credit, s.term, s.version, s.closed_at IS NOT NULL AS closed,
    w.number, w.kind, w.day, w.origin, w.granted, w.reverses, w.term AS row_term,
    w.seats_before, w.ends_before, w.credit_before, w.seats_after, w.ends_after, w.credit_after
FROM subscriptions_subscription s LEFT JOIN subscriptions_ledgerrow w ON w.subscription_id = s.id
ORDER BY s.id, w.number
"""

Told = dict[str, Any]


def _broken_accounts(ground: Ground) -> Iterator[Told]:
    for subscription, lines in _ledgers():
        try:
            balance = account([_row(line) for line in lines if line["number"] is not None], ground.day)
        except (LedgerBroken, Malformed) as refusal:
            yield {"subscription": subscription, "reason": refusal.message()}
            continue
        if not balance.closes:
            sides = {name: getattr(balance, name) for name in balance.__slots__}
            yield {"subscription": subscription, "day": ground.day, **sides}


def _broken_replays(_ground: Ground) -> Iterator[Told]:
    for subscription, lines in _ledgers():
        reason = _difference(lines)
        if reason is not None:
            yield {"subscription": subscription, "reason": reason}


def _ledgers() -> Iterator[tuple[object, list[Told]]]:
    for subscription, lines in groupby(rows(LEDGERS), key=itemgetter("subscription")):
        yield subscription, list(lines)


def _difference(lines: list[Told]) -> str | None:
    """What keeps the subscription's row from being what its ledger says, or None."""
    last = lines[-1]
    if last["number"] is None:
        return "it has no ledger"
    try:
        standing = replay(_row(line) for line in lines)
    except (LedgerBroken, Malformed) as refusal:
        return refusal.message()
    if (last["version"], last["term"]) != (last["number"], last["row_term"]):
        return f"version {last['version']}, term {last['term']}: the ledger's last row is not these"
    if standing is None:
        return None if last["closed"] else "its opening was reversed, and it is not closed"
    here = _standing(last["seats"], last["ends_on"], last["credit"])
    return None if here == standing else f"it has {_words(here)}; the ledger says {_words(standing)}"


def _row(line: Told) -> LedgerRow:
    """A row of the database as the rulebook reads it. Raises Malformed, LedgerBroken for what no rule wrote."""
    try:
        kind = Kind(line["kind"])
    except ValueError:
        raise LedgerBroken(number=line["number"], reason=f"no rule writes rows of kind {line['kind']}") from None
    return LedgerRow(
        number=line["number"],
        kind=kind,
        day=line["day"],
        origin=line["origin"],
        before=_standing(line["seats_before"], line["ends_before"], line["credit_before"]),
        after=_standing(line["seats_after"], line["ends_after"], line["credit_after"]),
        granted=line["granted"],
        undoes=line["reverses"],
    )


def _standing(seats: int, ends_on: date | None, credit: int) -> Standing | None:
    return None if ends_on is None else Standing(seats, ends_on, credit)


def _words(standing: Standing | None) -> str:
    return "nothing" if standing is None else f"{standing.seats} seats to {standing.ends_on}, {standing.credit} credit"


L1 = (
    Assertion(
        "L1",
        "seat_days_close",
        "Seat-days granted = consumed + remaining + credit + forfeited + reversed + moved, for each subscription.",
        _broken_accounts,
    ),
    holds(
        "L1",
        "what_left_arrived",
        "What a correction takes from one ledger it brings to another: the same seat-days, once, for the same product.",
        """WITH taken AS (
               SELECT e.redemption_id, s.product_id, s.price_class, sum(
                   (CASE WHEN w.ends_before > w.day THEN w.seats_before::bigint * (w.ends_before - w.day) ELSE 0 END
                       + w.credit_before)
                   - (CASE WHEN w.ends_after > w.day THEN w.seats_after::bigint * (w.ends_after - w.day) ELSE 0 END
                       + w.credit_after)) AS seat_days
               FROM subscriptions_ledgerrow w
               JOIN subscriptions_ledgerrow e ON e.subscription_id = w.subscription_id AND e.number = w.reverses
               JOIN subscriptions_subscription s ON s.id = w.subscription_id
               WHERE w.kind = 'correct' GROUP BY e.redemption_id, s.product_id, s.price_class),
           brought AS (
               SELECT r.corrects AS redemption_id, s.product_id, s.price_class, sum(w.granted) AS seat_days
               FROM redemption_redemption r JOIN subscriptions_ledgerrow w ON w.redemption_id = r.id AND w.granted > 0
               JOIN subscriptions_subscription s ON s.id = w.subscription_id
               WHERE r.corrects IS NOT NULL GROUP BY r.corrects, s.product_id, s.price_class)
           SELECT redemption_id AS redemption, product_id AS product, taken.seat_days AS taken,
               brought.seat_days AS brought
           FROM taken FULL JOIN brought USING (redemption_id, product_id, price_class)
           WHERE taken.seat_days IS DISTINCT FROM brought.seat_days""",
    ),
)

L2 = (
    Assertion(
        "L2",
        "subscription_is_its_replay",
        "Seats, end and credit of a subscription equal the replay of its ledger.",
        _broken_replays,
    ),
    holds(
        "L2",
        "terms_start_with_a_new_end",
        "A ledger row that changes the end starts a term; terms count from 1, one at a time.",
        """SELECT w.subscription_id AS subscription, w.number, w.term, before.term AS term_before
           FROM subscriptions_ledgerrow w
           LEFT JOIN subscriptions_ledgerrow before
               ON before.subscription_id = w.subscription_id AND before.number = w.number - 1
           WHERE CASE WHEN before.id IS NULL THEN w.term <> 1
                      WHEN w.ends_after IS DISTINCT FROM w.ends_before THEN w.term <> before.term + 1
                      ELSE w.term NOT IN (before.term, before.term + 1) END""",
    ),
)
