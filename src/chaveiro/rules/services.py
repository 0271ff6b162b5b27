"""Services of the vendor: what a subscription pays for, and where its people sign in by this installation.

A service is registered by an operator: its name, where people may be sent back to (exact addresses, no patterns), and
whether it can keep a secret. It has two secrets of its own, one to show at the token endpoint and one to ask for
entitlements with; each can be renewed with an overlap, in which the old one still works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from chaveiro.rules.errors import Malformed, Refusal

NAME_LENGTH_AT_MOST = 80
ADDRESSES_AT_MOST = 20
ADDRESS_LENGTH_AT_MOST = 500
SERVICES_AT_MOST = 200
OVERLAP_HOURS_AT_MOST = 24 * 30
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

CODE_LIVES = timedelta(seconds=60)  # and each opens once
ACCESS_LIVES = timedelta(minutes=10)  # of the token for /oidc/userinfo; there is no refreshing: people sign in again
STATEMENT_LIVES = timedelta(minutes=10)  # of an ID token
KEPT = timedelta(days=1)  # what was given, so that a code that is shown twice is known again
WAITS = timedelta(minutes=15)  # how long a request waits while somebody signs in
SCOPES = ("openid", "profile", "email", "organisation", "entitlements")
ALGORITHMS = ("RS256", "EdDSA")  # RS256 is what every library knows; a service may ask for the shorter one
CLAIMS = (
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "name", "given_name", "family_name", "locale"),
    *("email", "email_verified", "organisation", "roles", "entitlements", "act"),
)
REQUEST_LENGTH_AT_MOST = 4_000  # of all that a service sends with somebody


class ServiceUnknown(Refusal):
    """No service is registered by this name; nobody is sent anywhere."""

    code = "service_unknown"


class ReturnUnknown(Refusal):
    """The service did not register the address to which it wants people sent; nobody is sent there. Facts: service."""

    code = "return_unknown"


class Declined(Exception):
    """A request that is sent back to the service with an error. `address` is where the person goes."""

    def __init__(self, address: str) -> None:
        super().__init__("sent back with an error")
        self.address = address


class SecretKind(StrEnum):
    """What a secret of a service opens; one opens nothing of the other."""

    CLIENT = "client"  # the token endpoint
    TOKEN = "token"  # noqa: S105 - the entitlements of the API


@dataclass(frozen=True, slots=True)
class Service:
    """A registered service. `confidential`: it can keep a secret; others prove themselves by PKCE alone."""

    id: UUID
    name: str
    confidential: bool
    algorithm: str
    returns: tuple[str, ...]  # where people may be sent back to, signed in
    leaves: tuple[str, ...]  # where people may be sent to, signed out


@dataclass(frozen=True, slots=True)
class Errand:
    """What a service sent somebody for: checked, and kept until they are signed in."""

    service: UUID
    back: str
    scope: str
    state: str
    nonce: str
    challenge: str
    since: datetime  # when the service sent them
    prompt: str = ""
    max_age: int | None = None

    def is_fresh(self, proved_at: datetime, now: datetime) -> bool:
        """Whether somebody proved to be there as lately as the service wants."""
        if "login" in self.prompt.split() and proved_at < self.since:
            return False
        return self.max_age is None or proved_at >= min(self.since, now - timedelta(seconds=self.max_age))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stood for: who signed in when, for which service, and what was asked."""

    service: UUID
    account: UUID
    session: UUID
    back: str
    scope: str
    nonce: str
    challenge: str
    signed_in_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What the token endpoint was shown."""

    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the token endpoint answers."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    headers: tuple[tuple[str, str], ...]


class Desk(Protocol):
    """What a provider asks the house, which knows services, codes and people."""

    def service(self, client_id: str) -> Service | None:
        """The service of that public name."""

    def is_secret(self, service: Service, secret: str) -> bool:
        """Whether the service may show this secret at the token endpoint."""

    def take(self, service: Service, code: str, access: str) -> Grant | None:
        """What a code stood for, once; from then on `access` is the token that it bought."""

    def withdraw(self, access: str) -> None:
        """The token that a code bought is good for nothing: what came with the code did not hold."""

    def claims(self, grant: Grant) -> Mapping[str, Any] | None:
        """What is said of the person, as far as the scope goes; None where nothing may be said any more."""


def check_service(*, name: str, returns: Iterable[str], leaves: Iterable[str], algorithm: str) -> Service:
    """A new service's facts, each of its form, under an id that stands for none. Raises Malformed, naming the field."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LENGTH_AT_MOST or not name.isprintable():
        raise Malformed(field="name", reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters")
    if algorithm not in ALGORITHMS:
        raise Malformed(field="algorithm", reason=f"one of {', '.join(ALGORITHMS)}")
    back = _addresses("returns", returns)
    if not back:
        raise Malformed(field="returns", reason="at least one address")
    return Service(UUID(int=0), name, True, algorithm, back, _addresses("leaves", leaves))


def _addresses(where: str, addresses: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(addresses))
    if len(found) > ADDRESSES_AT_MOST:
        raise Malformed(field=where, reason=f"at most {ADDRESSES_AT_MOST} addresses")
    for address in found:
        if not is_return(address):
            raise Malformed(field=where, reason="https, or http on this very machine; no fragment, no name, no spaces")
    return found


def is_return(address: str) -> bool:
    """Whether people may be sent to an address at all: https, or http on the reader's own machine."""
    if not 0 < len(address) <= ADDRESS_LENGTH_AT_MOST or not address.isascii() or not address.isprintable():
        return False
    if any(symbol in address for symbol in ' "<>\\^`{|}#'):
        return False
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.password is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
