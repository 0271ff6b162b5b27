"""How a client asks when things break: under a name, again and again, until it has the truth.

What it may be told on the way is bounded: `asked again`, `still running`, `out of reach`. Never that the act failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import django.db
import psycopg

from chaveiro.apps.redemption.actions import Answering, Order, Outcome, redeem
from chaveiro.rules import idempotency
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, OutcomeUnknown
from chaveiro.rules.idempotency import StillRunning
from tests.cast import means

SECRET = b"keyed only in tests"
# What a door tells as 503 or 409: ask again.
AGAIN = (OutcomeUnknown, StillRunning, Contention)
OUT_OF_REACH = (
    django.db.OperationalError,
    django.db.InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
TICK_SECONDS = 0.02


@dataclass(slots=True)
class Receipt:
    """What the client holds in the end: the redemption's receipt, and what it was told before it got it."""

    body: Mapping[str, Any]
    replayed: bool
    told: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        return str(self.body["reference"])


def shown(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the answer that a client is given."""
    ends = [
        {"subscription": str(effect.subscription), "seats": effect.after.seats, "ends_on": str(effect.after.ends_on)}
        for effect in outcome.effects
    ]
    return {"id": str(outcome.id), "reference": outcome.reference, "customer": str(outcome.customer), "effects": ends}


def under(actor: Actor, name: str) -> Answering:
    """The request of `actor` under the Idempotency-Key `name`."""
    asked = idempotency.request(
        actor=actor.account, method="POST", path="/api/v1/redemptions", key=name, body={"name": name}, secret=SECRET
    )
    return Answering(asked, 201, shown)


def ask(actor: Actor, order: Order, name: str | None, patience_seconds: float = 20.0) -> Receipt:
    """Ask until there is an answer; anything but a receipt, or a wish to be asked again, is raised.

    `name` is the Idempotency-Key; None where the order's draft is its name.
    """
    told: list[str] = []
    answering = under(actor, name) if name is not None else None
    return _until_answered(
        lambda: redeem(actor=actor, order=order, means=means(), answering=answering), told, patience_seconds
    )


def _until_answered(act: Callable[[], Outcome], told: list[str], patience_seconds: float) -> Receipt:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            outcome = act()
        except (*AGAIN, *OUT_OF_REACH) as fault:
            told.append(type(fault).__name__)
            django.db.connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(TICK_SECONDS)
        else:
            return Receipt(outcome.body or shown(outcome), outcome.replayed, told)
