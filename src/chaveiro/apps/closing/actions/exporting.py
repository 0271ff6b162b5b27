"""An export of everything kept of a customer or a person: asked for, written by the worker, fetched for a day.

asked ──worker──▶ sealed with the customer's data key, in parts ──fetched, by who asked──▶ … ──a day later──▶ gone
"""

from __future__ import annotations

import csv
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, cast
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.apps.closing.models import DataExport
from chaveiro.apps.closing.queries import takeout as queries
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.operations.queries import newest
from chaveiro.apps.operations.queries import progress as progress_of
from chaveiro.rules import takeout
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.datakeys import DataKeys, Sealed, Whose
from chaveiro.rules.errors import NotAllowed, NotFound, Refusal
from chaveiro.rules.inventory import Table
from chaveiro.rules.means import Means

WORK = "data_export"
IN_MEMORY_AT_MOST = 4 * 1024 * 1024

Seal = Callable[[bytes, bytes, Sealed], bytes]
"""Seals content with a key for whom it belongs to."""
Unseal = Callable[[bytes, bytes, Sealed], bytes]


def begin_export(*, actor: Actor, means: Means, person: UUID | None = None) -> UUID:
    """Ask for everything that is kept of the actor's organisation, or of a person of it; answers the operation's id.

    Everything: for administrators. A person: for administrators, and for themselves. Asked again while one is being
    written, it is that one. Raises NotAllowed, NotFound.
    """
    if actor.kind is not Kind.CUSTOMER or actor.customer is None or actor.account is None:
        raise NotAllowed(needs="administrator")
    actor.needs("people:write")
    with acting(actor):
        account = None if person is None else customers.account_of(person)
        if account != actor.account:
            actor.needs_role("administrator")
        subject = _subject(actor.customer, account)
        running = newest(WORK, subject)
        if running is not None and running.finished_at is None:
            return running.id
        operation = operations.start(
            operation=means.new_id(), kind=WORK, actor=actor, now=means.now, subject_id=subject
        )
        owe(WORK, {"operation": str(operation)}, means.now)
        tag, whose = ("customer:exported", actor.customer) if person is None else ("person:exported", person)
        record(tag=tag, at=means.now, actor=actor, subject_id=whose, customer_id=actor.customer)
    return operation


def run_export(*, operation: UUID, keys: DataKeys, seal: Seal, means: Means) -> bool:
    """Write an export that was asked for; for the worker. False when it had ended. Run again, it begins anew."""
    with acting(SYSTEM):
        work = operations.take_up(operation=operation, now=means.now)
    if work is None or work.actor_id is None:
        return False
    customer, account = _of_subject(work.subject_id)
    try:
        key = keys.make(Whose.CUSTOMER, customer)
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_AT_MOST) as file, acting(SYSTEM):
            into = cast(BinaryIO, file)
            write_export(customer=customer, account=account, into=into, means=means)
            if into.tell() > takeout.BYTES_AT_MOST:
                raise takeout.TakeoutTooLarge(maximum=takeout.BYTES_AT_MOST)
            into.seek(0)
            seen(DataExport).filter(operation_id=operation).delete()
            parts = _keep(into, operation, customer, work.actor_id, key, seal, means)
            operations.finish(operation=operation, now=means.now, result={"parts": parts})
    except Refusal as refusal:
        with acting(SYSTEM):
            operations.fail(operation=operation, now=means.now, fault=refusal.code)
        return False
    return True


def _keep(file: BinaryIO, operation: UUID, customer: UUID, account: UUID, key: bytes, seal: Seal, means: Means) -> int:
    part = 0
    while content := file.read(takeout.PART_BYTES):
        part += 1
        DataExport(
            id=means.new_id(),
            operation_id=operation,
            customer_id=customer,
            account_id=account,
            part=part,
            sealed=seal(key, content, _sealed(customer, operation, part)),
            created_at=means.now,
        ).save(force_insert=True)
    return part


