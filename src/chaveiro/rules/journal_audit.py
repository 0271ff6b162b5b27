"""Finds and names what does not fit in the journal: changed, removed and reordered rows, and rolled-back databases.

Fed in order, portion by portion, so that a million rows need the memory of one portion. What is compared:

    entry row  ──its bytes──▶  leaf in its seal  ──tree──▶  stored nodes  ──root──▶  signed checkpoints, ours or outside
    removed? changed?          gap? order?                  rewritten?               all rewritten, cut off, rolled back
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chaveiro.rules.journal import Checkpoint, Entry, Position, canonical, instant_text
from chaveiro.rules.merkle import Node, Place, leaf_hash

# Whoever has found a hundred faults has found the fault; a destroyed table must not fill the memory.
FINDINGS_AT_MOST = 100

# What a finding may say, for ever.
FINDINGS: Mapping[str, str] = {
    "entry_changed": "The row is not the one that was sealed under this number.",
    "entry_removed": "The number was sealed, and its row is gone.",
    "entry_forgotten": "The row belongs among the sealed ones and was never sealed: it was slipped in later.",
    "seal_removed": "These numbers are missing.",
    "reordered": "The rows do not stand in the order in which they were sealed.",
    "node_changed": "The leaves of these numbers do not add up to the node that was stored over them.",
    "node_removed": "The node over these numbers is gone.",
    "node_added": "A node stands where the journal has not been yet.",
    "checkpoint_forged": "A checkpoint was not signed by us, or its row says something else than its signature.",
    "history_changed": "Some row up to this number is not what it was when a checkpoint was signed.",
    "tail_removed": "A checkpoint was signed over more rows than there are: cut off, or rolled back to a backup.",
}


class Finding(NamedTuple):
    """One thing that does not fit: the numbers from `first` to `last` (inclusive), and the row where one is known."""

    code: str
    first: int
    last: int
    entry_id: int | None = None
    detail: str = ""

    def touches(self, first: int, last: int) -> bool:
        """Whether it speaks of any number from `first` to `last`."""
        return self.first <= last and first <= self.last


class SealedRow(NamedTuple):
    """A number with the leaf that was sealed under it, and its entry, if that is still there."""

    number: int
    entry_id: int
    leaf: bytes
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class RowsJudged:
    """What a portion of rows showed. `whole` is false when a number is missing: no tree can be built any more."""

    findings: tuple[Finding, ...]
    leaves: tuple[bytes, ...]
    last: Position | None
    whole: bool


def judge_rows(rows: Sequence[SealedRow], first_number: int, before: Position | None) -> RowsJudged:
    """Compare each row with its seal, the numbers with a count from `first_number`, the order with `before`."""
    findings: list[Finding] = []
    expected, whole = first_number, True
    found_leaves: dict[bytes, int] = {}
    for row in rows:
        if row.number != expected:
            findings.append(Finding("seal_removed", expected, row.number - 1))
            whole = False
        expected = row.number + 1
        if row.entry is None:
            findings.append(Finding("entry_removed", row.number, row.number, row.entry_id))
            continue
        leaf = leaf_hash(canonical(row.entry))
        if leaf != row.leaf:
            found_leaves[leaf] = row.number
            findings.append(Finding("entry_changed", row.number, row.number, row.entry_id))
        if before is not None and row.entry.position <= before:
            findings.append(Finding("reordered", row.number, row.number, row.entry_id))
        before = row.entry.position
    return RowsJudged(_name_exchanges(findings, found_leaves, rows), tuple(row.leaf for row in rows), before, whole)


def _name_exchanges(
    findings: list[Finding], found_leaves: Mapping[bytes, int], rows: Sequence[SealedRow]
) -> tuple[Finding, ...]:
    """Say `reordered` of a row whose sealed leaf turned up under another number: it was moved, not changed."""
    if not found_leaves:
        return tuple(findings)
    moved = {row.number for row in rows if found_leaves.get(row.leaf, row.number) != row.number}
    named = [
        finding._replace(code="reordered") if finding.code == "entry_changed" and finding.first in moved else finding
        for finding in findings
    ]
    return tuple(dict.fromkeys(named))


def judge_nodes(
    expected: Iterable[Node], stored: Mapping[Place, bytes], known: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Compare the nodes that the leaves add up to with the stored ones; lowest levels first.

    A wrong leaf makes every node above it wrong too: only the lowest one is named, and none over a row named already.
    """
    findings: list[Finding] = []
    for level, offset, hashed in expected:
        if len(findings) >= FINDINGS_AT_MOST:
            break
        kept = stored.get(Place(level, offset))
        first, last = (offset << level) + 1, (offset + 1) << level
        if kept == hashed or any(finding.touches(first, last) for finding in (*known, *findings)):
            continue
        findings.append(Finding("node_removed" if kept is None else "node_changed", first, last))
    return tuple(findings)


def judge_root(checkpoint: Checkpoint, root: bytes, last_good: int) -> Finding | None:
    """Compare the root recomputed at a checkpoint's size with the signed one.

    `last_good` is the size of the last checkpoint that held: the culprit stands after it.
    """
    if root == checkpoint.root:
        return None
    return Finding("history_changed", last_good + 1, checkpoint.size, detail=f"checkpoint of {instant_text(checkpoint.at)}")


def judge_length(checkpoint: Checkpoint, size: int) -> Finding | None:
    """Compare the number of rows with the number that was signed."""
    if checkpoint.size <= size:
        return None
    return Finding("tail_removed", size + 1, checkpoint.size, detail=f"checkpoint of {instant_text(checkpoint.at)}")
