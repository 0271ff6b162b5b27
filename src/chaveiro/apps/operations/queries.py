"""Reading long work, within the reader's sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chaveiro.apps.journal.models import seen
from chaveiro.apps.operations.models import Operation
from chaveiro.rules.errors import NotFound


@dataclass(frozen=True, slots=True)
class Progress:
    """One operation as its owner sees it. `left` is what is neither done nor failed; `fault` is a code, or empty."""

    id: UUID
    kind: str
    state: str
    subject_id: str
    total: int
    done: int
    failed: int
    result: dict[str, Any]
    fault: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def left(self) -> int:
        return max(0, self.total - self.done - self.failed)


def progress(operation: UUID) -> Progress:
    """How far a piece of long work is. Raises NotFound when it is not within sight."""
    row = seen(Operation).filter(id=operation).first()
    if row is None:
        raise NotFound()
    return _progress(row)


def progresses(*, limit: int = 50, but: str = "") -> list[Progress]:
    """The newest pieces of long work within sight, at most 200; `but` is a kind that is left out."""
    found = seen(Operation).exclude(kind=but).order_by("-created_at")
    return [_progress(row) for row in found[: max(1, min(limit, 200))]]


def newest(kind: str, subject_id: str) -> Progress | None:
    """The newest piece of long work of a kind on one subject, within sight; None when there was none."""
    row = seen(Operation).filter(kind=kind, subject_id=subject_id).order_by("-created_at").first()
    return None if row is None else _progress(row)


def _progress(row: Operation) -> Progress:
    return Progress(
        id=row.id,
        kind=row.kind,
        state=row.state,
        subject_id=row.subject_id,
        total=row.total,
        done=row.done,
        failed=row.failed,
        result=row.result,
        fault=row.fault,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
