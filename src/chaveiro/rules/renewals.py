"""Renewal: how far a subscription is from its end, who may extend it, and with how many seats.

Source: rules, section 5 (60, 30, 7 and 1 days), section 4 (grace, retained), section 2 (`right_size`), section 8 (what
a partner of record may do); experience, 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.lifecycle import Stage, days_later, stage_on
from chaveiro.rules.offers import Limits, SeatsBetween, limits, seats_between
from chaveiro.rules.policies import Policy
from chaveiro.rules.seat_time import Footing, Grant, Operation, Standing, Sum, add_up, footing


class Bucket(StrEnum):
    """Where a subscription stands in the pipeline. A number is the last notice threshold that was reached."""

    LATER = "later"
    SIXTY = "60"
    THIRTY = "30"
    SEVEN = "7"
    ONE = "1"
    GRACE = "grace"
    RETAINED = "retained"
    DELETED = "deleted"


# Days left until which the bucket holds, the nearest first.
THRESHOLDS = ((1, Bucket.ONE), (7, Bucket.SEVEN), (30, Bucket.THIRTY), (60, Bucket.SIXTY))

# What asks for somebody to act, the most urgent last; what lies later is no news, and what is deleted is past help.
PIPELINE = (Bucket.SIXTY, Bucket.THIRTY, Bucket.SEVEN, Bucket.ONE, Bucket.GRACE, Bucket.RETAINED)


def bucket_on(day: date, ends_on: date, policy: Policy, erased_on: date | None = None) -> Bucket:
    """The bucket on a day: by days left while active (with 31 days left it is among the 60), then by its stage."""
    return bucket_of(stage_on(day, ends_on, policy, erased_on), (ends_on - day).days)


def bucket_of(stage: Stage, days_left: int) -> Bucket:
    """The bucket of a stage, and of the days that are left of an active one."""
    if stage is not Stage.ACTIVE:
        return Bucket(stage.value)
    return next((bucket for threshold, bucket in THRESHOLDS if days_left <= threshold), Bucket.LATER)


class WhyNot(StrEnum):
    """Why somebody cannot extend a subscription with keys; the doors word it, with who can and what to do."""

    CLOSED = "closed"
    DELETED = "deleted"
    DIRECT = "direct"
    ROLE = "role"
    NOT_OF_RECORD = "not_of_record"
    OPERATOR = "operator"


def why_not_extend(actor: Actor, *, is_closed: bool, stage: Stage, paid_by: str, is_of_record: bool) -> WhyNot | None:
    """What stands against extending by key, the gravest first; None where nothing does.

    `is_closed`: the redemption that opened it was taken back. `is_of_record`: the actor's organisation is the confirmed
    partner of record.
    """
    if is_closed:
        return WhyNot.CLOSED
    if stage is Stage.DELETED:
        return WhyNot.DELETED
    if paid_by != "key":
        return WhyNot.DIRECT
    match actor.kind:
        case Kind.CUSTOMER:
            return WhyNot.ROLE if actor.roles.isdisjoint(CUSTOMER_ROLES) else None
        case Kind.CHANNEL if actor.roles.isdisjoint(PARTNER_ROLES):
            return WhyNot.ROLE
        case Kind.CHANNEL:
            return None if is_of_record else WhyNot.NOT_OF_RECORD
    return WhyNot.OPERATOR


@dataclass(frozen=True, slots=True)
class Proposal:
    """How many seats a renewal may have, before any key is in hand.

    `proposed` are the licences in use, where fewer than were bought may be chosen; None where there is nothing to
    propose. Every number from `lowest` to `highest` may be chosen, as long as the keys fit it (`Renewal.sums`).
    """

    bought: int
    assigned: int
    lowest: int
    highest: int

    @property
    def proposed(self) -> int | None:
        return self.lowest if self.lowest < self.bought else None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A subscription that is to be extended on a day: what its rules allow. `chooses` says whether seats may change."""

    start: Footing
    bound: Limits
    bought: int
    chooses: bool

    @property
    def proposal(self) -> Proposal:
        """The seats that may be chosen, and those that are worth proposing."""
        assigned = self.bound.assigned
        if not self.chooses:
            return Proposal(self.bought, assigned, self.bought, self.bought)
        lowest = max(1, assigned)
        return Proposal(self.bought, assigned, lowest, max(lowest, self.bound.maximum))

    @property
    def shortest_ends_on(self) -> tuple[date, date]:
        """The earliest end that is allowed with the seats as they are, and with others."""
        day = self.start.day
        return (
            days_later(day, self.bound.shortest_days(chosen=False)),
            days_later(day, self.bound.shortest_days(chosen=True)),
        )

    def seats_for(self, grants: Sequence[Grant]) -> SeatsBetween | None:
        """The seats that these keys let one choose; None where they let one choose nothing."""
        return seats_between(self.bound, add_up(self.start, grants, None)) if self.chooses else None

    def with_seats(self, grants: Sequence[Grant]) -> Sum | None:
        """What these keys give with the seats as they are; None where that breaks a limit."""
        total = add_up(self.start, grants, None)
        longest = max(line.days for line in total.grants)
        return total if self.bound.do(total.pool, total.seats, longest, chosen=False) else None

    def right_sized(self, grants: Sequence[Grant]) -> Sum | None:
        """What these keys give with as few seats as are in use, or as near to it as they allow; None for no fewer."""
        found = self.seats_for(grants)
        if found is None or found.lowest >= self.bought:
            return None
        return add_up(self.start, grants, found.lowest)


def renewal(
    day: date,
    standing: Standing,
    policy: Policy,
    *,
    assigned: int,
    maximum: int,
    may_choose: bool,
    erased_on: date | None = None,
) -> Renewal:
    """What extending on a day may do. `may_choose` is whether the actor may change the seats: a partner may not.

    Raises SubscriptionDeleted.
    """
    start = footing(Operation.EXTEND, day, standing, policy, erased_on)
    bound = limits(start, policy, assigned, maximum)
    return Renewal(start, bound, standing.seats, may_choose and bound.choosable)
