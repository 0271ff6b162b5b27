"""What runs in a database's folder: the postmaster that its lock file names, and what a dead one left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaveiro.adapters.embedded_refusals import NotReadyYet

PROCESSES = Path("/proc")
TICK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A live server as its lock file describes it; `status` is starting, ready, stopping or standby."""

    pid: int
    socket_folder: str
    status: str


def postmaster(data: Path) -> Postmaster | None:
    """The live postmaster of this data folder, or None; a lock file that outlived its process counts for nothing."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        # The number is negative while somebody repairs the data with a single-user server.
        pid = abs(int(lines[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not lives_in(pid, data):
        return None
    lines += [""] * (8 - len(lines))
    return Postmaster(pid, lines[4], lines[7].strip() or "starting")


def lives_in(pid: int, data: Path) -> bool:
    """Whether this process is a PostgreSQL whose working folder is this data folder.

    That is exact where there is /proc; elsewhere it only says that such a process exists.
    """
    if sys.platform != "linux":
        return exists(pid)
    try:
        named = (PROCESSES / str(pid) / "comm").read_text().strip()
        return named == "postgres" and os.path.samestat(os.stat(PROCESSES / str(pid) / "cwd"), data.stat())
    except OSError:
        return False


def exists(pid: int) -> bool:
    """Whether a process of this number runs; one that has ended and was not collected does not."""
    try:
        os.kill(pid, 0)
        if sys.platform == "linux":
            return (PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def clear_the_dead(data: Path, seconds: float) -> None:
    """End what a killed postmaster left behind, and remove its lock file.

    Call it only when `postmaster` found none, under the launcher's lock. Orphans must be gone before a new server
    starts: they still write into the shared memory of the old one. Whatever they had not committed is rolled back.
    """
    if not data.is_dir() or sys.platform != "linux":
        return
    for how in (signal.SIGQUIT, signal.SIGKILL):
        orphans = _all_in(data)
        for pid in orphans:
            _signal(pid, how)
        if until(lambda: not _all_in(data), seconds / 4 if orphans else 0):
            (data / "postmaster.pid").unlink(missing_ok=True)
            return
    raise NotReadyYet(what=f"the processes {_all_in(data)} of a server that was killed", seconds=seconds)


def stop(server: Postmaster, data: Path, seconds: float) -> None:
    """End a server cleanly: refuse new work, roll back what is open, write everything down. Raises NotReadyYet."""
    _signal(server.pid, signal.SIGINT)
    if not until(lambda: not lives_in(server.pid, data), seconds):
        raise NotReadyYet(what=f"the server's clean end (process {server.pid})", seconds=seconds)


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; False when it was not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(TICK_SECONDS)
    return True


def _all_in(data: Path) -> list[int]:
    """The processes that may be ended: ours by name and working folder, and, apart from that, by the data's owner.

    PostgreSQL never runs as root, so that whatever goes wrong above, no process of root's is ever in this list.
    """
    owner = data.stat().st_uid
    if owner == 0:
        return []
    numbers = [int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdigit()]
    return [pid for pid in numbers if _owner(pid) == owner and pid != os.getpid() and lives_in(pid, data)]


def _owner(pid: int) -> int | None:
    try:
        return (PROCESSES / str(pid)).stat().st_uid
    except OSError:
        return None


def _signal(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return
