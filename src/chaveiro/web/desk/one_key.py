"""A key by its serial number: where it stands, who holds it, what became of it; and revoking it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.closing.queries.search import key_of
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.queries import StoryFilter, story
from chaveiro.apps.keys import queries as keys
from chaveiro.apps.keys.actions.selling import revoke_key
from chaveiro.apps.redemption.queries import redemption_of_key
from chaveiro.rules import serials
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.web import chronicle
from chaveiro.web.guards import operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.step_up import stepped_up_to_post

STORY = 10
REVOCABLE = ("minted", "released")


def reasons() -> list[tuple[str, str, str]]:
    """Why a key is revoked: what the journal keeps, and how people call it."""
    return [
        ("lost", _("The card or the text was lost"), ""),
        ("seen", _("Somebody saw the text who should not"), ""),
        ("returned", _("The buyer gave it back"), ""),
        ("unpaid", _("It was not paid for"), ""),
        ("mistake", _("It was made by mistake"), ""),
    ]


@require_safe
@operators_only
def show(request: Any, serial: str) -> HttpResponse:
    """State, batch, holder, redemption, customer, history."""
    return page(request, "desk/key.html", _context(request, serial) | {"found": request.GET.get("found", "")})


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def revoke(request: Any, serial: str) -> HttpResponse:
    """What revoking does; POST with a reason does it."""
    context = _context(request, serial) | {"reasons": reasons(), "reason": request.POST.get("reason", "")}
    if context["key"].state not in REVOCABLE:
        return see_other(f"/desk/keys/{serial}")
    if request.method != "POST":
        return page(request, "desk/revoke.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "desk/revoke.html", context), language)
    if context["reason"] not in {code for code, _title, _hint in reasons()}:
        refusal = Malformed(field="reason", reason="one of the list")
        return page(request, "desk/revoke.html", context, status=422, problems=[problem("reason", refusal)])
    try:
        revoke_key(actor=request.actor, number=context["key"].number, means=wiring.means(), why=context["reason"])
    except Refusal as refusal:
        return page(request, "desk/revoke.html", context, status=422, problems=[problem("reason", refusal)])
    return see_other(f"/desk/keys/{serials.write(context['key'].number)}")


def _story(actor: Actor, number: int, batch: UUID, redeemed: Mapping[str, Any] | None) -> list[chronicle.Entry]:
    """What was recorded of the key, of its batch, and of the redemption in which it stands: the newest first."""
    subjects = [("key", serials.write(number)), ("batch", str(batch))]
    subjects += [("redemption", str(redeemed["id"]))] if redeemed else []
    lines = [
        line
        for kind, subject in subjects
        for line in story(actor, StoryFilter(subject_kind=kind, subject_id=subject), limit=STORY)[0]
    ]
    return chronicle.told(sorted(lines, key=lambda line: -line.number)[:STORY])


def _context(request: Any, serial: str) -> dict[str, Any]:
    actor, now = request.actor, wiring.now()
    with acting(actor):
        key = key_of(serial, now=now)
        batch = keys.batch(key.batch)
        redeemed = redemption_of_key(key.number)
        entries = _story(actor, key.number, key.batch, redeemed)
        customer = desk.customer(key.customer) if key.customer else None
    return {
        "key": key,
        "serial": serials.write(key.number),
        "batch": batch,
        "redeemed": redeemed,
        "customer": customer,
        "entries": entries,
        "revocable": key.state in REVOCABLE,
    }
