"""Opens age files: with an identity, or with the passphrase under which `adapters.age` wrote them."""

from __future__ import annotations

import base64
import binascii

import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chaveiro.adapters.age import PIECE_BYTES, SALT_LABEL, WORK_FACTOR
from chaveiro.rules.backups import BackupLocked
from chaveiro.rules.errors import Malformed

HEADER_BYTES_AT_MOST = 1024
TAG_BYTES = 16


class WithIdentity:
    """Opens what was sealed for the recipient of an `AGE-SECRET-KEY-1…`. Raises Malformed when it is none."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        try:
            self._identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and line[0] != "#"]
        except pyrage.IdentityError:
            raise Malformed(field="identity", reason="not an age identity (AGE-SECRET-KEY-1…)") from None

    def __call__(self, sealed: bytes) -> bytes:
        """What one age file holds. Raises BackupLocked."""
        try:
            opened = pyrage.decrypt(sealed, self._identities)
        except pyrage.DecryptError:
            raise BackupLocked(lock="recipient") from None
        assert isinstance(opened, bytes)
        return opened


class WithPassphrase:
    """Opens what `UnderPassphrase` sealed. Files of one job share a header, so the costly derivation runs once."""

    def __init__(self, passphrase: str) -> None:
        self._passphrase = passphrase.encode()
        self._file_keys: dict[bytes, bytes] = {}

    def __call__(self, sealed: bytes) -> bytes:
        """What one age file holds. Raises BackupLocked."""
        end = sealed.find(b"\n", sealed.find(b"\n---", 0, HEADER_BYTES_AT_MOST) + 1) + 1
        header, nonce, body = sealed[:end], sealed[end : end + 16], sealed[end + 16 :]
        try:
            if header not in self._file_keys:
                self._file_keys = {header: self._file_key(header)}
            payload = HKDF(algorithm=SHA256(), length=32, salt=nonce, info=b"payload")
            return _pieces(ChaCha20Poly1305(payload.derive(self._file_keys[header])), body)
        except (InvalidTag, ValueError, IndexError, binascii.Error):
            raise BackupLocked(lock="passphrase") from None

    def _file_key(self, header: bytes) -> bytes:
        lines = header.split(b"\n")
        _, kind, salt, factor = lines[1].split(b" ")
        if kind != b"scrypt" or int(factor) > WORK_FACTOR:
            raise ValueError("not our form of a passphrase")
        work = Scrypt(salt=SALT_LABEL + _unpadded(salt), length=32, n=1 << int(factor), r=8, p=1)
        return ChaCha20Poly1305(work.derive(self._passphrase)).decrypt(bytes(12), _unpadded(lines[2]), None)


def _pieces(cipher: ChaCha20Poly1305, body: bytes) -> bytes:
    size = PIECE_BYTES + TAG_BYTES
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    last = len(pieces) - 1
    return b"".join(
        cipher.decrypt(number.to_bytes(11, "big") + (b"\x01" if number == last else b"\x00"), piece, None)
        for number, piece in enumerate(pieces)
    )


def _unpadded(word: bytes) -> bytes:
    return base64.b64decode(word + b"=" * (-len(word) % 4), validate=True)
