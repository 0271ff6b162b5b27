"""Data keys as files in a folder of their own, and what they seal.

    FOLDER/ (0700)  store                      what tells this store from another
                    customer/7f/<id>           32 bytes (0600)
                    subscription/c2/<id>.gone  destroyed: nothing is ever made here again

Destroying writes the mark first, then overwrites and removes the key, each step on the disk before the next: killed
anywhere, the second try ends what the first began. On a medium that copies what it overwrites (flash, snapshots) the
old bytes may outlive this; the folder belongs on an encrypted volume, and its backups end after 30 days.

    sealed = 0x01 | nonce (12) | AES-256-GCM
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chaveiro.rules.datakeys import KEY_BYTES, DataKeyDestroyed, DataKeysUnusable, Sealed, Whose
from chaveiro.rules.vault import SealBroken

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO
STORE = "store"
GONE = ".gone"
FORM = b"\x01"
NONCE_BYTES = 12


class FolderOfDataKeys:
    """The keys in `folder`, which is made with the first of them. `random_bytes` is the system's generator."""

    def __init__(self, folder: Path, random_bytes: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._random_bytes = random_bytes

    def make(self, kind: Whose, identifier: UUID) -> bytes:
        """The key, made now if it was never made."""
        found = self.read(kind, identifier)
        if found is not None:
            return found
        try:
            self._open_store()
            self._write(self._file(kind, identifier), self._random_bytes(KEY_BYTES))
        except OSError as fault:
            raise _unusable(fault) from fault
        # Of two at once both read what the first one wrote; of one that meets a destroyer, nothing stays.
        if self.is_destroyed(kind, identifier):
            self.destroy(kind, identifier)
            raise DataKeyDestroyed(kind=kind.value, id=str(identifier))
        made = self.read(kind, identifier)
        if made is None:
            raise DataKeysUnusable(reason="a key that was just made is not there")
        return made

    def read(self, kind: Whose, identifier: UUID) -> bytes | None:
        """The key, or None where it was never made."""
        if self.is_destroyed(kind, identifier):
            raise DataKeyDestroyed(kind=kind.value, id=str(identifier))
        try:
            self._require_private()
            found = self._file(kind, identifier).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise _unusable(fault) from fault
        if len(found) != KEY_BYTES:
            raise DataKeysUnusable(reason=f"the key of {kind.value} {identifier} is torn")
        return found

    def exists(self, kind: Whose, identifier: UUID) -> bool:
        """Whether there is a key now."""
        return self._file(kind, identifier).is_file()

    def is_destroyed(self, kind: Whose, identifier: UUID) -> bool:
        """Whether the key was destroyed."""
        return self._mark(kind, identifier).is_file()

    def destroy(self, kind: Whose, identifier: UUID) -> bool:
        """Destroy the key, durably; none is ever made for this id again. False where that was done before."""
        file, mark = self._file(kind, identifier), self._mark(kind, identifier)
        try:
            self._open_store()
            fresh = self._write(mark, b"")
            with suppress(FileNotFoundError):
                _overwrite(file, self._random_bytes(KEY_BYTES))
                file.unlink()
                _sync_folder(file.parent)
        except OSError as fault:
            raise _unusable(fault) from fault
        return fresh

    def fingerprint(self) -> str:
        """What tells this store from another one."""
        try:
            self._open_store()
            return (self._folder / STORE).read_text(encoding="ascii").strip()
        except OSError as fault:
            raise _unusable(fault) from fault

    def _file(self, kind: Whose, identifier: UUID) -> Path:
        name = str(identifier)
        return self._folder / kind.value / name[-2:] / name

    def _mark(self, kind: Whose, identifier: UUID) -> Path:
        file = self._file(kind, identifier)
        return file.with_name(file.name + GONE)

    def _open_store(self) -> None:
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._require_private()
        self._write(self._folder / STORE, self._random_bytes(16).hex().encode())

    def _require_private(self) -> None:
        with suppress(FileNotFoundError):
            if self._folder.stat().st_mode & OTHERS:
                raise DataKeysUnusable(reason=f"others may read {self._folder}; chmod {FOLDER_MODE:o}")

    def _write(self, file: Path, content: bytes) -> bool:
        """Write a file whole and durably, or leave the one that is there; True when it is this one."""
        if file.is_file():
            return False
        for parent in (file.parent.parent, file.parent):
            if not parent.is_dir():
                parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
                _sync_folder(parent.parent)
        draft = file.with_name(f".{file.name}.{self._random_bytes(6).hex()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as writing:
                writing.write(content)
                writing.flush()
                os.fsync(writing.fileno())
            os.link(draft, file)
            fresh = True
        except FileExistsError:
            fresh = False
        finally:
            # A second name of the key would outlive it.
            os.unlink(draft)
        _sync_folder(file.parent)
        return fresh


def seal(key: bytes, content: bytes, what: Sealed, nonce: bytes) -> bytes:
    """The sealed form of `content`, 29 bytes longer; `nonce` is 12 fresh random bytes."""
    return FORM + nonce + AESGCM(key).encrypt(nonce, content, what.context())


def unseal(key: bytes, sealed: bytes, what: Sealed) -> bytes:
    """What was sealed. Raises SealBroken where it was changed, or belongs to somebody or something else."""
    if len(sealed) < len(FORM) + NONCE_BYTES or sealed[:1] != FORM:
        raise SealBroken
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], what.context())
    except InvalidTag:
        raise SealBroken from None


def _overwrite(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(fault: OSError) -> DataKeysUnusable:
    return DataKeysUnusable(reason=fault.strerror or str(fault))
