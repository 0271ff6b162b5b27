"""A draft that names a subscription: weighed where its holder reaches it, and found again from an address."""

from __future__ import annotations

from uuid import UUID

from chaveiro import wiring
from chaveiro.apps.redemption.actions import Weighed, choosing, preview
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.web.redeem.draft import Desk
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of


def weighed_or_nothing(desk: Desk) -> Weighed | None:
    """What the draft would do; None where it names a subscription that is out of its holder's reach now."""
    try:
        return preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())
    except (NotFound, NotAllowed):
        if desk.purpose == "open":
            raise
        return None


def fields_of(choice: choosing.Choice, kind: Kind) -> dict[str, str]:
    """What a draft keeps of a choice. The name stands on every page from here on."""
    target = choice.candidate.target
    named = {} if kind is Kind.CUSTOMER else {"target_name": choice.candidate.customer_name}
    return {"purpose": choice.act, "subscription": str(target.id), "product": target.product_code, **named}


def id_of(text: str) -> UUID | None:
    """The id that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None
