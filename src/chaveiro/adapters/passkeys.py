"""Passkeys (WebAuthn), through the reference library: what to ask a browser for, and whether its answer holds.

The relying party is the host of the installation's address, and only that very address may ask: no other port, no
subdomain. A passkey is made discoverable and with the person verified (finger, face, PIN), so that it alone is enough.
Attestation is not asked for: who made the authenticator is nobody's business here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from chaveiro.rules.factors import PasskeyRefused
from chaveiro.rules.passkeys import Known, Made, Shown

# The library tells ids of credentials at `info`; they are nobody's to read in a log.
logging.getLogger("fido2").setLevel(logging.WARNING)

TIMEOUT_MILLISECONDS = 5 * 60 * 1000
TEXT_LENGTH_AT_MOST = 16_000
CREDENTIAL_BYTES_AT_MOST = 1023  # WebAuthn, section 4
PUBLIC_KEY_BYTES_AT_MOST = 2048
TRANSPORTS = frozenset({"usb", "nfc", "ble", "hybrid", "internal", "smart-card"})

# What reading a stranger's answer may raise: it is bytes from outside, in CBOR and JSON.
_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    AssertionError,
    NotImplementedError,
    OverflowError,
)


class WebAuthn:
    """The installation, as browsers and authenticators know it."""

    def __init__(self, base_url: str, name: str) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        entity = PublicKeyCredentialRpEntity(name=name, id=parts.hostname or "localhost")
        self._server = Fido2Server(entity, verify_origin=lambda origin: origin == self._origin)

    def to_make(
        self, *, account: bytes, login_name: str, full_name: str, challenge: bytes, known: Sequence[bytes]
    ) -> dict[str, Any]:
        """What the browser is asked for a new passkey, as JSON; authenticators that hold a known one say so."""
        options, _ = self._server.register_begin(
            PublicKeyCredentialUserEntity(id=account, name=login_name, display_name=full_name),
            credentials=_descriptors(known),
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
            challenge=challenge,
        )
        return {**dict(options.public_key), "attestation": "none", "timeout": TIMEOUT_MILLISECONDS}

    def to_show(self, *, challenge: bytes, known: Sequence[bytes] | None = None) -> dict[str, Any]:
        """What the browser is asked to sign with; any passkey of ours where `known` is None."""
        options, _ = self._server.authenticate_begin(
            credentials=None if known is None else _descriptors(known),
            user_verification=UserVerificationRequirement.REQUIRED,
            challenge=challenge,
        )
        return {**dict(options.public_key), "timeout": TIMEOUT_MILLISECONDS}

    def challenge_of(self, answer: Mapping[str, Any]) -> bytes:
        """To which question an answer belongs, unverified. Raises PasskeyRefused."""
        return websafe_decode(_checked(answer)["challenge"])

    def made(self, answer: Mapping[str, Any], *, challenge: bytes) -> Made:
        """The passkey that a browser made for this challenge. Raises PasskeyRefused."""
        _checked(answer)
        try:
            response = RegistrationResponse.from_dict(answer)
            data = self._server.register_complete(_question(challenge), response)
            credential = data.credential_data
            assert credential is not None
            _try_key(credential.public_key)
            public_key = cbor.encode(credential.public_key)
            said = answer["response"].get("transports", [])
            transports = tuple(sorted(TRANSPORTS.intersection(each for each in said if isinstance(each, str))))
        except _BROKEN as fault:
            raise PasskeyRefused(reason=type(fault).__name__) from fault
        if response.raw_id != credential.credential_id:
            raise PasskeyRefused(reason="another credential")
        if len(credential.credential_id) > CREDENTIAL_BYTES_AT_MOST or len(public_key) > PUBLIC_KEY_BYTES_AT_MOST:
            raise PasskeyRefused(reason="too long")
        return Made(bytes(credential.credential_id), public_key, data.counter, data.is_backed_up(), transports)

    def shown(self, answer: Mapping[str, Any]) -> Shown:
        """Which passkey an answer names, unverified. Raises PasskeyRefused."""
        _checked(answer)
        try:
            response = AuthenticationResponse.from_dict(answer)
            handle = bytes(response.response.user_handle or b"")
            return Shown(bytes(response.raw_id), handle, bytes(response.response.client_data.challenge))
        except _BROKEN:
            raise PasskeyRefused(reason="not an answer") from None

    def verified(self, answer: Mapping[str, Any], known: Known, *, challenge: bytes) -> int:
        """The passkey's new sign counter, when its signature over this challenge holds. Raises PasskeyRefused.

        A counter that did not grow means that somebody copied the authenticator; those of passkeys that are kept in an
        account and on several devices stay at nought, which is allowed (WebAuthn, section 7.2, step 22).
        """
        _checked(answer)
        try:
            key = CoseKey.parse(cast("Mapping[int, Any]", cbor.decode(known.public_key)))
            credential = AttestedCredentialData.create(Aaguid.NONE, known.credential_id, key)
            response = AuthenticationResponse.from_dict(answer)
            self._server.authenticate_complete(_question(challenge), [credential], response)
        except _BROKEN as fault:
            raise PasskeyRefused(reason=type(fault).__name__) from fault
        count = response.response.authenticator_data.counter
        if (count or known.sign_count) and count <= known.sign_count:
            raise PasskeyRefused(reason="counter")
        return int(count)


def _try_key(key: CoseKey) -> None:
    """Pass when a signature can be checked with the key at all; a cut one is noticed now, not at the first sign-in."""
    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return


def _checked(answer: Mapping[str, Any]) -> dict[str, str]:
    """The browser's own part of an answer, once every part is known to be text of a bearable length.

    The library makes bytes of whatever stands there, and of a number that many of them. Raises PasskeyRefused.
    """
    try:
        texts = [answer[name] for name in ("id", "rawId", "type")]
        texts += [value for name, value in answer["response"].items() if name != "transports"]
        if not all(isinstance(value, str) and len(value) <= TEXT_LENGTH_AT_MOST for value in texts):
            raise PasskeyRefused(reason="not an answer")
        client = json.loads(websafe_decode(answer["response"]["clientDataJSON"]))
        told = {name: client[name] for name in ("type", "challenge", "origin")}
        websafe_decode(str(told["challenge"]))
    except _BROKEN:
        raise PasskeyRefused(reason="not an answer") from None
    if not all(isinstance(value, str) for value in told.values()):
        raise PasskeyRefused(reason="not an answer")
    return told


def _question(challenge: bytes) -> dict[str, Any]:
    """What the library wants to be told again when the answer is there."""
    return {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=each) for each in known]
