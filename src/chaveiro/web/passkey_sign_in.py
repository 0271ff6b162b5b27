"""Signing in with a passkey: it says itself whose account it is, so that no name is asked for."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from chaveiro import wiring
from chaveiro.apps.identity.actions import passkeys
from chaveiro.rules.errors import Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.rules.sessions import How
from chaveiro.web import accounts, browsers, second_step
from chaveiro.web.limiting import count
from chaveiro.web.pages import page, problem


@require_POST
def options(request: Any) -> HttpResponse:
    """What any browser is asked for: the same whoever it is."""
    count(request, "passkeys")
    return browsers.options(request, passkeys.options_to_sign_in(counter=browsers.counter(request)))


@require_POST
def sign_in(request: Any) -> HttpResponse:
    """Sign in as the account of the passkey that answered."""
    count(request, "passkeys")
    try:
        found = passkeys.sign_in(answer=browsers.answer_in(request), counter=browsers.counter(request))
    except TooMany:
        raise
    except Refusal as refusal:
        told = {"name": "", "next": accounts.next_of(request), "providers": wiring.providers()}
        return page(request, "sign_in.html", told, status=422, problems=[problem("top", refusal)])
    return second_step.enter(request, [found], How.PASSKEY, two_already=True)
