"""The clock and the source of randomness: the only place where either is read."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chaveiro.rules import identifiers

standing: ContextVar[date | None] = ContextVar("day of a test clock", default=None)


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)


def platform_day(instant: datetime, time_zone: str) -> date:
    """The one platform day: the calendar date of `instant` in the platform's time zone (2-rules.md, section 4)."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


@contextmanager
def on_day(day: date | None) -> Iterator[None]:
    """What is done inside is done on this day of a test clock; None leaves the day as it is. Instants stay real."""
    mark = standing.set(standing.get() if day is None else day)
    try:
        yield
    finally:
        standing.reset(mark)


def new_id() -> UUID:
    """A new time-ordered id. Ids carry wall-clock order for index locality only; no rule reads it."""
    return identifiers.make(time.time_ns() // 1_000_000, os.urandom)


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return os.urandom(count)
