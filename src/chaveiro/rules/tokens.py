"""Secrets that lead into an account: how they are written, how long they live, and how wide a token may be."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum

from chaveiro.rules.actors import SCOPES, Actor, Kind
from chaveiro.rules.drafts import LINK_PATH
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal

TOKEN_PREFIX = "chv_"  # noqa: S105 - what every token begins with
SECRET_BYTES = 20  # 160 bits, 32 symbols of base 32
_SECRET = re.compile(r"[a-z2-7]{32}")
NAME_LENGTH_AT_MOST = 80

# The vendor alone mints; a token can carry only what its account's side could ever do. Roles narrow it further.
SCOPES_OF: Mapping[Kind, frozenset[str]] = {
    Kind.OPERATOR: SCOPES,
    Kind.CHANNEL: SCOPES - {"batches:write", "policies:write"},
    Kind.CUSTOMER: SCOPES - {"batches:write", "policies:write"},
}


class LinkSpent(Refusal):
    """The one-time link was used, has expired, or never existed; all three answer alike."""

    code = "link_spent"


class Purpose(StrEnum):
    """What a one-time link does: sign in once, take ownership of an account that somebody else made, …"""

    SIGN_IN = "sign_in"
    OWNERSHIP = "ownership"
    RESET = "reset"  # set a password
    ADDRESS = "address"  # show that a mailbox is yours


# How long a link is good. An operator's first sign-in link lives for the hour that `init` promises.
LIVES: Mapping[Purpose, timedelta] = {
    Purpose.SIGN_IN: timedelta(hours=1),
    Purpose.OWNERSHIP: timedelta(days=14),
    Purpose.RESET: timedelta(hours=1),
    Purpose.ADDRESS: timedelta(days=2),
}
_PATHS: Mapping[Purpose, str] = {
    Purpose.SIGN_IN: "/sign-in/",
    Purpose.OWNERSHIP: "/ownership/",
    Purpose.RESET: "/reset/",
    Purpose.ADDRESS: "/address/",
}
_LINK_PATHS = (*_PATHS.values(), LINK_PATH)
LINK_IN_TEXT = re.compile("(" + "|".join(re.escape(path) for path in _LINK_PATHS) + ")[A-Za-z0-9_-]+")
TOKEN_IN_TEXT = re.compile(re.escape(TOKEN_PREFIX) + "[A-Za-z0-9]+")


def write_secret(raw: bytes) -> str:
    """The text of a secret: 32 small letters and digits for 20 random bytes."""
    if len(raw) != SECRET_BYTES:
        raise Malformed(field="secret", reason=f"a secret is made of {SECRET_BYTES} bytes")
    return base64.b32encode(raw).decode().lower()


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """A new token: `chv_` and 160 random bits."""
    return TOKEN_PREFIX + write_secret(random_bytes(SECRET_BYTES))


def is_token(text: str) -> bool:
    """Whether a text has a token's form; anything else need not be looked for."""
    return text.startswith(TOKEN_PREFIX) and is_secret(text.removeprefix(TOKEN_PREFIX))


def is_secret(text: str) -> bool:
    """Whether a text has the form of a link's secret."""
    return _SECRET.fullmatch(text) is not None


def path_of(purpose: Purpose, secret: str) -> str:
    """Where a link leads, below the installation's address."""
    return _PATHS[purpose] + secret


def check_scopes(maker: Actor, owner: Kind, scopes: Iterable[str]) -> list[str]:
    """The scopes of a new token in order, if it is no wider than its account.

    Raises NotAllowed when a token tries to make a token (its child would outlive it), or for a scope that the account's
    side never has; Malformed for an unknown scope, or none at all.
    """
    wanted = set(scopes)
    if maker.scopes is not None:
        raise NotAllowed(needs="a person who is signed in")
    if not wanted or not wanted <= SCOPES:
        raise Malformed(field="scopes", reason="one or more of " + " ".join(sorted(SCOPES)))
    wider = wanted - SCOPES_OF.get(owner, frozenset())
    if wider:
        raise NotAllowed(needs=" ".join(sorted(wider)))
    return sorted(wanted)


def check_name(name: str) -> str:
    """A token's name without outer spaces. Raises Malformed when it is empty or longer than 80 characters."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LENGTH_AT_MOST or not name.isprintable():
        raise Malformed(field="name", reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters")
    return name
