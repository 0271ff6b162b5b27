"""What can be done about a redemption: preview, commit, and drafts that survive a closed browser."""

from chaveiro.apps.redemption.actions.committing import (
    Answering,
    EffectDone,
    Outcome,
    effects_of,
    lost,
    outcome_of,
    preview,
    redeem,
    sqlstate_of,
)
from chaveiro.apps.redemption.actions.ordering import OWN, Order, Weighed

__all__ = [
    "OWN",
    "Answering",
    "EffectDone",
    "Order",
    "Outcome",
    "Weighed",
    "effects_of",
    "lost",
    "outcome_of",
    "preview",
    "redeem",
    "sqlstate_of",
]
