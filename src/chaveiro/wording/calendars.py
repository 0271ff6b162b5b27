"""The days of a subscription as calendar entries, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import override

from chaveiro.rules import identifiers, lifecycle
from chaveiro.rules.calendars import CalendarWriter, Event
from chaveiro.wording.figures import figures


@dataclass(frozen=True, slots=True)
class Days:
    """What a calendar says of one subscription. `term` counts its changes, `notice_days` are the policy's."""

    subscription: UUID
    customer_name: str
    names: Mapping[str, str]
    ends_on: date
    access_stops_on: date
    erasure_on: date
    notice_days: tuple[int, ...]
    term: int


def calendar(days: Days, *, write: CalendarWriter, language: str, base_url: str, stamp: datetime) -> bytes:
    """The calendar file, as `write` makes it: the last day, the day on which access stops, and that of the erasure."""
    with override(language):
        product = days.names.get(language.partition("-")[0]) or next(iter(days.names.values()), "")
        told = {"product": product, "customer": days.customer_name}
        what_then = _what_then(days, language)

        def event(what: str, day: date, summary: str, remind_days_before: tuple[int, ...]) -> Event:
            public = identifiers.write("subscription", days.subscription)
            uid, url = f"{public}-{what}@{_host(base_url)}", f"{base_url}/subscriptions/{public}"
            return Event(uid, day, summary % told, what_then, url, days.term, remind_days_before)

        events = (
            event(
                "end", lifecycle.last_day(days.ends_on), _("Last day of %(product)s, %(customer)s"), days.notice_days
            ),
            event("access", days.access_stops_on, _("Access to %(product)s stops, %(customer)s"), (7,)),
            event("erasure", days.erasure_on, _("The data of %(product)s may be erased, %(customer)s"), (30, 7)),
        )
        return write(events, name=_("%(product)s, %(customer)s") % told, stamp=stamp)


def _host(base_url: str) -> str:
    return urlsplit(base_url).hostname or "localhost"


def _what_then(days: Days, language: str) -> str:
    write = figures(language)
    return _(
        "Valid until %(end)s (inclusive). In use as before until %(grace)s; the data are kept until %(kept)s at least."
        " A product key extends it at any time and loses nothing."
    ) % {
        "end": write.last_day(days.ends_on),
        "grace": write.last_day(days.access_stops_on),
        "kept": write.last_day(days.erasure_on),
    }
