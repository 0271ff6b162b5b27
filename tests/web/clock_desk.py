"""A desk whose mail arrives nowhere but in memory."""

from __future__ import annotations

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.console.letters import Desk
from tests.cast import means


def desk() -> Desk:
    """Where the letters of a test clock are written."""
    return Desk(
        office=MemoryPostOffice(),
        means=means,
        base_url="https://vendor.example",
        vendor="Tagus Software",
        secret=b"thirty-two bytes, only for tests",
        return_address="bounces@vendor.example",
    )
