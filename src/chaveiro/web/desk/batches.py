"""Batches: the list, and the page of one with its keys by state, what can be done with it now, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.apps.journal.queries import StoryFilter
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.keys.queries import BatchFilter, Export
from chaveiro.apps.operations.queries import Progress
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import Agreement, Batch, Kind, Stage, agreement
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.serials import read as read_serial
from chaveiro.rules.serials import write as write_serial
from chaveiro.web import chronicle
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problem
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import figures

ROWS = 50
HISTORY = 20
WIDTH = 600  # of the bar, in the units of its drawing
STATES = (("released", "a"), ("redeemed", "b"), ("minted", "c"), ("revoked", "d"))


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Batches, the newest first; filters and page in the address."""
    product, stage = request.GET.get("product", "")[:40], _stage(request.GET.get("stage", ""))
    after = request.GET.get("after", "")
    wanted = BatchFilter(product=product, stage=stage)
    with acting(request.actor):
        found = queries.batches(limit=ROWS + 1, before=_number(after), wanted=wanted)
        products = catalog.products()
    query = urlencode({name: value for name, value in (("product", product), ("stage", stage or "")) if value})
    following = f"after={found[ROWS - 1].number}" if len(found) > ROWS else ""
    context = {
        "batches": [{"batch": batch, "stage": stage_words(batch.stage)} for batch in found[:ROWS]],
        "products": [("", _("All products")), *((each.code, each.code) for each in products)],
        "stages": [("", _("All")), *((each.value, stage_words(each)[0]) for each in Stage)],
        "product": product,
        "stage": stage.value if stage else "",
        "filtered": bool(query),
        "next": "?" + "&".join(filter(None, (query, following))) if following else "",
        "first": f"?{query}" if after else "",
        "serial": request.GET.get("serial", "")[:40],
    }
    return page(request, "desk/batches.html", context)


@require_safe
@operators_only
def find(request: Any) -> HttpResponse:
    """Lead to the replacement of the key of a serial, or say that it is none."""
    try:
        number = read_serial(request.GET.get("serial", "")[:100])
        with acting(request.actor):
            queries.key(number, now=wiring.now())
    except (Malformed, NotFound):
        return page(
            request,
            "desk/find_key.html",
            {"serial": request.GET.get("serial", "")[:40]},
            status=422,
            problems=[problem("serial", Malformed(field="serial", reason="no such key"))],
        )
    return see_other(f"/desk/keys/{write_serial(number)}/replace")


@require_safe
@operators_only
def one(request: Any, number: int) -> HttpResponse:
    """A batch."""
    actor: Actor = request.actor
    with acting(actor):
        batch = queries.batch_numbered(number)
        counts = queries.counts([batch.id])[batch.id]
        names = catalog.version(batch.product_version).names
        work, export = queries.mint_of(batch.id), queries.export_of(batch.id)
        entries, _following = chronicle.page(actor, StoryFilter(subject_id=str(batch.id)), limit=HISTORY)
        asked = (batch.created_by, batch.approved_by, batch.recall_asked_by)
        people = names_of({account for account in asked if account is not None})
    context = {
        "batch": batch,
        "names": names,
        "stage": stage_words(batch.stage),
        "rows": facts(batch, names),
        "steps": _steps(batch, people),
        "bar": _bar(counts, batch.quantity),
        "work": work,
        "export": export,
        "entries": entries,
        **_possible(batch, counts, actor, work, export),
        "asked_by": people.get(batch.recall_asked_by) if batch.recall_asked_by else None,
        "age": _age(batch.created_at),
    }
    return page(request, "desk/batch.html", context)


@require_POST
@operators_only
@stepped_up_to_post
def approve(request: Any, number: int) -> HttpResponse:
    """The second person's word."""
    with acting(request.actor):
        batch = queries.batch_numbered(number)
    actions.approve_batch(actor=request.actor, batch=batch.id, house=wiring.house(), means=wiring.means())
    with acting(request.actor):
        work = queries.mint_of(batch.id)
    return see_other(
        f"/desk/batches/{number}" if work is None else f"/desk/operations/{identifiers.write('operation', work.id)}"
    )


def _possible(
    batch: Batch, counts: Mapping[str, int], actor: Actor, work: Progress | None, export: Export
) -> dict[str, Any]:
    """What can be done with the batch now, and by whom."""
    live = work is not None and work.finished_at is None
    return {
        "approval": _agreement(batch, actor) if batch.stage is Stage.WAITING else None,
        "recall_approval": _recall_agreement(batch, actor),
        "operation": identifiers.write("operation", work.id) if live and work is not None else "",
        "may_release": batch.stage is Stage.MINTED or (batch.stage is Stage.RELEASED and counts.get("minted", 0) > 0),
        "may_recall": batch.stage is not Stage.RECALLED and not (live and batch.minted_at is None),
        "may_download": export.state == "ready" and batch.minted_at is not None,
    }


