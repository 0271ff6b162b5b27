"""Calendar files after RFC 5545, by the `icalendar` library: what it folds and escapes, every calendar reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar
from icalendar import Event as Entry

from chaveiro.rules.calendars import Event

PRODUCT = "-//Chaveiro//Chaveiro//PT"


def calendar(events: Iterable[Event], *, name: str, stamp: datetime) -> bytes:
    """The file, meeting `rules.calendars.CalendarWriter`: an entry that was read before moves instead of doubling."""
    book = Calendar()
    book.add("prodid", PRODUCT)
    book.add("version", "2.0")
    book.add("x-wr-calname", _line(name))
    for event in events:
        book.add_component(_entry(event, stamp.astimezone(UTC).replace(microsecond=0)))
    file: bytes = book.to_ical(sorted=False)
    return file


def _entry(event: Event, stamp: datetime) -> Entry:
    entry = Entry()
    entry.add("uid", event.uid)
    entry.add("sequence", event.sequence)
    entry.add("dtstamp", stamp)
    entry.add("dtstart", event.day)
    entry.add("dtend", event.day + timedelta(days=1))
    entry.add("summary", _line(event.summary))
    entry.add("description", event.description)
    entry.add("url", event.url)
    entry.add("transp", "TRANSPARENT")
    for days in event.remind_days_before:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", _line(event.summary))
        alarm.add("trigger", timedelta(days=-days))
        entry.add_component(alarm)
    return entry


def _line(text: str) -> str:
    """A title: one line, whatever line ends a name brought along."""
    return " ".join(text.splitlines())
