"""Stock, from the order to the shelf.

planning   ordering a batch, and the second person's word
minting    making its keys, chunk by chunk
files      into a file on this machine
exports    in the background, sealed for a reader
sealed     into an encrypted file on this machine
selling    released, recalled, revoked, replaced, let out of a hold
replacing  a key replaced in the background
cancelling a mint stopped before its batch is whole
tallies    how many keys are in which state, folded together
"""

from chaveiro.apps.keys.actions.cancelling import cancel_mint
from chaveiro.apps.keys.actions.exports import begin_mint, download_export, drop_expired_exports, run_mint
from chaveiro.apps.keys.actions.files import Minted, mint_planned_to_file, mint_to_file
from chaveiro.apps.keys.actions.minting import Texts, mint
from chaveiro.apps.keys.actions.planning import approve_batch, plan_batch
from chaveiro.apps.keys.actions.replacing import replace_by_worker
from chaveiro.apps.keys.actions.sealed import mint_sealed_to_file
from chaveiro.apps.keys.actions.selling import (
    break_hold,
    drop_recall,
    recall_batch,
    release_batch,
    replace_key,
    revoke_key,
)
from chaveiro.apps.keys.actions.tallies import fold_tallies

__all__ = [
    "Minted",
    "Texts",
    "approve_batch",
    "begin_mint",
    "break_hold",
    "cancel_mint",
    "download_export",
    "drop_expired_exports",
    "drop_recall",
    "fold_tallies",
    "mint",
    "mint_planned_to_file",
    "mint_sealed_to_file",
    "mint_to_file",
    "plan_batch",
    "recall_batch",
    "release_batch",
    "replace_by_worker",
    "replace_key",
    "revoke_key",
    "run_mint",
]
