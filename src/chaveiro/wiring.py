"""Which adapter stands behind which need: the only module that chooses, from the settings."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from django.conf import settings

from chaveiro.adapters import clock
from chaveiro.adapters.sealing import CodeSealer
from chaveiro.rules.drafts import Sealer
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys.digests import Digester, Pepper
from chaveiro.rules.means import Means


def means() -> Means:
    """The means of an act that happens now."""
    now = clock.now()
    return Means(
        now,
        clock.platform_day(now, settings.PLATFORM_TIME_ZONE),
        clock.new_id,
        clock.random_bytes,
        digesters(settings.KEY_PEPPERS),
    )


def sealer() -> Sealer:
    """What seals the mistyped keys of a draft."""
    return CodeSealer()


@lru_cache(maxsize=4)
def digesters(text: str) -> tuple[Digester, ...]:
    """One digester for each pepper in a setting's text, the newest version last; `peppers` tells what it raises."""
    return tuple(Digester(pepper) for pepper in peppers(text))


def peppers(text: str) -> tuple[Pepper, ...]:
    """The peppers of a setting's text `version:base64,…`, by version. Raises Malformed, naming CHAVEIRO_KEY_PEPPERS."""
    return tuple(Pepper(version, secret) for version, secret in versioned(text, "CHAVEIRO_KEY_PEPPERS"))


def versioned(text: str, variable: str) -> list[tuple[int, bytes]]:
    """Version and secret of each part of a setting's text, ordered by version; the variable's name is for refusals."""
    found: dict[int, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        version, _, secret = part.partition(":")
        if not version.isdecimal() or int(version) in found:
            raise Malformed(field=variable, reason="is `version:base64`, separated by commas, each version once")
        try:
            found[int(version)] = base64.b64decode(secret, validate=True)
        except binascii.Error as fault:
            raise Malformed(field=variable, reason=f"version {version} is not base64") from fault
    if not found:
        raise Malformed(field=variable, reason="is not set")
    return sorted(found.items())
