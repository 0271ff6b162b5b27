"""Minting in the background: only ciphertext is kept, handed out once, gone after its download or 24 hours."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import BinaryIO
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.minting import Chunk, Texts, mint
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.operations.models import Operation
from chaveiro.apps.operations.queries import progress as progress_of
from chaveiro.rules import identifiers, keys
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.actors import Kind as ActorKind
from chaveiro.rules.batches import CHUNK_KEYS, Batch, Kind, Stage
from chaveiro.rules.errors import Contention, Malformed, NotAllowed, NotFound, Refusal
from chaveiro.rules.exports import EXPORT_LIFE, Encrypt, ExportLost, Lock, Locksmith, Printer, Progress
from chaveiro.rules.means import Means
from chaveiro.rules.vault import Lending, Vault

Cards = Callable[[bytes], bytes]
"""Prints the cards of some rows."""


class InOperation(Texts):
    """Minting as a piece of long work: it tells how far it is, and stops when it is cancelled."""

    def __init__(self, operation: UUID, means: Means) -> None:
        self._operation = operation
        self._means = means
        self._batch: UUID | None = None

    def resume(self, batch: Batch) -> None:
        """Whose texts these are."""
        self._batch = batch.id

    def commit(self, chunk: Chunk) -> None:
        """How far the work is. Raises Contention when it was cancelled."""
        if not operations.beat(operation=self._operation, done=chunk.first + chunk.count, now=self._means.now):
            raise Contention(what="operation")

    def finish(self) -> None:
        """The work is done; what was lent to it is erased in this transaction."""
        assert self._batch is not None
        parts = len(queries.parts(self._batch))
        result = {"batch": identifiers.write("batch", self._batch), "parts": parts, "export": "ready" if parts else ""}
        operations.finish(operation=self._operation, now=self._means.now, result=result)


class InExports(InOperation):
    """Texts are sealed for their reader and stand in the database, in the transaction of their digests."""

    def __init__(self, encrypt: Encrypt, operation: UUID, means: Means, cards: Cards | None = None) -> None:
        super().__init__(operation, means)
        self._encrypt = encrypt
        self._cards = cards
        self._sealed = b""

    def resume(self, batch: Batch) -> None:
        """Every part that was committed must still wait here."""
        super().resume(batch)
        expected = -(-batch.minted // CHUNK_KEYS)
        with acting(SYSTEM):
            if queries.parts(batch.id) != list(range(1, expected + 1)):
                raise ExportLost(reason="committed parts of the export are gone")

    def keep(self, chunk: Chunk) -> None:
        """Seal the part; the plain texts are forgotten with the chunk."""
        plain = keys.CSV_HEADER + chunk.rows
        self._sealed = self._encrypt(plain if self._cards is None else _with_cards(plain, self._cards(plain)))

    def commit(self, chunk: Chunk) -> None:
        """The part, and how far the work is."""
        assert self._batch is not None
        part = rows.Export(
            id=self._means.new_id(),
            batch_id=self._batch,
            part=chunk.first // CHUNK_KEYS + 1,
            ciphertext=self._sealed,
            created_at=self._means.now,
        )
        part.save(force_insert=True)
        super().commit(chunk)


def begin_mint(
    *,
    actor: Actor,
    batch: Batch,
    lock: Lock | None,
    vault: Vault,
    locksmith: Locksmith,
    means: Means,
    by_worker: bool = True,
) -> UUID:
    """Have a planned batch minted in the background, its export sealed with `lock`; answers the operation's id.

    Call it in the transaction that planned the batch. One that waits for a second person begins with the approval.
    A book batch has no texts and needs no lock. Not `by_worker`: the caller runs it itself. Raises Malformed for a
    lock that cannot be made, BatchStep.
    """
    actor.needs("batches:write")
    if batch.kind is Kind.BEARER:
        if lock is None:
            raise Malformed(field="recipient", reason="an age recipient or a passphrase is needed")
        locksmith.check(lock)
    if batch.is_approved:
        batch.step("mint")
    with acting(actor):
        operation = means.new_id()
        lent = None if lock is None else vault.seal(lock.to_bytes(), _lending(batch.id, operation))
        operations.start(
            operation=operation,
            kind=queries.WORK,
            actor=actor,
            now=means.now,
            total=batch.quantity,
            subject_id=batch.id,
            lent=lent,
        )
        if batch.is_approved and by_worker:
            owe(queries.WORK, {"operation": str(operation)}, means.now)
        return operation


def owe_waiting_mint(batch: UUID, now: datetime) -> None:
    """Owe the mint that waited for this batch's approval, if there is one; in the caller's transaction."""
    waiting = (
        seen(Operation).filter(kind=queries.WORK, subject_id=str(batch), state="queued").values_list("id", flat=True)
    )
    for operation in waiting:
        owe(queries.WORK, {"operation": str(operation)}, now)


def run_mint(
    *,
    operation: UUID,
    vault: Vault,
    locksmith: Locksmith,
    means: Means,
    printer: Printer | None = None,
    progress: Progress | None = None,
) -> bool:
    """Carry out a mint in the background, or go on with it after a kill; for the worker. False: nothing was finished.

    A refusal ends the operation with its code, and the lent secret is erased. Contention does not: somebody else is
    at it, or it was cancelled. `printer` is needed where cards were ordered.
    """
    with acting(SYSTEM):
        batch = queries.batch(UUID(progress_of(operation).subject_id))
        if batch.stage is Stage.WAITING:
            return False
        work = operations.take_up(operation=operation, now=means.now)
        if work is None:
            return False
        names = catalog.version(batch.product_version).names
    try:
        texts = _texts(work, batch, _lock(work, batch, vault, locksmith), _cards(batch, names, printer), means)
        mint(batch=batch.id, texts=texts, means=means, progress=progress)
    except Contention:
        return False
    except Refusal as refusal:
        with acting(SYSTEM):
            operations.fail(operation=operation, now=means.now, fault=refusal.code)
        return False
    return True


def _texts(work: operations.Work, batch: Batch, encrypt: Encrypt | None, cards: Cards | None, means: Means) -> Texts:
    if batch.kind is Kind.BOOK:
        return InOperation(work.id, means)
    if encrypt is None:
        raise ExportLost(reason="nobody said whom the export is for")
    return InExports(encrypt, work.id, means, cards)


def _lock(work: operations.Work, batch: Batch, vault: Vault, locksmith: Locksmith) -> Encrypt | None:
    if work.lent is None:
        return None
    return locksmith.fit(Lock.from_bytes(vault.open(work.lent, _lending(batch.id, work.id))))


def _cards(batch: Batch, names: Mapping[str, str], printer: Printer | None) -> Cards | None:
    if not batch.cards:
        return None
    assert printer is not None, "a batch with cards needs whoever prints them"
    return lambda rows: printer(batch, names, rows)


def _with_cards(rows: bytes, cards: bytes) -> bytes:
    """One archive, so that what is sealed is one file; the cards are compressed already, and keys hardly can be."""
    into = BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("keys.csv"), rows)
        archive.writestr(zipfile.ZipInfo("cards.pdf"), cards)
    return into.getvalue()


def download_export(
    *, actor: Actor, batch: UUID, into: BinaryIO, means: Means, settle: Callable[[], None] | None = None
) -> str:
    """Hand the encrypted export of a batch out, once: it is written to `into` and gone. Answers a name for the file.

    One part is an `.age` file, several are a zip of such; with cards, what is sealed is a zip itself. Give `into` away
    only after this returned; `settle` is called before the export is dropped for good (a file's fsync). Journals
    `export:downloaded`. Raises NotFound when there is none, or none any more; NotAllowed.
    """
    actor.needs("batches:write")
    if actor.kind not in (ActorKind.OPERATOR, ActorKind.SYSTEM):
        raise NotAllowed(needs="operator")
    with acting(actor):
        # Whoever comes second waits here, and finds nothing.
        list(seen(rows.Batch).select_for_update().filter(pk=batch))
        facts = queries.batch(batch)
        found = queries.parts(batch)
        if not found or facts.minted_at is None:
            raise NotFound(what="export")
        name = _write_parts(facts, found, into)
        if settle is not None:
            settle()
        _tell(batch, "downloaded")
        record(tag="export:downloaded", at=means.now, actor=actor, subject_id=batch, facts={"parts": len(found)})
        return name


def _write_parts(batch: Batch, parts: list[int], into: BinaryIO) -> str:
    name = identifiers.write("batch", batch.id)
    if len(parts) == 1:
        into.write(_take_part(batch.id, parts[0]))
        return f"{name}.zip.age" if batch.cards else f"{name}.csv.age"
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for part in parts:
            # Named so, an entry carries no time of day.
            archive.writestr(zipfile.ZipInfo(f"part-{part:04}.csv.age"), _take_part(batch.id, part))
    return f"{name}.zip"


def _take_part(batch: UUID, part: int) -> bytes:
    # Not Django's own cursor, which would carry the binary value as text.
    with psycopg.Cursor(connection.connection) as cursor:
        sql = "DELETE FROM keys_export WHERE batch_id = %s AND part = %s AND seen_by_operator() RETURNING ciphertext"
        taken = cursor.execute(sql, (batch, part), binary=True).fetchone()
    assert taken is not None
    return bytes(taken[0])


def drop_expired_exports(*, means: Means) -> int:
    """Drop every export that nobody fetched in 24 hours; answers of how many batches. Journals `export:expired`.

    Late or doubled runs change nothing. The keys of such a batch are committed and their texts lost: recall it.
    """
    with acting(SYSTEM):
        dropped = 0
        for batch in queries.expired_exports(means.now - EXPORT_LIFE):
            parts, _ = seen(rows.Export).filter(batch_id=batch).delete()
            if parts:
                dropped += 1
                _tell(batch, "expired")
                record(tag="export:expired", at=means.now, actor=SYSTEM, subject_id=batch, facts={"parts": parts})
        return dropped


def _tell(batch: UUID, became: str) -> None:
    """Let the operation's result say what became of its export."""
    for operation in seen(Operation).filter(kind=queries.WORK, subject_id=str(batch), state="done"):
        operation.result["export"] = became
        operation.save(update_fields=["result"])


def _lending(batch: UUID, operation: UUID) -> Lending:
    return Lending(owner=batch, job=operation, purpose=queries.WORK)
