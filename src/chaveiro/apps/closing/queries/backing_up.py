"""What a backup reads: every row that comes back, as COPY writes it, and what the manifest says of the whole.

Read past the rooms' own queries, like `chaveiro check` and in its role, which can only read; within one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from chaveiro.apps.closing.queries.inventory import blank_of
from chaveiro.apps.journal import queries as journal
from chaveiro.rules.backups import is_backed_up
from chaveiro.rules.inventory import LIBRARIES, TABLES, Table, hops

# So that a value is written down as the same text whatever the server, the role or the machine prefers.
SPELLING = (
    "SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex';"
    " SET LOCAL extra_float_digits = 1; SET LOCAL intervalstyle = 'postgres'"
)
TABLES_HERE = """
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
REFERENCES = """
SELECT DISTINCT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
SEQUENCES = """
SELECT sequencename::text, last_value FROM pg_sequences
WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename
"""
LIVE_PEPPERS = """
SELECT version FROM keys_pepper p
WHERE EXISTS (SELECT FROM keys_key k WHERE k.pepper = p.version AND k.state IN ('minted', 'released'))
ORDER BY version
"""
# The job engine's rows stay behind. What was handed to it and is not done is owed again: an effect may run twice.
INSTEAD: Mapping[tuple[str, str], str] = {
    ("notices_owed", "relayed_at"): "CASE WHEN EXISTS (SELECT FROM procrastinate_jobs j"
    " WHERE j.status IN ('todo', 'doing') AND (j.args ->> 'owed')::bigint = t.id) THEN NULL ELSE t.relayed_at END",
}


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def spell_plainly() -> None:
    """Write values down in one form until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(SPELLING)


def tables_here() -> list[str]:
    """The tables whose rows belong into a backup."""
    return [name for (name,) in _rows(TABLES_HERE) if is_backed_up(name)]


def references() -> list[tuple[str, str]]:
    """Which table refers to which."""
    return [(table, target) for table, target in _rows(REFERENCES)]


def sequences() -> dict[str, int]:
    """The last value that each counter of ours gave; asked after the rows, so that none of them lies above it."""
    return {name: int(last) for name, last in _rows(SEQUENCES) if not name.startswith(LIBRARIES)}


def migrations() -> list[str]:
    """The steps by which the schema came to be what it is."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def peppers() -> dict[int, str]:
    """The fingerprint of every pepper that ever minted."""
    return dict(_rows("SELECT version, fingerprint FROM keys_pepper"))


def live_peppers() -> list[int]:
    """The versions without which keys that may still be redeemed would be unknown."""
    return [version for (version,) in _rows(LIVE_PEPPERS)]


def journal_facts() -> dict[str, Any]:
    """How far the journal has come, and the newest signed checkpoint."""
    [(entries,)] = _rows("SELECT count(*) FROM journal_entry")
    last = journal.latest_checkpoint()
    return {"entries": entries, "sealed": journal.sealed_size(), "checkpoint": last.signature if last else None}


def pieces(name: str) -> Iterator[bytes]:
    """A table's rows in COPY's text form, as they come from the server."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({selection(TABLES[name])}) TO STDOUT") as copy:
        yield from copy


def selection(table: Table) -> str:
    """What is read of a table. Where it has personal values: whose they are first, and what stands for them last."""
    columns = [_column(table.name, column) for column in table.columns]
    if not table.erased:
        return f"SELECT {', '.join(columns)} FROM {table.name} AS t"  # noqa: S608 - names of the inventory
    joins: list[str] = []
    subscription = _end_of(table.subscription, joins) if table.subscription else "NULL::uuid"
    customers = ", ".join(f"{_end_of(path, joins)}::text" for path in table.customer)
    whose = (
        f"CASE WHEN {subscription} IS NOT NULL THEN 'subscription'"
        f" WHEN coalesce({customers}) IS NOT NULL THEN 'customer' END",
        f"coalesce({subscription}::text, concat_ws(',', {customers}))",
    )
    erased = {} if table.removed else table.erased
    blanks = [blank_of(f't."{name}"', kind, "t.id") for name, kind in erased.items()]
    # Names of the inventory, which are ours; no value of anybody's stands in the statement.
    return f"SELECT {', '.join((*whose, *columns, *blanks))} FROM {table.name} AS t {' '.join(joins)}"  # noqa: S608


def _column(table: str, column: str) -> str:
    return INSTEAD.get((table, column), f't."{column}"')


def _end_of(path: str, joins: list[str]) -> str:
    """The expression at a path's end; each step joins a table by its key, so that no row is doubled."""
    alias = "t"
    for column, table, key in hops(path):
        if not table:
            return f'{alias}."{column}"'
        here, alias = alias, f"j{len(joins)}"
        joins.append(f'LEFT JOIN {table} AS {alias} ON {alias}."{key}" = {here}."{column}"')
    raise AssertionError("a path ends in a column")
