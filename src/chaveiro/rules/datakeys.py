"""Data keys: one for each customer and each subscription, outside the database and its backups.

What is kept of a customer or a subscription in a file (a backup, an export) is sealed with its key: whoever destroys
the key has erased it everywhere. A key that was destroyed is never made anew. Source: 6-reliability.md, the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from chaveiro.rules.errors import Refusal

KEY_BYTES = 32


class DataKeyDestroyed(Refusal):
    """The key was destroyed, and with it whatever it sealed. Facts: kind, id."""

    code = "data_key_destroyed"


class DataKeysUnusable(Refusal):
    """The folder of the data keys cannot be used: it is missing, not ours alone, or full. Facts: reason."""

    code = "data_keys_unusable"


class Whose(StrEnum):
    """What has a key of its own."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Sealed:
    """To whom something sealed belongs and what it is: bound into the seal, so that it opens as nothing else."""

    kind: Whose
    id: UUID
    purpose: str

    def context(self) -> bytes:
        """The bytes that the seal is bound to: fixed lengths first, so that no two share them."""
        return b"chaveiro data 1\0" + self.kind.value[0].encode() + self.id.bytes + self.purpose.encode()


class DataKeys(Protocol):
    """The store of the keys. Every process and machine of an installation has the same one."""

    def make(self, kind: Whose, identifier: UUID) -> bytes:
        """The key, made now if it was never made: 32 bytes. Raises DataKeyDestroyed, DataKeysUnusable."""

    def read(self, kind: Whose, identifier: UUID) -> bytes | None:
        """The key, or None where it was never made. Raises DataKeyDestroyed, DataKeysUnusable."""

    def exists(self, kind: Whose, identifier: UUID) -> bool:
        """Whether there is a key now. Raises DataKeysUnusable."""

    def destroy(self, kind: Whose, identifier: UUID) -> bool:
        """Destroy the key; none is ever made for this id again. False where that was done before.

        Durable when it returns, whether a key had been made or not. Raises DataKeysUnusable.
        """

    def is_destroyed(self, kind: Whose, identifier: UUID) -> bool:
        """Whether the key was destroyed. Raises DataKeysUnusable."""

    def fingerprint(self) -> str:
        """What tells this store from another one: made once, with the store. Raises DataKeysUnusable."""
