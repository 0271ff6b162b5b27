"""What a provider says is believed only when every part of it holds."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from chaveiro.adapters import openid
from chaveiro.adapters.openid import OpenId
from chaveiro.rules.providers import Provider, ProviderRefused, ProviderUnreachable
from chaveiro.rules.providers import Testimony as Said
from tests.adapters.openid_provider import CLIENT, SECRET, OpenIdProvider, providing

BACK = "http://localhost:8000/openid/sol"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43


@pytest.fixture
def sol() -> Iterator[OpenIdProvider]:
    with providing() as provider:
        yield provider


def settings_of(sol: OpenIdProvider) -> Provider:
    return Provider("sol", sol.address, CLIENT, SECRET)


def come_back(sol: OpenIdProvider, client: OpenId | None = None, **changes: str) -> Said:
    client = client or OpenId(time.time)
    known = settings_of(sol)
    address = client.address(known, back=BACK, state=STATE, nonce=NONCE, verifier=VERIFIER)
    told = {"back": BACK, "nonce": NONCE, "verifier": VERIFIER, **changes}
    return client.testimony(known, code=sol.agree(address), **told)


def test_a_statement_that_holds_says_whom_it_is_about(sol: OpenIdProvider) -> None:
    assert come_back(sol) == Said(sol.address, "bruno-at-sol", "bruno@padariasol.example")


def test_people_are_sent_with_state_nonce_and_a_challenge_and_without_the_verifier(sol: OpenIdProvider) -> None:
    address = OpenId(time.time).address(settings_of(sol), back=BACK, state=STATE, nonce=NONCE, verifier=VERIFIER)
    assert address.startswith(f"{sol.address}/authorize?response_type=code&client_id=chaveiro&")
    for part in (f"state={STATE}", f"nonce={NONCE}", "code_challenge_method=S256", "scope=openid"):
        assert part in address
    assert VERIFIER not in address
    assert SECRET not in address


def change(**claims: Any) -> Callable[[dict[str, Any]], None]:
    return lambda told: told.update(claims)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda told: told.pop(name)


@pytest.mark.parametrize(
    "spoil",
    [
        change(nonce="another"),
        without("nonce"),
        change(aud="somebody else"),
        change(aud=["somebody else"]),
        change(aud="somebody else", azp=CLIENT),
        change(aud=[CLIENT, "somebody else"]),
        without("aud"),
        change(iss="https://id.mar.example"),
        without("iss"),
        change(exp=int(time.time()) - 3600),
        without("exp"),
        change(iat=int(time.time()) - 3600),
        change(iat=int(time.time()) + 3600),
        change(iat="now"),
        change(nbf=int(time.time()) + 3600),
        change(azp="somebody else"),
        change(sub=""),
        change(sub="x" * 256),
        change(sub=7),
        without("sub"),
    ],
)
def test_a_statement_of_which_one_part_does_not_hold_is_refused(
    sol: OpenIdProvider, spoil: Callable[[dict[str, Any]], None]
) -> None:
    sol.spoil = spoil
    with pytest.raises(ProviderRefused):
        come_back(sol)


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def by_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 4))


def by_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))


def broken(claims: dict[str, Any]) -> str:
    return "not.a.statement"


@pytest.mark.parametrize("sign", [unsigned, by_secret, by_stranger, broken])
def test_a_statement_that_the_provider_did_not_sign_is_refused(
    sol: OpenIdProvider, sign: Callable[[dict[str, Any]], str]
) -> None:
    sol.sign = sign
    with pytest.raises(ProviderRefused):
        come_back(sol)


def test_another_sign_in_s_nonce_or_verifier_or_address_is_refused(sol: OpenIdProvider) -> None:
    for changes in ({"nonce": "m" * 43}, {"verifier": "w" * 43}, {"back": "http://localhost:8000/openid/mar"}):
        with pytest.raises(ProviderRefused):
            come_back(sol, **changes)


def test_a_code_opens_once(sol: OpenIdProvider) -> None:
    client, known = OpenId(time.time), settings_of(sol)
    code = sol.agree(client.address(known, back=BACK, state=STATE, nonce=NONCE, verifier=VERIFIER))
    assert client.testimony(known, back=BACK, code=code, nonce=NONCE, verifier=VERIFIER).subject
    with pytest.raises(ProviderRefused):
        client.testimony(known, back=BACK, code=code, nonce=NONCE, verifier=VERIFIER)


def test_what_is_published_is_asked_once_an_hour_and_again_for_a_key_that_is_new(sol: OpenIdProvider) -> None:
    ticks = [0.0]
    client = OpenId(time.time, lambda: ticks[0])
    for _ in range(3):
        come_back(sol, client)
    assert sol.asked.count("/.well-known/openid-configuration") == 1
    assert sol.asked.count("/keys") == 1
    sol.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    with pytest.raises(ProviderRefused):
        come_back(sol, client)
    assert sol.asked.count("/keys") == 1, "keys that were looked at a moment ago are not asked for again"
    ticks[0] = 301.0
    assert come_back(sol, client).subject
    assert sol.asked.count("/keys") == 2


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"not json", {}),
        (200, b"[]", {}),
        (200, b"{}", {}),
        (500, b"{}", {}),
        (302, b"", {"Location": "http://127.0.0.1:1/"}),
        (200, b" " * (openid.BYTES_AT_MOST + 1), {}),
    ],
)
def test_a_discovery_that_is_none_is_refused(sol: OpenIdProvider, answer: tuple[int, bytes, dict[str, str]]) -> None:
    sol.answers["/.well-known/openid-configuration"] = answer
    with pytest.raises(ProviderUnreachable):
        come_back(sol)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://id.mar.example"},
        {"token_endpoint": "http://id.mar.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
def test_a_discovery_that_leads_elsewhere_is_refused(sol: OpenIdProvider, changes: dict[str, str]) -> None:
    body = json.dumps({**sol.document(), **changes}).encode()
    sol.answers["/.well-known/openid-configuration"] = (200, body, {})
    with pytest.raises(ProviderUnreachable):
        come_back(sol)


def test_a_provider_that_trickles_is_left_at_the_deadline(sol: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "SECONDS_AT_MOST", 0.0)
    with pytest.raises(ProviderUnreachable):
        come_back(sol)


def test_a_provider_that_is_not_there_is_unreachable() -> None:
    client = OpenId(time.time)
    with pytest.raises(ProviderUnreachable):
        client.address(
            Provider("gone", "http://127.0.0.1:9", CLIENT), back=BACK, state=STATE, nonce=NONCE, verifier=VERIFIER
        )
