"""The limits of an act on seat-time, and the acts that would do where one is broken.

A refusal never leaves somebody with a bare no: it carries offers, best first, each of which was tried against the
same limits before it is made. Source: rules, section 2, `right_size`, `horizon_exceeded`, `term_too_short`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate
from typing import Any, ClassVar

from chaveiro.rules.lifecycle import Stage, days_later
from chaveiro.rules.policies import Policy, RightSize
from chaveiro.rules.seat_time import GRANTS_AT_MOST, SEATS_AT_MOST, Footing, Grant, Granted, Operation, Sum, add_months


class Breach(StrEnum):
    """Which limit an act would break."""

    OVER_MAXIMUM = "over_maximum"
    BELOW_LICENCES = "below_licences"
    FIXED = "fixed"
    BEYOND_HORIZON = "beyond_horizon"
    TOO_SHORT = "too_short"
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class FurtherKeys:
    """Present so many further keys of this kind with the others: the least number that does."""

    act: ClassVar[str] = "further_keys"
    count: int
    grant: Grant


@dataclass(frozen=True, slots=True)
class FewerKeys:
    """Present only the first so many of these keys, in the order given: the greatest number that fits."""

    act: ClassVar[str] = "fewer_keys"
    count: int


@dataclass(frozen=True, slots=True)
class SeatsBetween:
    """Choose the seats afterwards from `lowest` to `highest`, both included: every one of them does."""

    act: ClassVar[str] = "seats_between"
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class SeatsAsGiven:
    """Leave the seats afterwards to what the act itself gives."""

    act: ClassVar[str] = "seats_as_given"
    seats: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Present the same keys on this day: the first on which they fit under the horizon."""

    act: ClassVar[str] = "wait"
    until: date


Offer = FurtherKeys | FewerKeys | SeatsBetween | SeatsAsGiven | Wait


def to_dict(offer: Offer) -> dict[str, Any]:
    """The JSON form of an offer: `act` names it, the rest are whole numbers and days as ISO 8601."""
    match offer:
        case FurtherKeys(count, grant):
            return {"act": offer.act, "count": count, "seats": grant.seats, "months": grant.months}
        case FewerKeys(count):
            return {"act": offer.act, "count": count}
        case SeatsBetween(lowest, highest):
            return {"act": offer.act, "lowest": lowest, "highest": highest}
        case SeatsAsGiven(seats):
            return {"act": offer.act, "seats": seats}
        case Wait(until):
            return {"act": offer.act, "until": until.isoformat()}


