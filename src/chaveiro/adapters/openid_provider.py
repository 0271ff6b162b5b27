"""Being an OpenID Connect provider: authorization code with PKCE S256, and nothing else.

    service ──authorization request──▶ errand: checked, kept until somebody is signed in
    somebody signed in ──▶ code ──token endpoint──▶ ID token (RS256 or EdDSA) and a token for the userinfo endpoint

Authlib reads the requests and knows the rules of OAuth 2 and OpenID Connect; who services, codes and people are it asks
our desk (`rules.services.Desk`). Implicit, hybrid and password grants do not exist here, nor do refresh tokens: whoever
wants to know again sends the person again, who is back at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jwt
from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.util import create_half_hash

from chaveiro.adapters.openid_keys import ProviderKeys
from chaveiro.rules import identifiers
from chaveiro.rules.services import (
    ACCESS_LIVES,
    ALGORITHMS,
    CLAIMS,
    REQUEST_LENGTH_AT_MOST,
    SCOPES,
    STATEMENT_LIVES,
    Declined,
    Desk,
    Errand,
    Grant,
    Reply,
    ReturnUnknown,
    Service,
    ServiceUnknown,
    Shown,
)

METHODS = ("client_secret_basic", "client_secret_post", "none")
# Authlib refuses plain http by what it is told of the address; here the proxy and the settings see to that.
_HERE = "https://provider.invalid/oidc"
_PROMPTS = {"", "none", "login", "select_account", "consent"}


def discovery(issuer: str) -> dict[str, Any]:
    """The discovery document of an issuer."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oidc/authorize",
        "token_endpoint": f"{issuer}/oidc/token",
        "userinfo_endpoint": f"{issuer}/oidc/userinfo",
        "jwks_uri": f"{issuer}/oidc/jwks.json",
        "end_session_endpoint": f"{issuer}/oidc/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": list(SCOPES),
        "claims_supported": list(CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["pt-PT", "en"],
        "prompt_values_supported": ["none", "login", "select_account"],
    }


