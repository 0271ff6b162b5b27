"""The second step of signing in: after a password, a code or a passkey, where the account has one or needs one.

A passkey is two factors by itself, and what a provider says counts as two where the settings say that it asks for two.
Whoever can mint or act for others and has no second factor yet is led to set one up, and to nothing else before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.customers.queries import standing
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, challenges, codes, passkeys
from chaveiro.apps.identity.actions.challenges import About
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.operations.actions import take
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Refusal
from chaveiro.rules.factors import ChallengeSpent, needs_second_factor
from chaveiro.rules.limits import TooMany, caller
from chaveiro.rules.sessions import How, prefix_of
from chaveiro.web import accounts, browsers, sessions
from chaveiro.web.languages import greet, remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem

SET_UP = "/settings/security/second-step"
# What somebody who must set a second factor up may reach before they did.
OPEN_BEFORE = ("/settings/security", "/confirm-it-is-you", "/sign-out", "/language", "/theme", "/accounts", "/help")


def enter(request: Any, found: Iterable[Identified], how: How, *, two_already: bool = False) -> HttpResponse:
    """Sign all of them in at this browser, and lead on; who has a second step is asked for it first.

    `two_already`: what they showed was two factors, or the house itself vouches for them.
    """
    everybody = list(found)
    waiting = [] if two_already else [each for each in everybody if is_asked(each.actor)]
    ready = [each for each in everybody if each not in waiting]
    prefixes = [sessions.start(request, each.actor, how) for each in ready]
    if waiting:
        return ask(request, waiting, how, prefixes)
    return greet(request, accounts.lead_on(request, prefixes), everybody[0].language)


def is_asked(actor: Actor) -> bool:
    """Whether an account's password alone is not enough."""
    assert actor.account is not None
    with acting(actor):
        ways = identity.ways(actor.account)
        return ways.one_time_codes or (ways.passkeys > 0 and needs_second_factor(standing(actor)))


def ask(request: Any, waiting: Sequence[Identified], how: How, prefixes: Sequence[str] = ()) -> HttpResponse:
    """Ask for the second step of the first of them; what comes after it waits with the question."""
    first = waiting[0]
    question = challenges.ask(
        actor=first.actor,
        about=About.SECOND_FACTOR,
        browser=browsers.browser_of(request),
        means=wiring.means(),
        facts={
            "how": how.value,
            "prefixes": list(prefixes),
            "others": [str(each.actor.account) for each in waiting[1:]],
        },
    )
    return _page(request, first.actor, browsers.written(question))


@require_http_methods(["GET", "HEAD", "POST"])
def step(request: Any) -> HttpResponse:
    """Enter the code, or show the passkey; the tries are few, and counted for the browser, the network, the account."""
    if request.method != "POST":
        return see_other("/sign-in", at="")
    browser, means = browsers.browser_of(request), wiring.means()
    question = browsers.question_in(request)
    asked = challenges.look(question=question, about=About.SECOND_FACTOR, browser=browser, means=means)
    found = asked.account
    if found is None:
        raise ChallengeSpent()
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(_page(request, found.actor, browsers.written(question)), language)
    try:
        _prove(request, found.actor, question)
    except (TooMany, ChallengeSpent):
        raise
    except Refusal as refusal:
        at = "code" if request.POST.get("do") == "code" else "top"
        return _page(request, found.actor, browsers.written(question), [problem(at, refusal)])
    asked = challenges.take(question=question, about=About.SECOND_FACTOR, browser=browser, means=means)
    return _go_on(request, found, asked.facts)


def _prove(request: Any, actor: Actor, question: bytes) -> None:
    browser, means = browsers.browser_of(request), wiring.means()
    if request.POST.get("do") == "passkey":
        count(request, "passkeys")
        passkeys.show(actor=actor, answer=browsers.answer_in(request), counter=browsers.counter(request))
        return
    count(request, "codes")
    # Of the account's own bucket only those take who gave its password right: no stranger can empty it.
    who, secret = caller(account=actor.account), wiring.derived_secret("limits")
    take(limit="codes", caller=who, now=wiring.now(), secret=secret)
    challenges.count_try(question=question, about=About.SECOND_FACTOR, browser=browser, means=means)
    kit = codes.Codes(wiring.vault(), wiring.authenticator_code, means)
    codes.enter(actor=actor, typed=request.POST.get("code", ""), codes=kit)


@require_POST
def options(request: Any) -> HttpResponse:
    """What the browser is asked for, so that a passkey of the account that waits answers."""
    count(request, "passkeys")
    asked = challenges.look(
        question=browsers.question_in(request),
        about=About.SECOND_FACTOR,
        browser=browsers.browser_of(request),
        means=wiring.means(),
    )
    if asked.account is None:
        raise ChallengeSpent()
    told = passkeys.options_to_confirm(actor=asked.account.actor, counter=browsers.counter(request))
    return browsers.options(request, told)


def _go_on(request: Any, found: Identified, facts: Any) -> HttpResponse:
    assert found.actor.account is not None
    how = How(facts["how"])
    sessions.start(request, found.actor, how)
    prefixes = [*facts["prefixes"], prefix_of(found.actor.account)]
    others = [_identified(UUID(each)) for each in facts["others"]]
    if others:
        return ask(request, others, how, prefixes)
    return greet(request, accounts.lead_on(request, prefixes), found.language)


def _identified(account: UUID) -> Identified:
    # An account may read itself; on whose side it stands is what is asked here.
    with acting(Actor(Kind.ANONYMOUS, account=account)):
        card = identity.account(account)
    return Identified(identity.actor_of(card), card.language)


def _page(request: Any, actor: Actor, question: str, problems: Sequence[Problem] = ()) -> HttpResponse:
    assert actor.account is not None
    with acting(actor):
        ways = identity.ways(actor.account)
        person = identity.account(actor.account)
    context = {"ways": ways, "person": person, "question": question, "next": accounts.next_of(request)}
    status = 422 if problems else 200
    made = page(request, "security/second_step.html", context, status=status, problems=problems)
    return browsers.hold(request, made)


# --- who must have one ---------------------------------------------------------------------------------------------


class SecondFactorMiddleware:
    """Who must have a second factor and has none is led to set one up, whatever page they ask for."""

    def __init__(self, get_response: Callable[[Any], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: Any, view: object, arguments: object, named: object) -> HttpResponse | None:
        """Lead to the set-up; a form of theirs is not acted upon."""
        del view, arguments, named
        if not is_due(request) or request.path_info.startswith(OPEN_BEFORE):
            return None
        return see_other(SET_UP)


def is_due(request: Any) -> bool:
    """Whether whoever is signed in must set a second factor up before anything else."""
    here = request.sign_in
    if here is None or here.how is How.PASSKEY or not needs_second_factor(request.actor):
        return False
    if here.how is How.LINK and not settings.SECOND_FACTOR_AFTER_LINKS:
        return False
    with acting(request.actor):
        if here.how is How.OIDC and _vouched_twice(request.account.id):
            return False
        return not identity.ways(request.account.id).second_factor


def _vouched_twice(account: UUID) -> bool:
    """Whether a provider that asks for two factors itself is linked to the account."""
    thorough = {provider.name for provider in wiring.providers() if provider.second_factor}
    return any(each.provider in thorough for each in identity.testimonies(account))
