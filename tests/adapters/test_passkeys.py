"""What a browser answers is believed only when every part of it holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from chaveiro.adapters.passkeys import WebAuthn
from chaveiro.rules.factors import PasskeyRefused
from chaveiro.rules.passkeys import Known
from tests.authenticator import FLAG, ORIGIN, Authenticator, raw, text

PARTY = WebAuthn(ORIGIN, "Tagus Software")
ACCOUNT = bytes(16)


def asked_to_make(challenge: bytes) -> dict[str, Any]:
    return PARTY.to_make(
        account=ACCOUNT, login_name="bruno@padariasol.example", full_name="Bruno", challenge=challenge, known=()
    )


def known(device: Authenticator, count: int = 0) -> Known:
    challenge = os.urandom(32)
    made = PARTY.made(device.make(asked_to_make(challenge)), challenge=challenge)
    return Known(made.credential_id, made.public_key, count)


def test_a_passkey_is_asked_to_be_discoverable_and_to_verify_its_person() -> None:
    options = asked_to_make(os.urandom(32))
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert options["rp"] == {"name": "Tagus Software", "id": "localhost"}
    assert PARTY.to_show(challenge=os.urandom(32))["userVerification"] == "required"
    assert "allowCredentials" not in PARTY.to_show(challenge=os.urandom(32))
    assert PARTY.to_make(account=ACCOUNT, login_name="b", full_name="B", challenge=os.urandom(32), known=[b"one"])[
        "excludeCredentials"
    ] == [{"type": "public-key", "id": text(b"one")}]


def test_what_was_made_opens_afterwards_and_its_counter_grows() -> None:
    device = Authenticator()
    kept = known(device)
    challenge = os.urandom(32)
    answer = device.show(PARTY.to_show(challenge=challenge))
    assert PARTY.shown(answer).credential_id == device.credential
    assert PARTY.shown(answer).user_handle == ACCOUNT
    assert PARTY.shown(answer).challenge == challenge
    assert PARTY.verified(answer, kept, challenge=challenge) == 1


def test_a_counter_that_went_back_or_stood_still_is_a_copy() -> None:
    device = Authenticator()
    kept = known(device, count=5)
    challenge = os.urandom(32)
    device.count = 4
    with pytest.raises(PasskeyRefused) as refused:
        PARTY.verified(device.show(PARTY.to_show(challenge=challenge)), kept, challenge=challenge)
    assert refused.value.facts == {"reason": "counter"}
    device.count = -1
    with pytest.raises(PasskeyRefused):
        PARTY.verified(device.show(PARTY.to_show(challenge=challenge)), kept, challenge=challenge)


def test_a_passkey_that_never_counts_is_let_in() -> None:
    device = Authenticator()
    kept = known(device)
    challenge = os.urandom(32)
    for _ in range(2):
        answer = device.show(PARTY.to_show(challenge=challenge), counts=False)
        assert PARTY.verified(answer, kept, challenge=challenge) == 0


def spoil_origin(device: Authenticator) -> None:
    device.origin = "http://localhost:8001"


def spoil_subdomain(device: Authenticator) -> None:
    device.origin = "http://evil.localhost:8000"


def spoil_verification(device: Authenticator) -> None:
    device.flags = FLAG.UP


def spoil_presence(device: Authenticator) -> None:
    device.flags = FLAG.UV


SPOILED = [spoil_origin, spoil_subdomain, spoil_verification, spoil_presence]


@pytest.mark.parametrize("spoil", SPOILED)
def test_another_page_or_a_person_who_was_not_verified_makes_no_passkey(spoil: Callable[[Authenticator], None]) -> None:
    device, challenge = Authenticator(), os.urandom(32)
    spoil(device)
    with pytest.raises(PasskeyRefused):
        PARTY.made(device.make(asked_to_make(challenge)), challenge=challenge)


@pytest.mark.parametrize("spoil", SPOILED)
def test_another_page_or_a_person_who_was_not_verified_opens_nothing(spoil: Callable[[Authenticator], None]) -> None:
    device, challenge = Authenticator(), os.urandom(32)
    kept = known(device)
    spoil(device)
    with pytest.raises(PasskeyRefused):
        PARTY.verified(device.show(PARTY.to_show(challenge=challenge)), kept, challenge=challenge)


def test_another_challenge_another_party_and_another_s_key_open_nothing() -> None:
    device, challenge = Authenticator(), os.urandom(32)
    kept = known(device)
    with pytest.raises(PasskeyRefused):
        PARTY.verified(device.show(PARTY.to_show(challenge=os.urandom(32))), kept, challenge=challenge)
    options = {**PARTY.to_show(challenge=challenge), "rpId": "evil.example"}
    with pytest.raises(PasskeyRefused):
        PARTY.verified(device.show(options), kept, challenge=challenge)
    stranger = Authenticator()
    stranger.credential = device.credential
    with pytest.raises(PasskeyRefused):
        PARTY.verified(stranger.show(PARTY.to_show(challenge=challenge)), kept, challenge=challenge)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "x"},
        {"id": "x", "rawId": "y", "type": "public-key", "response": {}},
        {"response": {"clientDataJSON": "!!"}},
        {"response": {"clientDataJSON": text(b"[]")}},
        {"response": {"clientDataJSON": text(b'{"challenge": 7, "type": 1, "origin": 2}')}},
        {"response": []},
        {"id": "x", "rawId": 10**12, "type": "public-key", "response": {"clientDataJSON": 10**12}},
        {
            "id": "x",
            "rawId": "x",
            "type": "public-key",
            "response": {
                "clientDataJSON": text(b'{"challenge": 1000000000000, "type": "webauthn.get", "origin": "x"}')
            },
        },
    ],
)
def test_what_is_no_answer_at_all_is_refused_like_a_wrong_one(answer: dict[str, Any]) -> None:
    for read in (PARTY.challenge_of, PARTY.shown):
        with pytest.raises(PasskeyRefused):
            read(answer)
    with pytest.raises(PasskeyRefused):
        PARTY.made(answer, challenge=bytes(32))


def test_broken_bytes_are_refused_wherever_they_stand() -> None:
    device, challenge = Authenticator(), os.urandom(32)
    whole = device.make(asked_to_make(challenge))
    attested = raw(whole["response"]["attestationObject"])
    for cut in range(0, len(attested), 7):
        response = {**whole["response"], "attestationObject": text(attested[:cut])}
        with pytest.raises(PasskeyRefused):
            PARTY.made({**whole, "response": response}, challenge=challenge)
