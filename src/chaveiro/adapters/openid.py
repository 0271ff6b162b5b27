"""Signing in at an OpenID Connect provider: authorization code with PKCE, the statement verified, all of it bounded.

The provider is asked by ourselves over plain HTTPS: no redirect is followed, nothing larger than a cap is read, nothing
takes longer than a deadline. What it publishes is believed for an hour; a key that is not among its keys makes us look
again, once in five minutes at most. Authlib knows the requests and the claims, joserfc the signatures.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chaveiro.rules.providers import (
    LABEL_LENGTH_AT_MOST,
    SUBJECT_LENGTH_AT_MOST,
    Provider,
    ProviderRefused,
    ProviderUnreachable,
    Testimony,
    is_issuer,
    is_safe_address,
    same_issuer,
)

SECONDS_AT_MOST = 8.0  # for one request, from connecting to the last byte
BYTES_AT_MOST = 256 * 1024
BELIEVED_SECONDS = 3600.0
LOOK_AGAIN_SECONDS = 300.0
LEEWAY_SECONDS = 60  # clocks of two houses are never equal
AGE_SECONDS_AT_MOST = 600  # of a statement that was made for this very sign-in
# Public keys only: `none` and shared secrets let others write statements.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
SCOPE = "openid profile email"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Published:
    """What a provider's discovery document says, as far as we use it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    basic: bool  # whether our secret goes into a header; else into the form


class OpenId:
    """The `rules.providers.OpenIdClient` of the house. One for the process: it remembers what providers publish."""

    def __init__(self, now: Callable[[], float], tick: Callable[[], float] = time.monotonic) -> None:
        self._now, self._tick = now, tick
        self._documents: dict[str, tuple[float, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def address(self, provider: Provider, *, back: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send somebody who wants to sign in there. Raises ProviderUnreachable."""
        published = self._discover(provider)
        return str(
            add_params_to_uri(
                published.authorization_endpoint,
                {
                    "response_type": "code",
                    "client_id": provider.client_id,
                    "redirect_uri": back,
                    "scope": SCOPE,
                    "state": state,
                    "nonce": nonce,
                    "code_challenge": create_s256_code_challenge(verifier),
                    "code_challenge_method": "S256",
                    "prompt": "select_account",
                }.items(),
            )
        )

    def testimony(self, provider: Provider, *, back: str, code: str, nonce: str, verifier: str) -> Testimony:
        """Whom the provider vouches for. Raises ProviderRefused, ProviderUnreachable."""
        published = self._discover(provider)
        answer = self._exchange(provider, published, back=back, code=code, verifier=verifier)
        statement = answer.get("id_token")
        if not isinstance(statement, str):
            raise ProviderRefused(reason="no id_token")
        claims = self._claims(provider, published, statement, nonce)
        return Testimony(str(claims["iss"]), str(claims["sub"]), _label(claims))

    # --- what a provider publishes ---

    def _discover(self, provider: Provider) -> Published:
        address = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        document = self._document(address, BELIEVED_SECONDS)
        if not all(isinstance(document.get(name), str) for name in ("issuer", *ENDPOINTS)):
            raise ProviderUnreachable(reason="discovery is incomplete")
        if not same_issuer(document["issuer"], provider.issuer):
            raise ProviderUnreachable(reason="discovery is another issuer's")
        if not all(is_safe_address(document[name], beside=provider.issuer) for name in ENDPOINTS):
            raise ProviderUnreachable(reason="discovery names an unsafe address")
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Published(
            issuer=document["issuer"],
            authorization_endpoint=document["authorization_endpoint"],
            token_endpoint=document["token_endpoint"],
            jwks_uri=document["jwks_uri"],
            basic="client_secret_basic" in methods,
        )

    def _document(self, address: str, believed: float) -> dict[str, Any]:
        with self._lock:
            known = self._documents.get(address)
        if known is not None and self._tick() - known[0] < believed:
            return known[1]
        status, body = _ask("GET", address, {"Accept": "application/json"})
        if status != http.client.OK:
            raise ProviderUnreachable(reason=f"status {status}")
        document = _object(body)
        with self._lock:
            self._documents[address] = (self._tick(), document)
        return document

    # --- the statement ---

    def _exchange(
        self, provider: Provider, published: Published, *, back: str, code: str, verifier: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
            "client_id": provider.client_id,
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if provider.client_secret and published.basic:
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        elif provider.client_secret:
            form["client_secret"] = provider.client_secret
        status, body = _ask("POST", published.token_endpoint, headers, urlencode(form).encode())
        if status != http.client.OK:
            raise ProviderRefused(reason=f"the token endpoint answered {status}")
        return _object(body)

    def _claims(self, provider: Provider, published: Published, statement: str, nonce: str) -> dict[str, Any]:
        token = self._decoded(published, statement)
        # Authlib's own checks: the claims that must be there, expiry, nonce, authorized party.
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={"aud": {"essential": True}, "nonce": {"essential": True}},
            params={"nonce": nonce, "client_id": provider.client_id},
        )
        now = int(self._now())
        try:
            claims.validate(now=now, leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise ProviderRefused(reason=f"claims: {type(fault).__name__}") from None
        _check(claims, published, provider, now)
        return dict(claims)

    def _decoded(self, published: Published, statement: str) -> jwt.Token:
        for believed in (BELIEVED_SECONDS, LOOK_AGAIN_SECONDS):
            try:
                keys = KeySet.import_key_set(self._document(published.jwks_uri, believed))  # type: ignore[arg-type]
                return jwt.decode(statement, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError) as fault:
                reason = type(fault).__name__
        raise ProviderRefused(reason=f"signature: {reason}")


def _check(claims: Mapping[str, Any], published: Published, provider: Provider, now: int) -> None:
    """What Authlib leaves to us: whose statement it is, for whom, made just now."""
    audience = claims["aud"]
    if provider.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise ProviderRefused(reason="audience")
    if not isinstance(claims["iss"], str) or not is_issuer(
        claims["iss"], published=published.issuer, directory=str(claims.get("tid", ""))
    ):
        raise ProviderRefused(reason="issuer")
    if not isinstance(claims["iat"], int | float) or not abs(now - claims["iat"]) <= AGE_SECONDS_AT_MOST:
        raise ProviderRefused(reason="age")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_AT_MOST or not subject.isprintable():
        raise ProviderRefused(reason="subject")


def _label(claims: Mapping[str, Any]) -> str:
    """How the person is called there, for showing only."""
    for name in ("preferred_username", "email", "name"):
        said = claims.get(name)
        if isinstance(said, str) and said.strip() and said.isprintable():
            return said.strip()[:LABEL_LENGTH_AT_MOST]
    return ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise ProviderUnreachable(reason="not JSON") from None
    if not isinstance(found, dict):
        raise ProviderUnreachable(reason="not an object")
    return found


def _ask(method: str, address: str, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int, bytes]:
    """One request, no redirect, within deadline and cap. Raises ProviderUnreachable."""
    parts = urlsplit(address)
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    deadline = time.monotonic() + SECONDS_AT_MOST
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=SECONDS_AT_MOST, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=SECONDS_AT_MOST)
    try:
        connection.request(method, target, body=body, headers={"User-Agent": "chaveiro", **headers})
        answer = connection.getresponse()
        return answer.status, _read(answer, connection, deadline)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise ProviderUnreachable(reason=type(fault).__name__) from None
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float) -> bytes:
    found = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        piece = answer.read1(16 * 1024)
        if not piece:
            return bytes(found)
        found += piece
        if len(found) > BYTES_AT_MOST:
            raise ProviderUnreachable(reason="too large")
