"""The customer's administrator settles a proposed partner of record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from chaveiro import wiring
from chaveiro.apps.delegation.actions import confirm_partner_of_record, decline_partner_of_record
from chaveiro.web.moving import see_other


@require_POST
def settle(request: Any, proposal: UUID) -> HttpResponse:
    """Confirm, or decline with any other answer."""
    act = confirm_partner_of_record if request.POST.get("partner") == "confirm" else decline_partner_of_record
    act(actor=request.actor, proposal=proposal, now=wiring.now())
    return see_other("/home#partners")
