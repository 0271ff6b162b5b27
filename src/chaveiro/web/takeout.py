"""What is kept of whoever is signed in and of their organisation: read it, take it with you, have it erased."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.closing.actions import exporting
from chaveiro.apps.closing.actions.letting_go import let_go
from chaveiro.apps.closing.queries import takeout as queries
from chaveiro.apps.closing.queries.takeout import PersonCard
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.operations.queries import Progress
from chaveiro.rules import identifiers, takeout
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.web.guards import customers_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.step_up import stepped_up_to_post

DATA = "/settings/data"
IN_MEMORY_AT_MOST = 4 * 1024 * 1024
PEOPLE_AT_MOST = 200
EXPORTS_AT_MOST = 10


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
@stepped_up_to_post
def data(request: Any) -> HttpResponse:
    """What is kept; a POST asks for an export: of oneself, or of the whole organisation."""
    actor = request.actor
    with acting(actor):
        mine = _mine(request)
        administrator = "administrator" in actor.roles
        people = queries.people(actor.customer, limit=PEOPLE_AT_MOST) if administrator else []
        exports = list(_exports())
    if request.method == "POST" and request.POST.get("do") in ("mine", "all"):
        person = mine.id if request.POST["do"] == "mine" else None
        operation = exporting.begin_export(actor=actor, means=wiring.means(), person=person)
        return see_other(f"{DATA}/exports/{identifiers.write('operation', operation)}")
    context = {
        "me": mine,
        "administrator": administrator,
        "people": people,
        "exports": exports,
        "done": request.GET.get("done", ""),
    }
    return page(request, "settings/data.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
@stepped_up_to_post
def export(request: Any, operation: str) -> HttpResponse:
    """An export: how far it is; a POST hands the file out."""
    with acting(request.actor):
        work = operations.progress(_id("operation", operation))
    if work.kind != exporting.WORK:
        raise NotFound(what="export")
    if request.method == "POST" and work.state == "done":
        return cast(HttpResponse, _download(request, work))
    live = work.finished_at is None
    told = {"work": work, "public": operation, "live": live, "seconds": 5, **_of(work)}
    return page(request, "settings/data_export.html", told)


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
@stepped_up_to_post
def person(request: Any, person: str) -> HttpResponse:
    """Erasing one person of the organisation: what goes and what stays, then it is done. For administrators."""
    wanted = _id("person", person)
    with acting(request.actor):
        found = queries.people(request.actor.customer, limit=1, person=wanted)
    if not found or "administrator" not in request.actor.roles:
        raise NotFound(what="person")
    return _erasing(request, found[0], oneself=found[0].account == request.account.id)


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
@stepped_up_to_post
def oneself(request: Any) -> HttpResponse:
    """Erasing whoever is signed in, at their own wish."""
    with acting(request.actor):
        mine = _mine(request)
    return _erasing(request, mine, oneself=True)


def _erasing(request: Any, card: PersonCard, *, oneself: bool) -> HttpResponse:
    context = {"person": card, "oneself": oneself}
    if request.method != "POST" or request.POST.get("do") != "erase":
        return page(request, "settings/data_person.html", context)
    try:
        let_go(actor=request.actor, person=card.id, means=wiring.means())
    except Refusal as refusal:
        return page(request, "settings/data_person.html", context, problems=[problem("top", refusal)], status=422)
    return see_other("/" if oneself else f"{DATA}?done=erased")


def _mine(request: Any) -> PersonCard:
    found = queries.people(request.actor.customer, limit=1, account=request.account.id)
    if not found:
        raise NotFound(what="person")
    return found[0]


def _id(noun: str, text: str) -> UUID:
    try:
        return identifiers.read(noun, text)
    except Malformed:
        raise NotFound(what=noun) from None


def _exports() -> Iterator[dict[str, Any]]:
    """Those that the reader asked for and that can still be fetched, or are being written."""
    now = wiring.now()
    for work in operations.progresses(limit=50)[:EXPORTS_AT_MOST]:
        if work.kind == exporting.WORK and (work.finished_at is None or work.finished_at + takeout.LIFE > now):
            yield {"public": identifiers.write("operation", work.id), "work": work, **_of(work)}


def _of(work: Progress) -> dict[str, Any]:
    whole = ":" not in work.subject_id
    words = {
        "queued": (_("about to begin"), "idle"),
        "running": (_("running"), "warn"),
        "done": (_("done"), "good"),
        "failed": (_("failed"), "bad"),
        "cancelled": (_("cancelled"), "bad"),
    }
    until = None if work.finished_at is None else work.finished_at + takeout.LIFE
    return {"whole": whole, "status": words[work.state], "until": until}


def _download(request: Any, work: Progress) -> FileResponse:
    with ExitStack() as stack:
        into = cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_AT_MOST)))
        exporting.fetch_export(
            actor=request.actor,
            operation=work.id,
            keys=wiring.data_keys(),
            unseal=wiring.unseal_data,
            into=into,
            means=wiring.means(),
        )
        into.seek(0)
        # From here on the response closes it, when the last byte has left.
        stack.pop_all()
    response = FileResponse(into, as_attachment=True, filename="data.zip", content_type="application/zip")
    response["Cache-Control"] = "no-store"
    return response
