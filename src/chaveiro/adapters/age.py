"""Files that only their reader can open, in the age format (version 1): for a recipient, or under a passphrase.

For a recipient the pyrage library does it. For a passphrase it would take a gigabyte of memory and some seconds for
each part of an export, as much as the machine gives in a second; so the passphrase form is written here, after the
published format, with a fixed cost: scrypt at 2^17 (128 MiB, once for each job). Every age program opens both.
"""

from __future__ import annotations

import base64
import os

import pyrage
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import Encrypt, Lock

SHORTEST_PASSPHRASE = 12
LONGEST_PASSPHRASE = 1024
WORK_FACTOR = 17
PIECE_BYTES = 64 * 1024
SALT_LABEL = b"age-encryption.org/v1/scrypt"


class AgeLocksmith:
    """Makes locks of age recipients and passphrases."""

    def __init__(self, work_factor: int = WORK_FACTOR) -> None:
        self._work_factor = work_factor

    def check(self, lock: Lock) -> None:
        """Pass, or raise Malformed: no age public key, or a passphrase not of 12 to 1,024 characters."""
        if lock.recipient:
            ForRecipient(lock.recipient)
        else:
            _check_passphrase(lock.passphrase)

    def fit(self, lock: Lock) -> Encrypt:
        """What seals for that lock. Raises Malformed like `check`."""
        if lock.recipient:
            return ForRecipient(lock.recipient)
        return UnderPassphrase(lock.passphrase, self._work_factor)


class ForRecipient:
    """Seals for whoever holds the identity behind an `age1…` public key. Raises Malformed when it is none."""

    def __init__(self, recipient: str) -> None:
        try:
            self._recipient = pyrage.x25519.Recipient.from_str(recipient.strip())
        except pyrage.RecipientError:
            raise Malformed(field="recipient", reason="not an age public key (age1…)") from None

    def __call__(self, plain: bytes) -> bytes:
        """One age file."""
        sealed = pyrage.encrypt(plain, [self._recipient])
        assert isinstance(sealed, bytes)
        return sealed


class UnderPassphrase:
    """Seals under a passphrase. Raises Malformed when it is shorter than 12 or longer than 1,024 characters.

    All parts of one job share one file key and so one header; each has its own 128-bit nonce, from which its own
    payload key is derived. The costly derivation therefore runs once.
    """

    def __init__(self, passphrase: str, work_factor: int = WORK_FACTOR) -> None:
        _check_passphrase(passphrase)
        self._file_key = os.urandom(16)
        self._header = _header(self._file_key, passphrase.encode(), work_factor)

    def __call__(self, plain: bytes) -> bytes:
        """One age file."""
        nonce = os.urandom(16)
        cipher = ChaCha20Poly1305(_derive(self._file_key, nonce, b"payload"))
        pieces = [plain[start : start + PIECE_BYTES] for start in range(0, len(plain), PIECE_BYTES)] or [b""]
        last = len(pieces) - 1
        sealed = [
            cipher.encrypt(number.to_bytes(11, "big") + (b"\x01" if number == last else b"\x00"), piece, None)
            for number, piece in enumerate(pieces)
        ]
        return self._header + nonce + b"".join(sealed)


def _check_passphrase(passphrase: str) -> None:
    if not SHORTEST_PASSPHRASE <= len(passphrase) <= LONGEST_PASSPHRASE:
        reason = f"must have {SHORTEST_PASSPHRASE} to {LONGEST_PASSPHRASE} characters"
        raise Malformed(field="passphrase", reason=reason)


def _header(file_key: bytes, passphrase: bytes, work_factor: int) -> bytes:
    salt = os.urandom(16)
    wrapping = Scrypt(salt=SALT_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1).derive(passphrase)
    # The wrapping key is used for this one file key only, so that the fixed nonce of the format is safe.
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    stanza = b"-> scrypt " + _word(salt) + b" %d\n" % work_factor + _word(wrapped) + b"\n"
    header = b"age-encryption.org/v1\n" + stanza + b"---"
    mac = hmac.HMAC(_derive(file_key, b"", b"header"), hashes.SHA256())
    mac.update(header)
    return header + b" " + _word(mac.finalize()) + b"\n"


def _derive(file_key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(file_key)


def _word(value: bytes) -> bytes:
    return base64.b64encode(value).rstrip(b"=")
