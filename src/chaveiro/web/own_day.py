"""The banner that nobody can miss on a page about a customer that lives on a test clock: which clock, which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chaveiro.apps.clocks.queries import clock_if_seen
from chaveiro.apps.customers.queries import clock_of
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Kind


@dataclass(frozen=True, slots=True)
class OwnDay:
    """The day that counts on a page, and the clock that has it, as far as the reader may know it."""

    day: date
    name: str = ""
    href: str = ""


def tell(request: Any, clock: UUID | None, day: date | None) -> None:
    """Put the banner over the page that is being made. Call it while acting; nothing happens without a clock."""
    if clock is None or day is None or request.actor.kind is Kind.CUSTOMER:
        return
    found = clock_if_seen(clock)
    base = "/desk/clocks" if request.actor.kind is Kind.OPERATOR else "/clocks"
    request.own_day = (
        OwnDay(day) if found is None else OwnDay(day, found.name, f"{base}/{identifiers.write('clock', clock)}")
    )


def about(request: Any, customer: UUID) -> None:
    """The same for a page about a customer. Call it while acting."""
    tell(request, *(clock_of(customer) or (None, None)))


def of(request: Any) -> OwnDay | None:
    """The banner of a page: that of the reader's own organisation, or of the one that the page is about."""
    told: OwnDay | None = getattr(request, "own_day", None)
    signed_in = getattr(request, "sign_in", None)
    if told is None and signed_in is not None and signed_in.day is not None:
        return OwnDay(signed_in.day, signed_in.clock or "")
    return told
