"""The long lists walk an index from its end: the walls of the database must not make the planner read a whole table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from chaveiro.apps.closing.queries import desk
from chaveiro.apps.customers.queries import same_tax_number
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.queries import StoryFilter, story
from tests.cast import DAY, NOON, World, build_world, make_keys, open_customer

pytestmark = pytest.mark.django_db
CHANNEL = Path(__file__).parents[2] / "benches" / "channel.sql"
SEALED = """
INSERT INTO journal_seal (number, entry_id, leaf)
SELECT row_number() OVER (ORDER BY id), id, sha256(id::text::bytea) FROM journal_entry;
ANALYZE journal_entry; ANALYZE journal_seal; ANALYZE redemption_redemption; ANALYZE redemption_line;
ANALYZE customers_customer; ANALYZE subscriptions_subscription;
"""


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def large(world: World) -> World:
    """The channel of the benches, a good deal smaller."""
    open_customer(world, make_keys(world))
    facts = {
        "keys": 3_000,
        "small": 10,
        "batches": 3,
        "customers": 3_000,
        "partners": 600,
        "reseller": world.reseller,
        "other": world.rui.organisation,
        "seller": world.ana.account,
        "other_seller": world.rui.account,
        "day": DAY,
        "noon": NOON,
    }
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute(CHANNEL.read_text(encoding="utf-8"), facts)
        cursor.execute(SEALED)
    return world


@contextmanager
def explained() -> Iterator[list[str]]:
    """The plan of every statement that a query sends, as whoever sends it."""
    plans: list[str] = []
    plain = psycopg.Cursor.execute

    def execute(cursor: Any, query: Any, *arguments: Any, **named: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(None)
        if text.strip().startswith("SELECT") and "set_config" not in text:
            with psycopg.ClientCursor(connection.connection) as beside:
                told = plain(beside, f"EXPLAIN {text}", arguments[0] if arguments else named.get("params"))
                plans.append("\n".join(line for (line,) in told.fetchall()))
        return plain(cursor, query, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute)
        yield plans


def test_the_journal_is_read_from_its_end(large: World) -> None:
    with acting(large.duarte), explained() as plans:
        story(large.duarte, StoryFilter())
    assert "Index Scan Backward using journal_seal_pkey" in plans[0], plans[0]
    assert "Sort" not in plans[0], plans[0]


def test_the_desk_s_redemptions_are_read_from_their_end(large: World) -> None:
    with acting(large.duarte), explained() as plans:
        assert len(desk.redemptions(desk.Wanted(), limit=51)) == 51
    assert "Index Scan Backward using redemption_redemption_pkey" in plans[0], plans[0]
    assert "Sort" not in plans[0], plans[0]


def test_walls_that_ask_for_each_row_make_the_planner_read_everything(large: World) -> None:
    """The two checks above can fail: with the policy as one would write it first, the whole list is sorted."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER POLICY web_reads ON redemption_redemption USING (scope_kind() = 'operator')")
    with acting(large.duarte), explained() as plans:
        desk.redemptions(desk.Wanted(), limit=51)
    assert "Sort" in plans[0], plans[0]


def test_who_shares_a_tax_number_is_read_off_the_index(large: World) -> None:
    with acting(large.duarte):
        assert same_tax_number() == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(
            "EXPLAIN SELECT customers_tax_number_form(country, tax_number), max(opened_at) FROM customers_customer"
            " WHERE NOT tax_number = '' AND closed_at IS NULL"
            " GROUP BY customers_tax_number_form(country, tax_number) HAVING count(*) > 1"
        )
        told = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Only Scan using customer_by_tax_number" in told, told
