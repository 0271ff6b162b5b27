"""Who may redeem, for whom. The database looks again inside the commit (`redemption_may_change`).

Source: rules, section 3 (Who) and section 8 (what a partner of record may do).
"""

from __future__ import annotations

from uuid import UUID

from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound

PARTNER_ROLES = ("owner", "sales", "technician")
CUSTOMER_ROLES = ("administrator", "billing")
NEEDED = {Kind.CUSTOMER: CUSTOMER_ROLES, Kind.CHANNEL: PARTNER_ROLES}


def redeems(actor: Actor) -> bool:
    """Whether somebody may redeem at all: a stranger with a key, a partner, whoever a customer gave a role for it."""
    return actor.kind is Kind.ANONYMOUS or not actor.roles.isdisjoint(NEEDED.get(actor.kind, ()))


def may_begin(actor: Actor) -> None:
    """Pass, or raise NotAllowed: who has no role for it is told at the start of a redemption, and holds no keys."""
    if not redeems(actor):
        needed = NEEDED.get(actor.kind, ())
        raise NotAllowed(needs=" | ".join(needed) or "partner, or administrator of the organisation")


def may_redeem(
    actor: Actor, purpose: str, *, customer: UUID | None, partner_of_record: bool = False, chooses_seats: bool = False
) -> None:
    """Pass, or raise NotAllowed (what would be needed) or NotFound (not this actor's customer).

    `customer` is an existing one, or None to open a new one. `partner_of_record` says whether the actor's organisation
    is its confirmed partner of record: then it may extend with unchanged seats.
    """
    actor.needs("redemptions:write")
    match actor.kind:
        case Kind.ANONYMOUS:
            if customer is not None or purpose != "open":
                raise NotAllowed(needs="administrator of the organisation")
        case Kind.CUSTOMER:
            if customer is not None and customer != actor.customer:
                raise NotFound(what="customer")
            if customer is None:
                raise NotAllowed(needs="partner, or nobody signed in")
            actor.needs_role(*CUSTOMER_ROLES)
        case Kind.CHANNEL:
            actor.needs_role(*PARTNER_ROLES)
            if customer is not None and not (partner_of_record and purpose == "extend" and not chooses_seats):
                raise NotAllowed(needs="delegated administration of this customer")
        case _:
            raise NotAllowed(needs="partner, or administrator of the organisation")
