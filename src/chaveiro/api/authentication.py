"""Who asks: a bearer token becomes an actor, with the roles that stand at this moment."""

from __future__ import annotations

from functools import cached_property

from django.http import HttpRequest
from ninja.security import HttpBearer

from chaveiro import wiring
from chaveiro.apps.customers.queries import standing
from chaveiro.apps.identity.actions import acting, tokens
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.operations import actions as operations
from chaveiro.rules import limits
from chaveiro.rules.actors import Actor
from chaveiro.rules.means import Means


class Asking:
    """One request's asker, and the instant that counts for all of it."""

    def __init__(self, identified: Identified, means: Means) -> None:
        self.means = means
        self.language = identified.language
        self._identified = identified

    @property
    def bare(self) -> Actor:
        """The actor without roles: enough where no role is asked for, and one look at the database less."""
        return self._identified.actor

    @cached_property
    def actor(self) -> Actor:
        """The actor with the roles that stand now."""
        with acting(self.bare):
            return standing(self.bare)

    def take(self, limit: str, *, cost: int = 1) -> None:
        """Count against a named limit of this token. Raises TooMany."""
        operations.take(
            limit=limit,
            caller=limits.caller(token=self._identified.token, account=self.bare.account),
            now=self.means.now,
            secret=wiring.derived_secret("limits"),
            cost=cost,
        )


class BearerToken(HttpBearer):
    """`Authorization: Bearer chv_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> Asking | None:
        """The asker, or None: unknown, revoked, expired and malformed answer alike."""
        means = wiring.means()
        identified = tokens.authenticate(token, now=means.now)
        return None if identified is None else Asking(identified, means)


def asking(request: HttpRequest) -> Asking:
    """The asker of a request that was let in."""
    found: Asking = request.auth  # type: ignore[attr-defined]
    return found
