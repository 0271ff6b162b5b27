"""That a block was put or lifted, told to those concerned: the customer's administrators and its partners' contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from chaveiro.apps.channel import queries as channel
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.subscriptions import queries as subscriptions
from chaveiro.apps.subscriptions.queries import BlockCard
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed

LIFTED = ("unblocked", "released")
EVERYTHING = {"pt": "Todas as subscrições", "en": "All subscriptions"}  # a block on all that a customer has


def block(desk: Desk, owed: Owed) -> None:
    """Owe a letter to everybody concerned. Facts: block, customer, did."""
    wanted, customer = id_in(owed, "block"), id_in(owed, "customer")
    assert wanted is not None
    assert customer is not None
    means = desk.means()
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        card = subscriptions.block(wanted)
        for account in dict.fromkeys(_concerned(card, means)):
            facts = {**owed.facts, "account": str(account)}
            notices.owe("block_letter", facts, means.now)


def _concerned(card: BlockCard, means: Means) -> Iterator[UUID]:
    yield from customers.administrators_of(card.customer)
    beside = delegation.beside({card.customer}, now=means.now).get(card.customer, ())
    of_record = [one.organisation for one in beside if one.subscription in (None, card.subscription)]
    for organisation in dict.fromkeys([*of_record, *customers.sellers_of(card.customer)]):
        yield from channel.contacts_of(organisation)


def block_letter(desk: Desk, owed: Owed) -> None:
    """Tell one person. Facts: block, customer, did, account."""
    wanted, customer, account = id_in(owed, "block"), id_in(owed, "customer"), id_in(owed, "account")
    assert wanted is not None
    assert customer is not None
    assert account is not None

    def words(desk: Desk, _letter: LetterFacts, _reader: Reader, means: Means) -> Mapping[str, Any]:
        return block_words(desk, subscriptions.block(wanted), str(owed.facts["did"]) in LIFTED, means)

    deliver(desk, owed, Occasion("block", account, customer, words))


def block_words(desk: Desk, card: BlockCard, lifted: bool, means: Means) -> dict[str, Any]:
    """What the letter says: whose subscription, what was put or lifted, why, by which side, and who can lift it."""
    one = card.subscription and delegation.subscription_in_sight(card.subscription, day=means.day)
    page = f"/subscriptions/{identifiers.write('subscription', card.subscription)}" if card.subscription else "/home"
    return {
        "customer": customers.name_of(card.customer),
        "names": one.names if one else EVERYTHING,
        "lifted": lifted,
        "kind": card.kind.value,
        "holder": card.holder.value,
        "reason": card.reason,
        "since": card.put_on,
        "until": card.lifted_on,
        "page": desk.base_url + page,
    }
