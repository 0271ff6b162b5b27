"""Making keys, chunk by chunk: made, written down where their texts go, and only then committed as digests.

    make ──▶ keep the texts (fsync) ──▶ one transaction: digests, count by compare-and-set ──▶ next chunk

While one chunk is committed the next one is made on another core. Killed at any point, the next run goes on at the
count that was committed: what stands behind it in a file was never a key. PostgreSQL refuses COPY where row-level
security stands, so a chunk travels as one statement with all its digests in one binary value (decision 0013).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.rules import keys, peppers, serials
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import CHUNK_KEYS, Batch, DoubledKey, Kind, watched
from chaveiro.rules.errors import Contention
from chaveiro.rules.exports import Progress
from chaveiro.rules.keys.digests import Digester
from chaveiro.rules.means import Means

ENDING_SYMBOLS = 5

# `substr` of a whole binary value costs the same at its end as at its beginning.
INSERT_BEARERS = """
INSERT INTO keys_key (number, batch_id, state, digest, pepper, last_five)
SELECT %s + place, %s, 'minted', substr(%b::bytea, place * 32 + 1, 32), %s,
    convert_from(substr(%b::bytea, place * 5 + 1, 5), 'UTF8')
FROM generate_series(0, %s - 1) AS place
"""
INSERT_BOOK = """
INSERT INTO keys_key (number, batch_id, state)
SELECT %s + place, %s, 'minted' FROM generate_series(0, %s - 1) AS place
"""
COUNT = """
UPDATE keys_batch SET minted = minted + %s
WHERE id = %s AND minted = %s AND recalled_at IS NULL AND (quantity <= 1000 OR approved_at IS NOT NULL)
  AND seen_batch(holder_id)
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some keys on their way, from the place `first` of the batch on: export rows, digests and endings, each joined."""

    first: int
    count: int
    rows: bytes
    digests: bytes
    endings: bytes


class Texts:
    """Where the texts of a batch go. This one is for a book batch: no secret is made, so there is no text."""

    def resume(self, batch: Batch) -> None:
        """Find again what was committed, or raise ExportLost; forget what was not."""

    def keep(self, chunk: Chunk) -> None:
        """Keep the chunk's texts, before its transaction."""

    def commit(self, chunk: Chunk) -> None:
        """What belongs to the chunk's own transaction."""

    def finish(self) -> None:
        """What belongs to the transaction in which the batch becomes whole."""


def mint(*, batch: UUID, texts: Texts, means: Means, progress: Progress | None = None) -> Batch:
    """Make the keys of a planned batch, or go on where it was interrupted; it is whole when this returns.

    Done by the house (worker, command line on the machine). Journals `batch:minted`. Raises SecondPersonNeeded,
    BatchStep, ExportLost, DoubledKey, RandomSourceBroken, PepperChanged; Contention when somebody else mints it.
    """
    with acting(SYSTEM):
        facts = queries.batch(batch)
        facts.step("mint")
        if facts.kind is Kind.BEARER:
            _record_pepper(means)
    texts.resume(facts)
    for chunk in _chunks(facts, means):
        texts.keep(chunk)
        _commit(facts, chunk, texts, means)
        if progress is not None:
            progress(chunk.first + chunk.count, facts.quantity)
    return _finish(facts, texts, means)


def _chunks(batch: Batch, means: Means) -> Iterator[Chunk]:
    """The chunks that are not committed yet. Each is made while the one before it is being committed."""
    random_bytes, digester = watched(means.random_bytes), means.digesters[-1]
    starts = range(batch.minted, batch.quantity, CHUNK_KEYS)

    def make(first: int) -> Chunk:
        count = min(CHUNK_KEYS, batch.quantity - first)
        if batch.kind is Kind.BOOK:
            return Chunk(first, count, b"", b"", b"")
        return make_chunk(batch.first_number, first, keys.mint(count, random_bytes), digester)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="mint") as maker:
        ahead: Future[Chunk] | None = None
        for first in starts:
            chunk = ahead.result() if ahead else make(first)
            following = first + CHUNK_KEYS
            ahead = maker.submit(make, following) if following < batch.quantity else None
            yield chunk


def make_chunk(first_number: int, first: int, made: list[str], digester: Digester) -> Chunk:
    """Canonical keys as a chunk of the batch whose numbers begin at `first_number`. Raises DoubledKey."""
    if len(set(made)) != len(made):
        raise DoubledKey(what="key")
    return Chunk(
        first,
        len(made),
        keys.csv_rows(first_number + first, made),
        b"".join(digester.digests(made)),
        "".join(key[-ENDING_SYMBOLS:] for key in made).encode("ascii"),
    )


def _commit(batch: Batch, chunk: Chunk, texts: Texts, means: Means) -> None:
    """One transaction: the chunk's rows, and the batch's count moved from exactly where this run believes it to be."""
    try:
        with acting(SYSTEM):
            counted = connection.connection.execute(COUNT, (chunk.count, batch.id, chunk.first)).rowcount
            if counted != 1:
                raise Contention(what="batch")
            _insert(batch, chunk, means.digesters[-1].version)
            texts.commit(chunk)
    except psycopg.errors.UniqueViolation as fault:
        raise DoubledKey(what=fault.diag.constraint_name) from None


def _insert(batch: Batch, chunk: Chunk, pepper: int) -> None:
    first_number = batch.first_number + chunk.first
    # Not Django's own cursor, which would spell the binary values out in the statement's text.
    with psycopg.Cursor(connection.connection) as cursor:
        if batch.kind is Kind.BOOK:
            cursor.execute(INSERT_BOOK, (first_number, batch.id, chunk.count))
        else:
            values = (first_number, batch.id, chunk.digests, pepper, chunk.endings, chunk.count)
            cursor.execute(INSERT_BEARERS, values)


def _finish(batch: Batch, texts: Texts, means: Means) -> Batch:
    """The batch is whole: say so once, and put a replacement for sale where what it replaces was."""
    with acting(SYSTEM):
        whole = seen(rows.Batch).filter(pk=batch.id, minted=batch.quantity, minted_at=None)
        if whole.update(minted_at=means.now) == 1:
            facts = {"quantity": batch.quantity, "first": serials.write(batch.first_number), "kind": batch.kind.value}
            record(tag="batch:minted", at=means.now, actor=SYSTEM, subject_id=batch.id, facts=facts)
        if batch.replaces is not None:
            _release_replacement(batch, means)
        texts.finish()
        return queries.batch(batch.id)


def _release_replacement(batch: Batch, means: Means) -> None:
    assert batch.replaces is not None
    if queries.batch_of(batch.replaces).released_at is None:
        return
    if seen(rows.Batch).filter(pk=batch.id, released_at=None).update(released_at=means.now):
        seen(rows.Key).filter(number=batch.first_number, state="minted").update(state="released")
        record(tag="batch:released", at=means.now, actor=SYSTEM, subject_id=batch.id, facts={"quantity": 1})


def _record_pepper(means: Means) -> None:
    """The newest pepper's fingerprint is kept with its first key: another secret of that version is refused ever after.

    Raises PepperChanged, also when an older version at hand is not what it was, and PepperMissing.
    """
    queries.check_peppers(means.digesters)
    newest = means.digesters[-1]
    _, is_new = rows.PepperVersion.objects.get_or_create(
        version=newest.version,
        defaults={"fingerprint": peppers.fingerprint(newest), "first_used_at": means.now},
    )
    if is_new:
        facts = {"fingerprint": peppers.fingerprint(newest)}
        record(tag="pepper:added", at=means.now, actor=SYSTEM, subject_id=newest.version, facts=facts)
