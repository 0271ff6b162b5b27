"""Where the texts of keys go, once: a file on this machine, or parts sealed for one reader. The ports for both.

Source: rules, section 1 (Plaintext leaves once).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from chaveiro.rules.batches import Batch
from chaveiro.rules.errors import Malformed, Refusal

EXPORT_LIFE = timedelta(hours=24)
"""How long an encrypted export waits for its download."""


class ExportLost(Refusal):
    """The texts of committed keys are gone or damaged; what was lost is never made again. Recall it. Facts: reason."""

    code = "export_lost"


class FileRefused(Refusal):
    """The file for the keys cannot be used, and nothing was overwritten. Facts: reason."""

    code = "file_refused"


class KeyFile(Protocol):
    """A file in which the texts of one batch stand: rows of one length, in the order of their serials."""

    def batch(self) -> UUID | None:
        """The batch whose unfinished file is here; None when there is none."""

    def is_finished(self) -> bool:
        """Whether the whole file stands under its own name."""

    def begin(self, batch: UUID) -> None:
        """Make the file, empty but for its header, and take hold of it. Raises FileRefused when somebody else does."""

    def read_finished(self) -> None:
        """Take hold of the whole file, for reading. Raises FileRefused."""

    def rows(self, first: int, count: int) -> bytes:
        """Committed rows from the place `first` on; fewer bytes than asked for when they are not there."""

    def cut(self, rows: int) -> None:
        """Forget everything behind that many rows."""

    def append(self, rows: bytes) -> None:
        """Put rows at the end; they are on the disk when this returns."""

    def discard(self) -> None:
        """Take the file away again while it holds no row."""

    def finish(self) -> None:
        """Give the file its own name: from now on it is whole."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who may read an encrypted export: the holder of an age identity, or whoever knows a passphrase."""

    recipient: str = ""
    passphrase: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if bool(self.recipient) == bool(self.passphrase):
            raise Malformed(field="recipient", reason="an age recipient or a passphrase is needed, one of them")

    def to_bytes(self) -> bytes:
        """The form in which it is lent to a job."""
        return json.dumps({"recipient": self.recipient, "passphrase": self.passphrase}).encode()

    @classmethod
    def from_bytes(cls, lent: bytes) -> Lock:
        """The lock again."""
        return cls(**json.loads(lent))


Encrypt = Callable[[bytes], bytes]
"""Seals the texts of one part, so that only whom they are meant for can read them."""

Decrypt = Callable[[bytes], bytes]
"""Opens what was sealed so. Raises rules.backups.BackupLocked when it is not for whoever asks."""


class Locksmith(Protocol):
    """Whatever makes a lock work."""

    def check(self, lock: Lock) -> None:
        """Pass at once, or raise Malformed when no lock can be made of it."""

    def fit(self, lock: Lock) -> Encrypt:
        """What seals for that lock; may take a second."""


Printer = Callable[[Batch, Mapping[str, str], bytes], bytes]
"""Cards as PDF for the rows of a batch, whose product has these names by language."""

PASSPHRASE_BYTES = 15
_PASSPHRASE_GROUP = 4


def suggested_passphrase(random: bytes) -> str:
    """A passphrase of 24 letters and digits in six groups, out of 15 random bytes: 120 bits, and easy to copy by hand.

    Six groups of four, so that nobody takes it for a product key.
    """
    assert len(random) == PASSPHRASE_BYTES
    letters = base64.b32encode(random).decode().lower()
    groups = (letters[place : place + _PASSPHRASE_GROUP] for place in range(0, len(letters), _PASSPHRASE_GROUP))
    return "-".join(groups)


Progress = Callable[[int, int], None]
"""Told after each commit: keys done, keys in all."""
