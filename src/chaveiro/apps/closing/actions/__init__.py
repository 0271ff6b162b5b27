"""Taking back what was done, and putting right what was done for the wrong customer."""

from chaveiro.apps.closing.actions.correcting import (
    Corrected,
    Proposal,
    Proposed,
    Weighed,
    approve_correction,
    decline_correction,
    preview_correction,
    propose_correction,
    withdraw_correction,
)
from chaveiro.apps.closing.actions.reversing import Reversed, reverse

__all__ = [
    "Corrected",
    "Proposal",
    "Proposed",
    "Reversed",
    "Weighed",
    "approve_correction",
    "decline_correction",
    "preview_correction",
    "propose_correction",
    "reverse",
    "withdraw_correction",
]
