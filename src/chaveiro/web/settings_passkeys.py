"""The passkeys of an account: a new one, its name, taking one away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, passkeys
from chaveiro.apps.identity.queries import PasskeyCard
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.factors import NAME_LENGTH_AT_MOST
from chaveiro.rules.limits import TooMany
from chaveiro.web import browsers
from chaveiro.web.guards import signed_in
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.naming import name_for_passkey
from chaveiro.web.pages import page, problem
from chaveiro.web.settings_security import SECURITY
from chaveiro.web.step_up import stepped_up

TYPED_AT_MOST = NAME_LENGTH_AT_MOST * 4


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def new(request: Any) -> HttpResponse:
    """Make a passkey for this account."""
    context = {"name": request.POST.get("name", "")[:TYPED_AT_MOST] or name_for_passkey(request)}
    if request.method != "POST":
        return page(request, "settings/passkey_new.html", context)
    try:
        passkeys.add(
            actor=request.actor,
            answer=browsers.answer_in(request),
            name=context["name"],
            otherwise=name_for_passkey(request),
            counter=browsers.counter(request),
        )
    except TooMany:
        raise
    except Refusal as refusal:
        at = "name" if isinstance(refusal, Malformed) else "top"
        return page(request, "settings/passkey_new.html", context, status=422, problems=[problem(at, refusal)])
    return see_other(f"{SECURITY}?done=passkey")


@require_POST
@signed_in
def options(request: Any) -> HttpResponse:
    """What the browser is asked for, to make a passkey for this account."""
    count(request, "passkeys")
    return browsers.options(request, passkeys.options_for_new(actor=request.actor, counter=browsers.counter(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def one(request: Any, passkey: UUID) -> HttpResponse:
    """Call a passkey something else, or take it away."""
    card = _card(request, passkey)
    context = {"card": card, "name": request.POST.get("name", card.name)[:TYPED_AT_MOST]}
    if request.method != "POST":
        return page(request, "settings/passkey.html", context)
    removing = request.POST.get("do") == "remove"
    try:
        if removing:
            passkeys.remove(actor=request.actor, passkey=passkey, now=wiring.now())
        else:
            passkeys.rename(actor=request.actor, passkey=passkey, name=context["name"])
    except NotFound:
        raise
    except Refusal as refusal:
        at = "name" if isinstance(refusal, Malformed) else "top"
        return page(request, "settings/passkey.html", context, status=422, problems=[problem(at, refusal)])
    return see_other(f"{SECURITY}?done={'removed' if removing else 'renamed'}")


def _card(request: Any, passkey: UUID) -> PasskeyCard:
    with acting(request.actor):
        for card in identity.passkeys(request.account.id):
            if card.id == passkey:
                return card
    raise NotFound()
