"""The versions of the pepper: how the setting names them, and what must be there for keys to be found.

Source: 6-reliability.md (Keys): kept outside the database, rotation while both live, refusal to start without.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.keys.digests import Digester, Pepper

VERSIONS_AT_MOST = 32
"""Pepper versions that are looked up at once; each costs one digest for each key that is asked for."""

GREATEST_VERSION = 32_767


class PepperMissing(Refusal):
    """The setting has no pepper under which live keys were digested; they would all be unknown. Facts: versions."""

    code = "pepper_missing"


class PepperChanged(Refusal):
    """A pepper version is not the secret under which keys were digested. Facts: versions."""

    code = "pepper_changed"


def parse(text: str) -> tuple[Pepper, ...]:
    """The peppers of a setting like `1:base64,2:base64`, oldest first: the last mints, all look up.

    Raises PepperMissing when there is none, Malformed (never with the text) when they cannot be read.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise PepperMissing(versions=[])
    if len(entries) > VERSIONS_AT_MOST:
        raise Malformed(field="KEY_PEPPERS", reason=f"more than {VERSIONS_AT_MOST} versions")
    peppers = sorted((_parse_one(entry) for entry in entries), key=lambda pepper: pepper.version)
    if len({pepper.version for pepper in peppers}) != len(peppers):
        raise Malformed(field="KEY_PEPPERS", reason="a version stands there twice")
    return tuple(peppers)


def _parse_one(entry: str) -> Pepper:
    version, _, secret = entry.partition(":")
    if not (version.isascii() and version.isdecimal() and 1 <= int(version[:6]) <= GREATEST_VERSION):
        raise Malformed(field="KEY_PEPPERS", reason="each is `version:base64`")
    try:
        return Pepper(int(version), base64.b64decode(secret, validate=True))
    except binascii.Error:
        # Without `from`: the fault's own message would quote the secret.
        raise Malformed(field="KEY_PEPPERS", reason=f"version {version} is not base64") from None


def fingerprint(digester: Digester) -> str:
    """The same sixteen digits as `Pepper.fingerprint`, from the digester alone."""
    return digester.digest("chaveiro pepper fingerprint").hex()[:16]


def check(digesters: Iterable[Digester], recorded: Mapping[int, str], live: Iterable[int]) -> None:
    """Pass when every pepper that `live` keys use is at hand and each recorded one is the secret it was.

    `recorded` has the fingerprint of each version that ever minted. Raises PepperChanged, then PepperMissing.
    """
    present = {digester.version: fingerprint(digester) for digester in digesters}
    changed = [version for version, print_ in recorded.items() if present.get(version, print_) != print_]
    if changed:
        raise PepperChanged(versions=sorted(changed))
    missing = set(live) - present.keys()
    if missing or not present:
        raise PepperMissing(versions=sorted(missing))
