"""The subscriptions onto which an actor may redeem keys."""

from __future__ import annotations

from chaveiro import wiring
from chaveiro.apps.delegation.queries import SubscriptionCard, subscriptions_in_sight
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.lifecycle import Stage


def of(actor: Actor) -> list[SubscriptionCard]:
    """Its own for a customer's administrator; for a partner those whose confirmed partner of record it is.

    Deleted ones and those billed directly take no key. Call it while acting.
    """
    allowed = {Kind.CUSTOMER: CUSTOMER_ROLES, Kind.CHANNEL: PARTNER_ROLES}.get(actor.kind, ())
    if actor.roles.isdisjoint(allowed):
        return []
    seen = subscriptions_in_sight(day=wiring.means().day, organisation=actor.organisation, customer=actor.customer)
    return [
        card
        for card in seen
        if card.stage is not Stage.DELETED and card.paid_by == "key" and (actor.customer or card.is_of_record)
    ]