def _agreement(batch: Batch, actor: Actor) -> Agreement:
    return agreement(batch.created_by, batch.created_at, actor.account, wiring.house(), wiring.now())


def _recall_agreement(batch: Batch, actor: Actor) -> Agreement | None:
    if batch.recall_asked_at is None or batch.recalled_at is not None:
        return None
    return agreement(batch.recall_asked_by, batch.recall_asked_at, actor.account, wiring.house(), wiring.now())


def stage_words(stage: Stage) -> tuple[str, str]:
    """What a stage is called, and how its mark looks."""
    return {
        Stage.PLANNED: (_("ordered"), "idle"),
        Stage.WAITING: (_("waits for approval"), "warn"),
        Stage.MINTING: (_("being made"), "warn"),
        Stage.MINTED: (_("made, not for sale"), "idle"),
        Stage.RELEASED: (_("for sale"), "good"),
        Stage.RECALLED: (_("recalled"), "bad"),
    }[stage]


def state_word(state: str) -> str:
    """What keys in a state are called, of several of them."""
    return {
        "minted": _("Made, not for sale"),
        "released": _("For sale"),
        "redeemed": _("Redeemed"),
        "revoked": _("Revoked"),
    }[state]


def carries(seats: int, months: int) -> str:
    """What one key carries, in words."""
    write = figures(language())
    licences = ngettext("%(seats)s licence", "%(seats)s licences", seats) % {"seats": write.number(seats)}
    said = ngettext("%(licences)s for %(months)s month", "%(licences)s for %(months)s months", months)
    return said % {"licences": licences, "months": write.number(months)}


def facts(batch: Batch, names: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """What a batch is, in rows for `parts/facts.html`."""
    write = figures(language())
    name = names.get(language().partition("-")[0]) or next(iter(names.values()))
    rows = [
        (_("Product"), f"{name} ({batch.product})", "", ""),
        (_("Keys"), write.number(batch.quantity), "", ""),
        (_("Each key carries"), carries(batch.seats, batch.months), "", ""),
        (_("Serial numbers"), batch.serials.write(), "", ""),
        (_("Holder"), batch.holder_name, "", ""),
        (_("Countries and regions"), countries(batch.countries), "", ""),
        (_("Redeem by"), redeem_by(batch), "", ""),
    ]
    if batch.kind is Kind.BOOK:
        rows.append((_("Kind"), _("without secrets: the holder redeems by serial number"), "", ""))
    if batch.cards:
        rows.append((_("Cards"), _("in the export, beside the keys"), "", ""))
    return rows


def countries(codes: tuple[str, ...]) -> str:
    """Where keys may be used, in words."""
    write = figures(language())
    return write.joined(sorted(map(write.country, codes))) if codes else _("wherever the product is sold")


def redeem_by(batch: Batch) -> str:
    """Until when, in words."""
    if batch.activate_before is None:
        return _("no last day")
    return _("%(day)s (inclusive)") % {"day": figures(language()).last_day(batch.activate_before)}


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that a batch took: what, when, by whom where that is known."""

    what: str
    at: Any
    by: str


def _steps(batch: Batch, people: Mapping[UUID, str]) -> list[Taken]:
    taken = (
        (_("Ordered"), batch.created_at, batch.created_by),
        (_("Approved"), batch.approved_at if batch.approved_at != batch.created_at else None, batch.approved_by),
        (_("Made"), batch.minted_at, None),
        (_("Put up for sale"), batch.released_at, None),
        (_("Recalled"), batch.recalled_at, None),
    )
    return [Taken(what, at, people.get(by, "") if by else "") for what, at, by in taken if at is not None]


def _age(since: datetime) -> str:
    """How old something is, in whole days."""
    days = (wiring.now() - since).days
    said = ngettext("%(days)s day", "%(days)s days", days)
    return said % {"days": figures(language()).number(days)}


def _bar(counts: Mapping[str, int], quantity: int) -> list[dict[str, Any]]:
    """The parts of the bar that shows keys by state, with their share; what is not made yet is left open."""
    parts, left = [], 0.0
    for state, css in STATES:
        amount = counts.get(state, 0)
        width = WIDTH * amount / quantity
        share = figures(language()).percent(amount / quantity)
        parts.append(
            {
                "word": state_word(state),
                "css": css,
                "amount": amount,
                "share": share,
                "x": f"{left:.2f}",
                "width": f"{width:.2f}",
            }
        )
        left += width
    return parts


def _stage(text: str) -> Stage | None:
    return Stage(text) if text in set(Stage) else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