def fetch_export(
    *, actor: Actor, operation: UUID, keys: DataKeys, unseal: Unseal, into: BinaryIO, means: Means
) -> None:
    """Write the file of an export into `into`, for who asked for it. Raises NotFound where there is none any more."""
    with acting(actor):
        work = progress_of(operation)
        if work.kind != WORK or work.finished_at is None or work.finished_at + takeout.LIFE <= means.now:
            raise NotFound(what="export")
        customer, _ = _of_subject(work.subject_id)
        parts = list(seen(DataExport).filter(operation_id=operation).order_by("part").values_list("part", flat=True))
        if not parts:
            raise NotFound(what="export")
        key = keys.read(Whose.CUSTOMER, customer)
        if key is None:
            raise NotFound(what="export")
        for part in parts:
            into.write(unseal(key, _part(operation, part), _sealed(customer, operation, part)))


def _part(operation: UUID, part: int) -> bytes:
    # Not Django's own cursor, which would carry the binary value as text.
    with psycopg.Cursor(connection.connection) as cursor:
        sql = (
            "SELECT e.sealed FROM closing_dataexport e"
            " WHERE e.operation_id = %s AND e.part = %s AND seen_own(e.account_id)"
        )
        found = cursor.execute(sql, (operation, part), binary=True).fetchone()
    assert found is not None
    return bytes(found[0])


def drop_old_exports(*, means: Means) -> int:
    """Drop what was written more than a day ago; answers how many parts."""
    with acting(SYSTEM):
        dropped, _ = seen(DataExport).filter(created_at__lt=means.now - takeout.LIFE).delete()
    return dropped


# --- the file ------------------------------------------------------------------------------------------------------


def write_export(*, customer: UUID, account: UUID | None, into: BinaryIO, means: Means) -> dict[str, int]:
    """Write the archive: each table as JSON and as CSV; answers how many rows of each. In the house's own scope.

    Of a person where `account` is given. Memory depends on one portion of rows and on nothing else.
    """
    counts: dict[str, int] = {}
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in takeout.tables(of_person=account is not None):
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_AT_MOST, mode="w+", encoding="utf-8") as sheet:
                with archive.open(zipfile.ZipInfo(f"{table.name}.json"), "w", force_zip64=True) as listing:
                    rows = queries.rows(table, account or customer, of_person=account is not None)
                    counts[table.name] = _write_table(table, rows, listing, cast(IO[str], sheet))
                sheet.seek(0)
                with archive.open(zipfile.ZipInfo(f"{table.name}.csv"), "w", force_zip64=True) as cells:
                    while text := sheet.read(takeout.PART_BYTES):
                        cells.write(text.encode())
        whose = "your organisation" if account is None else "you"
        archive.writestr(zipfile.ZipInfo("README.txt"), takeout.ABOUT.format(whose=whose, day=means.day))
        about = {
            "customer": str(customer),
            "day": means.day.isoformat(),
            "rows": counts,
            "products": queries.products(),
        }
        archive.writestr(zipfile.ZipInfo("about.json"), json.dumps(about, ensure_ascii=False, indent=1))
    return counts


def _write_table(table: Table, rows: Iterator[dict[str, object]], listing: IO[bytes], sheet: IO[str]) -> int:
    written = 0
    cells = csv.writer(sheet)
    cells.writerow(table.shown)
    listing.write(b"[")
    for row in rows:
        listing.write((b",\n" if written else b"\n") + json.dumps(row, ensure_ascii=False).encode())
        cells.writerow([_cell(value) for value in row.values()])
        written += 1
    listing.write(b"\n]\n")
    return written


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return takeout.defused(text)


def _sealed(customer: UUID, operation: UUID, part: int) -> Sealed:
    return Sealed(Whose.CUSTOMER, customer, f"export {operation} {part}")


def _subject(customer: UUID, account: UUID | None) -> str:
    return str(customer) if account is None else f"{customer}:{account}"


def _of_subject(subject: str) -> tuple[UUID, UUID | None]:
    customer, _, account = subject.partition(":")
    return UUID(customer), UUID(account) if account else None
