"""What the keys are for, asked of whoever may do more with them than open something new."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.delegation.queries import SubscriptionCard
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem import targets
from chaveiro.web.redeem.draft import Desk, steps, with_desk
from chaveiro.web.redeem.order import CONFIRM, ORGANISATION, PURPOSE

NEW = "open"


@require_http_methods(["GET", "HEAD", "POST"])
@with_desk
def purpose(request: Any, desk: Desk) -> HttpResponse:
    """Open something new, add licences, or extend; `target` is `open`, `add:<id>` or `extend:<id>`."""
    with acting(desk.holder):
        found = targets.of(desk.holder)
    if not found:
        return see_other(CONFIRM if desk.holder.kind is Kind.CUSTOMER else ORGANISATION)
    if request.method != "POST":
        return page(request, "redeem/purpose.html", _context(desk, found))
    target, seats = request.POST.get("target", ""), request.POST.get("seats_after", "").strip()[:20]
    wanted = switching(request)
    chosen = _chosen(desk, found, target)
    if wanted or chosen is None or not _is_number(seats):
        form = {**desk.form, "target": target, "seats_after": seats}
        if wanted:
            drafting.keep_form(actor=desk.holder, form={"target": target, "seats_after": seats}, means=wiring.means())
            return remember_language(see_other(PURPOSE), wanted)
        at, refusal = ("target-0", NotFound(what="subscription")) if chosen is None else ("seats_after", _NO_NUMBER)
        return page(
            request, "redeem/purpose.html", _context(desk, found, form), status=422, problems=[problem(at, refusal)]
        )
    extends = chosen["purpose"] == "extend"
    drafting.keep_form(
        actor=desk.holder,
        form={**chosen, "target": target, "seats_after": seats if extends else ""},
        means=wiring.means(),
    )
    opens_customer = chosen["purpose"] == NEW and desk.holder.kind is not Kind.CUSTOMER
    return see_other(ORGANISATION if opens_customer else CONFIRM)


_NO_NUMBER: Refusal = Malformed(field="seats_after", reason="is no whole number")


def _is_number(seats: str) -> bool:
    return not seats or (seats.isdecimal() and 0 < int(seats) <= 10_000_000)


def _chosen(desk: Desk, found: list[SubscriptionCard], target: str) -> dict[str, str] | None:
    """The fields of the draft that a choice makes; None for none of those offered."""
    if target == NEW:
        return {"purpose": NEW, "subscription": "", "product": ""}
    act, _, wanted = target.partition(":")
    card = next((card for card in found if str(card.id) == wanted), None)
    if card is None or act not in _acts(desk):
        return None
    fields = {"purpose": act, "subscription": str(card.id), "product": card.product}
    return fields if desk.holder.kind is Kind.CUSTOMER else {**fields, "name": card.customer_name}


def _acts(desk: Desk) -> tuple[str, ...]:
    """A partner of record may extend with unchanged seats; adding is the customer's own."""
    return ("extend", "add") if desk.holder.kind is Kind.CUSTOMER else ("extend",)


def _context(desk: Desk, found: list[SubscriptionCard], form: dict[str, str] | None = None) -> dict[str, Any]:
    acts = _acts(desk)
    return {
        **steps(desk, "purpose"),
        "form": form or desk.form,
        "choices": [{"value": f"{act}:{card.id}", "act": act, "card": card} for act in acts for card in found],
        "chooses_seats": desk.holder.kind is Kind.CUSTOMER,
    }
