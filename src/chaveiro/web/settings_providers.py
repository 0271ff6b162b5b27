"""Sign-ins at OpenID Connect providers that lead to an account: linked from inside it, and unlinked there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, federation
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.web import browsers, openid
from chaveiro.web.guards import signed_in
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.settings_security import SECURITY
from chaveiro.web.step_up import stepped_up


@require_POST
@signed_in
@stepped_up
def leave(request: Any, name: str) -> HttpResponse:
    """Leave for a provider, to link what it says to this account."""
    return openid.leave(request, openid.provider_named(name), request.actor, {"for": "link"})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def link(request: Any, handle: str) -> HttpResponse:
    """Back from the provider: this is what it said; link it, or leave it."""
    browser, means = browsers.browser_of(request), wiring.means()
    linking = request.method == "POST" and request.POST.get("do") == "link"
    name, testimony = federation.kept(
        actor=request.actor, handle=handle, browser=browser, means=means, use_up=request.method == "POST"
    )
    if request.method == "POST" and not linking:
        return see_other(SECURITY)
    context = {"provider": openid.provider_named(name).title, "label": testimony.label}
    if not linking:
        return page(request, "settings/provider_link.html", context)
    try:
        federation.link(actor=request.actor, provider=name, testimony=testimony, means=means)
    except Refusal as refusal:
        return page(request, "settings/provider_link.html", context, status=422, problems=[problem("top", refusal)])
    return see_other(f"{SECURITY}?done=linked")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def one(request: Any, testimony: UUID) -> HttpResponse:
    """A linked sign-in: since when, and taking it away."""
    with acting(request.actor):
        found = [each for each in identity.testimonies(request.account.id) if each.id == testimony]
    if not found:
        raise NotFound()
    named = {provider.name: provider.title for provider in wiring.providers()}
    context = {"card": found[0], "provider": named.get(found[0].provider, found[0].provider)}
    if request.method != "POST":
        return page(request, "settings/provider.html", context)
    try:
        federation.unlink(actor=request.actor, testimony=testimony, now=wiring.now())
    except NotFound:
        raise
    except Refusal as refusal:
        return page(request, "settings/provider.html", context, status=422, problems=[problem("top", refusal)])
    return see_other(f"{SECURITY}?done=unlinked")
