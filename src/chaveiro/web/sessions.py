"""Who is signed in at this browser. The session holds an account's id; roles are read anew for each request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from chaveiro.apps.customers.queries import standing
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.rules.actors import ANONYMOUS, Actor, Kind
from chaveiro.rules.errors import NotFound

ACCOUNT = "account"


def who(request: Any) -> tuple[Actor, AccountCard | None]:
    """The actor of a request with their standing roles and their account; nobody where the account is closed."""
    signed_in = request.session.get(ACCOUNT)
    if signed_in is None:
        return ANONYMOUS, None
    card = _card(UUID(signed_in))
    if card is None or card.closed:
        request.session.flush()
        return ANONYMOUS, None
    with acting(identity.actor_of(card)) as actor:
        return standing(actor), card


def _card(account: UUID) -> AccountCard | None:
    # An account may read itself; on whose side it stands is what is asked here.
    try:
        with acting(Actor(Kind.ANONYMOUS, account=account)):
            return identity.account(account)
    except NotFound:
        return None


def start(request: HttpRequest, account: UUID) -> None:
    """Sign in: whatever the browser was before, it begins anew as this account."""
    request.session.flush()
    request.session[ACCOUNT] = str(account)
    rotate_token(request)


def end(request: HttpRequest) -> None:
    """Sign out at this browser."""
    request.session.flush()
