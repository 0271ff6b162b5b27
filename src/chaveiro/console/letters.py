"""Letters: written in the reader's language, posted after the commit, marked when the post office has them.

    one transaction    the letter's row, what it needs (a link), one attempt counted
    no transaction     the words are put together and handed to the post office
    one transaction    marked: posted, failed, or owed still

A kill in the first leaves nothing; after it, the job comes back and posts the same letter: same Message-ID, same words,
same link. Nobody gets two different letters, and nobody gets none.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.template.loader import render_to_string
from django.utils import translation

from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, Message, Owed, PostDeferred, PostOffice, PostRefused
from chaveiro.rules.tokens import SECRET_BYTES
from chaveiro.wording import figures, time_zones

log = structlog.get_logger(__name__)

SUBJECT_LENGTH_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Desk:
    """Where letters are written: the post office, the means of each act, the installation, a secret of its own.

    `stopping` tells long work that its worker was told to stop. `support` is where people who give help read mail;
    answers to letters go there. Empty: nobody reads answers, and what asks for help goes to the operators.
    `return_address` is where delivery reports on notices come back, empty where nobody reads them; mailboxes below
    `initial_domain` are those that subscriptions serve.
    """

    office: PostOffice
    means: Callable[[], Means]
    base_url: str
    vendor: str
    secret: bytes = field(repr=False)
    stopping: Callable[[], bool] = lambda: False
    support: str = ""
    return_address: str = ""
    initial_domain: str = "example.net"

    def link_secret(self, letter: UUID) -> bytes:
        """The secret of the link in a letter: found again for a second posting, and kept nowhere."""
        return hmac.digest(self.secret, b"link in letter " + letter.bytes, "sha256")[:SECRET_BYTES]


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever a letter is for, as far as writing it needs to know them. `language` is one of ours: `pt-pt`, `en`."""

    email: str = field(repr=False)
    language: str
    time_zone: str = "UTC"
    given_name: str = field(default="", repr=False)
    login_name: str = field(default="", repr=False)
    account: UUID | None = None
    owned: bool = True
    closed: bool = False


Words = Callable[[Desk, LetterFacts, Reader, Means], Mapping[str, Any] | None]
ATTACHMENTS, REPLY_TO = "attachments", "reply_to"  # among a letter's words: files that go with it, who reads answers


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a letter is written: to whom, about which customer, and what its words need.

    `words` runs in the first transaction and may make what the letter carries; None means that it is not owed any more.
    A closed account is written to only where the letter says so: it may be the one that tells of the closing.
    `reader` stands for a person without an account; else the account's own card is the reader.
    """

    kind: str
    account: UUID | None
    customer: UUID | None
    words: Words
    closed_too: bool = False
    reader: Reader | None = None


def deliver(desk: Desk, owed: Owed, occasion: Occasion) -> None:
    """Write and post the letter of an owed effect, at most eight times. Raises PostDeferred: the job comes back."""
    means = desk.means()
    with acting(SYSTEM):
        letter = notices.write_letter(
            owed=owed.id,
            letter=means.new_id(),
            kind=occasion.kind,
            account=occasion.account,
            customer=occasion.customer,
            now=means.now,
        )
        if letter.state != "owed":
            return
        reader = _reader(occasion)
        words = None if reader.closed and not occasion.closed_too else occasion.words(desk, letter, reader, means)
        if words is None:
            notices.superseded(letter=letter.id)
            return
        attempts = notices.attempt(letter=letter.id)
    if attempts is not None:
        _post(desk, letter, written(desk, letter, reader, words), attempts)


def _reader(occasion: Occasion) -> Reader:
    if occasion.account is None:
        assert occasion.reader is not None
        return occasion.reader
    return reader_of(identity.account(occasion.account))


def reader_of(card: AccountCard) -> Reader:
    """The reader that an account's person is."""
    return Reader(
        email=card.email,
        language=card.language,
        time_zone=card.time_zone,
        given_name=card.given_name,
        login_name=card.login_name,
        account=card.id,
        owned=card.owned,
        closed=card.closed,
    )


def _post(desk: Desk, letter: LetterFacts, message: Message, attempts: int) -> None:
    known = log.bind(letter=str(letter.id), kind=letter.kind, attempt=attempts)
    try:
        outcome = desk.office.post(message)
    except PostRefused as refused:
        _give_up(desk, letter, str(refused.facts["outcome"]))
        known.warning("letter_refused", outcome=refused.facts["outcome"])
    except PostDeferred as deferral:
        outcome = str(deferral.facts["outcome"])
        known.warning("letter_deferred", outcome=outcome)
        if attempts >= ATTEMPTS_AT_MOST:
            _give_up(desk, letter, outcome)
            return
        with acting(SYSTEM):
            notices.deferred(letter=letter.id, outcome=outcome)
        raise
    else:
        with acting(SYSTEM):
            notices.posted(letter=letter.id, outcome=outcome, now=desk.means().now)
        known.info("letter_posted", outcome=outcome)


def _give_up(desk: Desk, letter: LetterFacts, outcome: str) -> None:
    with acting(SYSTEM):
        notices.given_up(letter=letter.id, outcome=outcome, now=desk.means().now)


def written(desk: Desk, letter: LetterFacts, reader: Reader, words: Mapping[str, Any]) -> Message:
    """The letter in the reader's language; equal for equal letters."""
    context = {
        "vendor": desk.vendor,
        "base_url": desk.base_url,
        "support": desk.support,
        "reader": reader,
        "language": reader.language,
        **words,
    }
    template = f"letters/{letter.kind}"
    with translation.override(reader.language):
        subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())[:SUBJECT_LENGTH_AT_MOST]
        text = tidy(render_to_string(f"{template}.txt", context))
        html = render_to_string(f"{template}.html", {**context, "subject": subject})
    return Message(
        letter=letter.id,
        to=reader.email,
        subject=subject,
        text=text,
        html=html,
        language=reader.language,
        written_at=letter.created_at,
        attachments=tuple(words.get(ATTACHMENTS, ())),
        reply_to=words.get(REPLY_TO, desk.support),
    )


def id_in(owed: Owed, name: str) -> UUID | None:
    """An id among the facts of an owed effect."""
    value = owed.facts.get(name)
    return None if value is None else UUID(value)


def tidy(text: str) -> str:
    """A text without the gaps that a template leaves: no space at a line's end, no two empty lines."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for place, line in enumerate(lines) if line or lines[place - 1]]
    return "\n".join(kept) + "\n"


def instant_for(reader: Reader, instant: datetime) -> str:
    """An instant as the reader writes it, in their own time zone, which is named."""
    return figures(reader.language).instant(instant, zone_of(reader))


def zone_of(reader: Reader) -> str:
    """The reader's time zone; UTC where this machine does not know it."""
    return reader.time_zone if reader.time_zone in time_zones() else "UTC"
