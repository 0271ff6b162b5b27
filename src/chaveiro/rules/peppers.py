"""The versions of the pepper: what must be at hand for keys to be found.

Source: 6-reliability.md (Keys): kept outside the database, rotation while both live, refusal to start without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chaveiro.rules.errors import Refusal
from chaveiro.rules.keys.digests import Digester


class PepperMissing(Refusal):
    """The setting has no pepper under which live keys were digested; they would all be unknown. Facts: versions."""

    code = "pepper_missing"


class PepperChanged(Refusal):
    """A pepper version is not the secret under which keys were digested. Facts: versions."""

    code = "pepper_changed"


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
