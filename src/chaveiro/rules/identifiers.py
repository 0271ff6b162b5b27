"""Ids: a 128-bit number that grows with time inside, an opaque prefixed word outside (`sub_…`).

Time-ordered (RFC 9562, version 7), so that new rows land on the same index pages. The public form is hexadecimal: no
run of 25 symbols of a key's alphabet, which the scrubber of the logs would take for a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

from chaveiro.rules.errors import Malformed

BODY = re.compile(r"[0-9a-f]{32}")

PREFIXES = {
    "batch": "bat",
    "key": "key",
    "redemption": "red",
    "customer": "cus",
    "person": "per",
    "subscription": "sub",
    "partner": "ptr",
    "relation": "rel",
    "domain": "dom",
    "move": "mov",
    "event": "evt",
    "endpoint": "whe",
    "operation": "op",
    "draft": "dra",
    "token": "tok",
    "product": "pro",
    "correction": "cor",
    "block": "blk",
    "adoption": "ado",
    "erasure": "era",
    "evidence": "evi",
    "clock": "clk",
    "notice": "not",
    "service": "svc",
    "account": "acc",
}


def make(milliseconds: int, random_bytes: Callable[[int], bytes]) -> UUID:
    """A new id for the instant `milliseconds` (since 1970, UTC), with 74 random bits from `random_bytes`."""
    noise = int.from_bytes(random_bytes(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80
    value |= 0x7 << 76
    value |= ((noise >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & (2**62 - 1)
    return UUID(int=value)


def write(noun: str, value: UUID) -> str:
    """The public form: `write("subscription", id)` gives `sub_` and 32 hexadecimal digits."""
    return f"{PREFIXES[noun]}_{value.hex}"


def read(noun: str, text: str) -> UUID:
    """The id behind its public form; raises Malformed when `text` is not one of that noun's."""
    prefix, _, body = text.partition("_")
    if prefix != PREFIXES[noun] or not BODY.fullmatch(body):
        raise Malformed(field=noun, reason="not an id of this kind")
    return UUID(hex=body)
