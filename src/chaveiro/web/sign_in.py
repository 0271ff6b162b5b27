"""Signing in by a one-time link or with name and password, and signing out.

A link is looked at by GET, as often as anybody likes (mail scanners do), and used up by the button alone.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.identity.actions import links
from chaveiro.apps.identity.actions import sessions as acts
from chaveiro.rules.errors import Refusal
from chaveiro.rules.tokens import Purpose
from chaveiro.web import sessions
from chaveiro.web.languages import greet, remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem

NAME_LENGTH_AT_MOST = 254
PASSWORD_LENGTH_AT_MOST = 1024  # more would only keep the server busy


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: Any, secret: str) -> HttpResponse:
    """A one-time link: GET shows a button, POST uses the link up and signs in."""
    if request.method != "POST":
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=wiring.now())
        return page(request, "sign_in_link.html")
    found = links.sign_in(secret=secret, now=wiring.now())
    assert found.actor.account is not None
    sessions.start(request, found.actor.account)
    return greet(request, see_other("/home"), found.language)


@require_http_methods(["GET", "HEAD", "POST"])
def with_password(request: Any) -> HttpResponse:
    """Name and password. What is wrong is not told apart: neither in words nor in time."""
    if request.method != "POST":
        return see_other("/home") if request.account else page(request, "sign_in.html")
    told = {"name": request.POST.get("name", "").strip()[:NAME_LENGTH_AT_MOST]}
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "sign_in.html", told), language)
    count(request, "sign_in")
    password = request.POST.get("password", "")[:PASSWORD_LENGTH_AT_MOST]
    try:
        found = acts.by_password(name=told["name"], password=password, now=wiring.now())
    except Refusal as refusal:
        return page(request, "sign_in.html", told, status=422, problems=[problem("name", refusal)])
    assert found.actor.account is not None
    sessions.start(request, found.actor.account)
    return greet(request, see_other("/home"), found.language)


@require_POST
def out(request: HttpRequest) -> HttpResponse:
    """Sign out at this browser."""
    account = getattr(request, "account", None)
    if account is not None:
        acts.end(actor=request.actor, now=wiring.now())  # type: ignore[attr-defined]
    sessions.end(request)
    return see_other("/")
