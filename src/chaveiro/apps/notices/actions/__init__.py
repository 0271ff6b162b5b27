"""Owing effects, the life of a letter, and what became of a notice. All stand in the caller's transaction."""

from chaveiro.apps.notices.actions.letters import (
    OUTCOME_LENGTH_AT_MOST,
    RELAYED_AT_ONCE,
    attempt,
    deferred,
    given_up,
    once,
    owe,
    posted,
    relay,
    superseded,
    sweep,
    write_letter,
)

__all__ = [
    "OUTCOME_LENGTH_AT_MOST",
    "RELAYED_AT_ONCE",
    "attempt",
    "deferred",
    "given_up",
    "once",
    "owe",
    "posted",
    "relay",
    "superseded",
    "sweep",
    "write_letter",
]
