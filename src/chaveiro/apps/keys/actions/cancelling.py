"""Stopping a mint before its batch is whole."""

from __future__ import annotations

from uuid import UUID

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.planning import must_operate
from chaveiro.apps.keys.actions.selling import recall_batch
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.operations.queries import progress as progress_of
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import Batch, BatchStep
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means


def cancel_mint(*, actor: Actor, operation: UUID, means: Means) -> Batch:
    """Stop a mint that is queued, waits for approval, or runs: its batch is recalled, its export so far is dropped.

    A minter that is at work stops at its next chunk. What was made is worth nothing; the serials stay a gap. Journals
    `mint:cancelled` and `batch:recalled`. Raises BatchStep when the batch is whole or the work ended, NotFound,
    NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        work = progress_of(operation)
        if work.kind != queries.WORK:
            raise NotFound(what="operation")
        batch = UUID(work.subject_id)
        # The same order of locks as a minter's chunk: the batch first, then the work.
        seen(rows.Batch).select_for_update().get(pk=batch)
        facts = queries.batch(batch)
        if facts.minted_at is not None or not operations.cancel(operation=operation, now=means.now):
            raise BatchStep(stage=facts.stage.value, step="cancel")
        seen(rows.Export).filter(batch_id=batch).delete()
        record(tag="mint:cancelled", at=means.now, actor=actor, subject_id=batch, facts={"operation": str(operation)})
        recall_batch(actor=actor, batch=batch, means=means)
        return queries.batch(batch)
