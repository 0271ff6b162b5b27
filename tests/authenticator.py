"""A passkey's device, in software: what a browser and an authenticator answer, byte for byte, and how to spoil it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

ORIGIN = "http://localhost:8000"
FLAG = AuthenticatorData.FLAG


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(written: str) -> bytes:
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))


class Authenticator:
    """One device with one key. `count` is its signature counter; `origin` the page that asks."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = os.urandom(32)
        self.count = 0
        self.origin = origin
        self.handle = b""
        self.flags = FLAG.UP | FLAG.UV

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`."""
        self.handle = raw(options["user"]["id"])
        attested = AttestedCredentialData.create(
            b"\0" * 16, self.credential, ES256.from_cryptography_key(self.key.public_key())
        )
        data = AuthenticatorData.create(self._party(options["rp"]["id"]), self.flags | FLAG.AT, self.count, attested)
        response = {
            "clientDataJSON": self._client("webauthn.create", options["challenge"]),
            "attestationObject": text(AttestationObject.create("none", data, {})),
            "transports": ["internal"],
        }
        return self._answer(response)

    def show(self, options: dict[str, Any], *, counts: bool = True) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`."""
        self.count += counts
        data = AuthenticatorData.create(self._party(options["rpId"]), self.flags, self.count)
        client = self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(raw(client)).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client,
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(self.handle),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        name = text(self.credential)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _client(self, kind: str, challenge: str) -> str:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return text(json.dumps(told).encode())

    @staticmethod
    def _party(name: str) -> bytes:
        return hashlib.sha256((urlsplit(name).hostname or name).encode()).digest()
