"""AES-256-GCM for secrets lent to a job: a data key of its own, wrapped by a key that lives outside the database.

    sealed = 0x01 | version of the wrapping key (2 bytes) | nonce (12) | wrapped data key (48) | nonce (12) | ciphertext

Both layers are bound to owner, job and purpose, so that a sealed secret opens for nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chaveiro.rules.errors import Malformed
from chaveiro.rules.vault import Lending, SealBroken, VaultKeyMissing

FORM = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
WRAPPED_BYTES = KEY_BYTES + 16
HEAD_BYTES = len(FORM) + 2 + NONCE_BYTES + WRAPPED_BYTES
GREATEST_VERSION = 0xFFFF


class SealingVault:
    """A vault over the wrapping keys by version; the highest wraps, all unwrap. Raises Malformed for an unfit key."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys:
            raise VaultKeyMissing(version=1)
        if not all(0 < version <= GREATEST_VERSION and len(key) == KEY_BYTES for version, key in keys.items()):
            raise Malformed(field="CHAVEIRO_VAULT_KEYS", reason=f"each has {KEY_BYTES} bytes and a version from 1 on")
        self._wrappers = {version: AESGCM(key) for version, key in keys.items()}
        self._newest = max(keys)

    def seal(self, secret: bytes, lending: Lending) -> bytes:
        """The sealed form of `secret`, 91 bytes longer than it."""
        data_key = AESGCM.generate_key(bit_length=KEY_BYTES * 8)
        outer, inner = os.urandom(NONCE_BYTES), os.urandom(NONCE_BYTES)
        wrapped = self._wrappers[self._newest].encrypt(outer, data_key, lending.context())
        head = FORM + self._newest.to_bytes(2, "big") + outer + wrapped
        return head + inner + AESGCM(data_key).encrypt(inner, secret, lending.context())

    def open(self, sealed: bytes, lending: Lending) -> bytes:
        """The secret again. Raises VaultKeyMissing when its wrapping key is gone, SealBroken for anything else."""
        if len(sealed) < HEAD_BYTES + NONCE_BYTES or sealed[:1] != FORM:
            raise SealBroken
        version = int.from_bytes(sealed[1:3], "big")
        wrapper = self._wrappers.get(version)
        if wrapper is None:
            raise VaultKeyMissing(version=version)
        outer, wrapped = sealed[3 : 3 + NONCE_BYTES], sealed[3 + NONCE_BYTES : HEAD_BYTES]
        inner, body = sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES], sealed[HEAD_BYTES + NONCE_BYTES :]
        try:
            data_key = wrapper.decrypt(outer, wrapped, lending.context())
            return AESGCM(data_key).decrypt(inner, body, lending.context())
        except InvalidTag:
            raise SealBroken from None
