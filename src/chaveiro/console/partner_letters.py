"""Who is partner of record now, told to both sides: the customer's administrators and the partners' contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from chaveiro.apps.channel import queries as channel
from chaveiro.apps.channel.queries import Card
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed

# What the letter says of a partner: it is the one now, it was the one, or it was declined.
SIDES = ("organisation", "before", "declined")


def partner_of_record(desk: Desk, owed: Owed) -> None:
    """Owe a letter to everybody concerned. Facts: customer; organisation, before, declined; subscription."""
    customer = id_in(owed, "customer")
    assert customer is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        for account in dict.fromkeys(_concerned(owed, customer)):
            facts = {name: value for name, value in owed.facts.items() if name in (*SIDES, "customer", "subscription")}
            notices.owe("partner_letter", {**facts, "account": str(account)}, now)


def _concerned(owed: Owed, customer: UUID) -> Iterator[UUID]:
    yield from customers.administrators_of(customer)
    for name in SIDES:
        organisation = id_in(owed, name)
        if organisation is not None:
            yield from channel.contacts_of(organisation)


def partner_letter(desk: Desk, owed: Owed) -> None:
    """Tell one person. Facts: those of the choice, and account."""
    customer, account = id_in(owed, "customer"), id_in(owed, "account")
    assert customer is not None
    assert account is not None

    def words(desk: Desk, _letter: LetterFacts, _reader: Reader, means: Means) -> Mapping[str, Any] | None:
        return partner_words(desk, owed, customer, means)

    deliver(desk, owed, Occasion("partner_of_record", account, customer, words))


def partner_words(desk: Desk, owed: Owed, customer: UUID, means: Means) -> dict[str, Any]:
    """What the letter says: the customer, each partner by name and number, and which subscription, if one alone."""
    subscription = id_in(owed, "subscription")
    one = None if subscription is None else delegation.subscription_in_sight(subscription, day=means.day)
    return {
        "customer": customers.name_of(customer),
        "names": None if one is None else one.names,
        "page": f"{desk.base_url}/home",
        **{name: _card(id_in(owed, name)) for name in SIDES},
    }


def _card(organisation: UUID | None) -> Card | None:
    return None if organisation is None else channel.card(organisation=organisation)
