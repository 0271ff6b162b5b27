"""A question for help, passed on: to the partner of record or the seller, else to the operator; a copy to who asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from chaveiro.apps.channel import queries as channel
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.feedback import queries as feedback
from chaveiro.apps.feedback.queries import Asked
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import REPLY_TO, Desk, Occasion, Reader, deliver, id_in, instant_for
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed

COPY = "copy"  # to whoever asked
SHORT = 8  # characters of a request's number in a subject: its last ones tell requests of one moment apart
OPERATOR = "support"  # to the mailbox of the people who give help


def help_request(desk: Desk, owed: Owed) -> None:
    """Owe the letters that pass a question on, and the copy for whoever asked. Facts: request."""
    request = id_in(owed, "request")
    assert request is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        asked = feedback.help_request(request)
        for to in dict.fromkeys(_receivers(desk, asked)):
            notices.owe("help_letter", {"request": str(request), "to": to}, now)


def _receivers(desk: Desk, asked: Asked) -> Iterator[str]:
    """Who gets the question: ids of accounts, or one of the two words above."""
    partners = _partners(desk, asked) if asked.receiver == "partner" else []
    yield from map(str, partners)
    if not partners:
        yield from [OPERATOR] if desk.support else map(str, identity.operators())
    if asked.email or asked.account:
        yield COPY


def _partners(desk: Desk, asked: Asked) -> list[UUID]:
    """The people of the customer's partner of record who answer questions; of its seller where there is none."""
    if asked.customer is None:
        return []
    of_record = delegation.partners_of_record(customer=asked.customer, now=desk.means().now)
    organisations = [card.organisation for card in of_record] or customers.sellers_of(asked.customer)
    return [account for organisation in organisations[:1] for account in channel.contacts_of(organisation)]


def help_letter(desk: Desk, owed: Owed) -> None:
    """Post one of the letters of a question. Facts: request, to."""
    request, to = id_in(owed, "request"), str(owed.facts["to"])
    assert request is not None
    with acting(SYSTEM):
        asked = feedback.help_request(request)
    reader = _reader(desk, asked, to)
    account = None if reader is not None else UUID(str(asked.account) if to == COPY else to)

    def words(_desk: Desk, _letter: LetterFacts, reader: Reader, _means: Means) -> Mapping[str, Any]:
        return question_words(asked, reader, copy=to == COPY)

    deliver(desk, owed, Occasion("help_request", account, None, words, reader=reader))


def _reader(desk: Desk, asked: Asked, to: str) -> Reader | None:
    """The reader where no account is written to."""
    if to == OPERATOR:
        return Reader(email=desk.support, language=settings.LANGUAGE_CODE, time_zone=settings.PLATFORM_TIME_ZONE)
    if to == COPY and asked.email:
        return Reader(email=asked.email, language=asked.language, time_zone=settings.PLATFORM_TIME_ZONE)
    return None


def question_words(asked: Asked, reader: Reader, *, copy: bool) -> dict[str, Any]:
    """What the letter says. Whoever answers it writes to the person who asked."""
    email, name, organisation = asked.email, asked.name, ""
    if asked.account is not None:
        card = identity.account(asked.account)
        email, name = email or card.email, name or f"{card.given_name} {card.family_name}"
    if asked.customer is not None:
        organisation = customers.name_of(asked.customer)
    elif asked.organisation is not None:
        organisation = channel.card(organisation=asked.organisation).name
    words = {
        "copy": copy,
        "message": asked.message,
        "name": name,
        "answer_to": email,
        "organisation": organisation,
        "page": asked.page,
        "reference": asked.reference,
        "request": asked.request,
        "short": asked.request[-SHORT:],
        "at": instant_for(reader, asked.at),
    }
    return words if copy or not email else {**words, REPLY_TO: email}
