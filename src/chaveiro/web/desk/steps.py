"""What becomes of a batch: released, all of it or some serials; recalled. Each with a dry run that counts keys."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.channel import queries as channel
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.rules.batches import Batch, Span, recall_takes_two
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.openings import Missing
from chaveiro.web.desk.forms import keeps_language, typed
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.step_up import stepped_up_to_post

RELEASE_FIELDS = ("which", "first", "last", "holder")
RECALL_FIELDS = ("reason",)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
@stepped_up_to_post
def release(request: Any, number: int) -> HttpResponse:
    """Put keys up for sale: which, then how many that is, then done."""
    with acting(request.actor):
        batch = queries.batch_numbered(number)
        holders = channel.holders()
    batch.step("release")
    form = typed(request, RELEASE_FIELDS) if request.method == "POST" else {"which": "all", "first": "", "last": ""}
    context = _release_context(batch, form, holders)
    if not request.sent or request.POST.get("do") == "back":
        return page(request, "desk/release.html", context)
    try:
        part = _part(batch, form)
        holder = _holder(form, part is None)
        if request.POST.get("do") == "release":
            actions.release_batch(
                actor=request.actor, batch=batch.id, means=wiring.means(), serials=part, holder=holder
            )
            return see_other(f"/desk/batches/{number}")
    except Refusal as refused:
        at = "first" if isinstance(refused, Malformed) else "holder"
        return page(request, "desk/release.html", context, status=422, problems=[problem(at, refused)])
    with acting(request.actor):
        counts = queries.counts([batch.id])[batch.id] if part is None else queries.counts_of(part)
    context |= {
        "part": batch.part(part).write(),
        "amount": counts.get("minted", 0),
        "others": sum(counts.values()) - counts.get("minted", 0),
        "holder_name": next((each.name for each in holders if each.id == holder), batch.holder_name),
        "carried": [(name, form.get(name, "")) for name in RELEASE_FIELDS],
    }
    return page(request, "desk/release_check.html", context)


def _release_context(batch: Batch, form: dict[str, str], holders: list[channel.Holder]) -> dict[str, Any]:
    return {
        "batch": batch,
        "form": form,
        "which": [
            ("all", _("All keys of the batch"), batch.serials.write()),
            ("part", _("Some serial numbers"), _("Enter the first and the last below.")),
        ],
        # Only a whole batch that was never for sale passes on with its release.
        "holders": [] if batch.released_at else [(str(each.id), each.name) for each in holders],
        "holder": form.get("holder") or str(batch.holder),
    }


def _part(batch: Batch, form: dict[str, str]) -> Span | None:
    if form["which"] != "part":
        return None
    part = Span.read(f"{form['first']} – {form['last'] or form['first']}")
    return batch.part(part)


def _holder(form: dict[str, str], whole: bool) -> UUID | None:
    try:
        return UUID(form.get("holder", "")) if whole else None
    except ValueError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
@stepped_up_to_post
def recall(request: Any, number: int) -> HttpResponse:
    """Make all unredeemed keys of a batch worthless: what that touches, why, then done or asked of a second person."""
    with acting(request.actor):
        batch = queries.batch_numbered(number)
        counts = queries.counts([batch.id])[batch.id]
        held = queries.held_in(batch.serials, wiring.now())
    batch.step("recall")
    form = typed(request, RECALL_FIELDS)
    context = {
        "batch": batch,
        "form": form,
        "revoked": counts.get("minted", 0) + counts.get("released", 0),
        "redeemed": counts.get("redeemed", 0),
        "not_made": batch.quantity - batch.minted,
        "held": held,
        "takes_two": recall_takes_two(batch, wiring.house()),
        "one_person": wiring.house().one_person,
        "asked": batch.recall_asked_at is not None and batch.recalled_at is None,
    }
    if not request.sent:
        return page(request, "desk/recall.html", context)
    if not form["reason"] and not context["asked"]:
        problems = [problem("reason", Missing(field="reason"))]
        return page(request, "desk/recall.html", context, status=422, problems=problems)
    actions.recall_batch(
        actor=request.actor,
        batch=batch.id,
        means=wiring.means(),
        reason=form["reason"],
        house=wiring.house(),
    )
    return see_other(f"/desk/batches/{number}")


@require_POST
@operators_only
def drop_recall(request: Any, number: int) -> HttpResponse:
    """Take back a recall that waits for a second person."""
    with acting(request.actor):
        batch = queries.batch_numbered(number)
    actions.drop_recall(actor=request.actor, batch=batch.id, means=wiring.means())
    return see_other(f"/desk/batches/{number}")
