"""The page of the organisation to be opened, and the page for a country where something is not sold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.clocks.queries import ClockCard, clocks
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting, preview
from chaveiro.rules.actors import Kind
from chaveiro.rules.openings import Missing, PrefixTaken, TaxNumberKnown, suggested_prefix
from chaveiro.rules.redemption import Plan
from chaveiro.rules.verdicts import CountryNotServed, Fault
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problems_at
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import ORGANISATION, go_on, on_draft, steps
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of, places, tax_number_asked, zone_of
from chaveiro.wording import figures, tax_numbers, time_zone_of, zones

FIELDS = ("name", "country", "tax_number", "tax_number_again", "language", "time_zone", "domain_prefix", "clock")
LENGTH_AT_MOST = 500  # what a draft keeps of a field; the rules want far less
POINTER = ("/customer", "/clock")
PREFIX = "/customer/domain_prefix"


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(ORGANISATION)
def organisation(request: Any, desk: Desk) -> HttpResponse:
    """Who the keys are for. A POST keeps what was typed, then tells every fault of this page at once."""
    if request.method != "POST":
        return page(request, "redeem/organisation.html", _context(desk))
    wanted, do = switching(request), request.POST.get("do", "next")
    form = _typed(request, suggest=wanted is None)
    drafting.keep_form(actor=desk.holder, form=form, means=wiring.means())
    if wanted:
        return remember_language(see_other(desk.path(ORGANISATION)), wanted)
    count(request, "redemptions")
    desk = look_again(desk)
    weighed = preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())
    faults = [fault for fault in weighed.faults if fault.pointer.startswith(POINTER) and not _follows(fault, desk)]
    if do == "prefix":
        return _prefix_looked_at(request, desk, [fault for fault in faults if fault.pointer == PREFIX])
    not_served = [fault for fault in faults if isinstance(fault.refusal, CountryNotServed)]
    if faults and len(not_served) < len(faults):
        mine = [fault for fault in faults if fault not in not_served]
        context = _context(desk, ask=any(isinstance(fault.refusal, TaxNumberKnown) for fault in mine))
        problems = problems_at(mine, places(desk, ORGANISATION))
        return page(request, "redeem/organisation.html", context, status=422, problems=problems)
    if not_served:
        return _country_not_served(request, desk, weighed.plan, not_served)
    drafting.keep_form(actor=desk.holder, form={"organisation_taken": "yes"}, means=wiring.means())
    return go_on(look_again(desk))


def _prefix_looked_at(request: Any, desk: Desk, faults: Sequence[Fault]) -> HttpResponse:
    """The same page, with what was found of the prefix alone; nothing else is told before it is sent."""
    problems = problems_at(faults, places(desk, ORGANISATION))
    context = {**_context(desk), "prefix_is_free": bool(desk.form.get("domain_prefix")) and not faults}
    if any(isinstance(fault.refusal, PrefixTaken) for fault in faults):
        context["proposal"] = _another(desk)
    return page(request, "redeem/organisation.html", context, status=422 if faults else 200, problems=problems)


def _another(desk: Desk) -> str:
    """Another beginning, where the first is taken: the name with its country."""
    return suggested_prefix(desk.form.get("name", ""))[:25] + desk.form.get("country", "").lower()


def _typed(request: Any, *, suggest: bool) -> dict[str, str]:
    form = {name: request.POST.get(name, "").strip()[:LENGTH_AT_MOST] for name in FIELDS}
    form["domain_prefix"] = form["domain_prefix"].lower()
    if suggest and not form["domain_prefix"]:
        form["domain_prefix"] = suggested_prefix(form["name"])
    return {**form, "organisation_taken": ""}


def _follows(fault: Fault, desk: Desk) -> bool:
    """Whether a fault goes away by itself: the prefix is proposed as soon as there is a name."""
    return not desk.form.get("name") and fault.pointer == PREFIX and isinstance(fault.refusal, Missing)


def _context(desk: Desk, *, ask: bool = False) -> dict[str, Any]:
    """What the page shows; with `ask`, or where it was answered, also the box about a known tax number."""
    form, write = desk.form, figures(language())
    asked = tax_number_asked(form)
    confirmed = form.get("tax_number_again") == asked
    form.setdefault("language", language())
    country = form.get("country", "")
    return {
        **steps(desk, ORGANISATION),
        "form": form,
        "countries": [
            {"code": code, "name": name, "tax": tax_numbers.hint(code), "zone": time_zone_of(code)}
            for code, name in write.countries()
        ],
        "tax_hint": tax_numbers.hint(country),
        "zones": zones.by_region(language()),
        "zone": zone_of(form) if country else "",
        "initial_domain": settings.INITIAL_DOMAIN,
        "tax_number_asked": asked if ask or confirmed else "",
        "tax_number_confirmed": confirmed,
        "clocks": _clocks(desk),
    }


def _clocks(desk: Desk) -> list[ClockCard]:
    """In a sandbox, the test clocks on which the organisation may live."""
    if desk.holder.kind is not Kind.CHANNEL or not wiring.house().pretence:
        return []
    with acting(desk.holder):
        return [clock for clock in clocks() if clock.ended_at is None]


def _country_not_served(request: Any, desk: Desk, plan: Plan, faults: Sequence[Fault]) -> HttpResponse:
    """Not a mistake in a form: why, where the product is sold, and what can be done."""
    codes = {fault.refusal.facts["product"] for fault in faults}
    context = {
        **steps(desk, ORGANISATION),
        "country": desk.form.get("country", ""),
        "products": [
            {"names": effect.names, "markets": effect.keys[0].markets}
            for effect in plan.effects
            if effect.product_code in codes
        ],
    }
    return page(request, "redeem/country_not_served.html", context, status=422)
