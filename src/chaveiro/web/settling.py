"""What the person who takes ownership says of a partner that proposed itself as partner of record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.actions import confirm_partner_of_record, decline_partner_of_record
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import Actor
from chaveiro.web.pages import Problem

SETTLE = {"confirm": confirm_partner_of_record, "decline": decline_partner_of_record}


def proposals_to(actor: Actor) -> Sequence[delegation.PartnerCard]:
    """The partners that propose themselves to the actor's organisation; call it while acting."""
    return () if actor.customer is None else delegation.proposals(customer=actor.customer, now=wiring.now())


def problems(proposals: Sequence[Any], decision: str) -> list[Problem]:
    """Nothing was said of a partner that proposed itself."""
    if not proposals or decision in SETTLE:
        return []
    text = _("Say whether this partner shall be your partner of record.")
    return [Problem("partner-confirm", text, _("You can change this at any time."))]


def settle(actor: Actor, decision: str) -> None:
    """Confirm or decline what was proposed, with the roles that the person has."""
    if decision not in SETTLE:
        return
    with acting(actor):
        proposals = proposals_to(actor)
        whole = customers.standing(actor)
    for proposal in proposals[:1]:
        SETTLE[decision](actor=whole, proposal=proposal.id, now=wiring.now())
