"""The account that runs the embedded server: whoever starts it, or for root the unprivileged user `nobody`.

PostgreSQL refuses to run as root. We drop to `nobody` by number: no account is added and no mode outside our own
folder is touched. What lies below somebody's closed home is shown to the server through an open descriptor.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaveiro.adapters.embedded_refusals import NotOurFolder, OutOfReach

DESCRIPTORS = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server; `dropped` when that is not the one who launches it."""

    uid: int
    gid: int
    dropped: bool

    @classmethod
    def of(cls, data: Path) -> Account:
        """The account for this data folder: its owner's, if it is there already.

        Raises NotOurFolder when it belongs to somebody whom we cannot become.
        """
        owner = data.stat() if data.exists() else None
        if os.geteuid() != 0:
            if owner is not None and owner.st_uid != os.geteuid():
                raise NotOurFolder(folder=str(data), reason=f"it belongs to user number {owner.st_uid}")
            return cls(os.geteuid(), os.getegid(), dropped=False)
        if owner is not None and owner.st_uid != 0:
            return cls(owner.st_uid, owner.st_gid, dropped=True)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, dropped=True)

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may walk from / down into this folder, by the mode bits of every step."""
        if not self.dropped:
            return True
        real = folder.resolve()
        return all(self._may_pass(step.stat()) for step in (real, *real.parents))

    def _may_pass(self, step: os.stat_result) -> bool:
        if step.st_uid == self.uid:
            return bool(step.st_mode & 0o100)
        if step.st_gid == self.gid:
            return bool(step.st_mode & 0o010)
        return bool(step.st_mode & 0o001)

    @contextmanager
    def door(self, folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """How the account may name this folder, and the descriptors that its process must inherit for that.

        Normally its path. Below a folder that is closed to the account it is `/proc/self/fd/N`: the kernel follows an
        open descriptor without asking the parents, so that neither a mode nor a place has to change.
        """
        if self.can_enter(folder):
            yield str(folder), ()
            return
        if not DESCRIPTORS.is_dir():
            raise OutOfReach(folder=str(folder), cure="use a data folder that user nobody can reach, or do not be root")
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield str(DESCRIPTORS / str(descriptor)), (descriptor,)
        finally:
            os.close(descriptor)

    def own(self, path: Path) -> None:
        """Give something that we have just made to the account."""
        if self.dropped:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def private_folder(self, near: Path, prefix: str) -> Path:
        """A new folder, mode 0700, that belongs to the account."""
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=near))
        self.own(made)
        return made

    def run(
        self, command: Sequence[str], descriptors: tuple[int, ...], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the account, in a session of its own, with none of our environment's secrets."""
        if self.dropped:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            command,
            check=False,
            text=True,
            cwd="/",
            umask=0o077,
            start_new_session=True,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C", "TZ": "UTC"},
            **options,
        )