class _Client(ClientMixin):  # type: ignore[misc] # Authlib has no types
    """A service as Authlib asks about it."""

    def __init__(self, service: Service, desk: Desk) -> None:
        self.service, self._desk = service, desk
        self.id_token_signed_response_alg = service.algorithm

    def get_client_id(self) -> str:
        return identifiers.write("service", self.service.id)

    def get_default_redirect_uri(self) -> None:
        return None  # OpenID Connect wants it said, each time

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = (scope or "").split()
        return " ".join(each for each in SCOPES if each in asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.service.returns

    def check_client_secret(self, client_secret: str) -> bool:
        return self.service.confidential and self._desk.is_secret(self.service, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        del endpoint
        return (method != "none") == self.service.confidential

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code as Authlib asks about it."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.code_challenge, self.code_challenge_method = grant.challenge, "S256"

    def get_redirect_uri(self) -> str:
        return self.grant.back

    def get_scope(self) -> str:
        return self.grant.scope

    def get_nonce(self) -> str:
        return self.grant.nonce

    def get_auth_time(self) -> int:
        return int(self.grant.signed_in_at.timestamp())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class _Request(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it, whichever framework it came by."""

    def __init__(self, method: str, sent: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__(method, _HERE, headers=dict(headers))
        self.payload = BasicOAuth2Payload(dict(sent))

    @property
    def args(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.payload.data
        return found

    @property
    def form(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.payload.data
        return found


class _S256(CodeChallenge):  # type: ignore[misc]
    """PKCE for everybody, by S256 alone."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        sent = grant.request.payload.data
        if not sent.get("code_challenge") or sent.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is needed: 'code_challenge' with 'code_challenge_method=S256'.")
        super().validate_code_challenge(grant, redirect_uri)


class OpenIdProvider:
    """The installation as a provider. `issuer` is its address, `access` makes the texts of access tokens."""

    def __init__(
        self, desk: Desk, keys: ProviderKeys, issuer: str, now: Callable[[], datetime], access: Callable[[], str]
    ) -> None:
        self._desk, self._keys, self._issuer, self._now = desk, keys, issuer, now
        self._server = _Server(desk, access, self._extensions())

    def _extensions(self) -> list[Any]:
        return [_S256(required=True), _Statement(self._desk, self._keys, self._issuer, self._now)]

    def published(self) -> dict[str, Any]:
        """What is published at `/.well-known/openid-configuration`."""
        return discovery(self._issuer)

    def errand(self, sent: Mapping[str, Iterable[str]]) -> Errand:
        """What an authorization request asks for. Raises ServiceUnknown, ReturnUnknown, and else Declined."""
        values = {name: list(each) for name, each in sent.items()}
        query = {name: each[0] for name, each in values.items() if each}
        service = self._desk.service(query.get("client_id", ""))
        if service is None:
            raise ServiceUnknown()
        back = query.get("redirect_uri", "")
        if len(values.get("redirect_uri", ())) != 1 or back not in service.returns:
            raise ReturnUnknown(service=service.name)
        state = query.get("state", "")
        reason = _fault(values) or self._refused(query)
        if reason is not None:
            raise Declined(self.back_with_error(back, state, *reason))
        return Errand(
            service=service.id,
            back=back,
            scope=_Client(service, self._desk).get_allowed_scope(query.get("scope")),
            state=state,
            nonce=query.get("nonce", ""),
            challenge=query["code_challenge"],
            since=self._now(),
            prompt=query.get("prompt", ""),
            max_age=int(query["max_age"]) if query.get("max_age") else None,
        )

    def _refused(self, query: Mapping[str, str]) -> tuple[str, str] | None:
        request = _Request("GET", query, {})
        try:
            grant = self._server.get_authorization_grant(request)
            grant.validate_authorization_request()
        except OAuth2Error as fault:
            return str(fault.error), str(fault.get_error_description() or "")
        return None

    def back_with_code(self, errand: Errand, code: str) -> str:
        """Where somebody goes who has signed in."""
        return self._back(errand.back, {"code": code, "state": errand.state})

    def back_with_error(self, back: str, state: str, error: str, description: str = "") -> str:
        """Where somebody goes whom nothing was given."""
        return self._back(back, {"error": error, "error_description": description, "state": state})

    def _back(self, back: str, told: Mapping[str, str]) -> str:
        sent = {name: value for name, value in told.items() if value} | {"iss": self._issuer}
        return str(add_params_to_uri(back, sent.items()))

    def token(self, shown: Shown) -> Reply:
        """What the token endpoint answers."""
        request = _Request("POST", shown.form, shown.headers)
        status, body, headers = self._server.create_token_response(request)
        plain = body if isinstance(body, Mapping) else json.loads(body or "{}")
        return Reply(status, plain, tuple(headers))

    def left(self, statement: str) -> tuple[str, str]:
        """Service and sign-in of an ID token of ours, which a service sends along to sign somebody out."""
        return self._keys.client_of(statement, self._issuer)


def _fault(values: Mapping[str, list[str]]) -> tuple[str, str] | None:
    """What is wrong with a request that no grant looks at."""
    query = {name: each[0] for name, each in values.items() if each}
    if any(len(each) > 1 for each in values.values()):
        return "invalid_request", "A parameter stands there twice."
    if sum(len(name) + len(each) for name, each in query.items()) > REQUEST_LENGTH_AT_MOST:
        return "invalid_request", f"Longer than {REQUEST_LENGTH_AT_MOST} characters."
    if any("\x00" in each for each in query.values()):
        return "invalid_request", "A parameter holds NUL."
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if name in query:
            return error, ""
    if query.get("response_mode", "query") != "query":
        return "invalid_request", "The answer goes into the query, no other way."
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope", "The scope must hold 'openid'."
    prompts = set(query.get("prompt", "").split(" "))
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        return "invalid_request", "Unknown 'prompt'."
    max_age = query.get("max_age", "")
    if max_age and not (max_age.isdecimal() and len(max_age) <= 9):
        return "invalid_request", "'max_age' is not a number of seconds."
    return None


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server, over our desk."""

    def __init__(self, desk: Desk, access: Callable[[], str], extensions: list[Any]) -> None:
        super().__init__(scopes_supported=None)
        self.desk, self.access = desk, access
        self.register_grant(_CodeGrant, extensions)

    def query_client(self, client_id: str) -> _Client | None:
        service = self.desk.service(client_id)
        return None if service is None else _Client(service, self.desk)

    def save_token(self, token: Any, request: Any) -> None:
        """It was kept when the code was taken."""

    def send_signal(self, name: str, *arguments: Any, **named: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> Any:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """The one grant: a code, taken once, whatever else turns out to be wrong with what came along."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        self.request.access = self.server.access()
        grant = self.server.desk.take(client.service, code, self.request.access)
        return None if grant is None else _Code(grant)

    def validate_token_request(self) -> Any:
        with self._or_withdrawn():
            return super().validate_token_request()

    def create_token_response(self) -> Any:
        with self._or_withdrawn():
            return super().create_token_response()

    @contextmanager
    def _or_withdrawn(self) -> Iterator[None]:
        """Where what came along does not hold, the code is spent, and what it would have bought opens nothing."""
        try:
            yield
        except OAuth2Error:
            if getattr(self.request, "access", ""):
                self.server.desk.withdraw(self.request.access)
            raise

    def generate_token(self, *, scope: str | None = None, **_facts: Any) -> dict[str, Any]:
        return {
            "token_type": "Bearer",
            "access_token": self.request.access,
            "expires_in": int(ACCESS_LIVES.total_seconds()),
            "scope": scope or "",
        }

    def delete_authorization_code(self, authorization_code: Any) -> None:
        """It was used up when it was taken."""

    def authenticate_user(self, authorization_code: _Code) -> Grant:
        return authorization_code.grant


class _Statement(OpenIDCode):  # type: ignore[misc]
    """The ID token."""

    def __init__(self, desk: Desk, keys: ProviderKeys, issuer: str, now: Callable[[], datetime]) -> None:
        super().__init__(require_nonce=False)
        self._desk, self._keys, self._issuer, self._now = desk, keys, issuer, now

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        del nonce, request
        return False  # a code opens once, and its nonce goes with it

    def encode_id_token(self, token: Mapping[str, Any], request: Any) -> str:
        # By PyJWT, which writes EdDSA under the name that every library reads.
        algorithm = request.client.service.algorithm
        key = self._keys.signing(algorithm)
        claims = {
            **self.get_client_claims(request.client),
            **self.get_authorization_code_claims(request.authorization_code),
            **self.generate_user_info(request.user, token["scope"]),
            "at_hash": create_half_hash(token["access_token"], algorithm).decode(),
        }
        return jwt.encode(claims, key.as_pem(private=True), algorithm=algorithm, headers={"kid": key.kid})

    def get_client_claims(self, client: _Client) -> dict[str, Any]:
        now = int(self._now().timestamp())
        return {
            "iss": self._issuer,
            "aud": client.get_client_id(),
            "iat": now,
            "exp": now + int(STATEMENT_LIVES.total_seconds()),
        }

    def generate_user_info(self, user: Grant, scope: str) -> Mapping[str, Any]:
        del scope
        claims = self._desk.claims(user)
        if claims is None:
            raise InvalidGrantError("There is nothing to be said of this person any more.")
        return {**claims, "sid": user.session.hex}
