"""The daily sweep costs what is due, not what exists.

    floor   the same notices found by the index of what is due, and inserted in one statement
    ours    the sweep: claimed, weighed by policy and term, written to everybody, journalled, the next look set

Ids grow with time, as they do; what is due together was opened at five times, as where people buy a month, a quarter,
half a year, a year, and two. Both at the same number due, on the same rows, in turns; then with a tenth of the
subscriptions and as many due. What a turn wrote is rolled back, so that every turn finds the same.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benches.ground import ground

SUBSCRIPTIONS = 1_000_000
DUE = 5_000
RUNS = 5
TURNS = 7
DAY = date(2027, 3, 1)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)

GROUND = """
INSERT INTO catalog_policy (name, version, numbers, published_at) VALUES ('standard', 1, %(numbers)s, %(now)s);
INSERT INTO catalog_product (code, created_at) VALUES ('office-basic', %(now)s);
CREATE FUNCTION pg_temp.uid(kind text, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (lpad(to_hex(i), 12, '0') || substr(md5(kind || i), 1, 20))::uuid $$;
INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at, is_test,
    contact_email)
SELECT pg_temp.uid('customer', i), 'Padaria', 'PT', '', 'pt-pt', 'Europe/Lisbon', 'c' || i || 'xx', %(now)s, false, ''
FROM generate_series(%(first)s, %(last)s) AS i;
INSERT INTO identity_account (id, password, login_name, kind, customer_id, email, alternate_email, given_name,
    family_name, language, time_zone, owned_at, created_at)
SELECT pg_temp.uid('account', i), '', i || '@example.test', 'customer', pg_temp.uid('customer', i), 'a@padaria.example',
    'b@other.example', 'Bruno', 'Costa', 'pt-pt', 'Europe/Lisbon', %(now)s, %(now)s
FROM generate_series(%(first)s, %(last)s) AS i;
INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
SELECT pg_temp.uid('person', i), pg_temp.uid('customer', i), pg_temp.uid('account', i), 'bruno', 'PT', %(now)s
FROM generate_series(%(first)s, %(last)s) AS i;
INSERT INTO customers_role (person_id, customer_id, name, since)
SELECT pg_temp.uid('person', i), pg_temp.uid('customer', i), 'administrator', %(now)s
FROM generate_series(%(first)s, %(last)s) AS i;
INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned, ends_on,
    credit, term, version, paid_by, opened_at, due_on)
SELECT pg_temp.uid('subscription', i), pg_temp.uid('customer', i), product.id, policy.id,
    'standard', 5, 0, due.ends_on, 0, 1, 1, 'key', %(now)s, due.look_on
FROM generate_series(%(first)s, %(last)s) AS i, catalog_product product, catalog_policy policy,
    LATERAL (SELECT (i - %(first)s) %% %(each)s < %(run)s AS is_due) AS place,
    LATERAL (SELECT CASE WHEN is_due THEN %(day)s::date + 30 ELSE %(day)s::date + 61 + (i %% 600)::int END AS ends_on,
        CASE WHEN is_due THEN %(day)s::date ELSE %(day)s::date + 1 + (i %% 600)::int END AS look_on) AS due;
INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, day, origin, granted,
    seats_before, credit_before, seats_after, ends_after, credit_after, policy_id, actor_kind, at)
SELECT s.id, s.customer_id, 1, 1, 'open', '', s.ends_on - 365, s.ends_on - 365, 1825, 0, 0, 5, s.ends_on, 0,
    s.policy_id, 'system', %(now)s
FROM generate_series(%(first)s, %(last)s) AS i JOIN subscriptions_subscription s
    ON s.id = pg_temp.uid('subscription', i);
INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, account_id, due_on, written_on, facts,
    state, attempts, try_at, address, outside, server, direct, outcome)
SELECT s.id, s.customer_id, 1, 'ends-60', 'account:' || a.id || address.which, a.id, s.ends_on - 60, s.ends_on - 60,
    '{}', 'accepted', 1, %(now)s, '', true, '', true, ''
FROM subscriptions_subscription s JOIN identity_account a ON a.customer_id = s.customer_id,
    (VALUES (''), (':alternate')) AS address (which)
WHERE s.due_on <= %(day)s;
"""
CLOSE_THE_OTHERS = """
UPDATE subscriptions_subscription SET due_on = %(day)s::date + 1 WHERE due_on <= %(day)s
"""

FLOOR = """
INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, account_id, due_on, written_on, facts,
    state, attempts, try_at, address, server, direct, outcome)
