"""Ed25519 signatures: receipts and checkpoints as JWS text, and the public keys by which anybody checks them offline.

    header   {"alg": "EdDSA", "kid": …, "typ": kind}     kid: RFC 7638 thumbprint of the public key
    payload  the claims as JSON, keys sorted, no spaces: equal claims give equal text,
             so that a receipt asked for again is the same

Retired keys stay published: what they signed can be checked for ever. A signature proves issuance, nothing later.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt import PyJWS, PyJWTError

from chaveiro.rules.journal import SignatureInvalid

ALGORITHM = "EdDSA"
SEED_BYTES = 32
RSA_BITS = 2048  # statements that it signs live for minutes
# A receipt for 10,000 keys is below one megabyte; nobody gets us to parse more.
TEXT_AT_MOST = 4 * 1024 * 1024
_PEM = re.compile(r"-----BEGIN (?P<label>[A-Z ]+)-----.+?-----END (?P=label)-----", re.DOTALL)


class SigningKeysUnusable(Exception):
    """The signing keys cannot be used; the message says why and how to cure it, and never repeats a key."""


def new_private_key(seed: bytes) -> str:
    """A new private key as PEM text, from 32 bytes of the operating system's generator."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed is {SEED_BYTES} bytes")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def new_rsa_key() -> str:
    """A new RSA private key as PEM text, for ID tokens; the library asks the operating system's generator itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _x(key: Ed25519PublicKey) -> str:
    return _unpadded(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def thumbprint(key: Ed25519PublicKey) -> str:
    """A key's public name: the SHA-256 of its required members, in the one form of RFC 7638."""
    required = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": _x(key)}, sort_keys=True, separators=(",", ":"))
    return _unpadded(hashlib.sha256(required.encode()).digest())


class PublicKeys:
    """The keys that anybody may know. Meets `rules.journal.SignatureReader`."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._public = {thumbprint(key): key for key in keys}

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> PublicKeys:
        """The Ed25519 keys of a JWK set, as `jwks` publishes it; others are passed over. Raises SigningKeysUnusable."""
        try:
            chosen = [key for key in document["keys"] if (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")]
            return cls([Ed25519PublicKey.from_public_bytes(_raw(key["x"])) for key in chosen])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise SigningKeysUnusable("This is no JWK set with Ed25519 keys; fetch the published one again.") from fault

    def jwks(self) -> dict[str, Any]:
        """The JWK set to publish, retired keys included."""
        return {
            "keys": [
                {"alg": ALGORITHM, "crv": "Ed25519", "kid": kid, "kty": "OKP", "use": "sig", "x": _x(key)}
                for kid, key in self._public.items()
            ]
        }

    def read(self, text: str, kind: str) -> dict[str, Any]:
        """The claims of a signed text of that kind. Raises SignatureInvalid with the reason."""
        if len(text) > TEXT_AT_MOST:
            raise SignatureInvalid(reason="too long")
        jws = PyJWS(algorithms=[ALGORITHM])
        try:
            header = jws.get_unverified_header(text)
            key = self._public.get(str(header.get("kid")))
            if key is None:
                raise SignatureInvalid(reason="signed by a key that is not ours")
            # The header is covered by the signature too: its kind counts only once that holds.
            payload = jws.decode_complete(text, key, algorithms=[ALGORITHM])["payload"]
            claims = json.loads(payload)
        except (PyJWTError, ValueError, RecursionError) as fault:
            raise SignatureInvalid(reason="not a signed text, or changed after it was signed") from fault
        if header.get("typ") != kind or not isinstance(claims, dict):
            raise SignatureInvalid(reason=f"not signed as {kind}")
        return claims


def _raw(unpadded: str) -> bytes:
    return base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), altchars=b"-_", validate=True)


class Keyring(PublicKeys):
    """The installation's own keys: one signs, all are published. Meets `rules.journal.Signer` too."""

    def __init__(self, signing: Ed25519PrivateKey, retired: Iterable[Ed25519PublicKey] = ()) -> None:
        super().__init__([signing.public_key(), *retired])
        self._signing = signing
        self._kid = thumbprint(signing.public_key())

    def __repr__(self) -> str:
        return f"Keyring({self._kid})"

    @classmethod
    def from_text(cls, text: str) -> Keyring:
        """Keys as PEM, one after another: the first signs and is private; the rest are retired, private or public.

        Line ends may be written as `\\n`, as some environments need it. Raises SigningKeysUnusable.
        """
        blocks = [found.group(0) for found in _PEM.finditer(text.replace("\\n", "\n"))]
        if not blocks:
            raise SigningKeysUnusable("There is no signing key in PEM form; `chaveiro init` makes one.")
        keys = [_read_pem(block, number) for number, block in enumerate(blocks, 1)]
        signing = keys[0]
        if not isinstance(signing, Ed25519PrivateKey):
            raise SigningKeysUnusable("The first signing key is a public one; put the private key that signs first.")
        return cls(signing, [_public(key) for key in keys[1:]])

    @classmethod
    def from_folder(cls, folder: Path) -> Keyring:
        """Keys as files `*.pem`; the last one by name signs. Raises SigningKeysUnusable."""
        files = sorted(folder.glob("*.pem"), reverse=True)
        for file in files:
            if file.stat().st_mode & 0o077:
                raise SigningKeysUnusable(f"{file.name} can be read by others; set its mode to 0600.")
        return cls.from_text("\n".join(file.read_text(encoding="ascii", errors="replace") for file in files))

    @property
    def kid(self) -> str:
        """The public name of the key that signs."""
        return self._kid

    def sign(self, claims: Mapping[str, object], kind: str) -> str:
        """One line of text that carries claims, kind and signature (JWS, compact)."""
        payload = json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return PyJWS(algorithms=[ALGORITHM]).encode(
            payload.encode(), self._signing, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": kind}
        )


