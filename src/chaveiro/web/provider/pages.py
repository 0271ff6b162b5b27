"""Somebody is sent here by a service, signs in where they are not, and is sent back at once.

    /oidc/authorize ──request checked and kept──▶ /oidc/go/<handle> ──as whom?──▶ /a/<tag>/oidc/go/<handle> ──▶ service

Nobody is sent to an address that the service did not register. The services are the vendor's own, so that nobody is
asked for consent. A form may lead to ourselves alone (content security policy): whoever comes from one of our pages
goes on by a page that goes on by itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.customers.queries import AtBrowser
from chaveiro.apps.identity.actions import grants
from chaveiro.rules.factors import ChallengeSpent
from chaveiro.rules.services import REQUEST_LENGTH_AT_MOST, Declined, Errand, ReturnUnknown, ServiceUnknown
from chaveiro.web import accounts, browsers, sessions
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page
from chaveiro.web.provider.desk import HouseDesk
from chaveiro.web.step_up import CONFIRM


class Away(HttpResponseRedirect):
    """On to a service; the address is one that it registered."""

    status_code = 303


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: Any) -> HttpResponse:
    """Where services send people. Raises ServiceUnknown, ReturnUnknown: then nobody is sent on."""
    count(request, "services")
    provider = wiring.openid_provider(HouseDesk())
    sent = dict((request.POST if request.method == "POST" else request.GET).lists())
    try:
        errand = provider.errand(sent)
    except Declined as declined:
        return _away(request, declined.address)
    if request.method == "POST":
        # The browser's own cookie does not come along with another site's form; it does with what follows.
        return see_other(f"/oidc/authorize?{urlencode(sent, doseq=True)}")
    here = _hinted(sessions.live(request), request.GET.get("login_hint", ""))
    if errand.prompt == "none" and len(here) != 1:
        error = "account_selection_required" if here else "login_required"
        return _away(request, provider.back_with_error(errand.back, errand.state, error))
    browser = browsers.browser_of(request)
    path = f"/oidc/go/{grants.wait(errand=errand, browser=browser, means=wiring.means()).hex()}"
    if "select_account" in errand.prompt.split() and sessions.live(request):
        return browsers.hold(request, see_other(accounts.with_next("/accounts", path), at=""))
    return browsers.hold(request, see_other(path, at=here[0].prefix if len(here) == 1 else ""))


def _hinted(here: list[AtBrowser], hint: str) -> list[AtBrowser]:
    """Of several accounts the one that the service means, if one is."""
    meant = [each for each in here if hint and hint.lower() in (each.account.email.lower(), each.account.login_name)]
    return meant if len(meant) == 1 else here


@require_safe
def go(request: Any, handle: str) -> HttpResponse:
    """As the account of the address, back to the service. Raises ChallengeSpent."""
    provider = wiring.openid_provider(HouseDesk())
    question, browser, means = _read(handle), browsers.browser_of(request), wiring.means()
    if request.account is None:
        grants.errand_of(handle=question, browser=browser, means=means)
        return accounts.lead_in(request)
    errand = grants.errand_of(handle=question, browser=browser, means=means)
    if not _is_fresh(request, errand):
        if errand.prompt == "none":
            return _away(request, provider.back_with_error(errand.back, errand.state, "login_required"))
        return see_other(accounts.with_next(CONFIRM, request.path_info))
    grants.errand_of(handle=question, browser=browser, means=means, settle=True)
    service = grants.service_named(errand.service)
    if service is None:
        raise ServiceUnknown()
    if errand.back not in service.returns:
        raise ReturnUnknown(service=service.name)
    code = grants.give(actor=request.actor, session=request.sign_in.session, errand=errand, means=means)
    return _away(request, provider.back_with_code(errand, code), service.name)


def _is_fresh(request: Any, errand: Errand) -> bool:
    here = request.sign_in
    return errand.is_fresh(max(here.started_at, here.confirmed_at or here.started_at), wiring.now())


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: Any) -> HttpResponse:
    """Sign out of the account by which somebody signed in to a service, and go back to where the service wants.

    The service shows the ID token that it was given; without it people choose themselves. Raises ReturnUnknown.
    """
    count(request, "services")
    sent = request.POST if request.method == "POST" else request.GET
    if sum(map(len, sent.values())) > REQUEST_LENGTH_AT_MOST:
        raise ServiceUnknown()
    desk = HouseDesk()
    client_id, session = wiring.openid_provider(desk).left(sent.get("id_token_hint", ""))
    service = desk.service(client_id)
    if service is None:
        return see_other("/accounts", at="")
    for one in sessions.live(request):
        if one.session.hex == session:
            sessions.end(request, one)
    back = sent.get("post_logout_redirect_uri", "")
    if not back:
        return see_other("/accounts", at="")
    if back not in service.leaves:
        raise ReturnUnknown(service=service.name)
    state = sent.get("state", "")
    joint = "&" if "?" in back else "?"
    return _away(request, back + (f"{joint}{urlencode({'state': state})}" if state else ""), service.name)


def _read(handle: str) -> bytes:
    try:
        return bytes.fromhex(handle)
    except ValueError:
        raise ChallengeSpent() from None


def _away(request: Any, address: str, service: str = "") -> HttpResponse:
    """On to an address of a service. After a form of ours by a page, for forms may lead to ourselves alone."""
    if _came_from_us(request):
        told = {"service": service or urlsplit(address).hostname, "address": address}
        response: HttpResponse = page(request, "security/to_service.html", told)
        response["Refresh"] = f"0; url={address}"
    else:
        response = Away(address)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return browsers.hold(request, response)


def _came_from_us(request: Any) -> bool:
    return f"{request.headers.get('Referer', '')}/".startswith(f"{settings.BASE_URL}/")
