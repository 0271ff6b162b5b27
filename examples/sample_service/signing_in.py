"""Signing in by OpenID Connect: authorization code with PKCE, the ID token verified with the published keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
import urllib.parse
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

SECONDS_AT_MOST = 5
BYTES_AT_MOST = 256 * 1024
BELIEVED_SECONDS = 3600
WAITING_AT_MOST = 10_000
WAITS_SECONDS = 900
SCOPE = "openid profile email organisation entitlements"
ALGORITHMS = ("RS256", "EdDSA")


class NotSignedIn(Exception):
    """What came back does not sign anybody in; the message is for the log."""


@dataclass(frozen=True)
class Waiting:
    """Somebody who was sent to the provider: what only their way back knows."""

    verifier: str
    nonce: str
    browser: str
    since: float


class Provider:
    """The provider, by its discovery document."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, back: str) -> None:
        self.issuer, self.client_id, self._secret, self._back = issuer, client_id, client_secret, back
        self._documents: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._lock = threading.Lock()

    def address(self, browser: str, prompt: str = "") -> str:
        """Where to send somebody; `browser` is what their own cookie says."""
        state, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        with self._lock:
            self._waiting[state] = Waiting(verifier, nonce, browser, time.monotonic())
            if len(self._waiting) > WAITING_AT_MOST:
                self._waiting.popitem(last=False)
        digest = hashlib.sha256(verifier.encode()).digest()
        sent = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self._back,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if prompt:
            sent["prompt"] = prompt
        return f"{self._discovered()['authorization_endpoint']}?{urllib.parse.urlencode(sent)}"

    def signed_in(self, query: Mapping[str, str], browser: str) -> tuple[Mapping[str, Any], str]:
        """Who came back, as the ID token says, and the token itself. Raises NotSignedIn, OSError."""
        with self._lock:
            waiting = self._waiting.pop(query.get("state", ""), None)
        if waiting is None or not secrets.compare_digest(waiting.browser.encode(), browser.encode()):
            raise NotSignedIn("state")
        if time.monotonic() - waiting.since > WAITS_SECONDS or query.get("iss") != self.issuer:
            raise NotSignedIn("too late, or somebody else's answer")
        if "code" not in query:
            raise NotSignedIn(query.get("error", "no code"))
        statement = str(self._exchange(query["code"], waiting.verifier).get("id_token"))
        claims = self._verified(statement)
        if claims.get("nonce") != waiting.nonce:
            raise NotSignedIn("nonce")
        return claims, statement

    def out(self, statement: str, back: str) -> str:
        """Where to send somebody who signs out."""
        sent = urllib.parse.urlencode({"id_token_hint": statement, "post_logout_redirect_uri": back})
        return f"{self._discovered()['end_session_endpoint']}?{sent}"

    def _exchange(self, code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        shown = base64.b64encode(f"{self.client_id}:{self._secret}".encode()).decode()
        request = urllib.request.Request(
            self._discovered()["token_endpoint"],
            urllib.parse.urlencode(form).encode(),
            {"Authorization": f"Basic {shown}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS_AT_MOST) as answer:
            return dict(json.loads(answer.read(BYTES_AT_MOST)))

    def _verified(self, statement: str) -> Mapping[str, Any]:
        try:
            kid = jwt.get_unverified_header(statement).get("kid")
            key = self._key(kid) or self._key(kid, believed=0)
            if key is None:
                raise NotSignedIn("signed by a key that is not published")
            return dict(
                jwt.decode(
                    statement,
                    key.key,
                    algorithms=list(ALGORITHMS),
                    audience=self.client_id,
                    issuer=self.issuer,
                    leeway=60,
                    options={"require": ["exp", "iat", "sub", "nonce"]},
                )
            )
        except jwt.PyJWTError as fault:
            raise NotSignedIn(str(fault)) from fault

    def _key(self, kid: str | None, believed: float = BELIEVED_SECONDS) -> jwt.PyJWK | None:
        for each in self._document(self._discovered()["jwks_uri"], believed)["keys"]:
            if each.get("kid") == kid and each.get("alg") in ALGORITHMS:
                return jwt.PyJWK(each)
        return None

    def _discovered(self) -> Mapping[str, Any]:
        found = self._document(f"{self.issuer}/.well-known/openid-configuration", BELIEVED_SECONDS)
        if found.get("issuer") != self.issuer:
            raise NotSignedIn("discovery is another issuer's")
        return found

    def _document(self, address: str, believed: float) -> Mapping[str, Any]:
        known = self._documents.get(address)
        if known is None or time.monotonic() - known[0] >= believed:
            with urllib.request.urlopen(address, timeout=SECONDS_AT_MOST) as answer:
                known = time.monotonic(), dict(json.loads(answer.read(BYTES_AT_MOST)))
            self._documents[address] = known
        return known[1]
