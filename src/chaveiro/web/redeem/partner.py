"""The page of the partner of record: by registration number, proposed, confirmed by the administrator later."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.channel.queries import card
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.keys import scrub
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import PARTNER, go_on, on_draft, steps

FIELD = "partner_of_record"
LENGTH_AT_MOST = 40


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(PARTNER)
def partner(request: Any, desk: Desk) -> HttpResponse:
    """Who is proposed as partner of record. A number that nobody has is kept and told; an empty field is an answer."""
    if request.method != "POST":
        return page(request, "redeem/partner.html", _context(desk))
    typed = scrub("".join(request.POST.get(FIELD, "").split())[:LENGTH_AT_MOST])
    wanted, do = switching(request), request.POST.get("do", "next")
    if wanted:
        drafting.keep_form(actor=desk.holder, form={"partner_typed": typed}, means=wiring.means())
        return remember_language(see_other(desk.path(PARTNER)), wanted)
    count(request, "redemptions")
    name = name_of(desk, typed)
    context = {**_context(desk), "number": typed, "partner_name": name, "proposed_by": ""}
    if typed and not name:
        refusal = Malformed(field=FIELD, reason="is no registration number of a partner")
        drafting.keep_form(actor=desk.holder, form={"partner_typed": typed}, means=wiring.means())
        return page(request, "redeem/partner.html", context, status=422, problems=[problem(FIELD, refusal)])
    if do == "look":
        return page(request, "redeem/partner.html", context)
    drafting.keep_form(actor=desk.holder, form={FIELD: typed, "partner_typed": typed}, means=wiring.means())
    return go_on(look_again(desk))


def name_of(desk: Desk, number: str) -> str:
    """The name of the partner that has a registration number; empty where nobody has, or one that is suspended."""
    if not number:
        return ""
    try:
        with acting(desk.holder):
            found = card(registration_number=number)
    except NotFound:
        return ""
    return "" if found.is_suspended else found.name


def _context(desk: Desk) -> dict[str, Any]:
    """The page; where nothing was answered yet, with the holder's own number, or that of whoever sold the keys."""
    form, proposed_by = desk.form, ""
    number = form.get("partner_typed", form.get(FIELD))
    if number is None:
        number, proposed_by = _proposed(desk)
    return {**steps(desk, PARTNER), "number": number, "partner_name": name_of(desk, number)} | {
        "proposed_by": proposed_by
    }


def _proposed(desk: Desk) -> tuple[str, str]:
    """A number, and why it stands there: `own`, or `seller`."""
    with acting(desk.holder):
        if desk.holder.organisation is not None:
            return card(organisation=desk.holder.organisation).registration_number or "", "own"
        seller = queries.seller_of_keys()
    return (seller[1], "seller") if seller else ("", "")
