"""What lies in the embedded server's folder beside the data: locks, secrets, the way to the socket."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from chaveiro.adapters.embedded_account import Account
from chaveiro.adapters.embedded_processes import until
from chaveiro.adapters.embedded_refusals import NotOurFolder, NotReadyYet
from chaveiro.adapters.embedded_settings import PORT

SOCKET_PATH_BYTES = 103  # macOS; Linux has room for 107
SHORT_PLACE = Path("/tmp")  # noqa: S108  what is made there has a random name, mode 0700 and our owner
SHORT_PREFIX = "chaveiro-"


def open_lock(file: Path) -> int:
    """A descriptor to lock; the kernel lets go of the lock when the process ends, however it ends.

    Raises NotOurFolder when the file is somebody else's.
    """
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise NotOurFolder(folder=str(file.parent), reason="this user may not write there") from error


def locked(lock: int, how: int = fcntl.LOCK_EX) -> bool:
    """Take the lock if it is free; false if somebody else has it."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def secret(file: Path) -> str:
    """The secret in this file, made at the first call (256 random bits); of two first calls both get the same one."""
    with suppress(FileNotFoundError):
        return file.read_text().strip()
    file.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    with os.fdopen(descriptor, "w") as draft:
        draft.write(secrets.token_urlsafe(32) + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    with suppress(FileExistsError):
        os.link(name, file)
    os.unlink(name)
    fsync_folder(file.parent)
    return file.read_text().strip()


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def drop_unfinished(folder: Path, seconds: float) -> None:
    """Remove what a launcher that was killed was making; a maker that survived it ends when its files go.

    Raises NotReadyYet while it still makes new ones.
    """
    for unfinished in folder.glob(".making-*"):
        if not until(partial(_removed, unfinished), seconds):
            raise NotReadyYet(what=f"the end of what makes {unfinished}", seconds=seconds)


def _removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def make_socket_folder(folder: Path, account: Account) -> Path:
    """`socket` in our folder; or where clients or the server could not use that, a short one that it links to.

    A short one is used again after a crash, so that clients that are still alive find the new server.
    """
    place = folder / "socket"
    if account.can_enter(folder) and _fits(place):
        drop_socket_folder(folder)
        place.mkdir(mode=0o700)
        account.own(place)
        return place
    if place.is_symlink() and _is_ours(place.readlink(), account):
        for stale in place.iterdir():
            stale.unlink()
        return place.readlink()
    drop_socket_folder(folder)
    short = account.private_folder(SHORT_PLACE, SHORT_PREFIX)
    place.symlink_to(short)
    return short


def way_in(folder: Path, socket_folder: str) -> str:
    """How clients name the socket's folder: `socket` in ours, which stays the same, unless they cannot use it."""
    place = folder / "socket"
    return str(place) if _fits(place) and place.resolve() == Path(socket_folder).resolve() else socket_folder


def drop_socket_folder(folder: Path) -> None:
    """Remove the socket's folder of a server that has ended."""
    place = folder / "socket"
    if place.is_symlink():
        short = place.readlink()
        if short.parent == SHORT_PLACE and short.name.startswith(SHORT_PREFIX):
            shutil.rmtree(short, ignore_errors=True)
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)


def _fits(socket_folder: Path) -> bool:
    """Whether clients can name it: short enough, and no comma, which parts a list of hosts for them."""
    return "," not in str(socket_folder) and len(os.fsencode(socket_folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES


def _is_ours(short: Path, account: Account) -> bool:
    """Whether the short folder is still the one that we made, and not something that a stranger put there."""
    try:
        found = short.lstat()
    except FileNotFoundError:
        return False
    return short.parent == SHORT_PLACE and found.st_uid == account.uid and found.st_mode == stat.S_IFDIR | 0o700
