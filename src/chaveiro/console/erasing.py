"""What follows an erasure, outside the database or after its commit."""

from __future__ import annotations

from chaveiro import wiring
from chaveiro.apps.closing.actions import destroying, exporting
from chaveiro.console.letters import Desk, id_in
from chaveiro.rules.outbox import Owed


def data_key(desk: Desk, owed: Owed) -> None:
    """Destroy the data key of what was erased: with it, what backups hold. Facts: erasure."""
    erasure = id_in(owed, "erasure")
    assert erasure is not None
    destroying.destroy_key(erasure=erasure, keys=wiring.data_keys(), means=desk.means())


def erase_person(desk: Desk, owed: Owed) -> None:
    """Blank what is kept of a person who was let go. Facts: erasure."""
    erasure = id_in(owed, "erasure")
    assert erasure is not None
    destroying.erase_person(erasure=erasure, means=desk.means())


def data_export(desk: Desk, owed: Owed) -> None:
    """Write everything that is kept of a customer or a person into one sealed file. Facts: operation."""
    operation = id_in(owed, "operation")
    assert operation is not None
    exporting.run_export(operation=operation, keys=wiring.data_keys(), seal=wiring.seal_data, means=desk.means())
