"""Data keys on the disk: made once, private, destroyed for good wherever the destroyer is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from chaveiro.adapters import datakeys
from chaveiro.adapters.datakeys import FolderOfDataKeys, seal, unseal
from chaveiro.rules.datakeys import KEY_BYTES, DataKeyDestroyed, DataKeysUnusable, Sealed, Whose
from chaveiro.rules.vault import SealBroken

ONE, TWO = UUID(int=1), UUID(int=2)
SUBSCRIPTION = Whose.SUBSCRIPTION


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> FolderOfDataKeys:
    return FolderOfDataKeys(folder, os.urandom)


def test_a_key_is_made_once_and_read_again(keys: FolderOfDataKeys, folder: Path) -> None:
    assert keys.read(SUBSCRIPTION, ONE) is None
    made = keys.make(SUBSCRIPTION, ONE)
    assert len(made) == KEY_BYTES
    assert keys.make(SUBSCRIPTION, ONE) == made == FolderOfDataKeys(folder, os.urandom).read(SUBSCRIPTION, ONE)
    assert keys.make(Whose.CUSTOMER, ONE) != made
    assert keys.make(SUBSCRIPTION, TWO) != made


def test_nobody_else_may_read_them(keys: FolderOfDataKeys, folder: Path) -> None:
    keys.make(SUBSCRIPTION, ONE)
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    folder.chmod(0o750)
    for use in (keys.make, keys.read):
        with pytest.raises(DataKeysUnusable):
            use(SUBSCRIPTION, ONE)


def test_of_many_at_once_all_read_the_same(keys: FolderOfDataKeys) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.make(SUBSCRIPTION, ONE), range(32)))
    assert len(made) == 1


def test_what_is_destroyed_is_never_made_again(keys: FolderOfDataKeys, folder: Path) -> None:
    made = keys.make(SUBSCRIPTION, ONE)
    assert keys.destroy(SUBSCRIPTION, ONE)
    assert not keys.destroy(SUBSCRIPTION, ONE), "the second time changes nothing"
    assert keys.is_destroyed(SUBSCRIPTION, ONE)
    assert not keys.exists(SUBSCRIPTION, ONE)
    for use in (keys.make, keys.read):
        with pytest.raises(DataKeyDestroyed):
            use(SUBSCRIPTION, ONE)
    assert made not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert keys.destroy(SUBSCRIPTION, TWO), "one that was never made cannot be made any more either"
    with pytest.raises(DataKeyDestroyed):
        keys.make(SUBSCRIPTION, TWO)


class Killed(Exception):
    """The process died here."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A number of calls of the system after which the process dies."""
    left = [10**6]

    def dying(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed(name)
            return real(*arguments, **named)

        monkeypatch.setattr(datakeys.os, name, call)

    for name in ("open", "write", "fsync", "link", "unlink"):
        dying(name)
    yield left
    left[0] = 10**6


def test_a_destroyer_killed_anywhere_is_finished_by_the_next_one(folder: Path, steps: list[int]) -> None:
    reached = 0
    for number in range(60):
        one = UUID(int=1000 + number)
        keys = FolderOfDataKeys(folder, os.urandom)
        steps[0] = 10**6
        made = keys.make(SUBSCRIPTION, one)
        steps[0] = number
        try:
            keys.destroy(SUBSCRIPTION, one)
        except Killed:
            reached += 1
        steps[0] = 10**6
        keys.destroy(SUBSCRIPTION, one)
        assert keys.is_destroyed(SUBSCRIPTION, one)
        assert not keys.exists(SUBSCRIPTION, one)
        left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert made not in left, f"killed at step {number}, the key outlived it"
    assert reached > 5, "nothing was killed"


def test_a_torn_key_is_not_taken_for_one(keys: FolderOfDataKeys, folder: Path) -> None:
    keys.make(SUBSCRIPTION, ONE)
    file = next(path for path in folder.rglob(str(ONE)))
    file.write_bytes(b"short")
    with pytest.raises(DataKeysUnusable):
        keys.read(SUBSCRIPTION, ONE)


def test_a_store_knows_itself(keys: FolderOfDataKeys, folder: Path, tmp_path: Path) -> None:
    assert keys.fingerprint() == keys.fingerprint() == FolderOfDataKeys(folder, os.urandom).fingerprint()
    assert FolderOfDataKeys(tmp_path / "other", os.urandom).fingerprint() != keys.fingerprint()


def test_what_is_sealed_opens_only_as_what_it_is(keys: FolderOfDataKeys) -> None:
    key, what = keys.make(SUBSCRIPTION, ONE), Sealed(SUBSCRIPTION, ONE, "backup ledger 1")
    sealed = seal(key, b"Padaria Sol", what, os.urandom(12))
    assert unseal(key, sealed, what) == b"Padaria Sol"
    for other in (
        Sealed(SUBSCRIPTION, TWO, "backup ledger 1"),
        Sealed(Whose.CUSTOMER, ONE, "backup ledger 1"),
        Sealed(SUBSCRIPTION, ONE, "backup ledger 2"),
    ):
        with pytest.raises(SealBroken):
            unseal(key, sealed, other)
    for broken in (sealed[:-1], sealed[:20], b"", b"\x02" + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealBroken):
            unseal(key, broken, what)
    with pytest.raises(SealBroken):
        unseal(bytes(32), sealed, what)
