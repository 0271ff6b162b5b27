"""What a customer's administrator decides about who stands beside the organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.apps.channel.queries import card
from chaveiro.apps.delegation.queries import PROPOSAL_LIFE, chosen
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.notices.actions import owe
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.organisations import REGISTRATION

SETTLE = "SELECT delegation_settle(%s, %s, %s, %s)"
CHOOSE = "SELECT delegation_choose(%s, %s, %s, %s)"
REMOVE = "SELECT delegation_remove(%s, %s)"
NOT_ALLOWED, NOT_THERE = "CV003", "CV004"


def confirm_partner_of_record(*, actor: Actor, proposal: UUID, now: datetime) -> UUID:
    """The customer's administrator agrees: benefits and the partner's view begin; answers the partner's organisation.

    An earlier partner of record ends with its view. Journals `partner_of_record:confirmed`. Raises NotAllowed for
    anybody else, NotFound when no such proposal waits (settled, lapsed after 90 days, or another customer's).
    """
    return _settle(actor, proposal, "confirmed", now)


def decline_partner_of_record(*, actor: Actor, proposal: UUID, now: datetime) -> UUID:
    """The customer's administrator does not agree. Journals `partner_of_record:declined`. Raises as confirming does."""
    return _settle(actor, proposal, "declined", now)


def choose_partner_of_record(
    *, actor: Actor, registration_number: str, means: Means, subscription: UUID | None = None, dry_run: bool = False
) -> UUID:
    """The customer's administrator names its partner of record; answers the partner's organisation.

    It is the organisation's default, or that of one `subscription`. Who was it before ends, with its view. Choosing
    who it is already changes nothing. Journals `partner_of_record:changed`.

    Raises NotAllowed for anybody else, Malformed for what is no number of seven digits, NotFound for a number that
    nobody has, or has now, and for a subscription that is not the customer's. Source: rules, section 8.
    """
    _must_administer(actor)
    number = registration_number.strip()
    if not REGISTRATION.fullmatch(number):
        raise Malformed(field="registration_number", reason="has seven digits")
    with acting(actor):
        partner = card(registration_number=number)
        if partner.is_suspended:
            raise NotFound(what="organisation")
        assert actor.customer is not None
        if dry_run or chosen(customer=actor.customer, subscription=subscription) == partner.id:
            return partner.id
        row = _run(CHOOSE, (means.new_id(), partner.id, subscription, means.now), missing="subscription")
        _changed(actor, means.now, subscription, organisation=partner.id, before=row)
    return partner.id


def remove_partner_of_record(*, actor: Actor, now: datetime, subscription: UUID | None = None) -> UUID | None:
    """The customer's administrator ends it, with its view; answers who it was, None where nobody was.

    Journals `partner_of_record:changed`. Raises NotAllowed for anybody else.
    """
    _must_administer(actor)
    with acting(actor):
        before = _run(REMOVE, (subscription, now), missing="subscription")
        if before is not None:
            _changed(actor, now, subscription, organisation=None, before=before)
    return before


def _changed(
    actor: Actor, now: datetime, subscription: UUID | None, *, organisation: UUID | None, before: UUID | None
) -> None:
    facts = {"organisation": organisation, "before": before, "subscription": subscription}
    record(
        tag="partner_of_record:changed",
        at=now,
        actor=actor,
        subject_id=str(subscription or actor.customer),
        customer_id=actor.customer,
        facts={name: value and str(value) for name, value in facts.items()},
    )
    _owe(actor, now, subscription, now_it_is=organisation, before=before)


def _owe(
    actor: Actor,
    now: datetime,
    subscription: UUID | None,
    *,
    now_it_is: UUID | None = None,
    before: UUID | None = None,
    declined: UUID | None = None,
) -> None:
    """Both sides are told (rules, section 8): the customer, who it is now, who it was, who was declined."""
    told = {
        "customer": actor.customer,
        "organisation": now_it_is,
        "before": before,
        "declined": declined,
        "subscription": subscription,
    }
    owe("partner_of_record", {name: str(value) for name, value in told.items() if value is not None}, now)


def _must_administer(actor: Actor) -> None:
    actor.needs("relations:write")
    if actor.kind is not Kind.CUSTOMER:
        raise NotAllowed(needs="administrator of the organisation")
    actor.needs_role("administrator")


def _run(statement: str, values: tuple[object, ...], *, missing: str) -> UUID | None:
    """What one of the room's functions answers: an organisation, or nothing."""
    try:
        row = connection.connection.execute(statement, values, prepare=True).fetchone()
    except psycopg.Error as fault:
        if fault.sqlstate == NOT_ALLOWED:
            raise NotAllowed(needs="administrator of the organisation") from fault
        if fault.sqlstate == NOT_THERE:
            raise NotFound(what=missing) from fault
        raise
    return None if row is None or row[0] is None else UUID(str(row[0]))


def _settle(actor: Actor, proposal: UUID, outcome: str, now: datetime) -> UUID:
    _must_administer(actor)
    with acting(actor):
        assert actor.customer is not None
        before = chosen(customer=actor.customer)
        settled = _run(SETTLE, (proposal, outcome, now - PROPOSAL_LIFE, now), missing="proposal")
        if settled is None:
            raise NotFound(what="proposal")
        record(
            tag=f"partner_of_record:{outcome}",
            at=now,
            actor=actor,
            subject_id=str(actor.customer),
            customer_id=actor.customer,
            facts={"organisation": str(settled)},
        )
        if outcome == "confirmed":
            _owe(actor, now, None, now_it_is=settled, before=None if before == settled else before)
        else:
            _owe(actor, now, None, declined=settled)
    return settled