SELECT s.id, s.customer_id, s.term, 'ends-30', 'account:' || a.id || address.which, a.id, %(day)s, %(day)s,
    '{"seats": 5, "ends_on": "2027-03-31", "erase_on": "2027-07-29", "access_stops_on": "2027-04-30"}', 'owed', 0,
    %(now)s, '', '', false, ''
FROM subscriptions_subscription s JOIN identity_account a ON a.customer_id = s.customer_id,
    (VALUES (''), (':alternate')) AS address (which)
WHERE s.clock_id IS NULL AND s.due_on <= %(day)s
"""


def run() -> dict[str, Any]:
    """The figures of both sizes, and how they compare."""
    with ground() as place:
        from django.db import connection

        connection.ensure_connection()
        few, many = SUBSCRIPTIONS // 10, SUBSCRIPTIONS
        _lay(place, 1, few)
        small = _turns(place)
        _lay(place, few + 1, many)
        large = _turns(place)
        return {
            "sweep of 5,000 due among 1,000,000 ms": round(large["ours"] * 1000),
            "floor: found by index, inserted in one statement ms": round(large["floor"] * 1000),
            "sweep, times the floor": round(large["ours"] / large["floor"], 2),
            "sweep of 5,000 due among 100,000 ms": round(small["ours"] * 1000),
            "ten times the subscriptions, times the time": round(large["ours"] / small["ours"], 2),
            "notices written": large["notices"],
            "plan": large["plan"],
        }


def _lay(place: Any, first: int, last: int) -> None:
    """Rows from `first` to `last`, of which five runs are due; what was due before is not any more."""
    import psycopg
    from psycopg import ClientCursor
    from psycopg.types.json import Jsonb

    from chaveiro.rules.policies import DEFAULT_POLICY

    values = {
        "first": first,
        "last": last,
        "each": (last - first + 1) // RUNS,
        "run": DUE // RUNS,
        "day": DAY,
        "now": NOON,
    }
    values["numbers"] = Jsonb(DEFAULT_POLICY.to_dict())
    text = GROUND if first == 1 else GROUND[GROUND.index("CREATE FUNCTION") :]
    with psycopg.connect(place.dsn("postgres"), cursor_factory=ClientCursor, autocommit=True) as link:
        link.execute(CLOSE_THE_OTHERS, values)
        link.execute(text, values)
        link.execute("VACUUM ANALYZE")


def _turns(place: Any) -> dict[str, Any]:
    """The median of floor and sweep, one after the other, each rolled back."""
    from chaveiro.adapters.clock import new_id, random_bytes
    from chaveiro.apps.closing.actions import sweeping
    from chaveiro.rules.means import Means

    means = Means(NOON, DAY, new_id, random_bytes, ())
    written: list[int] = []

    def ours() -> None:
        written.append(sweeping.sweep(day=DAY, means=means).owed)

    laps: dict[str, list[float]] = {"ours": [], "floor": []}
    for turn in range(TURNS + 1):
        for name, act in (("floor", _floor), ("ours", ours)):
            _tidy(place)
            lap = _rolled_back(act)
            if turn:  # the first one warms what both read
                laps[name].append(lap)
    assert set(written) == {2 * DUE}, written
    return {name: statistics.median(found) for name, found in laps.items()} | {
        "notices": written[-1],
        "plan": _plan(),
    }


def _tidy(place: Any) -> None:
    """What the turn before left behind is nobody's to step over."""
    import psycopg

    with psycopg.connect(place.dsn("postgres"), autocommit=True) as link:
        link.execute("VACUUM notices_notice, subscriptions_subscription, journal_entry")


def _rolled_back(act: Callable[[], None]) -> float:
    from django.db import transaction

    with transaction.atomic():
        began = time.perf_counter()
        act()
        lap = time.perf_counter() - began
        transaction.set_rollback(True)
    return lap


def _floor() -> None:
    from django.db import connection

    connection.connection.execute(FLOOR, {"day": DAY, "now": NOON})


def _plan() -> str:
    """By which index the sweep finds what is due."""
    from django.db import connection, transaction

    from chaveiro.apps.closing.actions import sweeping

    values = {"day": DAY, "clock": None, "most": sweeping.PORTION}
    with transaction.atomic():
        rows = connection.connection.execute(f"EXPLAIN {sweeping.CLAIM_REAL}", values).fetchall()
    return " ".join(line.strip() for (line,) in rows if "Scan" in line and "subscription" in line)


assert DAY + timedelta(days=30) == date(2027, 3, 31)