@dataclass(frozen=True, slots=True)
class Limits:
    """What binds one act: its footing, the policy, the licences assigned, and the product's maximum.

    *Time added*, which `renewal` keeps between half and twice the longest key's term, is how far the end moves from
    `keys_start_on`: from the old end in active and in grace, from the day when retained. It is measured on the end,
    not on the keys alone, because it is the time already there that could be stretched: eleven months of a hundred
    seats with a month for twenty would otherwise become years of twenty.
    """

    footing: Footing
    policy: Policy
    assigned: int
    maximum: int

    @property
    def horizon(self) -> date:
        """The last end that the policy allows on this day."""
        return add_months(self.footing.day, self.policy.horizon_months)

    @property
    def choosable(self) -> bool:
        """Whether this act may choose its seats. Adding never does: what is added stands on the keys."""
        if self.policy.right_size is RightSize.NONE or self.footing.operation is Operation.ADD:
            return False
        return self.footing.operation is Operation.EXTEND or self.policy.right_size is RightSize.FREE

    def shortest_days(self, chosen: bool) -> int:
        """How many days after today the end must lie at least."""
        return self.policy.shortest_chosen_term_days if chosen else self.policy.shortest_term_days

    def days_least(self, longest: int, chosen: bool) -> int:
        """The least days from origin to end, for keys of which the longest has so many days."""
        since_origin = (self.footing.day - self.footing.origin).days
        least = since_origin + self.shortest_days(chosen)
        # Half a term rounds up and twice it is whole: inclusive bounds in whole days.
        return max(least, self.footing.days_left + (longest + 1) // 2) if chosen and self._stretches else least

    def days_most(self, longest: int, chosen: bool) -> int:
        """The most days from origin to end, for keys of which the longest has so many days."""
        most = (self.horizon - self.footing.origin).days
        return min(most, self.footing.days_left + 2 * longest) if chosen and self._stretches else most

    @property
    def _stretches(self) -> bool:
        return self.policy.right_size is RightSize.RENEWAL

    def breaches(self, pool: int, seats: int, longest: int, chosen: bool) -> Iterator[Breach]:
        """Every limit that the sum would break; the time-added window only where no plainer limit is broken.

        Keeping the seats one has is never over the maximum or below the licences: a later version of a product may
        have a lower maximum, and a shortfall after direct billing must not keep anybody from renewing.
        """
        grows = self.footing.before is None or seats > self.footing.before.seats
        if seats > self.maximum and (grows or chosen):
            yield Breach.OVER_MAXIMUM
        if chosen and seats < self.assigned:
            yield Breach.BELOW_LICENCES
        if chosen and not self.choosable:
            yield Breach.FIXED
            return
        days = pool // seats
        if days > self.days_most(longest, False):
            yield Breach.BEYOND_HORIZON
        elif days < (self.footing.day - self.footing.origin).days + self.shortest_days(chosen):
            yield Breach.TOO_SHORT
        elif days > self.days_most(longest, chosen):
            yield Breach.TOO_FEW
        elif days < self.days_least(longest, chosen):
            yield Breach.TOO_MANY

    def do(self, pool: int, seats: int, longest: int, chosen: bool) -> bool:
        """Whether the sum breaks nothing."""
        return next(self.breaches(pool, seats, longest, chosen), None) is None


def limits(start: Footing, policy: Policy, assigned: int, maximum: int | None) -> Limits:
    """The limits of an act; without a product's maximum, that of the rules."""
    return Limits(start, policy, assigned, SEATS_AT_MOST if maximum is None else min(maximum, SEATS_AT_MOST))


def instead(bound: Limits, total: Sum, breach: Breach) -> tuple[Offer, ...]:
    """The acts that would do in place of a sum that breaks a limit, best first; empty where none would."""
    tried: list[Offer | None] = []
    if breach in (Breach.TOO_SHORT, Breach.TOO_MANY):
        tried.append(further_keys(bound, total))
    if breach is Breach.FIXED:
        tried.append(seats_as_given(bound, total))
    if breach is Breach.BEYOND_HORIZON:
        tried.append(wait(bound, total))
    if breach is not Breach.FIXED:
        tried.append(seats_between(bound, total))
    if breach in (Breach.BEYOND_HORIZON, Breach.OVER_MAXIMUM):
        tried.append(fewer_keys(bound, total))
    return tuple(offer for offer in tried if offer is not None)


def further_keys(bound: Limits, total: Sum) -> FurtherKeys | None:
    """The least further keys of the kind that brings most, or None where no number of them does."""
    most = max(total.grants, key=lambda line: line.seat_days)
    longest = _longest(total.grants)
    # Further keys bring seats of their own where seats are not fixed, and those must last as long.
    grows = 0 if total.chosen or bound.footing.operation is Operation.EXTEND else most.seats
    least = bound.days_least(longest, total.chosen)
    gain = most.seat_days - grows * least
    lacking = total.seats * least - total.pool
    if gain <= 0 or lacking <= 0:
        return None
    count = -(-lacking // gain)
    if len(total.grants) + count > GRANTS_AT_MOST:
        return None
    does = bound.do(total.pool + count * most.seat_days, total.seats + count * grows, longest, total.chosen)
    return FurtherKeys(count, Grant(most.seats, most.months)) if does else None


def fewer_keys(bound: Limits, total: Sum) -> FewerKeys | None:
    """The most of the keys, from the first on, that fit; None where not even one does."""
    carried, given = bound.footing.carried, bound.footing.seats_given
    pools = accumulate((line.seat_days for line in total.grants), initial=carried)
    seats = accumulate((line.seats for line in total.grants), initial=0)
    longest = accumulate((line.days for line in total.grants), max, initial=0)
    fitting = None
    for count, (pool, brought, days) in enumerate(zip(pools, seats, longest, strict=True)):
        chosen = total.chosen and total.seats != given(brought)
        if 0 < count < len(total.grants) and bound.do(pool, total.seats if chosen else given(brought), days, chosen):
            fitting = FewerKeys(count)
    return fitting


def seats_between(bound: Limits, total: Sum) -> SeatsBetween | None:
    """The seats that may be chosen with all of these keys; None where this act chooses nothing or nothing does."""
    if not bound.choosable:
        return None
    longest = _longest(total.grants)
    days_least, days_most = bound.days_least(longest, True), bound.days_most(longest, True)
    # pool div S ≤ most  ⇔  S > pool div (most + 1);   pool div S ≥ least  ⇔  S ≤ pool div least
    lowest = max(1, bound.assigned, total.pool // (days_most + 1) + 1)
    highest = min(bound.maximum, total.pool // days_least)
    return SeatsBetween(lowest, highest) if lowest <= highest else None


def seats_as_given(bound: Limits, total: Sum) -> SeatsAsGiven | None:
    """The seats of the act itself, where they do."""
    seats = bound.footing.seats_given(sum(line.seats for line in total.grants))
    return SeatsAsGiven(seats) if bound.do(total.pool, seats, _longest(total.grants), False) else None


def wait(bound: Limits, total: Sum) -> Wait | None:
    """The first later day on which these keys fit, for an extension that access need not stop for.

    While active, and through grace, the same keys come to the same end on every day, so only the horizon moves.
    """
    start = bound.footing
    if start.before is None or start.stage is Stage.RETAINED or start.operation is not Operation.EXTEND:
        return None
    if total.chosen or total.days_after > (date.max - start.origin).days:
        return None
    months = bound.policy.horizon_months
    until = add_months(total.ends_on, -months)
    while add_months(until, months) < total.ends_on:
        until = days_later(until, 1)
    return Wait(until) if until < days_later(start.before.ends_on, bound.policy.grace_days) else None


def _longest(grants: tuple[Granted, ...]) -> int:
    return max(line.days for line in grants)
