"""Reading test clocks, within the reader's sight. Call it while acting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chaveiro.apps.clocks.models import Clock, Platform
from chaveiro.apps.journal.models import seen
from chaveiro.rules.errors import NotFound
from chaveiro.rules.platform_clock import Mark

LISTED_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class ClockCard:
    """A test clock. `moving_to` and `operation` are set while it moves; `organisation` is None for the vendor's."""

    id: UUID
    name: str
    day: date
    organisation: UUID | None
    created_at: datetime
    moved_at: datetime | None
    ended_at: datetime | None
    moving_to: date | None
    operation: UUID | None


def clock(wanted: UUID) -> ClockCard:
    """One clock. Raises NotFound, for foreign and absent alike."""
    row = seen(Clock).filter(id=wanted).first()
    if row is None:
        raise NotFound(what="clock")
    return card_of(row)


def clock_if_seen(wanted: UUID) -> ClockCard | None:
    """One clock, None where it is not in sight: a partner's customer may live on a clock of the vendor."""
    row = seen(Clock).filter(id=wanted).first()
    return None if row is None else card_of(row)


def clocks(*, limit: int = 50, before: UUID | None = None) -> list[ClockCard]:
    """Clocks, the newest first, at most 201; `before` is the last one seen."""
    found = seen(Clock).order_by("-id")
    if before is not None:
        found = found.filter(id__lt=before)
    return [card_of(row) for row in found[: max(1, min(limit, LISTED_AT_MOST + 1))]]


def going_on(organisation: UUID | None) -> int:
    """How many clocks of an owner were not ended."""
    return seen(Clock).filter(organisation_id=organisation, ended_at=None).count()


def card_of(row: Clock) -> ClockCard:
    """A row as it is read."""
    return ClockCard(
        row.id,
        row.name,
        row.day,
        row.organisation_id,
        row.created_at,
        row.moved_at,
        row.ended_at,
        row.moving_to,
        row.operation_id,
    )


def mark() -> Mark:
    """How far the platform's own clock has come, and until when nothing is erased. For the house and the operator."""
    row = seen(Platform).filter(id=1).first()
    return Mark() if row is None else mark_of(row)


def mark_of(row: Platform) -> Mark:
    """The platform's row as it is read."""
    return Mark(row.day, row.at, row.quiet_until, row.quiet_why)
