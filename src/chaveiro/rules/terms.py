"""The days paid for: what keys do to a subscription, or why they may not.

Preview and commit call `apply` with the same arguments and compare `fingerprint`s. Source: rules, section 2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date

from chaveiro.rules.errors import (
    HorizonExceeded,
    Malformed,
    Refusal,
    SeatsBelowLicences,
    SeatsNotAllowed,
    SeatsOverMaximum,
    TermTooShort,
)
from chaveiro.rules.offers import Breach, Limits, instead, limits
from chaveiro.rules.policies import Policy
from chaveiro.rules.seat_time import (
    Footing,
    Grant,
    Granted,
    Operation,
    Standing,
    Sum,
    add_months,
    add_up,
    footing,
    whole_number,
)

__all__ = [
    "FINGERPRINT_LENGTH",
    "Footing",
    "Grant",
    "Granted",
    "Operation",
    "Standing",
    "Sum",
    "add_months",
    "apply",
    "fingerprint",
    "weigh",
]

FINGERPRINT_LENGTH = 20


def apply(
    operation: str,
    day: date,
    standing: Standing | None,
    grants: Sequence[Grant],
    seats_after: int | None,
    policy: Policy,
    *,
    assigned: int = 0,
    maximum: int | None = None,
    erased_on: date | None = None,
) -> Sum:
    """The sum of an act that is allowed; arguments and meaning as `weigh`.

    Raises the first refusal that `weigh` finds, and what it raises itself.
    """
    total, refusals = weigh(
        operation, day, standing, grants, seats_after, policy, assigned=assigned, maximum=maximum, erased_on=erased_on
    )
    if refusals:
        raise refusals[0]
    return total


def weigh(
    operation: str,
    day: date,
    standing: Standing | None,
    grants: Sequence[Grant],
    seats_after: int | None,
    policy: Policy,
    *,
    assigned: int = 0,
    maximum: int | None = None,
    erased_on: date | None = None,
    moved: int | None = None,
) -> tuple[Sum, tuple[Refusal, ...]]:
    """The sum, and every refusal that stands against it at once, each with the acts that would do (`instead`).

    `day` is the platform's day; `standing` is None to open. `seats_after` chooses the seats afterwards; None, or the
    number that the act gives by itself, is no choice, and only a choice is bound by `right_size`, by the licences
    `assigned`, and by the longer of the shortest terms. `maximum` is the product's; `erased_on` the day of the
    erasure row, if there is one. `moved` are the seat-days that a correction brings here with the keys.

    A choice under `renewal` keeps the time added within half and twice the longest key's term (what that means stands
    at `offers.Limits`); under `free` no such window holds, but horizon and shortest term do. In grace a choice reaches
    back to the old end like the keys themselves: the days of grace are paid at the seats chosen.

    Refusals: SeatsOverMaximum, SeatsBelowLicences, SeatsNotAllowed, HorizonExceeded, TermTooShort.
    Raises Malformed, SubscriptionDeleted.
    """
    try:
        act = Operation(operation)
    except ValueError:
        raise Malformed(field="operation", reason=f"must be one of {', '.join(Operation)}") from None
    whole_number("assigned", assigned, 0, None)
    if maximum is not None:
        whole_number("maximum", maximum, 1, None)
    start = footing(act, day, standing, policy, erased_on)
    total = add_up(start, grants, seats_after, moved)
    bound = limits(start, policy, assigned, maximum)
    longest = max(line.days for line in total.grants)
    breaches = bound.breaches(total.pool, total.seats, longest, total.chosen)
    return total, tuple(_refusal(bound, total, breach) for breach in breaches)


def _refusal(bound: Limits, total: Sum, breach: Breach) -> Refusal:
    offers = instead(bound, total, breach)
    seats = total.seats
    match breach:
        case Breach.OVER_MAXIMUM:
            over_by = seats - bound.maximum
            return SeatsOverMaximum(seats=seats, maximum=bound.maximum, over_by=over_by, instead=offers)
        case Breach.BELOW_LICENCES:
            return SeatsBelowLicences(seats=seats, assigned=bound.assigned, instead=offers)
        case Breach.BEYOND_HORIZON:
            return HorizonExceeded(ends_on=total.ends_on, horizon=bound.horizon, instead=offers)
        case Breach.TOO_SHORT:
            days, needed = (total.ends_on - total.footing.day).days, bound.shortest_days(total.chosen)
            return TermTooShort(ends_on=total.ends_on, days=days, days_needed=needed, instead=offers)
        case Breach.FIXED | Breach.TOO_FEW | Breach.TOO_MANY:
            return SeatsNotAllowed(seats=seats, reason=breach.value, instead=offers)


def fingerprint(*sums: Sum) -> str:
    """A short hash of every number of these sums, in their order: what was shown is what will be done.

    The day alone is left out: it counts only through the origin and the days left, and where midnight changes neither
    (in grace) the sum that somebody saw is still the sum.
    """
    shown = [{name: value for name, value in total.to_dict().items() if name != "day"} for total in sums]
    plain = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:FINGERPRINT_LENGTH]
