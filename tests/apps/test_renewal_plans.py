"""The pipeline costs what it shows, not what exists: its lists walk an index, its counts are read off one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Wanted
from chaveiro.apps.identity.actions import acting
from tests.apps.house_of_cards import do
from tests.cast import DAY, World, build_world, make_keys, open_customer

pytestmark = pytest.mark.django_db
SUBSCRIPTIONS = 30_000
# A year of them, one customer: each day 60 end, and 90 days' worth have ended.
MANY = """
INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned, ends_on,
    credit, term, version, paid_by, opened_at)
SELECT gen_random_uuid(), s.customer_id, s.product_id, s.policy_id, s.price_class, 1 + n %% 50, 0,
    %(day)s::date + n %% 500 - 90, 0, 1, 1, 'key', s.opened_at
FROM subscriptions_subscription s, generate_series(1, %(count)s) AS n
"""


@pytest.fixture
def large() -> World:
    world = build_world()
    open_customer(world, make_keys(world))
    do("SET LOCAL session_replication_role = replica")
    do(MANY.replace("%(day)s", f"'{DAY}'").replace("%(count)s", str(SUBSCRIPTIONS)).replace("%%", "%"))
    do("SET LOCAL session_replication_role = origin")
    do("ANALYZE subscriptions_subscription")
    return world


def tables() -> tuple[int, int]:
    """How often the table of subscriptions was read through, and how many of its rows were fetched by an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables
               WHERE relname = 'subscriptions_subscription'"""
        )
        return cursor.fetchone()


@contextmanager
def fetching(world: World, most: int) -> Iterator[None]:
    """What is done inside reads the table never through, and fetches at most so many of its rows."""
    scans, rows = tables()
    with acting(world.duarte):
        yield
    after = tables()
    assert after[0] == scans, "the whole table was read"
    assert after[1] - rows <= most, f"{after[1] - rows} rows were fetched"


def test_a_page_fetches_what_it_shows(large: World) -> None:
    for bucket in ("", *queries.BUCKETS):
        for sort in ("end", "-end"):
            with fetching(large, most=260):
                first = queries.renewals(Wanted(bucket=bucket, sort=sort), day=DAY, limit=51)
            assert len(first) == 51, bucket
            with fetching(large, most=260):
                queries.renewals(Wanted(bucket=bucket, sort=sort), day=DAY, after=first[-1].place, limit=51)


def test_the_buckets_are_counted_without_what_ends_later(large: World) -> None:
    ended_or_soon = SUBSCRIPTIONS * 151 // 500
    with fetching(large, most=ended_or_soon + 100):
        steps = queries.steps(Wanted(), day=DAY)
    assert sum(step.subscriptions for step in steps.values()) == pytest.approx(ended_or_soon, rel=0.01)


def test_without_its_index_a_page_reads_everything(large: World) -> None:
    """The check above can fail."""
    do("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexdef ~ 'subscriptions_subscription .*ends_on'")
        for (index,) in cursor.fetchall():
            do(f"DROP INDEX {index}")
    with pytest.raises(AssertionError, match="whole table"), fetching(large, most=260):
        queries.renewals(Wanted(bucket="60"), day=DAY, limit=51)