def _public(key: Ed25519PrivateKey | Ed25519PublicKey) -> Ed25519PublicKey:
    return key.public_key() if isinstance(key, Ed25519PrivateKey) else key


def _read_pem(block: str, number: int) -> Ed25519PrivateKey | Ed25519PublicKey:
    try:
        if "PRIVATE" in block.partition("\n")[0]:
            key: object = load_pem_private_key(block.encode(), password=None)
        else:
            key = load_pem_public_key(block.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error) as fault:
        raise SigningKeysUnusable(f"Signing key {number} is not readable PEM without a password.") from fault
    if not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise SigningKeysUnusable(f"Signing key {number} is not an Ed25519 key; make a new one with `chaveiro init`.")
    return key


def ensure_key(folder: Path, seed: bytes) -> None:
    """Make the first private key unless there is one. Of two first starts at once both end up with the same key."""
    with _draft(folder, seed) as draft, suppress(FileExistsError):
        if not any(folder.glob("*.pem")):
            os.link(draft, folder / "0001.pem")


def add_key(folder: Path, seed: bytes) -> Path:
    """Write a new private key beside the older ones; it signs from the next start, they stay published.

    Mode 0600, complete or absent, and never over a file that is there: of two at once, one takes the next number.
    """
    with _draft(folder, seed) as draft:
        numbers = [int(file.stem) for file in folder.glob("*.pem") if file.stem.isdecimal()]
        number = max(numbers, default=0) + 1
        while True:
            target = folder / f"{number:04d}.pem"
            try:
                os.link(draft, target)
            except FileExistsError:
                number += 1
                continue
            return target


@contextmanager
def _draft(folder: Path, seed: bytes) -> Iterator[str]:
    """A complete key file on disk under a name that nobody reads, for one atomic link; gone afterwards."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".", suffix=".draft", dir=folder)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new_private_key(seed).encode())
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        os.unlink(draft)
