"""How one signs in: the overview, and the password."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, profile
from chaveiro.rules.factors import needs_second_factor
from chaveiro.web import passwords
from chaveiro.web.guards import signed_in
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page
from chaveiro.web.step_up import stepped_up

SECURITY = "/settings/security"


@require_safe
@signed_in
def overview(request: Any) -> HttpResponse:
    """What opens this account: password, passkeys, codes, sign-ins elsewhere."""
    account = request.account.id
    with acting(request.actor):
        ways = identity.ways(account)
        passkeys = identity.passkeys(account) if ways.passkeys else []
        testimonies = identity.testimonies(account) if ways.providers else []
    named = {provider.name: provider.title for provider in wiring.providers()}
    context = {
        "ways": ways,
        "passkeys": passkeys,
        "testimonies": [{"card": each, "title": named.get(each.provider, each.provider)} for each in testimonies],
        "providers": wiring.providers(),
        "must": needs_second_factor(request.actor),
        "done": request.GET.get("done", ""),
    }
    return page(request, "settings/security.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def password(request: Any) -> HttpResponse:
    """A first or a new password; whoever else is signed in to the account is signed out."""
    with acting(request.actor):
        context = {"ways": identity.ways(request.account.id)}
    if request.method != "POST":
        return page(request, "settings/password.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "settings/password.html", context), language)
    problems = passwords.problems(request, request.account)
    if problems:
        return page(request, "settings/password.html", context, status=422, problems=problems)
    profile.change_password(
        actor=request.actor, password=passwords.sent(request), keep=request.sign_in.session, now=wiring.now()
    )
    return see_other(f"{SECURITY}?done=password")
