"""Days for people's own calendars: whole days with reminders, each under an id that stays when its day moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something on a whole day. `sequence` grows whenever the day does; reminders are days before it."""

    uid: str
    day: date
    summary: str
    description: str
    url: str
    sequence: int
    remind_days_before: tuple[int, ...] = ()


class CalendarWriter(Protocol):
    """Whatever makes a calendar file of events."""

    def __call__(self, events: Iterable[Event], *, name: str, stamp: datetime) -> bytes:
        """The file. `stamp` is the instant at which its facts were what they are; equal facts give equal files."""
