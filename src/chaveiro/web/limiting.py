"""How often a page may be asked for what costs or tells something: each caller its own bucket."""

from __future__ import annotations

from typing import Any

from chaveiro import wiring
from chaveiro.apps.operations.actions import take
from chaveiro.rules.limits import caller


def count(request: Any, limit: str, cost: int = 1) -> None:
    """Count `cost` units of a named limit for whoever asks: their account, else their address. Raises TooMany."""
    who = caller(account=request.account.id) if request.account else caller(address=request.address)
    take(limit=limit, caller=who, now=wiring.now(), secret=wiring.derived_secret("limits"), cost=max(1, cost))
