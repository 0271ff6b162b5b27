"""What a policy's draft would do, counted over all subscriptions at once, and what it costs to let them follow.

floor   the same rows grouped by policy and end in one bare statement, nothing weighed
ours    the what-if: stages, dates and notices of twelve months, as an operator asks for it on the page
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from benches.ground import ground

SUBSCRIPTIONS = 1_000_000
TURNS = 5
DAY = date(2027, 3, 1)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)

GROUND = """
INSERT INTO catalog_policy (name, version, numbers, published_at) VALUES ('standard', 1, %(numbers)s, %(now)s);
INSERT INTO catalog_product (code, created_at) VALUES ('office-basic', %(now)s);
CREATE FUNCTION pg_temp.uid(kind text, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT md5(kind || i)::uuid $$;
INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at, is_test,
    contact_email)
SELECT pg_temp.uid('customer', i), 'Padaria', 'PT', '', 'pt-pt', 'Europe/Lisbon', 'c' || i || 'xx', %(now)s, false, ''
FROM generate_series(0, %(many)s / 5) AS i;
INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned, ends_on,
    credit, term, version, paid_by, opened_at, due_on)
SELECT pg_temp.uid('subscription', i), pg_temp.uid('customer', i / 5), product.id, policy.id, 'standard', 5, 0,
    %(day)s::date - 110 + (i::bigint * 7919 %% 800)::int, 0, 1, 1, 'key', %(now)s, %(day)s::date + 1
FROM generate_series(1, %(many)s) AS i, catalog_product product, catalog_policy policy;
INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, day, origin, granted,
    seats_before, credit_before, seats_after, ends_after, credit_after, policy_id, actor_kind, at)
SELECT s.id, s.customer_id, 1, 1, 'open', '', s.ends_on - 365 - s.seats, s.ends_on - 365, 1825, 0, 0, 5, s.ends_on, 0,
    s.policy_id, 'system', %(now)s
FROM subscriptions_subscription s;
"""
FLOOR = """
SELECT s.policy_id, s.ends_on, count(*) FROM subscriptions_subscription s
WHERE s.closed_at IS NULL AND s.erased_on IS NULL GROUP BY 1, 2
"""


def run() -> dict[str, Any]:
    """The figures, and how they compare."""
    with ground() as place:
        from django.db import connection

        connection.ensure_connection()
        _lay(place)
        floor, ours, listed = _median(_floor), _median(_what_if), _median(_first_page)
        return {
            "what-if over 1,000,000 ms": round(ours * 1000),
            "floor: grouped by policy and end ms": round(floor * 1000),
            "what-if, times the floor": round(ours / floor, 2),
            "first page of the list ms": round(listed * 1000),
            "5,000 that follow, journalled ms": round(_follow() * 1000),
        }


def _lay(place: Any) -> None:
    import psycopg
    from psycopg import ClientCursor
    from psycopg.types.json import Jsonb

    from chaveiro.rules.policies import DEFAULT_POLICY

    values = {"many": SUBSCRIPTIONS, "day": DAY, "now": NOON, "numbers": Jsonb(DEFAULT_POLICY.to_dict())}
    with psycopg.connect(place.dsn("postgres"), cursor_factory=ClientCursor, autocommit=True) as link:
        link.execute(GROUND, values)
        link.execute("VACUUM ANALYZE")


def _floor() -> None:
    from django.db import connection

    connection.connection.execute(FLOOR).fetchall()


def _what_if() -> None:
    from chaveiro.apps.closing.queries.policies import what_if

    move = what_if("standard", _fresh(), day=DAY)
    assert move.subscriptions == SUBSCRIPTIONS
    assert move.changed == SUBSCRIPTIONS


def _first_page() -> None:
    from chaveiro.apps.closing.queries.policies import affected

    assert len(affected("standard", _fresh(), day=DAY, wanted="stage")) == 50


def _fresh() -> Any:
    from dataclasses import replace

    from chaveiro.rules.policies import DEFAULT_POLICY

    return replace(DEFAULT_POLICY, grace_days=45, retention_days=180, notice_days=(90, 60, 30, 7, 1))


def _median(act: Callable[[], None]) -> float:
    from chaveiro.apps.identity.actions import acting
    from chaveiro.rules.actors import SYSTEM

    laps = []
    for turn in range(TURNS + 1):
        with acting(SYSTEM):
            began = time.perf_counter()
            act()
            if turn:  # the first one warms what both read
                laps.append(time.perf_counter() - began)
    return statistics.median(laps)


def _follow() -> float:
    """One portion of the adoption, with its journal entries; rolled back."""
    from django.db import transaction

    from chaveiro.adapters.clock import new_id, random_bytes
    from chaveiro.apps.catalog import queries
    from chaveiro.apps.catalog.actions import publish_policy
    from chaveiro.apps.catalog.models import PolicyAdoption
    from chaveiro.apps.closing.actions import policies
    from chaveiro.apps.identity.actions import acting
    from chaveiro.rules.actors import SYSTEM
    from chaveiro.rules.means import Means

    means = Means(NOON, DAY, new_id, random_bytes, ())
    policy = publish_policy(actor=SYSTEM, name="standard", policy=_fresh(), means=means)
    laps = []
    for _turn in range(3):
        with acting(SYSTEM), transaction.atomic():
            made = PolicyAdoption.objects.create(
                id=new_id(), policy_id=policy, state="approved", proposed_at=NOON, wanted=SUBSCRIPTIONS
            )
            began = time.perf_counter()
            moved, _last = policies._follow(queries.adoption(made.id), None, 5_000, means)
            laps.append(time.perf_counter() - began)
            assert moved == 5_000
            transaction.set_rollback(True)
    return statistics.median(laps)
