"""Finds and names what does not fit in the journal: changed, removed and reordered rows, and rolled-back databases.

Fed in order, portion by portion, so that a million rows need the memory of one portion. What is compared:

    entry row  ──its bytes──▶  leaf in its seal  ──tree──▶  stored nodes  ──root──▶  signed checkpoints, ours or outside
    removed? changed?          gap? order?                  rewritten?               all rewritten, cut off, rolled back
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chaveiro.rules.journal import (
    CHECKPOINT_KIND,
    Checkpoint,
    Entry,
    Position,
    SignatureInvalid,
    SignatureReader,
    SignedCheckpoint,
    canonical,
    instant_text,
)
from chaveiro.rules.merkle import Frontier, Node, Place, leaf_hash

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


def judge_rows(rows: Sequence[SealedRow], first: int, last: int, before: Position | None) -> RowsJudged:
    """Compare each row with its seal, the numbers with a count from `first` to `last`, the order with `before`."""
    findings = _gaps([row.number for row in rows], first, last)
    whole = not findings
    found_leaves: dict[bytes, int] = {}
    for row in rows:
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


def _gaps(numbers: Sequence[int], first: int, last: int) -> list[Finding]:
    """The numbers from `first` to `last` (inclusive) that are missing among rising `numbers`."""
    gaps = []
    for number in (*numbers, last + 1):
        if number != first:
            gaps.append(Finding("seal_removed", first, number - 1))
        first = number + 1
    return gaps


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


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification saw. `root` is None where numbers are missing; `complete` is false when it stopped early."""

    size: int
    root: bytes | None
    findings: tuple[Finding, ...]
    complete: bool


class RowSource(Protocol):
    """Where sealed rows come from: those numbered `first` to `last` (inclusive), rising, at most `limit` of them."""

    def __call__(self, first: int, last: int, limit: int) -> Sequence[SealedRow]: ...


class Audit:
    """One walk over the journal from its first number upwards; keeps the tree's edge and what was found."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._frontier = Frontier()
        self._before: Position | None = None
        self._whole = True
        self._good_until = 0

    @property
    def full(self) -> bool:
        """Whether enough was found to stop."""
        return len(self.findings) >= FINDINGS_AT_MOST

    @property
    def root(self) -> bytes | None:
        """The root over all rows read so far; nothing when a number was missing among them."""
        return self._frontier.root if self._whole else None

    def note(self, findings: Iterable[Finding]) -> None:
        """Add findings, up to the limit."""
        room = FINDINGS_AT_MOST - len(self.findings)
        self.findings += list(findings)[:room]

    def open(self, row: SignedCheckpoint, reader: SignatureReader) -> Checkpoint | None:
        """Read a stored checkpoint; one that is not what we signed is a finding, and nothing is judged by it."""
        try:
            checkpoint = Checkpoint.from_claims(reader.read(row.signature, CHECKPOINT_KIND))
        except SignatureInvalid as refusal:
            self.note([Finding("checkpoint_forged", 1, row.size, detail=refusal.message())])
            return None
        if (checkpoint.size, checkpoint.root, checkpoint.at) != (row.size, row.root, row.at):
            self.note([Finding("checkpoint_forged", 1, row.size, detail="the row differs from its signature")])
        return checkpoint

    def walk(
        self,
        checkpoints: Iterable[Checkpoint],
        size: int,
        portion: int,
        *,
        rows: RowSource,
        nodes: Callable[[Iterable[Place]], Mapping[Place, bytes]],
    ) -> int:
        """Read the numbers up to `size` in portions, meeting each checkpoint at its size; answers the last one read."""
        due = sorted(checkpoints, key=lambda known: (known.size, known.at), reverse=True)
        read = 0
        while read < size and not self.full:
            bound = min(due[-1].size, size) if due else size
            found = rows(read + 1, bound, portion)
            last = found[-1].number if len(found) == portion else bound
            expected = self._read(found, read + 1, last)
            self.note(
                judge_nodes(expected, nodes([Place(node.level, node.offset) for node in expected]), self.findings)
            )
            read = last
            while due and due[-1].size == read:
                self._meet(due.pop())
        self.note(_missed(checkpoint, size) for checkpoint in due if checkpoint.size > size)
        return read

    def _read(self, rows: Sequence[SealedRow], first: int, last: int) -> list[Node]:
        """Judge the rows sealed as `first` to `last`; answers the nodes that must be stored over them."""
        judged = judge_rows(rows, first, last, self._before)
        self.note(judged.findings)
        self._before = judged.last
        self._whole = self._whole and judged.whole
        if not self._whole:
            return []
        self._frontier, nodes = self._frontier.extend(judged.leaves)
        return nodes

    def _meet(self, checkpoint: Checkpoint) -> None:
        """Judge a checkpoint over just the rows read so far; the culprit stands after the last one that held."""
        if self.root is None:
            return
        if self.root == checkpoint.root:
            self._good_until = checkpoint.size
            return
        when = f"checkpoint of {instant_text(checkpoint.at)}"
        self.note([Finding("history_changed", self._good_until + 1, checkpoint.size, detail=when)])


def _missed(checkpoint: Checkpoint, size: int) -> Finding:
    """A checkpoint was signed over more than the `size` rows that there are."""
    return Finding("tail_removed", size + 1, checkpoint.size, detail=f"checkpoint of {instant_text(checkpoint.at)}")
