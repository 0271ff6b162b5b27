"""Long work: how far it is, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from chaveiro.api import fields, problems
from chaveiro.api.authentication import asking
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import queries
from chaveiro.apps.operations.queries import Progress
from chaveiro.wording import telling

router = Router(tags=["Operations"])


class OperationAnswer(fields.Answer):
    """A piece of long work, in counts; ask again until `state` is done, failed or cancelled."""

    id: str
    kind: str
    state: str
    total: int
    done: int
    failed: int
    left: int
    batch: str | None = Field(description="What a mint makes.")
    export: str | None = Field(description="Where the one encrypted export of a mint waits, while it does.")
    result: dict[str, Any]
    fault: str | None = Field(description="A code, when it failed.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@router.get("/{operation}", response=problems.answers(200, OperationAnswer, writes=False), operation_id="getOperation")
def get_operation(request: HttpRequest, operation: str) -> dict[str, Any]:
    """How far a piece of long work is; whoever began it may ask, and the operator."""
    wanted = fields.in_path("operation", operation)
    with acting(asking(request).bare):
        return told(queries.progress(wanted))


def told(progress: Progress) -> dict[str, Any]:
    """An operation as it is answered."""
    batch = _batch(progress)
    waits = progress.result.get("export") == "ready"
    return {
        "id": telling.public("operation", progress.id),
        "kind": progress.kind,
        "state": progress.state,
        "total": progress.total,
        "done": progress.done,
        "failed": progress.failed,
        "left": progress.left,
        "batch": batch,
        "export": f"/api/v1/batches/{batch}/export" if waits else None,
        "result": progress.result,
        "fault": progress.fault or None,
        "created_at": telling.instant(progress.created_at),
        "started_at": telling.instant(progress.started_at),
        "finished_at": telling.instant(progress.finished_at),
    }


def _batch(progress: Progress) -> str | None:
    return telling.public("batch", UUID(progress.subject_id)) if progress.kind == "mint" else None
