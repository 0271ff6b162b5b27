"""The journal at the desk: every act in a sentence; one entry with its proof; all of it to take along."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import queries
from chaveiro.apps.journal.queries import LINES_AT_MOST, Line, StoryFilter
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, Malformed, NotFound, Refusal
from chaveiro.rules.journal import SignatureInvalid
from chaveiro.web import chronicle
from chaveiro.web.addresses import id_or_none
from chaveiro.web.desk.redemptions import day_of, midnight
from chaveiro.web.guards import operators_only
from chaveiro.web.pages import page, problem
from chaveiro.web.spreadsheets import cell
from chaveiro.web.step_up import stepped_up
from chaveiro.wording import telling
from chaveiro.wording.chronicle import SUBJECTS, tags_about

ROWS = 50
FIELDS = ("about", "by", "subject", "customer", "since", "until")
CHECKPOINT_AT_MOST = 5_000
ACTORS = ("operator", "channel", "customer", "anonymous", "system")
COLUMNS = ("number", "at", "tag", "actor_kind", "actor", "organisation", "customer", "subject_kind", "subject", "facts")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed; `story` is what of it can be understood."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, request: Any) -> Asked:
        return cls({name: request.GET.get(name, "").strip()[:100] for name in FIELDS})

    @property
    def story(self) -> StoryFilter:
        given, until = self.values, day_of(self.values["until"])
        kind, subject = _subject(given["subject"])
        return StoryFilter(
            tags=tags_about(given["about"]) or None,
            actor_kind=given["by"] if given["by"] in ACTORS else None,
            customer_id=id_or_none("customer", given["customer"]),
            subject_kind=kind,
            subject_id=subject,
            since=midnight(day_of(given["since"])),
            until=midnight(None if until is None else until + timedelta(days=1)),
        )

    @property
    def query(self) -> str:
        return urlencode({name: value for name, value in self.values.items() if value})


def _subject(text: str) -> tuple[str | None, str | None]:
    """Kind and id as the journal has them, from a public id; any other text stands as it is: a serial, a number."""
    if not text:
        return None, None
    prefix = text.partition("_")[0]
    noun = next((noun for noun, one in identifiers.PREFIXES.items() if one == prefix), None)
    if noun is None:
        return None, text.replace("-", "") if text.replace("-", "").isdecimal() else text
    try:
        return noun, str(identifiers.read(noun, text))
    except Malformed:
        return noun, text


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    actor, asked = request.actor, Asked.of(request)
    cursor = _number(request.GET.get("after", ""))
    with acting(actor):
        entries, following = chronicle.page(actor, asked.story, limit=ROWS, cursor=cursor)
        latest = queries.latest_checkpoint()
    context = {
        "entries": entries,
        "asked": asked.values,
        "about": [("", _("Everything")), *((name, title) for name, (title, _tags) in SUBJECTS.items())],
        "by": _sides(),
        "query": asked.query,
        "next": "" if following is None else "?" + "&".join(filter(None, (asked.query, f"after={following}"))),
        "first": f"?{asked.query}" if cursor else "",
        "checkpoint": latest,
    }
    return page(request, "desk/journal.html", context)


def _sides() -> list[tuple[str, str]]:
    return [
        ("", _("Anybody")),
        ("operator", _("Operators")),
        ("channel", _("Partners")),
        ("customer", _("Customers’ people")),
        ("anonymous", _("Whoever held the keys")),
        ("system", _("The installation by itself")),
    ]


@require_safe
@operators_only
def entry(request: Any, number: int) -> HttpResponse:
    """One entry whole: what it says, and the proof that it stands where it does."""
    actor = request.actor
    with acting(actor):
        line = _line(actor, number)
        [told] = chronicle.told([line])
        proof, refusal = _proof(actor, line)
    context = {"entry": told, "line": line, "facts": _facts(line), "proof": proof}
    problems = [] if refusal is None else [problem("proof", refusal)]
    return page(request, "desk/entry.html", context, problems=problems)


@require_safe
@operators_only
def entry_json(request: Any, number: int) -> HttpResponse:
    """Entry, path and signed checkpoint as a file: all that a check elsewhere needs."""
    actor = request.actor
    with acting(actor):
        proof = queries.prove(actor, _line(actor, number).id)
    told = {
        "entry": proof.entry.decode(),
        "number": proof.number,
        "size": proof.size,
        "root": proof.root.hex(),
        "path": [one.hex() for one in proof.path],
        "checkpoint": proof.checkpoint,
    }
    return _file(json.dumps(told, indent=2), "application/json", f"entry-{number}.json")


def _line(actor: Actor, number: int) -> Line:
    """The entry with this number. Raises NotFound."""
    lines, _following = queries.story(actor, StoryFilter(), cursor=number + 1, limit=1)
    if not lines or lines[0].number != number:
        raise NotFound(what="entry")
    return lines[0]


def _proof(actor: Actor, line: Line) -> tuple[queries.Proof | None, Refusal | None]:
    try:
        return queries.prove(actor, line.id), None
    except Contention:
        return None, None
    except Refusal as refusal:
        return None, refusal


def _facts(line: Line) -> list[tuple[str, str]]:
    """The facts of an entry, name by name, as the journal has them: ids, codes and numbers."""
    return [(name, json.dumps(value, ensure_ascii=False).strip('"')) for name, value in sorted(line.facts.items())]


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def checkpoint(request: Any) -> HttpResponse:
    """Whether this journal continues the one that a checkpoint was signed over, and the path that shows it."""
    typed = request.POST.get("checkpoint", "").strip()[:CHECKPOINT_AT_MOST]
    context: dict[str, Any] = {"typed": typed}
    with acting(request.actor):
        context["latest"] = latest = queries.latest_checkpoint()
        if request.method == "POST":
            try:
                context["holds"] = queries.is_extension_of(typed, reader=wiring.keyring())
            except SignatureInvalid as refusal:
                told = [problem("checkpoint", refusal)]
                return page(request, "desk/checkpoint.html", context, problems=told, status=422)
            size = queries.size_signed(typed, reader=wiring.keyring())
            context["size"] = size
            if context["holds"] and latest is not None and size <= latest.size:
                path = queries.prove_extension(size, latest.size)
                context["path"] = [one.hex() for one in path]
    return page(request, "desk/checkpoint.html", context)


@require_safe
@operators_only
@stepped_up
def export(request: Any, form: str) -> Any:
    """All that the filters ask for, the oldest first: read and sent some at a time, however long the journal is."""
    actor, asked = request.actor, Asked.of(request)
    lines = _lines(actor, asked.story)
    content = _csv(lines) if form == "csv" else _jsonl(lines)
    response = StreamingHttpResponse(content, content_type=f"{_TYPES[form]}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="journal.{form}"'
    response["Cache-Control"] = "no-store"
    return response


_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


def _lines(actor: Actor, wanted: StoryFilter) -> Iterator[Line]:
    cursor: int | None = None
    while True:
        with acting(actor):
            lines, cursor = queries.story(actor, wanted, cursor=cursor, limit=LINES_AT_MOST, newest_first=False)
        yield from lines
        if cursor is None:
            return


def _told(line: Line) -> dict[str, Any]:
    return {
        "number": line.number,
        "at": telling.instant(line.at),
        "tag": line.tag,
        "actor_kind": line.actor_kind,
        "actor": None if line.actor_id is None else str(line.actor_id),
        "organisation": telling.public("partner", line.organisation_id),
        "customer": telling.public("customer", line.customer_id),
        "subject_kind": line.subject_kind,
        "subject": _public(line),
        "facts": line.facts,
    }


def _public(line: Line) -> str:
    try:
        return identifiers.write(line.subject_kind, UUID(line.subject_id))
    except (KeyError, ValueError):
        return line.subject_id


def _jsonl(lines: Iterator[Line]) -> Iterator[str]:
    for line in lines:
        yield json.dumps(_told(line), ensure_ascii=False, default=str) + "\n"


def _csv(lines: Iterator[Line]) -> Iterator[str]:
    yield "\ufeff" + ",".join(COLUMNS) + "\r\n"
    for line in lines:
        told = _told(line) | {"facts": json.dumps(line.facts, ensure_ascii=False)}
        yield ",".join(_quoted(cell(told[name])) for name in COLUMNS) + "\r\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _file(text: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None
