"""Signing in at a browser: how, for how long, and what is kept of it.

One browser has one secret, in one cookie, and behind it any number of accounts; each is a session of its own, with its
own address `/a/<tag>/…`. A session ends 12 hours after it was last used, and 30 days after it began whatever happens.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

IDLE_AT_MOST = timedelta(hours=12)
LIFE = timedelta(days=30)
# How exactly the last use is known: one row is written in five minutes, not one for each page.
SEEN_EVERY = timedelta(minutes=5)
# For how long an ended session stays on the list of the account it belongs to.
KEPT = timedelta(days=90)
ACCOUNTS_AT_MOST = 20  # at one browser
AGENT_LENGTH_AT_MOST = 300
TAG = r"[0-9a-f]{12}"
_PREFIX = re.compile(rf"/a/({TAG})(/.*|)", re.DOTALL)


class How(StrEnum):
    """By what somebody signed in."""

    LINK = "link"
    PASSWORD = "password"  # noqa: S105 - a way in
    PASSKEY = "passkey"
    OIDC = "oidc"


# What proves that the person is there now; whoever holds a mailbox shows only that they read mail.
CONFIRMS = frozenset({How.PASSWORD, How.PASSKEY})


def tag_of(account: UUID) -> str:
    """What stands for an account in addresses: the last 12 hexadecimal digits of its id, which are random."""
    return account.hex[-12:]


def prefix_of(account: UUID) -> str:
    """What stands before every address of an account."""
    return f"/a/{tag_of(account)}"


def split(path: str) -> tuple[str, str]:
    """The tag of a path, "" where it has none, and the path without it."""
    found = _PREFIX.fullmatch(path)
    return (found[1], found[2] or "/") if found else ("", path)


def ends_at(started_at: datetime, seen_at: datetime) -> datetime:
    """When a session ends that began and was last used at these instants."""
    return min(seen_at + IDLE_AT_MOST, started_at + LIFE)


def network_of(address: str) -> str:
    """A network address cut to what tells places apart and not people: /24, or /64 of IPv6; "" where it is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 64), strict=False))


def agent_of(text: str) -> str:
    """A browser's name for itself, cut, without what cannot be printed."""
    return "".join(symbol for symbol in text if symbol.isprintable())[:AGENT_LENGTH_AT_MOST]


# Substring → name, the first that is found: browsers call themselves by several names, the own one last.
_BROWSERS: Mapping[str, str] = {
    "Edg": "Microsoft Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chromium": "Chromium",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS: Mapping[str, str] = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_name(agent: str) -> str:
    """The browser's name as people know it, "" where it is none of the common ones."""
    return next((name for mark, name in _BROWSERS.items() if mark in agent), "")


def system_name(agent: str) -> str:
    """The device's system as people know it, "" where it is none of the common ones."""
    return next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
