"""Minting into an encrypted file on this machine: as in the background, then fetched into the file at once."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.exports import begin_mint, download_export, run_mint
from chaveiro.apps.keys.actions.planning import plan_batch
from chaveiro.apps.operations.models import Operation
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import Batch, House, Order
from chaveiro.rules.errors import Contention, NotFound, Refusal
from chaveiro.rules.exports import ExportLost, FileRefused, KeyFile, Lock, Locksmith, Printer, Progress
from chaveiro.rules.means import Means
from chaveiro.rules.vault import Vault


def mint_sealed_to_file(
    *,
    order: Order,
    lock: Lock,
    file: KeyFile,
    house: House,
    vault: Vault,
    locksmith: Locksmith,
    means: Means,
    printer: Printer | None = None,
    progress: Progress | None = None,
) -> Batch:
    """Order a batch and mint it into `file`, encrypted; the same call again goes on after a kill.

    One part is an age file, several (more than 50,000 keys) are a zip of such. Raises what `plan_batch` and `mint`
    raise; FileRefused when the name is taken; Contention when another process is at it.
    """
    if file.is_finished():
        raise FileRefused(reason="a file of that name exists; it is not overwritten")
    locksmith.check(lock)
    wanted = file.batch() or means.new_id()
    try:
        file.begin(wanted)
        batch, operation = _begun(wanted, order, lock, file, house, vault, locksmith, means)
        if batch.minted_at is None:
            batch.step("mint")
            if not run_mint(
                operation=operation.id,
                vault=vault,
                locksmith=locksmith,
                means=means,
                printer=printer,
                progress=progress,
            ):
                _explain(operation.id)
        _fetch(wanted, operation.id, file, means)
        file.finish()
    finally:
        file.close()
    with acting(SYSTEM):
        return queries.batch(wanted)


def _begun(
    wanted: UUID,
    order: Order,
    lock: Lock,
    file: KeyFile,
    house: House,
    vault: Vault,
    locksmith: Locksmith,
    means: Means,
) -> tuple[Batch, Operation]:
    """The batch and its work, planned now or by the run before."""
    with acting(SYSTEM):
        found = seen(Operation).filter(kind=queries.WORK, subject_id=str(wanted)).first()
        if found is not None:
            batch = queries.batch(wanted)
            if not batch.matches(order):
                raise FileRefused(reason="its unfinished file belongs to another order")
            return batch, found
    try:
        with acting(SYSTEM):
            batch = plan_batch(actor=SYSTEM, order=order, house=house, means=means, batch=wanted)
            operation = begin_mint(
                actor=SYSTEM, batch=batch, lock=lock, vault=vault, locksmith=locksmith, means=means, by_worker=False
            )
            return batch, seen(Operation).get(pk=operation)
    except Refusal:
        file.discard()
        raise


def _fetch(batch: UUID, operation: UUID, file: KeyFile, means: Means) -> None:
    """The sealed parts go to the disk before the database lets them go."""
    sealed = BytesIO()

    def settle() -> None:
        file.cut(0)
        file.append(sealed.getvalue())

    try:
        download_export(actor=SYSTEM, batch=batch, into=sealed, means=means, settle=settle)
    except NotFound:
        with acting(SYSTEM):
            became = seen(Operation).values_list("result", flat=True).get(pk=operation).get("export")
        if became != "downloaded":
            raise ExportLost(reason="the export expired before it was fetched") from None


def _explain(operation: UUID) -> None:
    """Why a run did not finish, as its refusal."""
    with acting(SYSTEM):
        fault = seen(Operation).values_list("fault", flat=True).get(pk=operation)
    if fault:
        raise ExportLost(reason=fault)
    raise Contention(what="batch")
