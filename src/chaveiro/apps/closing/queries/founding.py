"""Whether anybody has taken this installation into their hands yet."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from chaveiro.apps.identity.models import Account, Link
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Kind


@dataclass(frozen=True, slots=True)
class FirstOperator:
    """The first operator's account, None before there is any; whether any operator has ever signed in."""

    account: UUID | None
    signed_in: bool


def first_operator() -> FirstOperator:
    """Who may act for the vendor; call it while acting as the house.

    An account that nobody has entered does not count as an operator: its link may have been lost or have expired.
    """
    operators = seen(Account).filter(kind=Kind.OPERATOR.value)
    entered = Exists(seen(Link).filter(account_id=OuterRef("id"), used_at__isnull=False))
    taken = operators.filter(Q(owned_at__isnull=False) | Q(last_login__isnull=False) | entered)
    waiting = operators.filter(closed_at=None).order_by("created_at", "id").values_list("id", flat=True).first()
    return FirstOperator(waiting, taken.exists())
