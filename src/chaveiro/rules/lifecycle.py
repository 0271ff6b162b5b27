"""The life of a subscription after its end: stages derived from dates and the erasure, never stored.

    … active … | ends_on: grace, grace_days | retained, until erased (due retention_days after ends_on) | deleted

Source: rules, section 4. `ends_on` is the first day not covered; every interval is half open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from chaveiro.rules.errors import Malformed
from chaveiro.rules.policies import Policy


class Stage(StrEnum):
    """What the calendar and the erasure row say about a subscription on a day."""

    ACTIVE = "active"
    GRACE = "grace"
    RETAINED = "retained"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a stage allows. `ways_back` are the acts that make the subscription active again."""

    users_use: bool
    administrators_sign_in: bool
    administrators_export: bool
    administrators_renew: bool
    administrators_assign: bool
    data_kept: bool
    ways_back: tuple[str, ...]


ALLOWS: Mapping[Stage, Allowance] = MappingProxyType(
    {
        Stage.ACTIVE: Allowance(True, True, True, True, True, True, ()),
        Stage.GRACE: Allowance(True, True, True, True, True, True, ("key", "direct_billing")),
        Stage.RETAINED: Allowance(False, True, True, True, False, True, ("key", "direct_billing")),
        Stage.DELETED: Allowance(False, False, False, False, False, False, ()),
    }
)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of `ends_on`, for SQL: `from_day` ≤ ends_on < `before_day`; None is no bound."""

    from_day: date | None
    before_day: date | None

    def holds(self, ends_on: date) -> bool:
        """Whether an end lies within."""
        after = self.from_day is None or self.from_day <= ends_on
        return after and (self.before_day is None or ends_on < self.before_day)


@dataclass(frozen=True, slots=True)
class Change:
    """The next stage of a subscription and the day on which it begins."""

    stage: Stage
    day: date


def stage_on(day: date, ends_on: date, policy: Policy, erased_on: date | None = None) -> Stage:
    """The stage on a day. Deleted only where an erasure is on record, from its day on: a date never deletes."""
    if erased_on is not None and day >= erased_on:
        return Stage.DELETED
    days = (day - ends_on).days
    if days < 0:
        return Stage.ACTIVE
    return Stage.GRACE if days < policy.grace_days else Stage.RETAINED


def next_change(
    day: date, ends_on: date, policy: Policy, erased_on: date | None = None, erase_on: date | None = None
) -> Change | None:
    """What comes next if nobody renews, and when; None once deleted. `erase_on` is an erasure put off until then.

    The day of an erasure is the day it is due, or the day itself once that has passed: then something holds it
    back (a missing proof of notice, a legal hold), and this is the earliest that it can be.
    """
    if stage_on(day, ends_on, policy, erased_on) is Stage.DELETED:
        return None
    if erased_on is not None and erased_on <= ends_on:
        return Change(Stage.DELETED, erased_on)
    if day < ends_on:
        return Change(Stage.GRACE, ends_on)
    access_stops_on = days_later(ends_on, policy.grace_days)
    if day < access_stops_on and (erased_on is None or access_stops_on < erased_on):
        return Change(Stage.RETAINED, access_stops_on)
    return Change(Stage.DELETED, erased_on or max(day, erasure_due_on(ends_on, policy, erase_on)))


def window(stage: Stage, day: date, policy: Policy) -> Window:
    """The ends that give this stage on this day to a subscription that is not erased.

    Raises Malformed for `deleted`: that is a row, not a date (see `erasure_due`).
    """
    tomorrow = days_later(day, 1)
    retained_before = days_later(day, 1 - policy.grace_days)
    match stage:
        case Stage.ACTIVE:
            return Window(tomorrow, None)
        case Stage.GRACE:
            return Window(retained_before, tomorrow)
        case Stage.RETAINED:
            return Window(None, retained_before)
        case Stage.DELETED:
            raise Malformed(field="stage", reason="deleted is a row of the ledger, not a range of dates")


def erasure_due_on(ends_on: date, policy: Policy, erase_on: date | None = None) -> date:
    """The first day on which erasure is due, never before; whether it may happen is for its own proof.

    `erase_on` is a day until which it was put off; that only ever moves it later.
    """
    by_policy = days_later(ends_on, policy.retention_days)
    return by_policy if erase_on is None else max(by_policy, erase_on)


def erasure_due(day: date, policy: Policy) -> Window:
    """The ends whose erasure is due on this day, for a sweep that asks what is due and not yet done."""
    return Window(None, days_later(day, 1 - policy.retention_days))


def last_day(ends_on: date) -> date:
    """The last covered day, as people read an end."""
    return days_later(ends_on, -1)


def days_later(day: date, days: int) -> date:
    """Some days later (earlier when negative), stopping at the calendar's own ends instead of failing there."""
    if days > (date.max - day).days:
        return date.max
    if days < (date.min - day).days:
        return date.min
    return day + timedelta(days=days)
