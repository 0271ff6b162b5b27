"""Reading the journal: its story, proofs for one entry and between two sizes, and the verification of all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from chaveiro.apps.journal.models import Checkpoint as CheckpointRow
from chaveiro.apps.journal.models import Entry as EntryRow
from chaveiro.apps.journal.models import Seal, seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Contention, NotAllowed, NotFound
from chaveiro.rules.journal import (
    CHECKPOINT_KIND,
    Checkpoint,
    Entry,
    JournalBroken,
    Position,
    SignatureReader,
    SignedCheckpoint,
    canonical,
)
from chaveiro.rules.journal_audit import FINDINGS_AT_MOST, Audit, Finding, Report, SealedRow
from chaveiro.rules.merkle import Frontier, Place, consistency_groups, fold, inclusion_groups, leaf_hash, peaks

LINES_AT_MOST = 2_000
# A million rows are verified in portions of this many: some ten megabytes at a time.
PORTION = 5_000

# In the database's spelling, so that a row is read into the bytes of its leaf with no detour over Python's values.
ENTRY_COLUMNS = (
    """e.id, e.era, e.xid, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.tag, e.actor_kind,"""
    " e.actor_id::text, e.organisation_id::text, e.on_behalf::text, e.customer_id::text,"
    " e.subject_kind, e.subject_id, e.facts::text, e.salt"
)
# Every transaction below this number has ended: what it wrote is visible, and nothing more will come.
OLDEST_RUNNING = "(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"


def _rows(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


# --- the story -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoryFilter:
    """Which entries are asked for; nothing given means all. `since` is inclusive, `until` is not."""

    customer_id: UUID | None = None
    organisation_id: UUID | None = None
    tag: str | None = None
    actor_id: UUID | None = None
    subject_kind: str | None = None
    subject_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tags: tuple[str, ...] | None = None
    actor_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One sealed entry as a reader sees it; `number` is its place for ever and the cursor of whoever reads on."""

    number: int
    id: int
    at: datetime
    tag: str
    actor_kind: str
    actor_id: UUID | None
    organisation_id: UUID | None
    on_behalf: UUID | None
    customer_id: UUID | None
    subject_kind: str
    subject_id: str
    facts: dict[str, Any]


def story(
    actor: Actor, wanted: StoryFilter, *, cursor: int | None = None, limit: int = 50, newest_first: bool = True
) -> tuple[tuple[Line, ...], int | None]:
    """Sealed entries within the actor's sight, and the cursor to read on with, or None at the end.

    `limit` is kept between 1 and 2,000. Reading oldest first never skips a late commit: numbers are given when nothing
    older can come any more. An act of the last second may not be sealed yet (6-reliability.md). Raises NotAllowed for
    an actor without a side or a token without `journal:read`.
    """
    limit = max(1, min(limit, LINES_AT_MOST))
    sight = {f"entry__{column}": value for column, value in _sight(actor).items()}
    seals = seen(Seal).select_related("entry").filter(_matching(wanted), **sight)
    seals = seals.order_by("-number" if newest_first else "number")
    if cursor is not None:
        seals = seals.filter(number__lt=cursor) if newest_first else seals.filter(number__gt=cursor)
    found = list(seals[: limit + 1])
    lines = tuple(_line(seal) for seal in found[:limit])
    return lines, lines[-1].number if len(found) > limit else None


def _sight(actor: Actor) -> dict[str, UUID]:
    """What an entry must say for the actor to see it, so that its index is used; the accessor says the same again."""
    actor.needs("journal:read")
    if actor.kind in (Kind.OPERATOR, Kind.SYSTEM):
        return {}
    if actor.kind is Kind.CUSTOMER and actor.customer is not None:
        return {"customer_id": actor.customer}
    if actor.kind is Kind.CHANNEL and actor.organisation is not None:
        return {"organisation_id": actor.organisation}
    raise NotAllowed(needs="journal:read")


def _matching(wanted: StoryFilter) -> Q:
    matches = {
        "entry__customer_id": wanted.customer_id,
        "entry__organisation_id": wanted.organisation_id,
        "entry__tag": wanted.tag,
        "entry__actor_id": wanted.actor_id,
        "entry__subject_kind": wanted.subject_kind,
        "entry__subject_id": wanted.subject_id,
        "entry__at__gte": wanted.since,
        "entry__at__lt": wanted.until,
        "entry__tag__in": wanted.tags,
        "entry__actor_kind": wanted.actor_kind,
    }
    return Q(**{name: value for name, value in matches.items() if value is not None})


def _line(seal: Seal) -> Line:
    entry = seal.entry
    return Line(
        number=seal.number,
        id=entry.id,
        at=entry.at,
        tag=entry.tag,
        actor_kind=entry.actor_kind,
        actor_id=entry.actor_id,
        organisation_id=entry.organisation_id,
        on_behalf=entry.on_behalf,
        customer_id=entry.customer_id,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        facts=entry.facts,
    )


# --- the tree ------------------------------------------------------------------------------------------------------


