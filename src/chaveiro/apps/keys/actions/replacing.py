"""A key replaced in the background: the old one revoked, the new one minted into an export of one."""

from __future__ import annotations

from uuid import UUID

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.exports import begin_mint
from chaveiro.apps.keys.actions.selling import replace_key
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import Batch
from chaveiro.rules.exports import Lock, Locksmith
from chaveiro.rules.means import Means
from chaveiro.rules.vault import Vault


def replace_by_worker(
    *, actor: Actor, number: int, lock: Lock | None, vault: Vault, locksmith: Locksmith, means: Means
) -> tuple[Batch, UUID]:
    """Revoke a key, if it is not revoked yet, and have another minted that carries the same; its batch and the work.

    The new key leaves once, in an export sealed with `lock`, and is for sale where the old one was. Asked again while
    that work waits or runs, the same work is answered. Raises what `replace_key` and `begin_mint` raise.
    """
    with acting(actor):
        batch = replace_key(actor=actor, number=number, means=means)
        work = queries.mint_of(batch.id)
        if work is not None and work.finished_at is None:
            return batch, work.id
        return batch, begin_mint(actor=actor, batch=batch, lock=lock, vault=vault, locksmith=locksmith, means=means)
