"""Backing up and bringing back: one moment of every table, and the same rows again in an empty database.

    create    one snapshot ─▶ parts ─▶ signed manifest
    restore   parts ─▶ one transaction: rows, counters, a new era of the journal, seven days without erasing

Restoring is the owner's: row-level security is lifted from the empty tables and forced again in that one transaction,
behind exclusive locks. Killed anywhere, the database is as empty as it was. Constraints hold for every row, and so do
triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection, transaction

from chaveiro.apps.clocks.actions import go_quiet
from chaveiro.apps.closing.queries import backing_up as queries
from chaveiro.apps.closing.queries import snapshot
from chaveiro.apps.journal.actions import begin_era
from chaveiro.rules import peppers
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.backups import (
    BACKUP_KIND,
    PARTS_AT_MOST,
    QUIET_AFTER_RESTORE,
    WRITTEN_BY_TRIGGERS,
    BackupDamaged,
    BackupOfAnother,
    DatabaseNotEmpty,
    Manifest,
    Part,
    Reader,
    Rows,
    RowSeal,
    Writer,
    close_lines,
    in_order,
    in_parts,
    open_lines,
)
from chaveiro.rules.exports import FileRefused
from chaveiro.rules.inventory import TABLES
from chaveiro.rules.journal import Signer
from chaveiro.rules.means import Means
from chaveiro.rules.platform_clock import Doubt

Told = Callable[[str, int], None]
"""Told after each part: which table, how many of its rows."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `erased` are the customers and subscriptions whose data key had been destroyed since."""

    rows: int
    erased: frozenset[UUID]
    era: int
    quiet_until: date


def create(
    *, writer: Writer, seal: RowSeal, signer: Signer, data_keys: str, origin: str, means: Means, told: Told
) -> Manifest:
    """Write a backup of this moment; in the role `check`, which reads every row and writes none.

    `data_keys` is the fingerprint of the store behind `seal`. Raises FileRefused, DataKeysUnusable.
    """
    with snapshot():
        queries.spell_plainly()
        names = in_order(queries.tables_here(), queries.references())
        tables = tuple(_written(name, writer, seal, told) for name in names)
        manifest = Manifest(
            origin=origin,
            made_at=means.now,
            day=means.day,
            migrations=tuple(queries.migrations()),
            peppers=queries.peppers(),
            live_peppers=tuple(queries.live_peppers()),
            data_keys=data_keys,
            journal=queries.journal_facts(),
            lock=writer.lock,
            sequences=queries.sequences(),
            tables=tables,
        )
    writer.finish(signer.sign(manifest.claims(), BACKUP_KIND))
    return manifest


def _written(name: str, writer: Writer, seal: RowSeal, told: Told) -> Rows:
    table = TABLES[name]
    parts: list[Part] = []
    for lines in in_parts(queries.pieces(name)):
        kept = close_lines(lines, table, seal) if table.erased else lines
        count = kept.count(b"\n")
        parts.append(writer.add(f"rows/{name}/{len(parts) + 1:05}", kept, count))
        told(name, count)
    if len(parts) > PARTS_AT_MOST:
        raise FileRefused(reason=f"the table {name} is too large for this form of a backup")
    return Rows(name, table.columns, len(table.erased), table.removed, tuple(parts))


def check_fits(*, manifest: Manifest, data_keys: str, means: Means) -> None:
    """Pass when the secrets at hand are those that this backup was made with; asked before anything is made or changed.

    Raises rules.peppers.PepperChanged, PepperMissing; BackupOfAnother.
    """
    peppers.check(means.digesters, manifest.peppers, manifest.live_peppers)
    if manifest.data_keys != data_keys:
        raise BackupOfAnother(what="data keys", reason="they are those of another installation, or were made anew")


def restore(*, reader: Reader, manifest: Manifest, seal: RowSeal, means: Means, told: Told) -> Restored:
    """Bring every row back, in the owner's role, into empty tables of a schema of the same steps: all or nothing.

    The journal begins a new era; for seven days nothing is erased, and no notice goes before somebody has looked.
    Raises DatabaseNotEmpty, BackupOfAnother, BackupDamaged, BackupLocked.
    """
    if list(manifest.migrations) != queries.migrations():
        raise BackupOfAnother(what="schema", reason="the database's steps are not those of the backup")
    quiet = max(means.day, manifest.day) + QUIET_AFTER_RESTORE
    erased: set[UUID] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        queries.spell_plainly()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        here = queries.tables_here()
        for name in here:
            cursor.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
        _require_empty(here)
        rows = sum(_read(name, manifest, reader, seal, erased, told) for name in _order(here, manifest))
        for name, last in manifest.sequences.items():
            cursor.execute("SELECT setval(%s::regclass, %s)", (name, last))
        era = begin_era(now=means.now, actor=SYSTEM)
        # What is journalled now must belong to the new era; and beginning one has put the journal's wall up again.
        cursor.execute("ALTER TABLE journal_entry NO FORCE ROW LEVEL SECURITY")
        cursor.execute("SELECT set_config('chaveiro.kind', 'system', true)")
        quiet = go_quiet(quiet, Doubt.RESTORED, now=means.now).quiet_until or quiet
        for name in here:
            cursor.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    return Restored(rows, frozenset(erased), era, quiet)


def _order(here: Sequence[str], manifest: Manifest) -> list[str]:
    if {table.name for table in manifest.tables} - set(here):
        raise BackupOfAnother(what="schema", reason="the backup has tables that are not here")
    return in_order((table.name for table in manifest.tables), queries.references())


def _require_empty(here: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for name in here:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")  # noqa: S608 - a name of the catalogue
            if cursor.fetchone()[0]:
                raise DatabaseNotEmpty(table=name)


def _read(name: str, manifest: Manifest, reader: Reader, seal: RowSeal, erased: set[UUID], told: Told) -> int:
    """One COPY for a table, whatever its size: as many parts as it has go through it one after another."""
    table = next(table for table in manifest.tables if table.name == name)
    with connection.cursor() as cursor:
        if name in WRITTEN_BY_TRIGGERS:
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - a name of ours
        columns = ", ".join(f'"{column}"' for column in table.columns)
        with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
            for lines in _parts(table, reader, seal, erased, told):
                copy.write(lines)
        return int(cursor.rowcount)


def _parts(table: Rows, reader: Reader, seal: RowSeal, erased: set[UUID], told: Told) -> Iterator[bytes]:
    for part in table.parts:
        lines = reader.lines(part)
        if lines.count(b"\n") != part.rows:
            raise BackupDamaged(reason="it has another number of lines than the manifest says", part=part.name)
        yield open_lines(lines, table, seal, erased) if table.erasable else lines
        told(table.name, part.rows)
