"""The journal: what was done, by whom, and the proof that nobody changed the story since."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from chaveiro.api import fields, problems
from chaveiro.api.authentication import reader
from chaveiro.api.paging import Page, cursor
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import queries
from chaveiro.apps.journal.queries import Line, StoryFilter
from chaveiro.rules import identifiers
from chaveiro.rules.errors import NotFound
from chaveiro.wording import telling

router = Router(tags=["Journal"])

SCOPE = "journal:read"
ENTRY_ID_AT_MOST = 2**63 - 1


class Story(Page):
    """Which entries are asked for; nothing given means all."""

    tag: str | None = Field(None, description="`redemption:committed`, …", max_length=100)
    subject: str | None = Field(None, description="Public id of what the entry speaks of.", max_length=100)
    customer: str | None = Field(None, max_length=100)
    since: AwareDatetime | None = Field(None, description="Inclusive.")
    until: AwareDatetime | None = Field(None, description="Exclusive.")
    order: Literal["newest", "oldest"] = "newest"


class Somebody(fields.Answer):
    """Who did it. Accounts are told by an opaque id."""

    kind: str
    account: str | None
    organisation: str | None


class Subject(fields.Answer):
    """What an entry speaks of."""

    kind: str
    id: str


class EntryAnswer(fields.Answer):
    """One sealed entry; `number` is its place for ever."""

    id: str = Field(description="For `/journal/proof/{id}`.")
    number: int
    at: datetime
    tag: str
    actor: Somebody
    on_behalf: str | None
    subject: Subject
    customer: str | None
    facts: dict[str, Any]


class EntryPage(fields.Answer):
    """One page of the journal. An act of the last second may not be sealed yet."""

    items: list[EntryAnswer]
    has_more: bool
    next_cursor: str | None


class ProofAnswer(fields.Answer):
    """That an entry stands in the log: fold `leaf` with `path` to `root` (RFC 9162), and check the checkpoint's JWS."""

    entry: str = Field(description="The canonical bytes of the entry, as text; its leaf is SHA-256 over 0x00 and them.")
    number: int
    size: int
    root: str
    path: list[str]
    checkpoint: str | None = Field(
        description="A signed checkpoint (JWS) over `size` and `root`; null until there is one."
    )


@router.get("", response=problems.answers(200, EntryPage, writes=False), operation_id="listJournal")
def list_journal(request: HttpRequest, wanted: Annotated[Story, Query()]) -> dict[str, Any]:
    """Entries that the token may read."""
    actor = reader(request, SCOPE)
    with acting(actor):
        lines, onward = queries.story(
            actor,
            _filter(wanted),
            cursor=wanted.after(int),
            limit=wanted.limit,
            newest_first=wanted.order == "newest",
        )
    return {
        "items": [_entry(line) for line in lines],
        "has_more": onward is not None,
        "next_cursor": None if onward is None else cursor(onward),
    }


def _filter(wanted: Story) -> StoryFilter:
    kind, subject = _subject(wanted.subject)
    return StoryFilter(
        customer_id=None if wanted.customer is None else fields.in_body("customer", wanted.customer, "customer"),
        tag=wanted.tag,
        subject_kind=kind,
        subject_id=subject,
        since=wanted.since,
        until=wanted.until,
    )


def _subject(text: str | None) -> tuple[str | None, str | None]:
    """Kind and id as the journal has them, from a public id; a text that is none of ours is taken as it stands."""
    if text is None:
        return None, None
    prefix = text.partition("_")[0]
    noun = next((noun for noun, one in identifiers.PREFIXES.items() if one == prefix), None)
    return (None, text) if noun is None else (noun, str(fields.in_body(noun, text, "subject")))


@router.get("/proof/{entry}", response=problems.answers(200, ProofAnswer, 409, writes=False), operation_id="proveEntry")
def prove_entry(request: HttpRequest, entry: str) -> dict[str, Any]:
    """The proof for one entry, the same for ever once a checkpoint covers it; 409 while it is not sealed."""
    actor = reader(request, SCOPE)
    if not entry.isascii() or not entry.isdecimal() or int(entry[:20]) > ENTRY_ID_AT_MOST:
        raise NotFound(what="entry")
    with acting(actor):
        proof = queries.prove(actor, int(entry))
    return {
        "entry": proof.entry.decode(),
        "number": proof.number,
        "size": proof.size,
        "root": proof.root.hex(),
        "path": [one.hex() for one in proof.path],
        "checkpoint": proof.checkpoint,
    }


def _entry(line: Line) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "number": line.number,
        "at": line.at,
        "tag": line.tag,
        "actor": {
            "kind": line.actor_kind,
            "account": None if line.actor_id is None else str(line.actor_id),
            "organisation": telling.public("partner", line.organisation_id),
        },
        "on_behalf": None if line.on_behalf is None else str(line.on_behalf),
        "subject": {"kind": line.subject_kind, "id": _public(line)},
        "customer": telling.public("customer", line.customer_id),
        "facts": line.facts,
    }


def _public(line: Line) -> str:
    """The public form of the subject's id, where its kind has one."""
    if line.subject_kind not in identifiers.PREFIXES:
        return line.subject_id
    try:
        return identifiers.write(line.subject_kind, UUID(line.subject_id))
    except ValueError:
        return line.subject_id
