"""A Merkle log after RFC 6962 and RFC 9162: appended in bulk, summed up in one root, proved by short paths.

         root                 level 3   a node is named by (level, offset); it is *complete* when it stands over
      ┌────┴────┐                       2^level leaves. Only complete nodes are kept: they never change again.
    (2,0)       ┊             level 2   The *frontier* is the complete nodes that no larger one covers, here
  ┌───┴───┐     ┊                       (2,0), (1,2) and leaf 6: all that is needed to append and to tell the root.
(1,0)   (1,1) (1,2)           level 1
┌─┴─┐   ┌─┴─┐  ┌─┴─┐
0   1   2   3  4   5  6       level 0   leaves
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
# A leaf never hashes like an inner node (RFC 6962, 2.1): otherwise a node could be passed off as an entry.
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
# Paths are read from strangers; a longer one cannot belong to any log that fits a 64-bit number.
LONGEST_PATH = 2 * 64


class Place(NamedTuple):
    """Where a complete node stands: it covers the leaves from `offset << level`, 2^level of them."""

    level: int
    offset: int


class Node(NamedTuple):
    """A complete node of the tree with its hash."""

    level: int
    offset: int
    hash: bytes


NodeSource = Callable[[Place], bytes]


def leaf_hash(content: bytes) -> bytes:
    """The hash of one entry's canonical bytes."""
    return sha256(LEAF_PREFIX + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(NODE_PREFIX + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """One hash over neighbouring nodes of falling size, joined from the right as the RFC's tree hash does."""
    if not hashes:
        return EMPTY_ROOT
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = sha256(NODE_PREFIX + left + joined).digest()
    return joined


@dataclass(frozen=True, slots=True)
class Frontier:
    """The edge of a log of `size` leaves: `peaks` are its largest complete nodes, from left to right."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} peaks are not those of a log of {self.size} leaves")

    @property
    def root(self) -> bytes:
        """The hash that stands for the whole log."""
        return fold(self.peaks)

    def extend(self, leaves: Iterable[bytes]) -> tuple[Frontier, list[Node]]:
        """The frontier after appending leaf hashes, and every inner node that this completed, lowest level first.

        Works level by level rather than leaf by leaf: two hashes and no bookkeeping for each leaf.
        """
        pending = dict(zip(_levels(self.size), self.peaks, strict=True))
        row, nodes, level = list(leaves), [], 0
        size = self.size + len(row)
        while row:
            if level in pending:
                row.insert(0, pending.pop(level))
            if len(row) % 2:
                pending[level] = row.pop()
            first = self.size >> (level + 1)
            pairs = zip(row[0::2], row[1::2], strict=True)
            row = [sha256(NODE_PREFIX + left + right).digest() for left, right in pairs]
            level += 1
            nodes += [Node(level, offset, hashed) for offset, hashed in enumerate(row, first)]
        return Frontier(size, tuple(pending[level] for level in _levels(size))), nodes


def _levels(size: int) -> list[int]:
    """The levels of a log's peaks, highest first: the set bits of its size."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def peaks(size: int) -> tuple[Place, ...]:
    """Where the peaks of a log of that size stand, from left to right: what a frontier is loaded from."""
    return complete_nodes(0, size)


def complete_nodes(first: int, end: int) -> tuple[Place, ...]:
    """The fewest complete nodes over the leaves from `first` (a subtree's beginning) to before `end`, left to right."""
    found = []
    while first < end:
        level = (end - first).bit_length() - 1
        found.append(Place(level, first >> level))
        first += 1 << level
    return tuple(found)


def root_at(size: int, node: NodeSource) -> bytes:
    """The root that the log had when it held `size` leaves."""
    return fold([node(place) for place in peaks(size)])


def inclusion_groups(index: int, size: int) -> list[tuple[Place, ...]]:
    """The nodes to fetch for an inclusion proof, one group for each step of the path (RFC 6962, 2.1.1).

    Kept apart from the proof itself so that a caller with a database asks once for all of them.
    """
    if not 0 <= index < size:
        raise ValueError(f"a log of {size} leaves has no leaf {index}")
    first, end, steps = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            steps.append((middle, end))
            end = middle
        else:
            steps.append((first, middle))
            first = middle
    return [complete_nodes(*step) for step in reversed(steps)]


def consistency_groups(first_size: int, second_size: int) -> list[tuple[Place, ...]]:
    """The nodes to fetch for a consistency proof between two sizes of one log (RFC 6962, 2.1.2)."""
    if not 0 < first_size <= second_size:
        raise ValueError(f"no proof leads from size {first_size} to size {second_size}")
    first, end, whole, steps = 0, second_size, True, []
    while first_size != end:
        middle = first + _split(end - first)
        if first_size <= middle:
            steps.append((middle, end))
            end = middle
        else:
            steps.append((first, middle))
            first, whole = middle, False
    if not whole:  # the old log is no complete node of the new one, so the reader cannot know this hash yet
        steps.append((first, end))
    return [complete_nodes(*step) for step in reversed(steps)]


def _split(count: int) -> int:
    """The largest power of two smaller than `count`: how many leaves the left subtree takes."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """The path that leads from leaf `index` (counted from 0) to the root of the log at `size`."""
    return tuple(fold([node(place) for place in group]) for group in inclusion_groups(index, size))


def consistency_proof(first_size: int, second_size: int, node: NodeSource) -> tuple[bytes, ...]:
    """The path that shows the log at `second_size` to be the log at `first_size`, only longer."""
    return tuple(fold([node(place) for place in group]) for group in consistency_groups(first_size, second_size))


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from that leaf hash at `index` to that root (RFC 9162, 2.1.3.2). Never raises."""
    if not 0 <= index < size or len(path) > LONGEST_PATH:
        return False
    offset, last, joined = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if offset & 1 or offset == last:
            joined = sha256(NODE_PREFIX + step + joined).digest()
            while not offset & 1 and offset:
                offset, last = offset >> 1, last >> 1
        else:
            joined = sha256(NODE_PREFIX + joined + step).digest()
        offset, last = offset >> 1, last >> 1
    return last == 0 and joined == root


def verify_consistency(
    first_size: int, first_root: bytes, second_size: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path shows the second log to begin with the whole first one (RFC 9162, 2.1.4.2). Never raises."""
    if not 0 <= first_size <= second_size or len(path) > LONGEST_PATH:
        return False
    if first_size == second_size:
        return not path and first_root == second_root
    if first_size == 0:
        return not path and first_root == EMPTY_ROOT
    # A first log that is one complete node is its own first step; the proof leaves it out.
    steps = list(path) if first_size & (first_size - 1) else [first_root, *path]
    return bool(steps) and _joins(first_size, second_size, steps) == (first_root, second_root)


def _joins(first_size: int, second_size: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency path adds up to, or nothing when it is too short or too long."""
    offset, last = first_size - 1, second_size - 1
    while offset & 1:
        offset, last = offset >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if offset & 1 or offset == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not offset & 1 and offset:
                offset, last = offset >> 1, last >> 1
        else:
            new = node_hash(new, step)
        offset, last = offset >> 1, last >> 1
    return (old, new) if last == 0 else None
