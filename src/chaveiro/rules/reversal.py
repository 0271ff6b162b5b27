"""Whether a redemption may be taken back, whole. Source: rules, section 6."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import PARTNER_ROLES
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal

REASON_LENGTH_AT_MOST = 500


class AlreadyReversed(Refusal):
    """This redemption was taken back before. Facts: at."""

    code = "already_reversed"


class ReversalTooLate(Refusal):
    """The partner's days are over; the operator may still reverse, with a reason. Facts: until (the last day)."""

    code = "reversal_too_late"


class ReversalBlocked(Refusal):
    """Something was built on this redemption since, or it came here by a correction. Facts: what, number.

    What: `corrected` (what is left of its keys is less than they carry), `later_changes`, `people`, `licences`.
    """

    code = "reversal_blocked"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a redemption looks like on the day somebody wants to take it back.

    `later_changes` counts ledger rows made after it on its subscriptions; `people` and `licences` those that depend on
    it, without the automatic ones. `corrected` is 1 where a correction brought its keys here: part of their time was
    used elsewhere, and for sale again they would carry it anew. `last_day` is the partner's last day for reversing
    (policy).
    """

    organisation: UUID | None
    reversed_at: str | None
    last_day: date
    later_changes: int
    people: int
    licences: int
    corrected: int = 0


def may_reverse(actor: Actor, reason: str, standing: Standing, day: date) -> None:
    """Pass, or raise NotAllowed, Malformed (a reason is needed), or the refusals above."""
    actor.needs("redemptions:write")
    match actor.kind:
        case Kind.OPERATOR | Kind.SYSTEM:
            pass
        case Kind.CHANNEL if actor.organisation == standing.organisation:
            actor.needs_role(*PARTNER_ROLES)
        case _:
            raise NotAllowed(needs="the partner who redeemed, or the operator")
    if not reason.strip() or len(reason) > REASON_LENGTH_AT_MOST:
        raise Malformed(field="reason", reason=f"1 to {REASON_LENGTH_AT_MOST} characters are needed")
    if standing.reversed_at is not None:
        raise AlreadyReversed(at=standing.reversed_at)
    if actor.kind is Kind.CHANNEL and day > standing.last_day:
        raise ReversalTooLate(until=standing.last_day)
    for what in ("corrected", "later_changes", "people", "licences"):
        number = getattr(standing, what)
        if number:
            raise ReversalBlocked(what=what, number=number)
