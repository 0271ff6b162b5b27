"""Taking back what was done, and putting right what was done for the wrong customer."""

from chaveiro.apps.closing.actions.clocks import attach_customer, begin_move, end_clock, make_clock
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
from chaveiro.apps.closing.actions.policies import (
    approve_adoption,
    carry_out_adoption,
    propose_adoption,
    withdraw_adoption,
)
from chaveiro.apps.closing.actions.reversing import Reversed, reverse

__all__ = [
    "Corrected",
    "Proposal",
    "Proposed",
    "Reversed",
    "Weighed",
    "approve_adoption",
    "approve_correction",
    "attach_customer",
    "begin_move",
    "carry_out_adoption",
    "decline_correction",
    "end_clock",
    "make_clock",
    "preview_correction",
    "propose_adoption",
    "propose_correction",
    "reverse",
    "withdraw_adoption",
    "withdraw_correction",
]
