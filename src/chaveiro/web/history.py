"""The history of an organisation: every act about it, in sentences, with who did it, filtered, and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.queries import LINES_AT_MOST, Line, StoryFilter, story
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotFound
from chaveiro.web import chronicle
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import page
from chaveiro.web.spreadsheets import ROWS_AT_MOST, csv_file
from chaveiro.wording.chronicle import SUBJECTS, tags_about

ROWS = 50
FIELDS = ("about", "by", "since", "until")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed; `story` is what of it can be understood."""

    about: str
    by: str
    since: str
    until: str

    @classmethod
    def of(cls, request: Any) -> Asked:
        return cls(*(request.GET.get(name, "").strip()[:20] for name in FIELDS))

    @property
    def story(self) -> StoryFilter:
        since, until = _day(self.since), _day(self.until)
        return StoryFilter(
            tags=tags_about(self.about) or None,
            actor_kind="channel" if self.by == "partners" else None,
            since=None if since is None else _midnight(since),
            until=None if until is None else _midnight(until + timedelta(days=1)),
        )

    @property
    def query(self) -> str:
        given = ((name, getattr(self, name)) for name in FIELDS)
        return urlencode({name: value for name, value in given if value})


@require_safe
@signed_in
def history(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    actor, asked = _side(request), Asked.of(request)
    cursor = request.GET.get("after", "")
    with acting(actor):
        entries, following = chronicle.page(actor, asked.story, limit=ROWS, cursor=_number(cursor))
    context = {
        "entries": entries,
        "asked": asked,
        "about": [("", _("Everything")), *((name, title) for name, (title, _subjects) in _subjects_for(actor))],
        "by": [("", _("Anybody")), ("partners", _("Partners"))] if actor.kind is Kind.CUSTOMER else [],
        "next": "" if following is None else "?" + _joined(asked.query, f"after={following}"),
        "first": f"?{asked.query}" if cursor else "",
    }
    return page(request, "history.html", context)


@require_safe
@signed_in
def history_csv(request: Any) -> HttpResponse:
    """The same as a table, at most 10,000 entries."""
    actor, asked = _side(request), Asked.of(request)
    with acting(actor):
        entries = chronicle.told(_all(actor, asked))
    rows = [(each.at, each.what, each.who, each.called, each.tag, each.number) for each in entries]
    return csv_file("history", (_("When"), _("What"), _("Who"), _("Where"), _("Kind"), _("No.")), rows)


def _all(actor: Actor, asked: Asked) -> list[Line]:
    lines: list[Line] = []
    cursor: int | None = None
    while len(lines) < ROWS_AT_MOST:
        portion, cursor = story(actor, asked.story, limit=LINES_AT_MOST, cursor=cursor)
        lines += portion
        if cursor is None:
            break
    return lines


def _side(request: Any) -> Actor:
    """A customer or a partner; the operator has the whole journal at the desk."""
    actor: Actor = request.actor
    if actor.kind not in (Kind.CUSTOMER, Kind.CHANNEL):
        raise NotFound()
    return actor


def _subjects_for(actor: Actor) -> list[tuple[str, tuple[Any, tuple[str, ...]]]]:
    hidden = {"keys"} if actor.kind is Kind.CUSTOMER else set()
    return [(name, about) for name, about in SUBJECTS.items() if name not in hidden]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), get_current_timezone())


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _joined(*parts: str) -> str:
    return "&".join(filter(None, parts))
