"""Signing in by an OpenID Connect provider: leaving for it, and coming back with what it says.

A form leaves by an answer of our own that goes on by itself: the content security policy lets forms go to us alone.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.identity.actions import federation, ownership
from chaveiro.apps.identity.actions.challenges import Asked
from chaveiro.apps.identity.actions.federation import Gate
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.factors import ChallengeSpent
from chaveiro.rules.providers import Provider, ProviderRefused, Testimony
from chaveiro.rules.sessions import How, prefix_of
from chaveiro.rules.vault import Lending
from chaveiro.web import accounts, browsers, second_step, settling
from chaveiro.web.languages import greet
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page

CODE_LENGTH_AT_MOST = 4_000
LINK_PURPOSE = "ownership link"


def provider_named(name: str) -> Provider:
    """A provider of the settings. Raises NotFound."""
    for provider in wiring.providers():
        if provider.name == name:
            return provider
    raise NotFound()


def gate(request: Any, provider: Provider) -> Gate:
    """Where this browser leaves for a provider, and comes back."""
    return Gate(
        browser=browsers.browser_of(request),
        client=wiring.openid(),
        back=f"{settings.BASE_URL}/openid/{provider.name}",
        secret=wiring.derived_secret("openid"),
        means=wiring.means(),
    )


def leave(request: Any, provider: Provider, actor: Actor, facts: dict[str, Any]) -> HttpResponse:
    """On to the provider; `facts` come back with its answer."""
    count(request, "providers")
    address = federation.leave(actor=actor, provider=provider, gate=gate(request, provider), facts=facts)
    told = {"provider": provider.title, "address": address, "host": urlsplit(address).hostname}
    response = page(request, "security/leaving.html", told)
    response["Refresh"] = f"0; url={address}"
    response["Referrer-Policy"] = "no-referrer"
    return browsers.hold(request, response)


@require_POST
def sign_in(request: Any, name: str) -> HttpResponse:
    """Leave for a provider to sign in."""
    return leave(request, provider_named(name), ANONYMOUS, {"for": "sign_in", "next": accounts.next_of(request)})


@require_safe
def back(request: Any, name: str) -> HttpResponse:
    """Come back from a provider; what for is known by the state, which this browser alone can bring, once."""
    provider = provider_named(name)
    count(request, "providers")
    state = request.GET.get("state", "")
    if "error" in request.GET:
        asked = federation.settle_state(provider=provider, gate=gate(request, provider), state=state)
        return _said_no(request, provider, asked)
    code = request.GET.get("code", "")
    if not 0 < len(code) <= CODE_LENGTH_AT_MOST:
        raise ProviderRefused(reason="no code")
    asked, testimony = federation.come_back(provider=provider, gate=gate(request, provider), state=state, code=code)
    errand = ERRANDS.get(str(asked.facts.get("for")))
    if errand is None:
        raise ChallengeSpent()
    return errand(request, provider, asked, testimony)


def _said_no(request: Any, provider: Provider, asked: Asked) -> HttpResponse:
    """The person, or the provider, said no: nothing happened, and they may choose again."""
    told = {"provider": provider.title, "signed_in": asked.account is not None and asked.facts.get("for") == "link"}
    if asked.account is not None and told["signed_in"]:
        assert asked.account.actor.account is not None
        told["at"] = prefix_of(asked.account.actor.account)
    return page(request, "security/said_no.html", told, status=403)


def _to_sign_in(request: Any, provider: Provider, asked: Asked, testimony: Testimony) -> HttpResponse:
    found = federation.accounts_of(testimony=testimony, means=wiring.means())
    request.GET = request.GET.copy()
    request.GET["next"] = asked.facts.get("next", "")
    return second_step.enter(request, found, How.OIDC, two_already=provider.second_factor)


def _to_link(request: Any, provider: Provider, asked: Asked, testimony: Testimony) -> HttpResponse:
    """The person decides on a page of their account, where they must still be signed in."""
    actor = _account(asked)
    handle = federation.keep_for_later(
        actor=actor, provider=provider, testimony=testimony, browser=browsers.browser_of(request), means=wiring.means()
    )
    assert actor.account is not None
    return see_other(f"/settings/security/link/{handle}", at=prefix_of(actor.account))


def _to_own(request: Any, provider: Provider, asked: Asked, testimony: Testimony) -> HttpResponse:
    actor = _account(asked)
    secret = wiring.vault().open(base64.b64decode(asked.facts["sealed"]), _lending(actor)).decode()
    found = ownership.with_testimony(secret=secret, provider=provider.name, testimony=testimony, means=wiring.means())
    settling.settle(actor, asked.facts.get("partner", ""))
    return greet(request, second_step.enter(request, [found], How.OIDC, two_already=True), found.language)


ERRANDS = {"sign_in": _to_sign_in, "link": _to_link, "ownership": _to_own}


def leave_to_own(request: Any, provider: Provider, actor: Actor, secret: str, partner: str) -> HttpResponse:
    """Leave for a provider from the page on which somebody takes ownership. The link's secret travels sealed."""
    sealed = base64.b64encode(wiring.vault().seal(secret.encode(), _lending(actor))).decode()
    return leave(request, provider, actor, {"for": "ownership", "sealed": sealed, "partner": partner})


def _lending(actor: Actor) -> Lending:
    assert actor.account is not None
    return Lending(owner=actor.account, job=actor.account, purpose=LINK_PURPOSE)


def _account(asked: Asked) -> Actor:
    if asked.account is None:
        raise ChallengeSpent()
    return asked.account.actor
