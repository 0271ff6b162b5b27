"""Rate limits: how often each may ask, and whose bucket a request counts in.

One bucket for each token, else account, else network address, and never for a key, a login name or a customer: whatever
a stranger sends, only the stranger waits. An IPv6 caller is its /64, for one household has all of those addresses.

The generic cell rate algorithm: a bucket is one instant; each unit moves it by `every`; it may run `burst` units ahead.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from chaveiro.rules.errors import Malformed, Refusal


class TooMany(Refusal):
    """This caller asked more often than its limit; it alone waits. Facts: limit, retry_after (whole seconds)."""

    code = "try_later"


class Side(StrEnum):
    """By what a caller is known, surest first."""

    TOKEN = "token"  # noqa: S105 - a kind of caller
    ACCOUNT = "account"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit every `every`, and up to `burst` of them at once."""

    every: timedelta
    burst: int

    def __post_init__(self) -> None:
        if self.burst < 1 or self.every <= timedelta(0):
            raise ValueError("a rate lets something through")


def _per_second(units: float, *, burst: int) -> Rate:
    return Rate(timedelta(seconds=1 / units), burst)


# A key has 105 random bits: with N live keys a guess hits with N / 2^105, and these figures protect the server's time.
# `key_checks` counts keys, and a page's basket always fits in a full bucket.
BASKET_AT_MOST = 200
LIMITS: Mapping[str, Mapping[Side, Rate]] = {
    "key_checks": {
        Side.TOKEN: _per_second(500, burst=10_000),
        Side.ACCOUNT: _per_second(50, burst=2_000),
        Side.ADDRESS: _per_second(5, burst=400),
    },
    "redemptions": {
        Side.TOKEN: _per_second(100, burst=1_000),
        Side.ACCOUNT: _per_second(2, burst=100),
        Side.ADDRESS: _per_second(1, burst=60),
    },
    "draft_letters": {
        Side.TOKEN: _per_second(0.01, burst=5),
        Side.ACCOUNT: _per_second(0.01, burst=10),
        Side.ADDRESS: _per_second(0.005, burst=5),
    },
    "sign_in": {
        Side.TOKEN: _per_second(0.2, burst=20),
        Side.ACCOUNT: _per_second(0.2, burst=20),
        Side.ADDRESS: _per_second(0.2, burst=20),
    },
    # What readers say and ask: enough for a person in trouble, too little for a flood of mail.
    "feedback": dict.fromkeys(Side, Rate(timedelta(seconds=15), burst=30)),
    "help": dict.fromkeys(Side, Rate(timedelta(minutes=5), burst=5)),
    # Codes of six digits: of an account only those who gave its password right, and a passkey opens all the same.
    "codes": {
        Side.TOKEN: Rate(timedelta(minutes=2), burst=10),
        Side.ACCOUNT: Rate(timedelta(minutes=2), burst=10),
        Side.ADDRESS: Rate(timedelta(seconds=10), burst=30),
    },
    # Letters with a code, and to addresses that are not shown to be anybody's yet.
    "mailed_codes": dict.fromkeys(Side, Rate(timedelta(minutes=3), burst=5)),
    # Letters that an operator has sent once more.
    "letters": dict.fromkeys(Side, Rate(timedelta(seconds=10), burst=30)),
    "passkeys": dict.fromkeys(Side, Rate(timedelta(seconds=2), burst=40)),
    "providers": dict.fromkeys(Side, Rate(timedelta(seconds=5), burst=30)),
    # Whole offices sign in to a service from behind one address, and a service has one address for all of them.
    "services": dict.fromkeys(Side, _per_second(50, burst=1_000)),
}
assert all(rate.burst >= BASKET_AT_MOST for rate in LIMITS["key_checks"].values())

# A bucket whose instant is this far past is empty for every limit, and its row may go.
SPENT_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as a limit is concerned."""

    side: Side
    name: str = field(repr=False)


def caller(*, token: UUID | None = None, account: UUID | None = None, address: str = "") -> Caller:
    """The caller by the surest thing that is known of them. Raises Malformed for an address that is none."""
    if token is not None:
        return Caller(Side.TOKEN, str(token))
    if account is not None:
        return Caller(Side.ACCOUNT, str(account))
    return Caller(Side.ADDRESS, _network(address))


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError as fault:
        raise Malformed(field="address", reason="not a network address") from fault
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))


def rate_of(limit: str, who: Caller) -> Rate:
    """The rate of a named limit for that kind of caller."""
    return LIMITS[limit][who.side]


def bucket(limit: str, who: Caller, secret: bytes) -> UUID:
    """The id of the caller's bucket: keyed, so that nobody reads addresses out of the table by trying them all."""
    text = "\x00".join(("chaveiro bucket 1", limit, who.side.value, who.name))
    return UUID(bytes=hmac.digest(secret, text.encode(), "sha256")[:16])


def refusal(limit: str, wait: timedelta) -> TooMany:
    """The refusal that says how long to wait, in whole seconds, at least one."""
    return TooMany(limit=limit, retry_after=max(1, math.ceil(wait.total_seconds())))
