"""Minting into a file on this machine: plain texts leave once, and the same command goes on after any interruption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.minting import Chunk, Texts, mint
from chaveiro.apps.keys.actions.planning import plan_batch
from chaveiro.rules import keys, serials
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import CHUNK_KEYS, Batch, House, Order, Stage
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.exports import ExportLost, FileRefused, KeyFile, Progress
from chaveiro.rules.means import Means
from chaveiro.rules.peppers import PepperMissing

_KEY_COLUMN = serials.DIGITS + 1


@dataclass(frozen=True, slots=True)
class Minted:
    """A batch whose whole file stands. `again`: it stood there before, nothing was minted now."""

    batch: Batch
    again: bool


class InFile(Texts):
    """Texts go to a file, on the disk before their digests are committed."""

    def __init__(self, file: KeyFile, means: Means) -> None:
        self._file = file
        self._means = means

    def resume(self, batch: Batch) -> None:
        """Every committed row must stand in the file, key for key; what stands behind them was never committed."""
        check_rows(batch, self._file, self._means)
        self._file.cut(batch.minted)

    def keep(self, chunk: Chunk) -> None:
        """Append and fsync."""
        self._file.append(chunk.rows)


def mint_to_file(
    *, order: Order, file: KeyFile, house: House, means: Means, progress: Progress | None = None
) -> Minted:
    """Order a batch and mint it into `file`; the same call again goes on after a kill.

    For the command line on the machine. When all is done a further call changes nothing. A batch that waits for a
    second person keeps its place: the file is there, empty, and the call raises SecondPersonNeeded until somebody
    approved. Raises also what `plan_batch` and `mint` raise, and FileRefused when the file belongs to something else.
    """

    def plan(batch: UUID) -> Batch:
        return plan_batch(actor=SYSTEM, order=order, house=house, means=means, batch=batch)

    return _mint(file, lambda batch: batch.matches(order), plan, means, progress)


def mint_planned_to_file(*, batch: Batch, file: KeyFile, means: Means, progress: Progress | None = None) -> Minted:
    """Mint a batch that was planned before (a replacement, say) into `file`. Raises what `mint_to_file` does."""
    found = file.batch()
    if found not in (None, batch.id):
        raise FileRefused(reason="its unfinished file belongs to another batch")
    return _mint(file, lambda other: other.id == batch.id, lambda _: batch, means, progress, batch.id)


def _mint(
    file: KeyFile,
    is_meant: Callable[[Batch], bool],
    plan: Callable[[UUID], Batch],
    means: Means,
    progress: Progress | None,
    new: UUID | None = None,
) -> Minted:
    try:
        if file.is_finished():
            return Minted(_finished(file, is_meant, means), again=True)
        batch = _begun(file, file.batch() or new or means.new_id(), plan)
        if not is_meant(batch):
            raise FileRefused(reason="its unfinished file belongs to another order")
        if batch.minted_at is None:
            batch = mint(batch=batch.id, texts=InFile(file, means), means=means, progress=progress)
        else:
            check_rows(batch, file, means)
        file.finish()
        return Minted(batch, again=False)
    finally:
        file.close()


def _begun(file: KeyFile, wanted: UUID, plan: Callable[[UUID], Batch]) -> Batch:
    """The batch of the file. The file is made first: its name alone leads a second run to the batch."""
    file.begin(wanted)
    try:
        with acting(SYSTEM):
            return queries.batch(wanted)
    except NotFound:
        pass
    try:
        return plan(wanted)
    except Refusal:
        file.discard()
        raise


def _finished(file: KeyFile, is_meant: Callable[[Batch], bool], means: Means) -> Batch:
    """The batch of a whole file, if that is what was asked for; a foreign file is left alone."""
    taken = FileRefused(reason="a file of that name exists; it is not overwritten")
    file.read_finished()
    try:
        number = serials.read(file.rows(0, 1)[: serials.DIGITS].decode("ascii"))
        with acting(SYSTEM):
            batch = queries.batch_of(number)
    except (UnicodeDecodeError, Malformed, NotFound):
        raise taken from None
    if not is_meant(batch) or batch.first_number != number or batch.stage in (Stage.PLANNED, Stage.MINTING):
        raise taken
    check_rows(batch, file, means)
    return batch


def check_rows(batch: Batch, file: KeyFile, means: Means) -> None:
    """Every committed key of the batch stands in the file: its serial, and a text that has its digest.

    Raises ExportLost, PepperMissing.
    """
    for first in range(0, batch.minted, CHUNK_KEYS):
        count = min(CHUNK_KEYS, batch.minted - first)
        written = _canonical(file.rows(first, count), batch.first_number + first, count)
        with acting(SYSTEM):
            committed = queries.digests(batch.first_number + first, count)
        if [digest for _, _, digest in committed] != _digests(written, [version for _, version, _ in committed], means):
            raise ExportLost(reason="a key in the file is not the one that was committed")


def _canonical(rows: bytes, first_number: int, count: int) -> list[str]:
    """The keys of rows that are exactly such rows as are written. Raises ExportLost."""
    if len(rows) != count * keys.CSV_ROW_BYTES:
        raise ExportLost(reason="committed rows are missing from the file")
    # Every byte is a symbol here, a foreign one included; what they are worth is found out by writing them again.
    found = [line[_KEY_COLUMN:].replace("-", "") for line in rows.decode("latin-1").split("\n")[:-1]]
    intact = len(found) == count and all(len(key) == keys.KEY_SYMBOLS and key.isascii() for key in found)
    if not intact or keys.csv_rows(first_number, found) != rows:
        raise ExportLost(reason="committed rows of the file are damaged")
    return found


def _digests(written: list[str], versions: list[int], means: Means) -> list[bytes]:
    """Each key under the pepper it was committed with: a rotation may lie in the middle of a batch."""
    by_version = {digester.version: digester for digester in means.digesters}
    absent = set(versions) - by_version.keys()
    if absent:
        raise PepperMissing(versions=sorted(absent))
    if len(set(versions)) == 1:
        return by_version[versions[0]].digests(written)
    return [by_version[version].digest(key) for key, version in zip(written, versions, strict=False)]
