"""Long work on keys and what comes of it: its progress, its end, the export that leaves once, a key replaced."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.http import FileResponse, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.operations.queries import Progress
from chaveiro.rules import identifiers, serials
from chaveiro.rules.batches import Batch, KeyReplaced, Kind
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.exports import Lock
from chaveiro.rules.verdicts import KeyRedeemed
from chaveiro.web.desk.batches import carries
from chaveiro.web.desk.forms import keeps_language
from chaveiro.web.desk.orders import lock_context, lock_of
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problem
from chaveiro.web.step_up import stepped_up, stepped_up_to_post
from chaveiro.wording import figures, said, said_to_do

IN_MEMORY_AT_MOST = 4 * 1024 * 1024
BINARY = "application/octet-stream"
REFRESH_SECONDS = 5  # where there is no script
MINUTE = 60


@require_safe
@operators_only
def operation(request: Any, operation: str) -> HttpResponse:
    """How far a piece of long work is; safe to leave."""
    work, batch = _work(request, operation)
    live = work.finished_at is None
    waits = live and not batch.is_approved
    return page(
        request,
        "desk/operation.html",
        {
            "work": work,
            "batch": batch,
            "public": operation,
            "live": live,
            "waits": waits,
            "seconds": REFRESH_SECONDS,
            "told": _told(work),
            "status": _status(work, waits),
            "fault": (said(work.fault, language()), said_to_do(work.fault, language())) if work.fault else None,
            "may_cancel": live and batch.minted_at is None,
            "export": work.result.get("export", ""),
        },
    )


@require_safe
@operators_only
def progress(request: Any, operation: str) -> HttpResponse:
    """The same in a few words, for the page's own script."""
    work, _batch = _work(request, operation)
    response = JsonResponse(_told(work))
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@operators_only
def cancel(request: Any, operation: str) -> HttpResponse:
    """Stop the work before its batch is whole: what was made is worth nothing."""
    work, _batch = _work(request, operation)
    batch = actions.cancel_mint(actor=request.actor, operation=work.id, means=wiring.means())
    return see_other(f"/desk/batches/{batch.number}")


def _work(request: Any, public: str) -> tuple[Progress, Batch]:
    try:
        wanted = identifiers.read("operation", public)
    except Malformed:
        raise NotFound(what="operation") from None
    with acting(request.actor):
        work = operations.progress(wanted)
        if work.kind != queries.WORK:
            raise NotFound(what="operation")
        return work, queries.batch(UUID(work.subject_id))


def _told(work: Progress) -> dict[str, Any]:
    write = figures(language())
    return {
        "state": work.state,
        "live": work.finished_at is None,
        "done": work.done,
        "failed": work.failed,
        "total": work.total,
        "words": _("%(done)s of %(total)s done, %(left)s left")
        % {"done": write.number(work.done), "total": write.number(work.total), "left": write.number(work.left)},
        "estimate": _estimate(work),
    }


def _estimate(work: Progress) -> str:
    """How long it will take, honestly: from what was done so far, and nothing while nothing was."""
    if work.finished_at is not None:
        return ""
    if work.started_at is None:
        return _("It has not begun yet.")
    if not work.done:
        return _("There is no estimate yet.")
    spent = (wiring.now() - work.started_at).total_seconds()
    minutes = int(spent * work.left / work.done) // MINUTE
    if not minutes:
        return _("Less than a minute is left.")
    said = ngettext("About %(minutes)s minute is left.", "About %(minutes)s minutes are left.", minutes)
    return said % {"minutes": figures(language()).number(minutes)}


def _status(work: Progress, waits: bool) -> tuple[str, str]:
    if waits:
        return _("waits for approval"), "warn"
    return {
        "queued": (_("about to begin"), "idle"),
        "running": (_("running"), "warn"),
        "done": (_("done"), "good"),
        "failed": (_("failed"), "bad"),
        "cancelled": (_("cancelled"), "bad"),
    }[work.state]


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def export(request: Any, number: int) -> HttpResponse:
    """The export of a batch: what it is, until when it waits, and, once, the file itself."""
    with acting(request.actor):
        batch = queries.batch_numbered(number)
        found = queries.export_of(batch.id)
    if request.method == "POST" and found.state == "ready":
        return cast(HttpResponse, _download(request, batch))
    return page(
        request,
        "desk/export.html",
        {"batch": batch, "export": found, "ready": found.state == "ready" and batch.minted_at is not None},
        status=409 if request.method == "POST" else 200,
    )


def _download(request: Any, batch: Batch) -> FileResponse:
    with ExitStack() as stack:
        into = cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_AT_MOST)))
        name = actions.download_export(actor=request.actor, batch=batch.id, into=into, means=wiring.means())
        into.seek(0)
        # From here on the response closes it, when the last byte has left.
        stack.pop_all()
    response = FileResponse(into, as_attachment=True, filename=name, content_type=BINARY)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
@stepped_up
def replace(request: Any, serial: str) -> HttpResponse:
    """A key replaced by a new one that carries the same: what happens, who can open it, then done."""
    try:
        number = serials.read(serial)
    except Malformed:
        raise NotFound(what="key") from None
    with acting(request.actor):
        key = queries.key(number, now=wiring.now())
        batch = queries.batch(key.batch)
        replacement = queries.replacement_of(number)
    context = {
        "key": key,
        "batch": batch,
        "replacement": replacement,
        "carries": carries(key.seats, key.months),
        "may": key.state != "redeemed" and (replacement is None or not replacement.minted),
        **lock_context(request),
    }
    if not request.sent or not context["may"]:
        return page(request, "desk/replace.html", context, problems=_why_not(context) if request.sent else ())
    lock, problems = lock_of(request, needed=key.kind is Kind.BEARER)
    if problems:
        return page(request, "desk/replace.html", context, status=422, problems=problems)
    return see_other(f"/desk/operations/{identifiers.write('operation', _begin(request, number, lock))}")


def _begin(request: Any, number: int, lock: Lock | None) -> UUID:
    _batch, work = actions.replace_by_worker(
        actor=request.actor,
        number=number,
        lock=lock,
        vault=wiring.vault(),
        locksmith=wiring.locksmith(),
        means=wiring.means(),
    )
    return work


def _why_not(context: Mapping[str, Any]) -> list[Any]:
    if context["key"].state == "redeemed":
        return [problem("top", KeyRedeemed())]
    replacement = context["replacement"]
    return [problem("top", KeyReplaced(by=serials.write(replacement.first_number)))]
