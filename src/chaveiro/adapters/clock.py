"""The clock and the source of randomness: the only place where either is read."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chaveiro.rules import identifiers


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)


def platform_day(instant: datetime, time_zone: str) -> date:
    """The one platform day: the calendar date of `instant` in the platform's time zone (2-rules.md, section 4)."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def new_id() -> UUID:
    """A new time-ordered id. Ids carry wall-clock order for index locality only; no rule reads it."""
    return identifiers.make(time.time_ns() // 1_000_000, os.urandom)


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return os.urandom(count)
