"""What the provider asks the house: services, their secrets, codes, and what is said of a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chaveiro import wiring
from chaveiro.apps.channel.queries import names_of as names_of_organisations
from chaveiro.apps.closing.queries.entitlements import entitled
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, grants
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.entitlements import claim
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.services import Grant, Service
from chaveiro.web.languages import html_lang


class HouseDesk:
    """The `rules.services.Desk` of one request."""

    def __init__(self) -> None:
        self._actors: dict[UUID, Actor] = {}

    def service(self, client_id: str) -> Service | None:
        """The service of that public name."""
        try:
            return grants.service_named(identifiers.read("service", client_id))
        except Malformed:
            return None

    def is_secret(self, service: Service, secret: str) -> bool:
        """Whether the service may show this secret at the token endpoint."""
        return grants.is_secret_of(service.id, secret, wiring.now())

    def take(self, service: Service, code: str, access: str) -> Grant | None:
        """What a code stood for, once."""
        return self._known(grants.take(service=service.id, code=code, access=access, now=wiring.now()))

    def shown(self, access: str) -> Grant | None:
        """What a token for the userinfo endpoint stands for, while it is good."""
        return self._known(grants.by_access(access=access, now=wiring.now()))

    def withdraw(self, access: str) -> None:
        """A token is good for nothing from now on."""
        grants.withdraw(access=access, now=wiring.now())

    def claims(self, grant: Grant) -> Mapping[str, Any] | None:
        """What is said of the person, as far as the scope goes; None where they are not there any more."""
        actor = self._actors[grant.account]
        with acting(actor):
            try:
                return _claims(customers.standing(actor), identity.account(grant.account), set(grant.scope.split()))
            except NotFound:
                return None

    def _known(self, found: tuple[Grant, identity.Identified] | None) -> Grant | None:
        if found is None:
            return None
        grant, identified = found
        self._actors[grant.account] = identified.actor
        return grant


def _claims(actor: Actor, card: AccountCard, scope: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "profile" in scope:
        told |= {
            "name": f"{card.given_name} {card.family_name}".strip(),
            "given_name": card.given_name,
            "family_name": card.family_name,
            "locale": html_lang(card.language),
        }
    if "email" in scope:
        # Whoever took the account over did so by a link that went to this address, or confirmed another since.
        told |= {"email": card.email, "email_verified": card.owned}
    if actor.kind is Kind.CUSTOMER:
        return told | _of_a_customer(actor, card, scope)
    return told | _of_the_house_or_a_partner(actor, card, scope)


def _of_a_customer(actor: Actor, card: AccountCard, scope: set[str]) -> dict[str, Any]:
    assert card.customer_id is not None
    person = customers.person_of(card.id)
    told: dict[str, Any] = {"sub": identifiers.write("person", person)}
    if "organisation" in scope:
        name = customers.name_of(card.customer_id)
        told["organisation"] = {"id": identifiers.write("customer", card.customer_id), "name": name}
        told["roles"] = sorted(actor.roles)
    if "entitlements" in scope:
        found = entitled(person=person, day=wiring.means().day)
        told["entitlements"] = [claim(one) for one in found.entitlements]
    return told


def _of_the_house_or_a_partner(actor: Actor, card: AccountCard, scope: set[str]) -> dict[str, Any]:
    """No subscription is theirs. Whoever of a partner signs in is named as the one who acts, too."""
    told: dict[str, Any] = {"sub": identifiers.write("account", card.id)}
    if "organisation" in scope and card.organisation_id is not None:
        names = names_of_organisations({card.organisation_id})
        told["organisation"] = {
            "id": identifiers.write("partner", card.organisation_id),
            "name": names.get(card.organisation_id, ""),
        }
        told["roles"] = sorted(actor.roles)
        if actor.kind is Kind.CHANNEL:
            told["act"] = {"sub": told["sub"], "organisation": told["organisation"]}
    if "entitlements" in scope:
        told["entitlements"] = []
    return told
