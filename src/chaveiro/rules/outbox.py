"""What leaves the house after a commit: the effects that may be owed, and the ports that carry them out.

An act writes what it owes in its own transaction; a relay hands it to the job engine; a worker carries it out. Exactly
once in our rows, at least once on the wire under a stable id (6-reliability.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.journal import check_facts


class Queue(StrEnum):
    """Short work never waits behind long work."""

    SHORT = "short"
    LONG = "long"


# Every effect that an act may owe, and the queue that carries it out. The names stay: rows bear them.
KINDS: Mapping[str, Queue] = {
    "ownership": Queue.SHORT,  # post an administrator the one-time link by which they take ownership
    "partner_of_record": Queue.SHORT,  # tell a customer and its partners who it is now: a letter each
    "partner_letter": Queue.SHORT,  # one of those letters
    "reversal": Queue.SHORT,  # tell everybody concerned that a redemption was undone: one letter each
    "reversal_letter": Queue.SHORT,  # one of those letters
    "correction": Queue.SHORT,  # tell both customers and who redeemed that a redemption was moved: one letter each
    "correction_letter": Queue.SHORT,  # one of those letters
    "receipt": Queue.SHORT,  # send everybody concerned the receipt of a redemption: one letter each
    "receipt_letter": Queue.SHORT,  # one of those letters
    "help_request": Queue.SHORT,  # pass a question on, and send whoever asked a copy: one letter each
    "help_letter": Queue.SHORT,  # one of those letters
    "draft.resume": Queue.SHORT,  # post the one-time link back to an unfinished redemption
    "reset": Queue.SHORT,  # somebody forgot a password: one letter to each address that the name leads to
    "reset_letter": Queue.SHORT,  # one of those letters
    "security": Queue.SHORT,  # tell the account's person that something about signing in changed
    "confirm_address": Queue.SHORT,  # post a new address the link that shows whose mailbox it is
    "mailed_code": Queue.SHORT,  # post the code by which somebody without other means confirms to be there
    "clock.move": Queue.LONG,  # live the days of a test clock, one after the other
    "block": Queue.SHORT,  # tell customer and partners that a block was put or lifted: one letter each
    "block_letter": Queue.SHORT,  # one of those letters
    "policy_adoption": Queue.LONG,  # let existing subscriptions follow a version of their policy
    "data_key": Queue.SHORT,  # destroy the data key of what was erased
    "erase_person": Queue.SHORT,  # blank what is kept of a person who was let go
    "data_export": Queue.LONG,  # write everything that is kept of a customer or a person into one file
    "mint": Queue.LONG,  # make the keys of a batch
}

ATTEMPTS_AT_MOST = 8
# Between attempts: a server that restarts is met again soon, one that is down over a night is met again after it.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 5 * 60, 30 * 60, 2 * 3600, 8 * 3600, 24 * 3600))
assert len(WAITS) == ATTEMPTS_AT_MOST - 1


class PostRefused(Refusal):
    """The mail server will never take this letter; trying again is useless. Facts: outcome."""

    code = "post_refused"


class PostDeferred(Refusal):
    """Nobody took the letter for sure, or not yet; the same letter is posted again later. Facts: outcome."""

    code = "post_deferred"


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after that many attempts; None when there shall be no further one."""
    return WAITS[attempts - 1] if 0 < attempts < ATTEMPTS_AT_MOST else None


def check_owed(kind: str, facts: Mapping[str, Any]) -> str:
    """The JSON text of an owed effect's facts: ids, codes and numbers only, for jobs and rows carry no secret (S1).

    Raises Malformed for a kind that is not in the table and for facts that hold names, addresses, text or keys.
    """
    if kind not in KINDS:
        raise Malformed(field="kind", reason=f"{kind!r} is not in the table of effects")
    return check_facts(facts)


class Owed(NamedTuple):
    """One effect that is owed, as its row has it."""

    id: int
    kind: str
    facts: dict[str, Any]


class Jobs(Protocol):
    """The job engine, as the relay sees it."""

    def defer(self, owed: Sequence[tuple[int, str]]) -> None:
        """Queue one job for each (id, kind), within the transaction that stands: all of them with it, or none."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; `kind` is its media type."""

    name: str
    kind: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A mail ready to be posted. Equal letters give equal messages, so that a second posting is known as the same.

    `text` and `html` say the same; `language` is the reader's, as `pt-pt` or `en`; `written_at` becomes its date.
    `reply_to` is where an answer goes, empty where nobody reads one; `return_path` is where delivery reports go, an
    address of this letter's own, empty where they go to the sender.
    """

    letter: UUID
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    written_at: datetime
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = field(default="", repr=False)
    return_path: str = field(default="", repr=False)


class PostOffice(Protocol):
    """Whatever takes mails.

    `server` names who takes them; `final` where what was taken lies in the reader's own mailbox, no relay between.
    """

    server: str
    final: bool

    def post(self, message: Message) -> str:
        """Hand the message over; answers who took it and how, without the address.

        Raises PostRefused when it never will be taken, PostDeferred when it may be later or nobody knows.
        """
