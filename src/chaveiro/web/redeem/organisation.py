"""The page of the organisation and its first administrator, and the page for a country where something is not sold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.channel.queries import card
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting, preview
from chaveiro.rules.actors import Kind
from chaveiro.rules.openings import Missing, TaxNumberKnown, suggested_prefix
from chaveiro.rules.redemption import Plan
from chaveiro.rules.verdicts import CountryNotServed, Fault
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problems_at
from chaveiro.web.redeem.draft import Desk, open_desk, steps, with_desk
from chaveiro.web.redeem.order import (
    ATTESTED_LATER,
    CONFIRM,
    ORGANISATION,
    PLACES,
    PURPOSE,
    order_of,
    tax_number_asked,
)
from chaveiro.wording import figures

FIELDS = (
    "name",
    "country",
    "tax_number",
    "tax_number_again",
    "language",
    "domain_prefix",
    "given_name",
    "family_name",
    "email",
    "alternate_email",
    "partner_of_record",
)
LENGTH_AT_MOST = 500  # what a draft keeps of a field; the rules want far less
PREFIX = "/customer/domain_prefix"
MINE = ("/customer", "/administrator", "/partner_of_record")


@require_http_methods(["GET", "HEAD", "POST"])
@with_desk
def organisation(request: Any, desk: Desk) -> HttpResponse:
    """Who the keys are for. A POST keeps what was typed, then tells every fault of this page at once."""
    if desk.holder.kind is Kind.CUSTOMER:
        return see_other(PURPOSE)
    if request.method != "POST":
        return page(request, "redeem/organisation.html", _context(desk))
    wanted = switching(request)
    drafting.keep_form(actor=desk.holder, form=_typed(request, suggest=wanted is None), means=wiring.means())
    if wanted:
        return remember_language(see_other(ORGANISATION), wanted)
    count(request, "redemptions")
    desk = open_desk(request, desk.code)
    weighed = preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())
    faults = [fault for fault in weighed.faults if fault.pointer.startswith(MINE) and not _follows(fault, desk)]
    not_served = [fault for fault in faults if isinstance(fault.refusal, CountryNotServed)]
    if faults and len(not_served) < len(faults):
        mine = [fault for fault in faults if fault not in not_served]
        context = _context(desk, ask=any(isinstance(fault.refusal, TaxNumberKnown) for fault in mine))
        return page(request, "redeem/organisation.html", context, status=422, problems=problems_at(mine, _places()))
    if not_served:
        return _country_not_served(request, desk, weighed.plan, not_served)
    return see_other(CONFIRM)


def _typed(request: Any, *, suggest: bool) -> dict[str, str]:
    form = {name: request.POST.get(name, "").strip()[:LENGTH_AT_MOST] for name in FIELDS}
    form["domain_prefix"] = form["domain_prefix"].lower()
    if suggest and not form["domain_prefix"]:
        form["domain_prefix"] = suggested_prefix(form["name"])
    return {**form, "purpose": "open"}


def _follows(fault: Fault, desk: Desk) -> bool:
    """Whether a fault goes away by itself: the prefix is proposed as soon as there is a name."""
    return not desk.form.get("name") and fault.pointer == PREFIX and isinstance(fault.refusal, Missing)


def _places() -> dict[str, str]:
    """The same places, on this very page."""
    return {pointer: place.removeprefix(ORGANISATION) for pointer, place in PLACES.items()}


def _context(desk: Desk, *, ask: bool = False) -> dict[str, Any]:
    """What the page shows; with `ask`, or where it was answered, also the box about a known tax number."""
    form = desk.form
    asked = tax_number_asked(form)
    confirmed = form.get("tax_number_again") == asked
    if "partner_of_record" not in form and desk.holder.organisation is not None:
        with acting(desk.holder):
            form["partner_of_record"] = card(organisation=desk.holder.organisation).registration_number or ""
    form.setdefault("language", language())
    return {
        **steps(desk, "organisation"),
        "form": form,
        "countries": figures(language()).countries(),
        "initial_domain": settings.INITIAL_DOMAIN,
        "tax_number_asked": asked if ask or confirmed else "",
        "tax_number_confirmed": confirmed,
        "is_partner": desk.holder.kind is Kind.CHANNEL,
    }


def _country_not_served(request: Any, desk: Desk, plan: Plan, faults: Sequence[Fault]) -> HttpResponse:
    """Not a mistake in a form: why, where the product is sold, and what can be done."""
    codes = {fault.refusal.facts["product"] for fault in faults}
    context = {
        **steps(desk, "organisation"),
        "country": desk.form.get("country", ""),
        "products": [
            {"names": effect.names, "markets": effect.keys[0].markets}
            for effect in plan.effects
            if effect.product_code in codes
        ],
    }
    return page(request, "redeem/country_not_served.html", context, status=422)
