"""What an action needs of the world and may not fetch itself: instants, ids, randomness, digests.

Doors hand it in (`chaveiro.wiring` builds it from the real clock and the settings); tests hand in fixed ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from chaveiro.rules.keys.digests import Digester


@dataclass(frozen=True, slots=True)
class Means:
    """The instant and platform day of one act, and where ids, random bytes and key digests come from.

    `digesters` are by pepper version, the newest last: it mints, all look up.
    """

    now: datetime
    day: date
    new_id: Callable[[], UUID]
    random_bytes: Callable[[int], bytes]
    digesters: tuple[Digester, ...]

    def at(self, now: datetime, day: date) -> Means:
        """The same means at another instant."""
        return replace(self, now=now, day=day)
