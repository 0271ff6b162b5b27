"""Seals what a draft keeps of a mistyped key, under its resume code (AES-256-GCM, key by HKDF-SHA-256).

A mistyped key is nearly a key: the database must not be able to read it. The server keeps only the code's digest.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chaveiro.rules.errors import Malformed

NONCE_BYTES = 12


class CodeSealer:
    """The `rules.drafts.Sealer` of the house."""

    def seal(self, code: str, context: str, text: str) -> bytes:
        """Nonce and ciphertext; the context (the draft's id) is bound in, so that rows cannot be swapped."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + _cipher(code, context).encrypt(nonce, text.encode(), context.encode())

    def open(self, code: str, context: str, sealed: bytes) -> str:
        """The text again. Raises Malformed(field="code") when code or context is another."""
        try:
            plain = _cipher(code, context).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except InvalidTag as fault:
            raise Malformed(field="code", reason="does not open this") from fault
        return plain.decode()


def _cipher(code: str, context: str) -> AESGCM:
    info = f"chaveiro draft {context}".encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(code.encode()))
