"""What a person says of themselves: name, language and time zone, and where they are told things."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, profile
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import Malformed
from chaveiro.rules.profiles import ADDRESS_LENGTH_AT_MOST, NAME_LENGTH_AT_MOST
from chaveiro.web.context import LANGUAGE_NAMES
from chaveiro.web.guards import signed_in
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page
from chaveiro.web.step_up import stepped_up
from chaveiro.wording import LANGUAGES, time_zones, zones

SETTINGS = "/settings"


@require_safe
@signed_in
def overview(request: Any) -> HttpResponse:
    """The settings of this account, each with its way to change it."""
    with acting(request.actor):
        wish = identity.address_wish(request.account.id)
    context = {
        "account": request.account,
        "language_name": dict(LANGUAGE_NAMES).get(request.account.language, request.account.language),
        "zone_name": zones.city(request.account.time_zone, language()),
        "wish": wish,
        "done": request.GET.get("done", ""),
        "has_data": request.actor.kind is Kind.CUSTOMER,
    }
    return page(request, "settings/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def name(request: Any) -> HttpResponse:
    """The name that others see."""
    fields = ("given_name", "family_name")
    sent = {each: request.POST.get(each, getattr(request.account, each))[: NAME_LENGTH_AT_MOST * 2] for each in fields}
    if request.method != "POST":
        return page(request, "settings/name.html", sent)
    switched = _switched(request, "settings/name.html", sent)
    if switched:
        return switched
    try:
        profile.rename(actor=request.actor, **sent, now=wiring.now())
    except Malformed as refusal:
        text = _("A name has 1 to 150 characters, on one line.")
        problems = [Problem(str(refusal.facts["field"]), text, "")]
        return page(request, "settings/name.html", sent, status=422, problems=problems)
    return see_other(f"{SETTINGS}?done=name")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def speech(request: Any) -> HttpResponse:
    """The language of letters, and the time zone of dates."""
    sent = {
        "account_language": request.POST.get("account_language", request.account.language),
        "time_zone": request.POST.get("time_zone", request.account.time_zone),
    }
    if request.method != "POST":
        return page(request, "settings/speech.html", _speech(sent))
    switched = _switched(request, "settings/speech.html", _speech(sent))
    if switched:
        return switched
    problems = []
    if sent["account_language"] not in LANGUAGES:
        problems.append(Problem("account_language", _("Choose a language."), ""))
    if sent["time_zone"] not in time_zones():
        problems.append(Problem("time_zone", _("Choose a time zone."), ""))
    if problems:
        return page(request, "settings/speech.html", _speech(sent), status=422, problems=problems)
    profile.speak(actor=request.actor, language=sent["account_language"], time_zone=sent["time_zone"], now=wiring.now())
    return remember(see_other(f"{SETTINGS}?done=speech"), sent["account_language"])


def _speech(sent: dict[str, str]) -> dict[str, Any]:
    return {**sent, "languages": LANGUAGE_NAMES, "zones": zones.by_region(language())}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def address(request: Any, which: str) -> HttpResponse:
    """A new e-mail or alternate address: it counts once its mailbox was shown to be the person's."""
    sent = request.POST.get("address", getattr(request.account, which))[: ADDRESS_LENGTH_AT_MOST * 2]
    context = {"which": which, "address": sent}
    if request.method != "POST":
        return page(request, "settings/address.html", context)
    switched = _switched(request, "settings/address.html", context)
    if switched:
        return switched
    if request.POST.get("do") == "drop":
        profile.drop_wish(actor=request.actor, now=wiring.now())
        return see_other(SETTINGS)
    count(request, "mailed_codes")
    try:
        posted = profile.wish_address(actor=request.actor, which=which, address=sent, means=wiring.means())
    except Malformed:
        text = _("Enter an e-mail address, like name@example.com.")
        problems = [Problem("address", text, "")]
        return page(request, "settings/address.html", context, status=422, problems=problems)
    return see_other(f"{SETTINGS}?done={'posted' if posted else 'address'}")


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: Any, secret: str) -> HttpResponse:
    """The link in the letter: GET shows which address, the button confirms it. Nobody need be signed in for it."""
    if request.method != "POST":
        _actor, wish = profile.look_at_wish(secret=secret, now=wiring.now())
        return page(request, "settings/address_confirm.html", {"wish": wish})
    wish = profile.confirm_address(secret=secret, now=wiring.now())
    return page(request, "settings/address_confirmed.html", {"wish": wish})


def _switched(request: Any, template: str, context: dict[str, Any]) -> HttpResponse | None:
    """The same page in another language, with what was typed, where a form asked for that."""
    wanted = switching(request)
    if not wanted:
        return None
    switch_now(request, wanted)
    if "zones" in context:
        context = {**context, "zones": zones.by_region(wanted)}
    return remember(page(request, template, context), wanted)
