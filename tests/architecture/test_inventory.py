"""Every column of every table is classified: what it says of customers, and what becomes of it when it is erased."""

from __future__ import annotations

import pytest
from django.db import connection

from chaveiro.apps.closing.queries import inventory
from chaveiro.rules.inventory import CUSTOMERS, TABLES, Blank, Gap, blanked, gaps, hops

COLUMNS = """
SELECT c.relname::text, a.attname::text, a.attnotnull, format_type(a.atttypid, NULL)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""


def columns() -> list[tuple[str, str, bool, str]]:
    """Every column of the database: table, name, whether it may be null, type."""
    connection.ensure_connection()
    found: list[tuple[str, str, bool, str]] = connection.connection.execute(COLUMNS).fetchall()
    return found


@pytest.mark.django_db
def test_every_column_is_classified() -> None:
    """A new column needs a line in rules/inventory.py: kept (ids, days, numbers, codes), or erased and by what."""
    assert gaps((table, column) for table, column, *_ in columns()) == []


def test_a_column_that_nobody_classified_would_be_found() -> None:
    known = [(table.name, column) for table in TABLES.values() for column in table.columns]
    assert gaps([*known, ("customers_person", "shoe_size")]) == [Gap("customers_person", "shoe_size", True)]
    assert gaps([*known, ("diary_page", "text")]) == [Gap("diary_page", "text", True)]
    assert gaps([one for one in known if one != ("customers_customer", "name")]) == [
        Gap("customers_customer", "name", False)
    ]


@pytest.mark.django_db
def test_what_replaces_a_value_fits_its_column() -> None:
    facts = {(table, column): (not_null, kind) for table, column, not_null, kind in columns()}
    for table in CUSTOMERS:
        for column, blank in table.erased.items():
            not_null, kind = facts[(table.name, column)]
            if blank in (Blank.EMPTY, Blank.BY_ID, Blank.REASON):
                assert kind.startswith(("text", "character")), (table.name, column)
            elif blank in (Blank.NO_FACTS, Blank.NOT_WHO):
                assert kind == "jsonb", (table.name, column)
            elif blank is Blank.NULL:
                assert not not_null, (table.name, column)


@pytest.mark.django_db
def test_every_path_leads_to_an_owner() -> None:
    """Each statement that blanks or removes is one that the database can plan."""
    columns()
    for statements in (
        inventory.blanking_of_subscription(),
        inventory.blanking_of_customer(),
        inventory.blanking_of_person(),
    ):
        for table, statement in statements:
            assert table in TABLES
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + statement, {"owner": "00000000-0000-0000-0000-000000000000"})


def test_a_table_with_personal_values_is_somebody_s() -> None:
    assert [table.name for table in CUSTOMERS if not table.customer] == []
    for table in CUSTOMERS:
        assert not table.removed or set(table.erased.values()) == {Blank.GONE}, table.name
        assert table.hidden <= set(table.columns), table.name


def test_a_path_is_read_step_by_step() -> None:
    assert hops("customer_id") == [("customer_id", "", "")]
    assert hops("account_id > identity_account.id > customer_id") == [
        ("account_id", "identity_account", "id"),
        ("customer_id", "", ""),
    ]


@pytest.mark.parametrize(
    ("blank", "value", "expected"),
    [
        (Blank.EMPTY, "Padaria Sol", ""),
        (Blank.NULL, "x", None),
        (Blank.NO_FACTS, {"a": 1}, {}),
        (Blank.BY_ID, "bruno@padariasol.example", "erased-7f"),
        (Blank.GONE, "x", None),
        (Blank.NOT_WHO, {"wording": "2026-11", "address": "192.0.2.1", "agent": "x"}, {"wording": "2026-11"}),
        (Blank.REASON, "Sr. Costa asked", ""),
        (Blank.REASON, "erasure", "erasure"),
    ],
)
def test_what_stands_where_a_value_stood(blank: Blank, value: object, expected: object) -> None:
    assert blanked(blank, value, "7-f") == expected
