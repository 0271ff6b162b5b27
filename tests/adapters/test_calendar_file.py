"""Calendar files are read back as RFC 5545 says: unfolded, unescaped, each entry under an id that stays."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from chaveiro.adapters.calendar_file import calendar
from chaveiro.rules.calendars import Event

OCTETS_IN_A_LINE = 75
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def lines_of(text: str) -> list[tuple[str, str]]:
    """The content lines of a file: name and value, folds undone."""
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= OCTETS_IN_A_LINE for line in text.split("\r\n"))
    unfolded = text.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
    pairs = [line.partition(":") for line in unfolded]
    return [(name, value) for name, _colon, value in pairs]


def written(events: list[Event], name: str = "x") -> str:
    return calendar(events, name=name, stamp=NOON).decode()


def plain(value: str) -> str:
    """A text value with its escapes undone."""
    out, escaped = "", False
    for character in value:
        if escaped:
            out += "\n" if character in "nN" else character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            out += character
    return out


def an_event(**changes: object) -> Event:
    fields = {
        "uid": "sub_1-end@example.test",
        "day": date(2026, 12, 15),
        "summary": "Último dia",
        "description": "Válida até 15 de dezembro",
        "url": "https://example.test/subscriptions/sub_1",
        "sequence": 3,
        "remind_days_before": (60, 1),
    }
    return Event(**{**fields, **changes})  # type: ignore[arg-type]


def test_an_entry_is_a_whole_day_with_its_reminders() -> None:
    told = lines_of(written([an_event()], "Padaria Sol"))
    assert told[0] == ("BEGIN", "VCALENDAR")
    assert told[-1] == ("END", "VCALENDAR")
    assert not {"METHOD"} & {name for name, _ in told}
    values = dict(told)
    assert values["DTSTART;VALUE=DATE"] == "20261215"
    assert values["DTEND;VALUE=DATE"] == "20261216"
    assert values["DTSTAMP"] == "20261122T120000Z"
    assert (values["UID"], values["SEQUENCE"]) == ("sub_1-end@example.test", "3")
    assert [value for name, value in told if name == "TRIGGER"] == ["-P60D", "-P1D"]
    assert [value for name, value in told if name == "BEGIN"] == ["VCALENDAR", "VEVENT", "VALARM", "VALARM"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300))
def test_any_text_comes_back_as_it_was_and_ends_no_line(text: str) -> None:
    told = dict(lines_of(written([an_event(summary=text, remind_days_before=())])))
    assert plain(told["SUMMARY"]) == text


def test_a_line_end_in_a_name_starts_no_line_of_its_own() -> None:
    told = lines_of(written([an_event(summary="Sol\r\nURL:https://elsewhere.test")]))
    assert [value for name, value in told if name == "URL"] == ["https://example.test/subscriptions/sub_1"]
