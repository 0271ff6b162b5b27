"""Taking ownership: the person named at redemption makes the account theirs, and decides on the partner of record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, links, ownership, passkeys
from chaveiro.apps.identity.queries import Identified
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.rules.sessions import How
from chaveiro.rules.tokens import LinkSpent, Purpose
from chaveiro.web import browsers, openid, passwords, second_step, settling
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.naming import name_for_passkey
from chaveiro.web.pages import Problem, page, problem

BY_PROVIDER = "provider:"


@require_http_methods(["GET", "HEAD", "POST"])
def take(request: Any, secret: str) -> HttpResponse:
    """GET shows whose account and which organisation it is; POST uses the link up, for one way to sign in."""
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=wiring.now())
    context = _context(request, found.actor, secret)
    if request.method != "POST":
        return page(request, "ownership.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "ownership.html", context), language)
    by = request.POST.get("do", "")
    problems = settling.problems(context["proposals"], context["decision"])
    if by == "passkey":
        return _with_passkey(request, secret, context, problems)
    if by.startswith(BY_PROVIDER):
        provider = openid.provider_named(by.removeprefix(BY_PROVIDER))
        if problems:
            return _again(request, context, problems)
        return openid.leave_to_own(request, provider, found.actor, secret, context["decision"])
    return _with_password(request, secret, context, problems)


@require_POST
def options(request: Any, secret: str) -> HttpResponse:
    """What the browser is asked for, to make a passkey; 422 while the rest of the form is not filled in."""
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=wiring.now())
    count(request, "passkeys")
    with acting(found.actor):
        proposals = settling.proposals_to(found.actor)
    if settling.problems(proposals, request.POST.get("partner", "")):
        return JsonResponse({}, status=422)
    asked = passkeys.options_for_new(actor=found.actor, counter=browsers.counter(request))
    return browsers.options(request, asked)


def _context(request: Any, actor: Actor, secret: str) -> dict[str, Any]:
    assert actor.account is not None
    with acting(actor):
        context: dict[str, Any] = {"person": identity.account(actor.account), "organisation": "", "since": None}
        if actor.customer is not None:
            context["organisation"] = customers.name_of(actor.customer)
            context["since"] = customers.opened_at(actor.customer)
            context["administrator"] = "administrator" in customers.standing(actor).roles
        context["proposals"] = settling.proposals_to(actor)
    context["decision"] = request.POST.get("partner", "")
    context["options"] = f"/ownership/{secret}/passkey"
    context["providers"] = wiring.providers()
    return context


def _with_password(request: Any, secret: str, context: Mapping[str, Any], problems: list[Problem]) -> HttpResponse:
    problems = [*passwords.problems(request, context["person"]), *problems]
    if problems:
        return _again(request, context, problems)
    found = ownership.with_password(secret=secret, password=passwords.sent(request), now=wiring.now())
    return _taken(request, found, context, How.PASSWORD)


def _with_passkey(request: Any, secret: str, context: Mapping[str, Any], problems: list[Problem]) -> HttpResponse:
    if problems:
        return _again(request, context, problems)
    try:
        found = ownership.with_passkey(
            secret=secret,
            answer=browsers.answer_in(request),
            name=name_for_passkey(request),
            counter=browsers.counter(request),
        )
    except (LinkSpent, TooMany):
        raise
    except Refusal as refusal:
        return _again(request, context, [problem("top", refusal)])
    return _taken(request, found, context, How.PASSKEY)


def _taken(request: Any, found: Identified, context: Mapping[str, Any], how: How) -> HttpResponse:
    settling.settle(found.actor, context["decision"])
    return second_step.enter(request, [found], how, two_already=True)


def _again(request: Any, context: Mapping[str, Any], problems: list[Problem]) -> HttpResponse:
    return browsers.hold(request, page(request, "ownership.html", context, status=422, problems=problems))
