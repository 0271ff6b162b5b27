"""What a customer's administrator decides about who stands beside the organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.apps.delegation.queries import PROPOSAL_LIFE
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound

SETTLE = "SELECT delegation_settle(%s, %s, %s, %s)"
NOT_ALLOWED = "CV003"


def confirm_partner_of_record(*, actor: Actor, proposal: UUID, now: datetime) -> UUID:
    """The customer's administrator agrees: benefits and the partner's view begin; answers the partner's organisation.

    An earlier partner of record ends with its view. Journals `partner_of_record:confirmed`. Raises NotAllowed for
    anybody else, NotFound when no such proposal waits (settled, lapsed after 90 days, or another customer's).
    """
    return _settle(actor, proposal, "confirmed", now)


def decline_partner_of_record(*, actor: Actor, proposal: UUID, now: datetime) -> UUID:
    """The customer's administrator does not agree. Journals `partner_of_record:declined`. Raises as confirming does."""
    return _settle(actor, proposal, "declined", now)


def _settle(actor: Actor, proposal: UUID, outcome: str, now: datetime) -> UUID:
    actor.needs("relations:write")
    if actor.kind is not Kind.CUSTOMER:
        raise NotAllowed(needs="administrator of the organisation")
    actor.needs_role("administrator")
    with acting(actor):
        try:
            row = connection.connection.execute(
                SETTLE, (proposal, outcome, now - PROPOSAL_LIFE, now), prepare=True
            ).fetchone()
        except psycopg.Error as fault:
            if fault.sqlstate == NOT_ALLOWED:
                raise NotAllowed(needs="administrator of the organisation") from fault
            raise
        if row is None or row[0] is None:
            raise NotFound(what="proposal")
        record(
            tag=f"partner_of_record:{outcome}",
            at=now,
            actor=actor,
            subject_id=str(actor.customer),
            customer_id=actor.customer,
            facts={"organisation": str(row[0])},
        )
    return UUID(str(row[0]))