def sealed_size() -> int:
    """How many entries are sealed; also the last number given."""
    [(size,)] = _rows("SELECT coalesce(max(number), 0) FROM journal_seal")
    return int(size)


def stored_nodes(places: Iterable[Place]) -> dict[Place, bytes]:
    """The hashes that stand at those places, leaves (level 0) included; what is missing is left out."""
    inner = [place for place in places if place.level]
    leaves = [place.offset + 1 for place in places if not place.level]
    found = _rows(
        "SELECT n.level, n.index, n.hash FROM unnest(%s::smallint[], %s::bigint[]) AS wanted(level, index)"
        " JOIN journal_node n USING (level, index)"
        " UNION ALL SELECT 0, number - 1, leaf FROM journal_seal WHERE number = ANY(%s::bigint[])",
        ([place.level for place in inner], [place.offset for place in inner], leaves),
    )
    return {Place(level, offset): bytes(hashed) for level, offset, hashed in found}


def _folded(groups: Sequence[tuple[Place, ...]]) -> tuple[bytes, ...]:
    """One hash for each group of neighbouring nodes, fetched at once. Raises JournalBroken when one is missing."""
    found = stored_nodes([place for group in groups for place in group])
    try:
        return tuple(fold([found[place] for place in group]) for group in groups)
    except KeyError as fault:
        place = fault.args[0]
        raise JournalBroken(what=f"node {place.offset} of level {place.level} is gone") from fault


def frontier(size: int) -> Frontier:
    """The edge of the log at `size`, as stored. Raises JournalBroken when a node is missing."""
    places = peaks(size)
    return Frontier(size, _folded([(place,) for place in places]))


def root_at(size: int) -> bytes:
    """The root of the first `size` sealed entries, from the stored nodes. Raises JournalBroken."""
    return frontier(size).root


# --- what the sealer asks ------------------------------------------------------------------------------------------


def sealed_until() -> Position:
    """Where sealing has come to; before the first seal, a position before every entry."""
    found = _rows(
        "SELECT e.era, e.xid, e.id FROM journal_seal s JOIN journal_entry e ON e.id = s.entry_id"
        " ORDER BY s.number DESC LIMIT 1"
    )
    return Position(*found[0]) if found else Position(-1, 0, 0)


def final_entries(after: Position, limit: int) -> list[Entry]:
    """The next entries whose order nothing can change any more, at most `limit`.

    All transactions below the oldest running one have ended, so the entries below it are a closed beginning of the
    order (era, xid, id); everything of an earlier era is closed too, since that server is gone.
    """
    found = _rows(
        f"SELECT {ENTRY_COLUMNS} FROM journal_entry e"  # noqa: S608 - constants of this module
        " WHERE (e.era, e.xid, e.id) > (%s, %s, %s)"
        f" AND (e.era, e.xid, e.id) < ((SELECT max(era) FROM journal_entry), {OLDEST_RUNNING}, 0)"
        " ORDER BY e.era, e.xid, e.id LIMIT %s",
        (*after, limit),
    )
    return [Entry(*row) for row in found]


