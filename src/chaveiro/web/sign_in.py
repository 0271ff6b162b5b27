"""Signing in by a one-time link or with name and password, a forgotten password, and signing out.

A link is looked at by GET, as often as anybody likes (mail scanners do), and used up by the button alone. Nothing here
tells a stranger which names and addresses exist: neither words nor status nor time.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, links
from chaveiro.apps.identity.actions import sessions as acts
from chaveiro.rules.errors import Refusal
from chaveiro.rules.sessions import How, prefix_of
from chaveiro.rules.tokens import Purpose
from chaveiro.web import accounts, passwords, second_step, sessions
from chaveiro.web.languages import greet, remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem

NAME_LENGTH_AT_MOST = 254


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: Any, secret: str) -> HttpResponse:
    """A one-time link: GET shows a button, POST uses the link up and signs in."""
    if request.method != "POST":
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=wiring.now())
        return page(request, "sign_in_link.html")
    looked = links.look(secret=secret, purpose=Purpose.SIGN_IN, now=wiring.now())
    if settings.SECOND_FACTOR_AFTER_LINKS and second_step.is_asked(looked.actor):
        with acting(looked.actor):
            links.use(actor=looked.actor, secret=secret, purpose=Purpose.SIGN_IN, now=wiring.now())
        return second_step.ask(request, [looked], How.LINK)
    arrival = sessions.arrival(request, How.LINK)
    found, _session = acts.by_link(secret=secret, arrival=arrival, means=wiring.means())
    assert found.actor.account is not None
    return greet(request, accounts.lead_on(request, [prefix_of(found.actor.account)]), found.language)


@require_http_methods(["GET", "HEAD", "POST"])
def with_password(request: Any) -> HttpResponse:
    """Name and password. What is wrong is not told apart: neither in words nor in time."""
    told: dict[str, Any] = {
        "name": request.POST.get("name", "").strip()[:NAME_LENGTH_AT_MOST] or _name_of(request),
        "next": accounts.next_of(request),
        "providers": wiring.providers(),
        "beside": [each for each in sessions.live(request) if request.method != "POST"],
    }
    if request.method != "POST":
        return page(request, "sign_in.html", told)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "sign_in.html", told), language)
    empty = passwords.left_empty(request)
    if empty:
        return page(request, "sign_in.html", told, status=422, problems=empty)
    count(request, "sign_in")
    try:
        found = acts.by_password(name=told["name"], password=passwords.sent(request))
    except Refusal as refusal:
        return page(request, "sign_in.html", told, status=422, problems=[problem("name", refusal)])
    return second_step.enter(request, found, How.PASSWORD)


def _name_of(request: Any) -> str:
    """The name of an account that was signed in here before, to sign in again: its tag says which."""
    tag = request.GET.get("as", "")
    return next((each.account.login_name for each in sessions.at_browser(request) if each.tag == tag), "")


@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: Any) -> HttpResponse:
    """A forgotten password: whatever the address, the answer is the same; a letter goes where it leads."""
    told = {"name": request.POST.get("name", "").strip()[:NAME_LENGTH_AT_MOST]}
    if request.method != "POST":
        return page(request, "accounts/forgotten.html", told)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "accounts/forgotten.html", told), language)
    if not told["name"]:
        return page(request, "accounts/forgotten.html", told, status=422, problems=[passwords.no_name()])
    count(request, "sign_in")
    acts.ask_reset(name=told["name"], now=wiring.now())
    return page(request, "accounts/letter_sent.html", told)


@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: Any, secret: str) -> HttpResponse:
    """Set a new password by the link in the letter. It signs nobody in: the new password does, as it always will."""
    found = links.look(secret=secret, purpose=Purpose.RESET, now=wiring.now())
    assert found.actor.account is not None
    with acting(found.actor):
        person = identity.account(found.actor.account)
    context = {"person": person}
    if request.method != "POST":
        return page(request, "accounts/reset.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "accounts/reset.html", context), language)
    problems = passwords.problems(request, person)
    if problems:
        return page(request, "accounts/reset.html", context, status=422, problems=problems)
    acts.reset_password(secret=secret, password=passwords.sent(request), now=wiring.now())
    request.at_browser = None
    return page(request, "accounts/reset_done.html", context)


@require_POST
def out(request: Any) -> HttpResponse:
    """Sign this account out at this browser; whoever else is signed in here stays."""
    if request.sign_in is not None:
        sessions.end(request, request.sign_in)
    return see_other("/accounts" if sessions.live(request) else "/", at="")
