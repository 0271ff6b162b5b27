"""What somebody has to be told in a subscription's life, and when: the agenda of every day.

    ends-60 … ends-1 | ended (ends_on) | access_stopped (+ grace) | erasure-30, erasure-7 (before the erasure) | erased

Source: rules, sections 4 and 5; reliability 4.4. Each thing to tell is a slot of its term, settled once: sent, or
superseded by a later one that was due when it was looked at. A slot whose sentence would be untrue is never sent. The
database has a twin of `slots` (`closing_slots`), and the sweep does in one statement what `settle` says of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chaveiro.rules.lifecycle import days_later, erasure_due_on
from chaveiro.rules.policies import Policy

# An erasure that is put off is told this long before; 7 days are the least that a proof needs.
PUT_OFF_DAYS = 14
PROOF_DAYS = 7
# What a reversal closed is erased no sooner than this many days later (rules, section 6).
CLOSED_DAYS = 30
OUTSIDE_DAYS = 60
# How long nothing is erased after the clock jumped or stood still, or a backup was restored (P1).
QUIET_DAYS = 7


class Kind(StrEnum):
    """What a notice says. Its slot's name is the kind, with the threshold where there are several: `ends-30`."""

    ENDS = "ends"
    OUTSIDE_ADDRESS = "outside_address"
    ENDED = "ended"
    ACCESS_STOPPED = "access_stopped"
    ERASURE = "erasure"
    ERASED = "erased"


# Where nobody is left who could be told, and where a slot is superseded for everybody.
NOBODY = "nobody"
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing to tell, and the first day on which it is owed. One that is not `sent` only waits to be superseded."""

    name: str
    due: date
    sent: bool = True

    @property
    def kind(self) -> Kind:
        """What it says."""
        return kind_of(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What a subscription's agenda follows from. `first_day` is that of its term: the day of the ledger row.

    `erase_on` is an erasure put off until then. `renews`: it will renew by itself, so that no end is announced.
    """

    first_day: date
    ends_on: date
    policy: Policy
    erase_on: date | None = None
    erased_on: date | None = None
    closed: bool = False
    renews: bool = False

    @property
    def erases_on(self) -> date:
        """The first day on which its data may be erased; whether they may is for the proof."""
        if self.closed:
            return self.erase_on or days_later(self.first_day, CLOSED_DAYS)
        return erasure_due_on(self.ends_on, self.policy, self.erase_on)

    @property
    def put_off(self) -> bool:
        """Whether its erasure has a date of its own, with a notice of its own."""
        return self.erase_on is not None and (self.closed or self.erase_on > erasure_due_on(self.ends_on, self.policy))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a day settles: at most one notice of the agenda is sent; older ones that nobody sent are superseded."""

    sent: Slot | None
    superseded: tuple[Slot, ...]


def kind_of(name: str) -> Kind:
    """The kind of a slot's name."""
    return Kind(name.partition("-")[0])


def slots(life: Life) -> tuple[Slot, ...]:
    """All slots of the present term, in the order in which they fall due; of two on one day the weightier is last."""
    if life.erased_on is not None:
        return (Slot(Kind.ERASED, life.erased_on),)
    put_off = _put_off(life)
    if life.closed:
        return put_off
    ended = (
        Slot(Kind.ENDED, life.ends_on),
        Slot(Kind.ACCESS_STOPPED, days_later(life.ends_on, life.policy.grace_days)),
    )
    found = (*_thresholds(life), *ended, *_before_erasure(life), *put_off)
    return tuple(sorted(found, key=lambda slot: slot.due))


def _thresholds(life: Life) -> Iterable[Slot]:
    """Those before the end: not on or before the term's first day, not further from the end than half the term."""
    if life.renews:
        return
    for days in life.policy.notice_days:
        if owes_threshold(days, life.first_day, life.ends_on):
            yield Slot(f"{Kind.ENDS}-{days}", days_later(life.ends_on, -days))


def owes_threshold(days: int, first_day: date, ends_on: date) -> bool:
    """Whether a notice so many days before the end is owed in that term."""
    length = (ends_on - first_day).days
    return days < length and 2 * days <= length


def _before_erasure(life: Life) -> Iterable[Slot]:
    by_policy = days_later(life.ends_on, life.policy.retention_days)
    for days in (30, 7):
        if life.policy.retention_days >= days:
            yield Slot(f"{Kind.ERASURE}-{days}", days_later(by_policy, -days), sent=not life.put_off)


def _put_off(life: Life) -> tuple[Slot, ...]:
    if life.erase_on is None or not life.put_off:
        return ()
    return (Slot(f"{Kind.ERASURE}-7@{life.erase_on}", days_later(life.erase_on, -PUT_OFF_DAYS)),)


def settle(life: Life, day: date, written: Collection[str], *, held: bool = False) -> Settled:
    """What of the agenda is settled on a day, however late: only the latest that is owed is sent.

    `written` are the slots that were settled before. Under a legal hold nobody is told of an erasure.
    """
    due = [slot for slot in slots(life) if slot.due <= day and not (held and slot.kind is Kind.ERASURE)]
    latest = next((slot for slot in reversed(due) if slot.sent), None)
    new = [slot for slot in due if slot.name not in written]
    sent = latest if latest in new else None
    return Settled(sent, tuple(slot for slot in new if slot is not sent))


def owes_outside_address(life: Life, day: date) -> bool:
    """Whether an address outside the subscription's own mailboxes is asked for, where none is known to work."""
    over = life.erased_on is not None or life.closed or life.renews or day >= life.ends_on
    asked = day >= days_later(life.ends_on, -OUTSIDE_DAYS)
    return asked and not over and owes_threshold(OUTSIDE_DAYS, life.first_day, life.ends_on)


def next_look(life: Life, day: date, *, held: bool = False) -> date:
    """The next day on which there may be something to do, after this day was swept; date.max: never again."""
    if life.erased_on is not None:
        return life.erased_on if life.erased_on > day else date.max
    agenda = slots(life)
    days = [slot.due for slot in agenda if slot.due > day]
    if not life.closed and not life.renews and owes_threshold(OUTSIDE_DAYS, life.first_day, life.ends_on):
        days += [look for look in (days_later(life.ends_on, -OUTSIDE_DAYS),) if look > day]
    silenced = held and any(slot.due <= day and slot.kind is Kind.ERASURE for slot in agenda)
    days.append(days_later(day, 1) if silenced or life.erases_on <= day else life.erases_on)
    return min(days)


def must_put_off(life: Life, day: date, *, told: bool, proven: bool, held: bool = False) -> bool:
    """Whether the erasure gets a later date: nobody could be told of this one a week before, or nothing proves it.

    `told`: the last notice before the present date was written. `proven`: a notice of that date was accepted at an
    address outside. Then a week is left for what else holds it back: days since it was accepted, the daily bound, the
    quiet after a clock jump.
    """
    if held or life.erased_on is not None or (day < life.ends_on and not life.closed):
        return False
    left = (life.erases_on - day).days
    return (left < PROOF_DAYS and not told) or (left <= 0 and (not proven or left <= -PROOF_DAYS))


def put_off_until(day: date, quiet_until: date | None) -> date:
    """The new date of an erasure that is put off."""
    later = days_later(day, PUT_OFF_DAYS)
    return later if quiet_until is None else max(later, days_later(quiet_until, PROOF_DAYS))