def restored_elsewhere() -> int | None:
    """A transaction id that this server has not reached yet, if the journal has one: it was restored from another.

    New entries would sort below the sealed ones and be forgotten, so nobody may write before `actions.begin_era`.
    """
    found = _rows(
        "SELECT last.xid FROM (SELECT e.xid FROM journal_entry e"
        " WHERE e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint"
        " ORDER BY e.era DESC, e.xid DESC, e.id DESC LIMIT 1) last"
        " WHERE last.xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    )
    return int(found[0][0]) if found else None


# --- proofs and checkpoints ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry's canonical bytes stand under `number` in the log of `size` entries with that root.

    Anybody checks it with `rules.merkle.verify_inclusion(leaf_hash(entry), number - 1, size, path, root)` and the
    checkpoint's signature; while no checkpoint covers the entry, `checkpoint` is None and the root unsigned.
    """

    entry: bytes
    number: int
    size: int
    root: bytes
    path: tuple[bytes, ...]
    checkpoint: str | None


def prove(actor: Actor, entry_id: int) -> Proof:
    """The proof for one entry against the first checkpoint that covers it, so that the answer stays the same for ever.

    Raises NotFound when the entry is absent or out of the actor's sight, Contention while it is not sealed (for a
    second at most, or as long as an older transaction runs), JournalBroken when row and seal differ.
    """
    if not seen(EntryRow).filter(id=entry_id, **_sight(actor)).exists():
        raise NotFound()
    [(number, leaf, *columns)] = _rows(
        f"SELECT s.number, s.leaf, {ENTRY_COLUMNS} FROM journal_entry e"  # noqa: S608 - constants of this module
        " LEFT JOIN journal_seal s ON s.entry_id = e.id"
        " WHERE e.id = %s AND seen_entry(e.customer_id, e.organisation_id)",
        (entry_id,),
    )
    if number is None:
        raise Contention(what="the entry is not sealed yet")
    content = canonical(Entry(*columns))
    if leaf_hash(content) != bytes(leaf):
        raise JournalBroken(what=f"entry {entry_id} is not the one that was sealed as number {number}")
    covering = CheckpointRow.objects.filter(size__gte=number).order_by("size").first()
    size = covering.size if covering else sealed_size()
    path = _folded(inclusion_groups(number - 1, size))
    root = bytes(covering.root) if covering else root_at(size)
    return Proof(content, number, size, root, path, covering.signature if covering else None)


def prove_extension(first_size: int, second_size: int) -> tuple[bytes, ...]:
    """The path that shows the journal at `second_size` to continue the one at `first_size` and change nothing in it.

    Raises NotFound when the journal has not been that long.
    """
    if not 0 < first_size <= second_size <= sealed_size():
        raise NotFound()
    return _folded(consistency_groups(first_size, second_size))


def latest_checkpoint() -> SignedCheckpoint | None:
    """The checkpoint over the most entries."""
    row = CheckpointRow.objects.order_by("-size").first()
    return _signed(row) if row else None


def _signed(row: CheckpointRow) -> SignedCheckpoint:
    return SignedCheckpoint(row.size, bytes(row.root), row.at, row.signature, row.kid)


def is_extension_of(signature: str, *, reader: SignatureReader) -> bool:
    """Whether this journal continues the one that a checkpoint from outside was signed over.

    No means that it was cut off, rolled back to a backup, or rewritten. Raises SignatureInvalid when the text is not
    a checkpoint of ours.
    """
    outside = Checkpoint.from_claims(reader.read(signature, CHECKPOINT_KIND))
    return outside.size <= sealed_size() and root_at(outside.size) == outside.root


def size_signed(signature: str, *, reader: SignatureReader) -> int:
    """How many entries a checkpoint from outside was signed over. Raises SignatureInvalid."""
    return Checkpoint.from_claims(reader.read(signature, CHECKPOINT_KIND)).size


# --- verification --------------------------------------------------------------------------------------------------


def verify(*, reader: SignatureReader, outside: Sequence[str] = (), portion: int = PORTION) -> Report:
    """Recompute every leaf, node and root from the rows and hold them against seals, nodes and signed checkpoints.

    `outside` are checkpoints that were kept elsewhere: a rolled-back database is found by any of them. Reads in
    portions, so that memory does not grow with the journal; the journal may grow meanwhile. Raises SignatureInvalid
    when an outside checkpoint is none of ours.
    """
    audit = Audit()
    # Checkpoints first: whatever they cover was sealed before the size is read.
    checkpoints = [Checkpoint.from_claims(reader.read(signature, CHECKPOINT_KIND)) for signature in outside]
    checkpoints += [known for row in _own_checkpoints() if (known := audit.open(row, reader)) is not None]
    size = sealed_size()
    read = audit.walk(checkpoints, size, portion, rows=_sealed_rows, nodes=stored_nodes)
    audit.note(_forgotten())
    audit.note(_nodes_beyond())
    return Report(size, audit.root, tuple(audit.findings), read == size and not audit.full)


def _own_checkpoints() -> Iterator[SignedCheckpoint]:
    for row in CheckpointRow.objects.order_by("size").iterator(chunk_size=PORTION):
        yield _signed(row)


def _sealed_rows(first: int, last: int, limit: int) -> list[SealedRow]:
    found = _rows(
        f"SELECT s.number, s.entry_id, s.leaf, {ENTRY_COLUMNS} FROM journal_seal s"  # noqa: S608 - constants
        " LEFT JOIN journal_entry e ON e.id = s.entry_id"
        " WHERE s.number BETWEEN %s AND %s ORDER BY s.number LIMIT %s",
        (first, last, limit),
    )
    return [
        SealedRow(number, entry_id, bytes(leaf), None if columns[0] is None else Entry(*columns))
        for number, entry_id, leaf, *columns in found
    ]


def _forgotten() -> list[Finding]:
    """Entries without a number although entries after them have one."""
    found = _rows(
        "SELECT e.id FROM journal_entry e WHERE NOT EXISTS (SELECT FROM journal_seal s WHERE s.entry_id = e.id)"
        " AND (e.era, e.xid, e.id) < (SELECT l.era, l.xid, l.id FROM journal_seal t"
        " JOIN journal_entry l ON l.id = t.entry_id ORDER BY t.number DESC LIMIT 1) LIMIT %s",
        (FINDINGS_AT_MOST,),
    )
    return [Finding("entry_forgotten", 0, 0, entry_id) for (entry_id,) in found]


def _nodes_beyond() -> list[Finding]:
    """Nodes that stand over numbers that were not given yet: the sealer would stumble over them."""
    found = _rows(
        "SELECT n.level, n.index FROM journal_node n"
        " WHERE n.index >= (SELECT coalesce(max(number), 0) FROM journal_seal) >> n.level LIMIT %s",
        (FINDINGS_AT_MOST,),
    )
    return [Finding("node_added", (index << level) + 1, (index + 1) << level) for level, index in found]
