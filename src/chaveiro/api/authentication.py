"""Who asks: a bearer token becomes an actor, with the roles that stand at this moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property

from django.http import HttpRequest
from ninja.security import HttpBearer

from chaveiro import wiring
from chaveiro.apps.customers.queries import day_of, standing
from chaveiro.apps.identity.actions import acting, tokens
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.operations import actions as operations
from chaveiro.rules import limits
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.errors import NotAllowed
from chaveiro.rules.means import Means


class Asking:
    """One request's asker, and the instant that counts for all of it."""

    def __init__(self, identified: Identified, means: Means) -> None:
        self._real = means
        self.language = identified.language
        self._identified = identified

    @property
    def bare(self) -> Actor:
        """The actor without roles: enough where no role is asked for, and one look at the database less."""
        return self._identified.actor

    @cached_property
    def actor(self) -> Actor:
        """The actor with the roles that stand now."""
        return self._standing[0]

    @cached_property
    def means(self) -> Means:
        """The means of this request: whoever belongs to a customer on a test clock lives on its day."""
        real = self._real
        return real if self.bare.customer is None else real.at(real.now, self._standing[1])

    @cached_property
    def _standing(self) -> tuple[Actor, date]:
        with acting(self.bare):
            return standing(self.bare), day_of(self.bare.customer, self._real.day)

    def take(self, limit: str, *, cost: int = 1) -> None:
        """Count against a named limit of this token. Raises TooMany."""
        operations.take(
            limit=limit,
            caller=limits.caller(token=self._identified.token, account=self.bare.account),
            now=self._real.now,
            secret=wiring.derived_secret("limits"),
            cost=cost,
        )


class BearerToken(HttpBearer):
    """`Authorization: Bearer chv_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> Asking | None:
        """The asker, or None: unknown, revoked, expired and malformed answer alike."""
        del request
        means = wiring.means()
        identified = tokens.authenticate(token, now=means.now)
        return None if identified is None else Asking(identified, means)


# Who reads what concerns money: on the vendor's side everybody, elsewhere these.
READERS: Mapping[Kind, tuple[str, ...]] = {Kind.CUSTOMER: CUSTOMER_ROLES, Kind.CHANNEL: (*PARTNER_ROLES, "reader")}


def reader(request: HttpRequest, *scopes: str) -> Actor:
    """The asker's actor, if one of these scopes and a reading role are theirs. Raises NotAllowed."""
    actor = asking(request).actor
    if actor.scopes is not None and actor.scopes.isdisjoint(scopes):
        raise NotAllowed(needs=" | ".join(scopes))
    if actor.kind in READERS:
        actor.needs_role(*READERS[actor.kind])
    return actor


def asking(request: HttpRequest) -> Asking:
    """The asker of a request that was let in."""
    found: Asking = request.auth  # type: ignore[attr-defined]
    return found
