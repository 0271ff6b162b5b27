"""Who is signed in at this browser, and as whom a request speaks: the account that its address names, or nobody.

The browser has one cookie with a random secret; behind its digest stand the sessions, one for each account. What an
address without an account's prefix does is done by nobody, whoever is signed in.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.customers.queries import AtBrowser
from chaveiro.apps.identity.actions import digest_of
from chaveiro.apps.identity.actions import sessions as acts
from chaveiro.apps.identity.actions.sessions import Arrival
from chaveiro.rules.actors import Actor
from chaveiro.rules.sessions import LIFE, SEEN_EVERY, How, agent_of, network_of, prefix_of
from chaveiro.rules.tokens import SECRET_BYTES, is_secret, write_secret
from chaveiro.web.problems import OUT_OF_REACH

COOKIE = "__Host-session" if settings.SECURE else "session"
LIFE_SECONDS = int(LIFE.total_seconds())


def browser_of(request: Any) -> bytes | None:
    """The digest of this browser's secret; None where nobody ever signed in at it, or all signed out."""
    fresh = getattr(request, "fresh_secret", None)
    secret = request.COOKIES.get(COOKIE, "") if fresh is None else fresh
    return digest_of(secret) if is_secret(secret) else None


def at_browser(request: Any) -> list[AtBrowser]:
    """The accounts of this browser, those whose session has ended too; asked for once in a request."""
    known: list[AtBrowser] | None = getattr(request, "at_browser", None)
    if known is None:
        browser = browser_of(request)
        tag = getattr(request, "tag", "")
        known = [] if browser is None else customers.at_browser(browser, tag, wiring.now())
        request.at_browser = known
    return known


def live(request: Any) -> list[AtBrowser]:
    """The accounts that are signed in here now. Nobody while the database is out of reach: pages of faults ask too."""
    try:
        return [each for each in at_browser(request) if each.live]
    except OUT_OF_REACH:
        return []


def who(request: Any) -> AtBrowser | None:
    """Who the address says is asking, with the roles that stand now; None where they are not signed in here."""
    if not request.tag:
        return None
    found = next((each for each in at_browser(request) if each.live and each.tag == request.tag), None)
    now = wiring.now()
    if found is not None and now - found.seen_at >= SEEN_EVERY:
        acts.seen(actor=found.actor, session=found.session, now=now)
    return found


def arrival(request: Any, how: How) -> Arrival:
    """Where somebody signs in; the browser gets a new secret with the answer."""
    was = browser_of(request)
    request.fresh_secret = write_secret(wiring.means().random_bytes(SECRET_BYTES))
    request.at_browser = None
    return Arrival(
        browser=digest_of(request.fresh_secret),
        was=was,
        how=how,
        agent=agent_of(request.headers.get("User-Agent", "")),
        network=network_of(request.address),
    )


def start(request: Any, actor: Actor, how: How) -> str:
    """Sign an account in at this browser, beside those that are; answers the prefix of its addresses."""
    assert actor.account is not None
    acts.start(actor=actor, arrival=arrival(request, how), means=wiring.means())
    return prefix_of(actor.account)


def end(request: Any, one: AtBrowser) -> None:
    """Sign one account out at this browser, and forget that it was here. The others stay."""
    now = wiring.now()
    if one.live:
        acts.end(actor=one.actor, session=one.session, now=now, forget=True)
    else:
        _forget(request, one.account.id)
    request.at_browser = None


def end_all(request: Any) -> None:
    """Sign everybody out at this browser, and forget them and the browser."""
    for each in live(request):
        acts.end(actor=each.actor, session=each.session, now=wiring.now(), forget=True)
    _forget(request, None)
    request.at_browser, request.fresh_secret = None, ""


def _forget(request: Any, account: UUID | None) -> None:
    browser = browser_of(request)
    if browser is not None:
        acts.forget(browser=browser, account=account, now=wiring.now())


def keep(request: Any, response: HttpResponse) -> None:
    """Hand the browser its new secret, or take it away, where this request gave it one or took it."""
    fresh = getattr(request, "fresh_secret", None)
    if fresh:
        response.set_cookie(
            COOKIE, fresh, max_age=LIFE_SECONDS, httponly=True, samesite="Lax", secure=settings.SECURE, path="/"
        )
    elif fresh is not None:
        response.set_cookie(COOKIE, "", max_age=0, httponly=True, samesite="Lax", secure=settings.SECURE, path="/")
