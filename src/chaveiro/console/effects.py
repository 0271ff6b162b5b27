"""What each kind of owed effect does. The table is the whole list; the worker calls `carry_out` with a job's number.

An effect may run twice (a worker was killed after it): each is written so that the second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import structlog

from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting, links
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.apps.notices import queries as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import Desk, Occasion, deliver, instant_for
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed
from chaveiro.rules.tokens import Purpose

log = structlog.get_logger(__name__)

Effect = Callable[[Desk, Owed], None]


def carry_out(desk: Desk, number: int, effects: Mapping[str, Effect] | None = None) -> None:
    """Carry out one owed effect. What is not owed any more (its row was swept) is done."""
    try:
        with acting(SYSTEM):
            owed = notices.owed(number)
    except NotFound:
        log.warning("effect_gone", owed=number)
        return
    (EFFECTS if effects is None else effects)[owed.kind](desk, owed)


def ownership(desk: Desk, owed: Owed) -> None:
    """Post an administrator the one-time link by which they take ownership. Facts: account, customer."""
    customer = _id(owed, "customer")

    def words(desk: Desk, letter: LetterFacts, reader: AccountCard, means: Means) -> Mapping[str, Any] | None:
        if reader.owned:
            return None
        link = links.make(
            actor=SYSTEM,
            account=reader.id,
            purpose=Purpose.OWNERSHIP,
            means=means,
            secret=desk.link_secret(letter.id),
        )
        return {
            "organisation": "" if customer is None else customers.name_of(customer),
            "link": desk.base_url + link.path,
            "until": instant_for(reader, link.expires_at),
        }

    account = _id(owed, "account")
    assert account is not None
    deliver(desk, owed, Occasion("ownership", account, customer, words))


def _id(owed: Owed, name: str) -> UUID | None:
    value = owed.facts.get(name)
    return None if value is None else UUID(value)


EFFECTS: Mapping[str, Effect] = {
    "ownership": ownership,
}
