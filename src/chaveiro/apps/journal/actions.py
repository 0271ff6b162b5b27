"""Adding to the journal: acts record, one sealer numbers, the clock signs. Nothing is ever changed or removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from chaveiro.apps.journal import queries
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed
from chaveiro.rules.journal import (
    CHECKPOINT_KIND,
    Checkpoint,
    JournalBroken,
    JournalRestored,
    SignedCheckpoint,
    Signer,
    canonical,
    check_facts,
    check_tag,
    subject_kind_of,
)
from chaveiro.rules.merkle import HASH_BYTES, Node, leaf_hash

# PostgreSQL's advisory locks are numbers; this one means "the sealer is at work". "jour" in ASCII.
SEALER_LOCK = 0x6A6F7572
SEALED_AT_ONCE = 10_000

INSERT_ENTRY = (
    "INSERT INTO journal_entry (at, tag, actor_kind, actor_id, organisation_id, on_behalf, customer_id,"
    " subject_kind, subject_id, facts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
)


def record(
    *,
    tag: str,
    at: datetime,
    actor: Actor,
    subject_id: UUID | int | str,
    subject_kind: str | None = None,
    customer_id: UUID | None = None,
    on_behalf: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Tell the journal of an act, in the act's own transaction: no journal, no act. One INSERT that waits for nobody.

    `subject_kind` is what stands before the tag's colon unless given; `on_behalf` is the customer or relation that the
    actor acts for. `facts` hold ids, codes, numbers, days and commitments only (rules.journal.check_facts).

    Raises Malformed for an unknown tag, facts that must not be kept, or an instant without time zone, and
    TransactionManagementError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("the journal records acts, and an act is one transaction")
    if at.tzinfo is None:
        raise Malformed(field="at", reason="an instant without time zone")
    values = (
        at,
        check_tag(tag),
        actor.kind.value,
        actor.account,
        actor.organisation,
        on_behalf,
        customer_id,
        subject_kind or subject_kind_of(tag),
        str(subject_id),
        check_facts(facts or {}),
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ENTRY, values)


@transaction.atomic
def seal(*, limit: int = SEALED_AT_ONCE) -> int:
    """Give dense numbers to entries that are final and extend the Merkle log over them; answers how many.

    Only one sealer works at a time; a second one finds the lock taken and answers 0. Call it in a transaction of its
    own, again at once while it answers `limit`. Raises JournalRestored when the journal comes from another server,
    JournalBroken when the tree's edge is not there.
    """
    if not _sealer_lock():
        return 0
    ahead = queries.restored_elsewhere()
    if ahead is not None:
        raise JournalRestored(xid=ahead)
    size = queries.sealed_size()
    entries = queries.final_entries(queries.sealed_until(), limit)
    leaves = [leaf_hash(canonical(entry)) for entry in entries]
    _, nodes = queries.frontier(size).extend(leaves)
    _keep_seals(size + 1, [entry.id for entry in entries], leaves)
    _keep_nodes(nodes)
    return len(entries)


def _sealer_lock() -> bool:
    """Take the sealer's lock until the transaction ends, or say at once that somebody has it.

    A statement of its own: the next one's snapshot then sees everything that the last sealer committed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (SEALER_LOCK,))
        return bool(cursor.fetchone()[0])


# Not COPY, which PostgreSQL refuses under row-level security. The hashes travel in one string and are cut up there:
# an array of ten thousand byte strings costs more to write down than everything else.
INSERT_SEALS = """
    INSERT INTO journal_seal (number, entry_id, leaf)
    SELECT %s + place - 1, entry_id, substring(%s::bytea FROM (place * 32 - 31)::integer FOR 32)
    FROM unnest(%s::bigint[]) WITH ORDINALITY AS sealed(entry_id, place)
"""
INSERT_NODES = """
    INSERT INTO journal_node (level, index, hash)
    SELECT level, index, substring(%s::bytea FROM (place * 32 - 31)::integer FOR 32)
    FROM unnest(%s::smallint[], %s::bigint[]) WITH ORDINALITY AS grown(level, index, place)
"""
assert HASH_BYTES == 32


def _keep_seals(first_number: int, entry_ids: list[int], leaves: list[bytes]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT_SEALS, (first_number, b"".join(leaves), entry_ids))


def _keep_nodes(nodes: list[Node]) -> None:
    levels, offsets = [node.level for node in nodes], [node.offset for node in nodes]
    with connection.cursor() as cursor:
        cursor.execute(INSERT_NODES, (b"".join(node.hash for node in nodes), levels, offsets))


@transaction.atomic
def checkpoint(*, now: datetime, signer: Signer, origin: str) -> SignedCheckpoint | None:
    """Sign the journal's present size and root; nothing while it is empty, the last one again while it has not grown.

    `origin` names the installation (its base URL). The caller sends the signature outside: only there does it protect
    against whoever owns the database. Raises JournalBroken rather than sign a history that contradicts the last
    checkpoint.
    """
    size, last = queries.sealed_size(), queries.latest_checkpoint()
    if last is not None:
        if last.size > size or queries.root_at(last.size) != last.root:
            raise JournalBroken(what=f"the checkpoint over {last.size} entries does not hold any more")
        if last.size == size:
            return last
    if size == 0:
        return None
    statement = Checkpoint(origin, size, queries.root_at(size), now)
    signature = signer.sign(statement.claims(), CHECKPOINT_KIND)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_checkpoint (size, root, at, signature, kid) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (size) DO NOTHING",
            (size, statement.root, now, signature, signer.kid),
        )
    return queries.latest_checkpoint()


@transaction.atomic
def begin_era(*, now: datetime, actor: Actor) -> int:
    """After a restore on another server: let new entries sort after all restored ones. Answers the new era.

    Transaction ids of the new server begin low; without this, its entries would fall among those sealed long ago. Needs
    the owner's role, waits until nobody writes to the journal, and journals `installation:restored`.
    """
    with connection.cursor() as cursor:
        # Row-level security binds the owner too, who would see an empty journal and begin the same era twice. Lifted
        # and forced again in one transaction behind an exclusive lock: nobody else ever meets the table without it.
        cursor.execute("ALTER TABLE journal_entry NO FORCE ROW LEVEL SECURITY")
        cursor.execute("SELECT coalesce(max(era), 0) + 1 FROM journal_entry")
        era = int(cursor.fetchone()[0])
        # A column's default takes no parameter; the number is ours.
        cursor.execute(f"ALTER TABLE journal_entry ALTER COLUMN era SET DEFAULT {era:d}")
        record(tag="installation:restored", at=now, actor=actor, subject_id=str(era), facts={"era": era})
        cursor.execute("ALTER TABLE journal_entry FORCE ROW LEVEL SECURITY")
    return era
