"""Passkeys, as the rules see them: what a browser made, what was kept, and who can tell whether an answer holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey that a browser has just made. `synced`: a password manager keeps it on several devices."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    synced: bool
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey as it was kept."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a browser answered, read but not verified: which passkey, whose, and to which question."""

    credential_id: bytes
    user_handle: bytes
    challenge: bytes


class RelyingParty(Protocol):
    """The installation, as browsers and authenticators know it. Every refusal is a PasskeyRefused."""

    def to_make(
        self, *, account: bytes, login_name: str, full_name: str, challenge: bytes, known: Sequence[bytes]
    ) -> dict[str, Any]:
        """What the browser is asked for a new passkey, as JSON."""

    def to_show(self, *, challenge: bytes, known: Sequence[bytes] | None = None) -> dict[str, Any]:
        """What the browser is asked to sign with, as JSON; any passkey of ours where `known` is None."""

    def challenge_of(self, answer: Mapping[str, Any]) -> bytes:
        """To which question an answer belongs, unverified."""

    def made(self, answer: Mapping[str, Any], *, challenge: bytes) -> Made:
        """The passkey that a browser made for this challenge."""

    def shown(self, answer: Mapping[str, Any]) -> Shown:
        """Which passkey an answer names, unverified."""

    def verified(self, answer: Mapping[str, Any], known: Known, *, challenge: bytes) -> int:
        """The passkey's new sign counter, when its signature over this challenge holds."""
