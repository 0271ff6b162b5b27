"""A backup as one file: a tar archive of gzip members, each an age file where a lock is given, the manifest last.

    FILE.partial ──finish──▶ FILE        (0600; FILE exists only when it is whole, and nothing is overwritten)

Any tar, age and gzip program opens it. Hashes are those of the members as they lie there, so that whoever keeps a
backup can check it and read none of it. What is read is bounded: nothing in a file gets more memory than it says.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from chaveiro.adapters.datakeys import seal, unseal
from chaveiro.rules.backups import PART_BYTES_AT_MOST, BackupDamaged, BackupLocked, BackupOfAnother, Manifest, Part
from chaveiro.rules.datakeys import DataKeyDestroyed, DataKeys, Sealed, Whose
from chaveiro.rules.exports import Decrypt, Encrypt, FileRefused

MANIFEST = "manifest.jws"
MANIFEST_BYTES_AT_MOST = 4 * 1024 * 1024
PARTIAL = ".partial"
GZIP = 16 + zlib.MAX_WBITS
LEVEL = 3
KEYS_REMEMBERED = 100_000
NONCE_BYTES = 12


@contextmanager
def writing(path: Path, lock: str, encrypt: Encrypt | None) -> Iterator[BackupWriter]:
    """A new backup at `path`; without `finish` nothing stays. Raises FileRefused."""
    partial = path.with_name(path.name + PARTIAL)
    if os.path.lexists(path):
        raise FileRefused(reason="a file of that name exists; it is not overwritten")
    try:
        # What an earlier try left behind is worth nothing: a backup is of one moment.
        with suppress(FileNotFoundError):
            partial.unlink()
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as fault:
        raise FileRefused(reason=f"it cannot be opened: {fault.strerror}") from fault
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield BackupWriter(file, path, partial, lock, encrypt)
    except OSError as fault:
        raise FileRefused(reason=f"it cannot be written: {fault.strerror}") from fault
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


class BackupWriter:
    """Meets `rules.backups.Writer`."""

    def __init__(self, file: io.BufferedWriter, path: Path, partial: Path, lock: str, encrypt: Encrypt | None) -> None:
        self.lock = lock
        self._file, self._path, self._partial, self._encrypt = file, path, partial, encrypt
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, lines: bytes, rows: int) -> Part:
        """Compress, encrypt, write."""
        packer = zlib.compressobj(LEVEL, wbits=GZIP)
        content = packer.compress(lines) + packer.flush()
        name += ".gz"
        if self._encrypt is not None:
            content, name = self._encrypt(content), f"{name}.age"
        self._member(name, content)
        return Part(name, len(content), hashlib.sha256(content).hexdigest(), rows)

    def finish(self, manifest: str) -> None:
        """The manifest, then the name: a hard link fails where a rename would overwrite."""
        if len(manifest) > MANIFEST_BYTES_AT_MOST:
            raise FileRefused(reason="the manifest is too long; the database is too large for this form")
        self._member(MANIFEST, manifest.encode())
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            os.link(self._partial, self._path, follow_symlinks=False)
        except FileExistsError:
            raise FileRefused(reason="a file of that name exists; it is not overwritten") from None
        self._partial.unlink()
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _member(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o600
        self._tar.addfile(member, io.BytesIO(content))


@contextmanager
def reading(path: Path, decrypt: Decrypt | None) -> Iterator[BackupReader]:
    """The backup at `path`. Raises FileRefused, BackupDamaged."""
    try:
        file = path.open("rb")
    except OSError as fault:
        raise FileRefused(reason=f"it cannot be opened: {fault.strerror}") from fault
    with file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                yield BackupReader(tar, decrypt)
        except tarfile.TarError as fault:
            raise BackupDamaged(reason="it is cut off, or no archive") from fault


class BackupReader:
    """Meets `rules.backups.Reader`."""

    def __init__(self, tar: tarfile.TarFile, decrypt: Decrypt | None) -> None:
        self._tar, self._decrypt = tar, decrypt
        self._members = {member.name: member for member in tar.getmembers()}
        if len(self._members) != len(tar.getmembers()):
            raise BackupDamaged(reason="two parts have the same name")

    def manifest(self) -> str:
        """The last member, as text."""
        if MANIFEST not in self._members:
            raise BackupDamaged(reason="it has no manifest: it is cut off, or no backup")
        return self._content(MANIFEST, MANIFEST_BYTES_AT_MOST).decode("ascii", errors="replace")

    def check(self, manifest: Manifest) -> None:
        """Every part that is named, and none more."""
        named = {part.name for part in manifest.parts}
        if extra := self._members.keys() - named - {MANIFEST}:
            raise BackupDamaged(reason="a part is there that the manifest does not name", part=min(extra))
        for part in manifest.parts:
            self._raw(part)

    def lines(self, part: Part) -> bytes:
        """Decrypted and unpacked."""
        content = self._raw(part)
        if part.name.endswith(".age"):
            if self._decrypt is None:
                raise BackupLocked(lock="age")
            content = self._decrypt(content)
        unpacker = zlib.decompressobj(wbits=GZIP)
        try:
            lines = unpacker.decompress(content, PART_BYTES_AT_MOST)
        except zlib.error as fault:
            raise BackupDamaged(reason="it cannot be unpacked", part=part.name) from fault
        if not unpacker.eof or unpacker.unused_data:
            raise BackupDamaged(reason="it is longer or shorter than a part can be", part=part.name)
        return lines

    def _raw(self, part: Part) -> bytes:
        if part.name not in self._members:
            raise BackupDamaged(reason="it is missing", part=part.name)
        content = self._content(part.name, PART_BYTES_AT_MOST)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise BackupDamaged(reason="its hash is another than the manifest says", part=part.name)
        return content

    def _content(self, name: str, most: int) -> bytes:
        member = self._members[name]
        opened = self._tar.extractfile(member) if member.isfile() and member.size <= most else None
        if opened is None:
            raise BackupDamaged(reason="it is too large, or no file", part=name)
        content = opened.read()
        if len(content) != member.size:
            raise BackupDamaged(reason="it is cut off", part=name)
        return content


class KeyedSeal:
    """Seals by data keys. Meets `rules.backups.RowSeal`; remembers keys, so that not every row asks the disk."""

    def __init__(self, keys: DataKeys, random_bytes: Callable[[int], bytes]) -> None:
        self._keys, self._random_bytes = keys, random_bytes
        self._remembered: dict[tuple[Whose, UUID], bytes | None] = {}

    def close(self, whose: Sealed, content: bytes) -> bytes | None:
        """Sealed under a key that is made where there was none; None where it was destroyed."""
        key = self._key(whose, self._keys.make)
        return None if key is None else seal(key, content, whose, self._random_bytes(NONCE_BYTES))

    def open(self, whose: Sealed, sealed: bytes) -> bytes | None:
        """The content; a key that was never made here is not taken for one that was destroyed."""
        key = self._key(whose, self._known)
        return None if key is None else unseal(key, sealed, whose)

    def _known(self, kind: Whose, identifier: UUID) -> bytes:
        found = self._keys.read(kind, identifier)
        if found is None:
            raise BackupOfAnother(what="data keys", reason=f"the key of {kind.value} {identifier} was never made here")
        return found

    def _key(self, whose: Sealed, look: Callable[[Whose, UUID], bytes]) -> bytes | None:
        name = (whose.kind, whose.id)
        if name not in self._remembered:
            if len(self._remembered) >= KEYS_REMEMBERED:
                self._remembered.clear()
            try:
                self._remembered[name] = look(*name)
            except DataKeyDestroyed:
                self._remembered[name] = None
        return self._remembered[name]
