"""Journal entries as their reader may know them: what happened, who did it, on behalf of whom, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chaveiro.apps.journal import queries
from chaveiro.apps.journal.queries import Line, StoryFilter
from chaveiro.apps.redemption.queries import references_of
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.web.pages import language
from chaveiro.web.who import Doer, Names
from chaveiro.wording.chronicle import deed


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `number` is its place for ever, `href` the page of its subject, empty where there is none."""

    number: int
    at: datetime
    tag: str
    what: str
    who: str
    by_partner: bool
    href: str
    called: str  # the subject as people write it: a reference, an id


def latest(actor: Actor, tags: tuple[str, ...], limit: int) -> list[Entry]:
    """The newest entries with these tags about the actor's organisation. Call it while acting."""
    return page(actor, StoryFilter(tags=tags), limit=limit)[0]


def page(actor: Actor, wanted: StoryFilter, *, limit: int, cursor: int | None = None) -> tuple[list[Entry], int | None]:
    """Entries, the newest first, and the number to go on from."""
    lines, following = queries.story(actor, wanted, cursor=cursor, limit=limit)
    return told(lines), following


def told(lines: Sequence[Line]) -> list[Entry]:
    """Entries in words, with the names that their reader may know: three statements, however many they are."""
    names = Names({_doer(line) for line in lines})
    redemptions = {UUID(line.subject_id) for line in lines if line.subject_kind == "redemption"}
    references = references_of(redemptions) if redemptions else {}
    return [_entry(line, names, references) for line in lines]


def _entry(line: Line, names: Names, references: dict[UUID, str]) -> Entry:
    href, called = _subject(line, references)
    return Entry(
        number=line.number,
        at=line.at,
        tag=line.tag,
        what=deed(line.tag, language()),
        who=names.of(_doer(line)),
        by_partner=line.actor_kind == "channel",
        href=href,
        called=called,
    )


def _subject(line: Line, references: dict[UUID, str]) -> tuple[str, str]:
    if line.subject_kind == "redemption":
        reference = references.get(UUID(line.subject_id), "")
        return (f"/receipts/{reference}", reference) if reference else ("", "")
    if line.subject_kind == "subscription":
        public = identifiers.write("subscription", UUID(line.subject_id))
        return f"/subscriptions/{public}", public
    return "", ""


def _doer(line: Line) -> Doer:
    return Doer(line.actor_kind, line.actor_id, line.organisation_id)
