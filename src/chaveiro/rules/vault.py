"""The vault, as the rules see it: secrets lent to one job, sealed for that job alone, gone with its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chaveiro.rules.errors import Refusal


class VaultKeyMissing(Refusal):
    """The key that wraps this secret is not in the setting. Facts: version."""

    code = "vault_key_missing"


class SealBroken(Refusal):
    """What was sealed cannot be opened: it was changed, or belongs to another owner, job or purpose."""

    code = "seal_broken"


@dataclass(frozen=True, slots=True)
class Lending:
    """To whom a secret belongs, which job it is lent to, and what for. Bound into the seal."""

    owner: UUID
    job: UUID
    purpose: str

    def context(self) -> bytes:
        """The bytes that the seal is bound to: fixed lengths first, so that no two lendings share them."""
        return b"chaveiro vault 1\0" + self.owner.bytes + self.job.bytes + self.purpose.encode()


class Vault(Protocol):
    """Seals and opens."""

    def seal(self, secret: bytes, lending: Lending) -> bytes:
        """The sealed form, which a row may keep."""

    def open(self, sealed: bytes, lending: Lending) -> bytes:
        """The secret again. Raises VaultKeyMissing, SealBroken."""
