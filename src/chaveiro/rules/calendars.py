"""Calendar files after RFC 5545: whole days with reminders, each under an id that stays when its day moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

OCTETS_IN_A_LINE = 75


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


def write(events: Iterable[Event], *, name: str, stamp: datetime) -> str:
    """The file. `stamp` is the instant at which its facts were what they are; equal facts give equal files."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Chaveiro//Chaveiro//PT", f"X-WR-CALNAME:{_text(name)}"]
    for event in events:
        lines += _event(event, stamp.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"))
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _event(event: Event, stamp: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"DTSTAMP:{stamp}"
    yield f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(event.summary)}"
    yield f"DESCRIPTION:{_text(event.description)}"
    yield f"URL:{event.url}"
    yield "TRANSP:TRANSPARENT"
    for days in event.remind_days_before:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{_text(event.summary)}")
        yield from (f"TRIGGER:-P{days}D", "END:VALARM")
    yield "END:VEVENT"


def _text(value: str) -> str:
    """A text value: what the format gives a meaning of its own is escaped, and no line end gets through."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(escaped.splitlines())


def _folded(line: str) -> Iterator[str]:
    """A line in pieces of 75 octets at most, none of which cuts a character in two."""
    piece, octets = "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > OCTETS_IN_A_LINE:
            yield piece
            piece, octets = " ", 1
        piece += character
        octets += size
    yield piece
