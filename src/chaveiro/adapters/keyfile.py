"""The file that product keys leave in: `serial,key`, rows of one length, on the disk before the database knows them.

    FILE.<batch>.partial ──finish──▶ FILE

The partial file's name says to which batch it belongs, so that the same command, run again after whatever happened,
goes on where the database stands. `FILE` exists only when it is whole. Mode 0600; one process at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from pathlib import Path
from uuid import UUID

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import FileRefused

SUFFIX = ".partial"
FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class DiskKeyFile:
    """The file at `path`, whole or still being written. `header` and `row_bytes` give its form."""

    def __init__(self, path: Path, header: bytes, row_bytes: int) -> None:
        self.path = path.absolute()
        self._header = header
        self._row_bytes = row_bytes
        self._descriptor: int | None = None
        self._partial: Path | None = None

    def batch(self) -> UUID | None:
        """The batch whose unfinished file lies here. Raises FileRefused when there are several."""
        name = re.escape(self.path.name)
        pattern = re.compile(rf"{name}\.(bat_[0-9a-z]+){re.escape(SUFFIX)}")
        found = [match[1] for entry in self._neighbours() if (match := pattern.fullmatch(entry))]
        if len(found) > 1:
            raise FileRefused(reason="several unfinished files lie beside it")
        try:
            return identifiers.read("batch", found[0]) if found else None
        except Malformed:
            raise FileRefused(reason="an unfinished file beside it has a name that is not ours") from None

    def is_finished(self) -> bool:
        """Whether something stands at the file's own name."""
        return os.path.lexists(self.path)

    def begin(self, batch: UUID) -> None:
        """Make or open the batch's partial file and lock it. Raises FileRefused."""
        if self.is_finished():
            raise FileRefused(reason="a file of that name exists; it is not overwritten")
        self._partial = self._partial_of(batch)
        self._descriptor = self._open(self._partial, FLAGS | os.O_CREAT)
        if self._size() < len(self._header):
            os.ftruncate(self._descriptor, 0)
            self._write(self._header)
            self._sync()
        elif os.pread(self._descriptor, len(self._header), 0) != self._header:
            raise FileRefused(reason="its unfinished file is not one of ours")
        _sync_folder(self.path.parent)

    def read_finished(self) -> None:
        """Take hold of the whole file, for reading; a second name that a kill left behind goes. Raises FileRefused."""
        self._descriptor = self._open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        if os.pread(self._descriptor, len(self._header), 0) != self._header:
            raise FileRefused(reason="a file of that name exists; it is not overwritten")
        batch = self.batch()
        if batch is not None and self._partial_of(batch).samefile(self.path):
            self._partial_of(batch).unlink()

    def rows(self, first: int, count: int) -> bytes:
        """The bytes of `count` rows from the place `first` on, or as many as there are."""
        wanted, place = count * self._row_bytes, len(self._header) + first * self._row_bytes
        read = bytearray()
        while len(read) < wanted:
            piece = os.pread(self._held(), wanted - len(read), place + len(read))
            if not piece:
                break
            read += piece
        return bytes(read)

    def cut(self, rows: int) -> None:
        """Forget what stands behind that many rows; a write that was torn ends there."""
        os.ftruncate(self._held(), len(self._header) + rows * self._row_bytes)
        self._sync()

    def append(self, rows: bytes) -> None:
        """Put rows at the end; on the disk when this returns. Raises FileRefused when the disk is full."""
        try:
            self._write(rows)
            self._sync()
        except OSError as fault:
            if fault.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            raise FileRefused(reason="the disk is full") from fault

    def discard(self) -> None:
        """Take the file away again while it holds nothing but its header."""
        if self._partial is not None and self._size() <= len(self._header):
            self._partial.unlink()
        self.close()

    def finish(self) -> None:
        """Give the file its own name and let go of it. Raises FileRefused when that name was taken meanwhile."""
        assert self._partial is not None
        self._sync()
        try:
            # A hard link fails where a rename would overwrite.
            os.link(self._partial, self.path, follow_symlinks=False)
        except FileExistsError:
            raise FileRefused(reason="a file of that name exists; it is not overwritten") from None
        except OSError:
            # File systems without hard links.
            self._partial.rename(self.path)
        else:
            self._partial.unlink()
        _sync_folder(self.path.parent)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _partial_of(self, batch: UUID) -> Path:
        return self.path.with_name(f"{self.path.name}.{identifiers.write('batch', batch)}{SUFFIX}")

    def _neighbours(self) -> list[str]:
        try:
            return os.listdir(self.path.parent)
        except OSError as fault:
            raise FileRefused(reason=f"its folder cannot be read: {fault.strerror}") from fault

    def _open(self, path: Path, flags: int) -> int:
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as fault:
            raise FileRefused(reason=f"it cannot be opened: {fault.strerror}") from fault
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise FileRefused(reason="another process is writing it") from None
        return descriptor

    def _held(self) -> int:
        assert self._descriptor is not None, "begin comes first"
        return self._descriptor

    def _size(self) -> int:
        return os.fstat(self._held()).st_size

    def _write(self, text: bytes) -> None:
        os.lseek(self._held(), 0, os.SEEK_END)
        view = memoryview(text)
        while view:
            view = view[os.write(self._held(), view) :]

    def _sync(self) -> None:
        os.fsync(self._held())


def _sync_folder(folder: Path) -> None:
    """Without this a power cut could take the file's name with it, and the keys that the database already knows."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
