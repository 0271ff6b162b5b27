"""Letting people in: members of the channel, further operators, and the ownership letter once more.

Each is led in by a one-time link that is mailed; nobody invents a password for somebody else.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chaveiro.apps.channel import actions as channel
from chaveiro.apps.channel.queries import vendor
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions.accounts import Newcomer, open_channel_account, open_operator
from chaveiro.apps.journal.actions import record
from chaveiro.apps.notices.actions import owe
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotAllowed, Refusal
from chaveiro.rules.means import Means


class OwnershipTaken(Refusal):
    """The account was taken over by its person already; who cannot sign in asks for a new password."""

    code = "ownership_taken"


def invite_member(*, actor: Actor, organisation: UUID, newcomer: Newcomer, role: str, means: Means) -> UUID:
    """Open an account of a distributor or reseller with its role there, and owe the letter that leads in.

    Journals `person:added`, `role:granted`. Raises NotAllowed, Malformed, NotFound, LoginNameTaken, MemberElsewhere.
    """
    with acting(actor):
        account = open_channel_account(actor=actor, organisation=organisation, newcomer=newcomer, means=means)
        channel.add_member(actor=actor, account=account, organisation=organisation, role=role, means=means)
        owe("ownership", {"account": str(account), "customer": None}, means.now)
    return account


def invite_operator(*, actor: Actor, newcomer: Newcomer, means: Means) -> UUID:
    """Open an account that acts for the vendor, and owe the letter that leads in.

    Journals `operator:added`. Raises NotAllowed, Malformed, LoginNameTaken.
    """
    _must_operate(actor)
    with acting(actor):
        home = vendor()
        account = open_operator(actor=actor, newcomer=newcomer, means=means, organisation=home)
        channel.add_member(actor=actor, account=account, organisation=home, role="operator", means=means)
        owe("ownership", {"account": str(account), "customer": None}, means.now)
    return account


def send_ownership_again(*, actor: Actor, account: UUID, now: datetime) -> None:
    """Owe somebody who has not taken ownership the letter once more; the earlier links stay good until their time.

    By an operator or the house. Journals `ownership:sent`. Raises NotAllowed, NotFound, OwnershipTaken.
    """
    _must_operate(actor)
    with acting(actor):
        card = identity.account(account)
        if card.owned or card.closed:
            raise OwnershipTaken
        customer = None if card.customer_id is None else str(card.customer_id)
        owe("ownership", {"account": str(account), "customer": customer}, now)
        record(tag="ownership:sent", at=now, actor=actor, subject_id=account, customer_id=card.customer_id)


def _must_operate(actor: Actor) -> None:
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM) or actor.scopes is not None:
        raise NotAllowed(needs="operator")
