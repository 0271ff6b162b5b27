"""The Merkle log against the reference vectors of RFC 6962 and against a naive reading of its text."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules import merkle

# The eight entries and the roots of the Certificate Transparency reference implementation.
ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION_OF_THE_FIRST_OF_EIGHT = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
CONSISTENCY_FROM_SIX_TO_EIGHT = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, word for word from RFC 6962, 2.1 (over leaf hashes)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = naive_split(len(leaves))
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH, word for word from RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF, word for word from RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def made_up_leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


class Store:
    """All complete nodes of a log, as the database keeps them."""

    def __init__(self, leaves: list[bytes], chunks: list[int] | None = None) -> None:
        self.hashes = {merkle.Place(0, index): leaf for index, leaf in enumerate(leaves)}
        self.frontier = merkle.Frontier()
        start = 0
        for count in chunks or [len(leaves)]:
            self.frontier, nodes = self.frontier.extend(leaves[start : start + count])
            for level, offset, hashed in nodes:
                assert (level, offset) not in self.hashes, "a complete node is written once"
                self.hashes[merkle.Place(level, offset)] = hashed
            start += count

    def node(self, place: merkle.Place) -> bytes:
        return self.hashes[place]


REFERENCE = [merkle.leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize("size", range(9))
def test_the_reference_roots_come_out(size: int) -> None:
    frontier, _ = merkle.Frontier().extend(REFERENCE[:size])
    assert frontier.root.hex() == ROOTS[size]
    assert frontier.size == size


def test_the_reference_proofs_come_out() -> None:
    store = Store(REFERENCE)
    inclusion = merkle.inclusion_proof(0, 8, store.node)
    assert [step.hex() for step in inclusion] == INCLUSION_OF_THE_FIRST_OF_EIGHT
    consistency = merkle.consistency_proof(6, 8, store.node)
    assert [step.hex() for step in consistency] == CONSISTENCY_FROM_SIX_TO_EIGHT


@given(st.lists(st.integers(0, 40), max_size=8))
def test_appending_in_any_portions_gives_the_naive_tree(chunks: list[int]) -> None:
    leaves = made_up_leaves(sum(chunks))
    store = Store(leaves, chunks)
    size = len(leaves)
    assert store.frontier.root == naive_root(leaves)
    assert len(store.hashes) == size + (size - size.bit_count())
    for (level, offset), hashed in store.hashes.items():
        assert hashed == naive_root(leaves[offset << level : (offset + 1) << level])
    assert store.frontier == merkle.Frontier(size, tuple(store.node(place) for place in merkle.peaks(size)))


@given(st.data(), st.integers(1, 140))
def test_every_proof_is_the_naive_one_and_verifies(data: st.DataObject, size: int) -> None:
    leaves = made_up_leaves(size)
    store = Store(leaves)
    index = data.draw(st.integers(0, size - 1))
    earlier = data.draw(st.integers(1, size))
    path = merkle.inclusion_proof(index, size, store.node)
    assert list(path) == naive_path(index, leaves)
    assert merkle.verify_inclusion(leaves[index], index, size, path, store.frontier.root)
    step = merkle.consistency_proof(earlier, size, store.node)
    assert list(step) == naive_subproof(earlier, leaves, True)
    old_root = merkle.root_at(earlier, store.node)
    assert old_root == naive_root(leaves[:earlier])
    assert merkle.verify_consistency(earlier, old_root, size, store.frontier.root, step)


def test_a_proof_serves_no_other_leaf_place_size_or_root() -> None:
    size = 13
    store = Store(made_up_leaves(size))
    root = store.frontier.root
    for index in range(size):
        path = merkle.inclusion_proof(index, size, store.node)
        leaf = store.node(merkle.Place(0, index))
        assert merkle.verify_inclusion(leaf, index, size, path, root)
        assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, path, root)
        assert not merkle.verify_inclusion(leaf, index, size, path, merkle.EMPTY_ROOT)
        assert not merkle.verify_inclusion(leaf, index, size, path[:-1], root)
        assert not merkle.verify_inclusion(leaf, index, size, (*path, root), root)
        for other in {*range(-1, size + 1)} - {index}:
            assert not merkle.verify_inclusion(leaf, other, size, path, root)
        for number in range(len(path)):
            bent = (*path[:number], merkle.EMPTY_ROOT, *path[number + 1 :])
            assert not merkle.verify_inclusion(leaf, index, size, bent, root)


def test_a_rewritten_past_has_no_consistency_proof() -> None:
    honest, rewritten = made_up_leaves(11), made_up_leaves(20)
    rewritten[4] = merkle.leaf_hash(b"what never happened")
    old_root, store = naive_root(honest), Store(rewritten)
    path = merkle.consistency_proof(11, 20, store.node)
    assert not merkle.verify_consistency(11, old_root, 20, store.frontier.root, path)
    assert merkle.verify_consistency(11, naive_root(rewritten[:11]), 20, store.frontier.root, path)


def test_a_consistency_proof_with_one_bit_wrong_or_a_step_too_many_or_too_few_is_refused() -> None:
    leaves = made_up_leaves(21)
    store = Store(leaves)
    root = store.frontier.root
    for earlier in range(1, 21):
        old_root = naive_root(leaves[:earlier])
        path = merkle.consistency_proof(earlier, 21, store.node)
        assert merkle.verify_consistency(earlier, old_root, 21, root, path)
        assert not merkle.verify_consistency(earlier, old_root, 21, root, path[:-1])
        assert not merkle.verify_consistency(earlier, old_root, 21, root, (*path, root))
        for number, step in enumerate(path):
            bent = (*path[:number], bytes([step[0] ^ 1]) + step[1:], *path[number + 1 :])
            assert not merkle.verify_consistency(earlier, old_root, 21, root, bent)


def test_the_ends_of_consistency() -> None:
    root = naive_root(REFERENCE)
    assert merkle.verify_consistency(8, root, 8, root, ())
    assert not merkle.verify_consistency(8, root, 8, root, (root,))
    assert not merkle.verify_consistency(8, root, 8, merkle.EMPTY_ROOT, ())
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 8, root, ())
    assert not merkle.verify_consistency(0, root, 8, root, ())
    assert not merkle.verify_consistency(8, root, 7, root, ())
    assert not merkle.verify_consistency(4, root, 8, root, ())


def test_a_path_from_a_stranger_may_be_long_but_is_not_read() -> None:
    endless = (merkle.EMPTY_ROOT,) * 1000
    assert not merkle.verify_inclusion(merkle.EMPTY_ROOT, 0, 2, endless, merkle.EMPTY_ROOT)
    assert not merkle.verify_consistency(1, merkle.EMPTY_ROOT, 2, merkle.EMPTY_ROOT, endless)


def test_a_leaf_is_never_taken_for_a_node() -> None:
    left, right = made_up_leaves(2)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_what_is_no_log_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        merkle.Frontier(3, (merkle.EMPTY_ROOT,))
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion_groups(3, 3)
    for first, second in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="no proof"):
            merkle.consistency_groups(first, second)
