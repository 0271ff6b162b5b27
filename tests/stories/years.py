"""Years of subscriptions by the rulebook alone: renewals, outages, holds and bounces by chance, every law held.

A notebook of each life that knows no database. It jumps from look to look, as the sweep does: whatever the rulebook
forgets to look at in time is forgotten here too, and found.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from chaveiro.rules import erasure
from chaveiro.rules.erasure import Case, Proof, Told
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.notices import (
    Kind,
    Life,
    Slot,
    must_put_off,
    next_look,
    put_off_until,
    settle,
    slots,
)
from chaveiro.rules.platform_clock import Mark, heed
from chaveiro.rules.policies import DEFAULT_POLICY

FIRST_DAY = date(2023, 11, 1)  # 29 February 2024 and 2028 lie ahead
NO_ID = UUID(int=0)
POLICIES = (
    *(DEFAULT_POLICY,) * 3,
    replace(DEFAULT_POLICY, grace_days=14, retention_days=60, notice_days=(45, 14, 3)),
    replace(DEFAULT_POLICY, grace_days=60, retention_days=365, notice_days=(90, 60, 30, 7, 1)),
    replace(DEFAULT_POLICY, grace_days=1, retention_days=3, notice_days=(2, 1)),
)


@dataclass(slots=True)
class Broken(AssertionError):
    """A law that did not hold, and the life in which."""

    law: str
    life: Life
    day: date


@dataclass(slots=True)
class Counts:
    """What happened, so that a run that saw nothing says so."""

    lives: int = 0
    days: int = 0
    told: int = 0
    superseded: int = 0
    renewed: int = 0
    put_off: int = 0
    erased: int = 0
    waited: int = 0
    outages: int = 0

    @property
    def years(self) -> int:
        return self.days // 365


@dataclass(slots=True)
class Notebook:
    """One life on one clock that now and then stands still."""

    chance: random.Random
    life: Life
    counts: Counts
    held_until: date | None = None
    mark: Mark = field(default_factory=Mark)
    written: dict[str, date] = field(default_factory=dict)
    notices: list[Told] = field(default_factory=list)
    up_since: date = date.min  # the clock has run each day since, for this term, with no hold
    live: set[str] = field(default_factory=set)  # deletion notices of the present date that were not superseded

    def run(self, first: date, days: int) -> None:
        """Live so many days from the first one on."""
        look, awake, end = first, first, first + timedelta(days=days)
        renewal = self._next_renewal(first)
        while True:
            day = max(min(look, renewal), awake)
            if day >= end:
                break
            awake = self._wakes(day)
            if renewal <= awake and self.life.erased_on is None:
                # People renew while the clock sleeps, too.
                self._renew(self._up(max(renewal, first)))
                self._up(awake)
                renewal, look = self._next_renewal(renewal), renewal
                continue
            renewal = max(renewal, awake)
            self._sweep(awake)
            look = next_look(self.life, awake, held=self._held(awake))
            self._all_settled(awake)
            if self.life.erased_on is not None and look == date.max:
                break
        self.counts.lives += 1
        self.counts.days += days

    def _wakes(self, day: date) -> date:
        """The first day on or after that on which the clock runs."""
        if self.chance.random() > 0.03:
            return day
        self.counts.outages += 1
        return self._up(day + timedelta(days=self.chance.choice([1, 2, 5, 8, 40, self.chance.randint(1, 400)])))

    def _up(self, day: date) -> date:
        self.up_since = day
        return day

    def _held(self, day: date) -> bool:
        return self.held_until is not None and day < self.held_until

    def _next_renewal(self, after: date) -> date:
        if self.chance.random() < 0.3:
            return date.max
        near = self.life.ends_on + timedelta(days=self.chance.randint(-90, self.life.policy.retention_days + 40))
        return max(near, after + timedelta(days=1))

    def _renew(self, day: date) -> None:
        began = day if day >= self.life.ends_on else self.life.ends_on
        ends_on = began + timedelta(days=self.chance.choice([7, 30, 31, 59, 60, 90, 365, 366, 730]))
        self.life = replace(self.life, first_day=day, ends_on=ends_on, erase_on=None)
        self.written, self.notices, self.live = {}, [], set()
        self.counts.renewed += 1

    def _sweep(self, day: date) -> None:
        gap = self.chance.random() < 0.02 and self.mark.day is not None
        before = self.mark.day if gap else day - timedelta(days=1)
        self.mark = heed(replace(self.mark, day=before, at=None), now=_noon(day), day=day)
        if self.chance.random() < 0.02:
            self.held_until = day + timedelta(days=self.chance.randint(1, 300))
        if self._held(day):
            self._up(day + timedelta(days=1))
        self._erase(day)
        told, proven = self._told_of_it(), any(self._names(one) for one in self.notices if one.outside)
        if must_put_off(self.life, day, told=told, proven=proven, held=self._held(day)):
            later = put_off_until(day, self.mark.quiet_until if self.mark.quiet_on(day) else None)
            self._hold(later >= self.life.erases_on, "an erasure is never put forward", day)
            self.life = replace(self.life, erase_on=later)
            self.counts.put_off += 1
        settled = settle(self.life, day, self.written, held=self._held(day))
        for slot in (*settled.superseded, *filter(None, (settled.sent,))):
            self._hold(slot.name not in self.written, "each slot is settled once", day)
            self._hold(slot.due <= day, "nothing is settled before it is due", day)
            self._hold(slot.due == day or slot.due < self.up_since, "no day is missed", day)
            self.written[slot.name] = day
        self.counts.superseded += len(settled.superseded)
        if settled.sent is not None:
            self._tell(settled.sent, day)

    def _tell(self, slot: Slot, day: date) -> None:
        self.counts.told += 1
        life = self.life
        true = {
            Kind.ENDS: day < life.ends_on,
            Kind.ENDED: day >= life.ends_on,
            Kind.ACCESS_STOPPED: day >= days_later(life.ends_on, life.policy.grace_days),
            Kind.ERASURE: (life.erases_on - day).days >= 7 and not self._held(day),
            Kind.ERASED: life.erased_on is not None,
        }
        self._hold(true[slot.kind], "no sentence is untrue", day)
        if slot.kind is Kind.ERASURE and self.chance.random() < 0.7:
            accepted = day + timedelta(days=self.chance.choice([0, 0, 0, 1, 5, 10]))
            self.notices.append(
                Told(NO_ID, slot.name, life.erases_on, accepted, self.chance.random() < 0.9, True, True)
            )
        if slot.kind is Kind.ERASURE:
            self.live.add(f"{slot.name} {life.erases_on}")

    def _told_of_it(self) -> bool:
        return any(one.startswith("erasure-7") and one.endswith(str(self.life.erases_on)) for one in self.live)

    def _names(self, notice: Told) -> bool:
        return notice.erase_on == self.life.erases_on

    def _erase(self, day: date) -> None:
        life = self.life
        if life.erased_on is not None or day < life.erases_on:
            return
        known = [one for one in self.notices if one.accepted_on <= day]
        quiet = self.mark.quiet_until
        if not isinstance(erasure.decide(Case(life.erases_on, self._held(day), quiet, known), day), Proof):
            self.counts.waited += 1
            return
        told = [one for one in known if one.erase_on == life.erases_on and (day - one.accepted_on).days >= 7]
        self._hold(bool(told), "erased without a notice that named the day, a week before", day)
        self._hold(day >= life.ends_on + timedelta(days=life.policy.retention_days), "erased early", day)
        self._hold(not self._held(day), "erased under a hold", day)
        self._hold(not self.mark.quiet_on(day), "erased while the clock was in doubt", day)
        self.life = replace(life, erased_on=day)
        self.counts.erased += 1

    def _all_settled(self, day: date) -> None:
        due = (slot for slot in slots(self.life) if slot.due <= day)
        owed = [slot for slot in due if not (self._held(day) and slot.kind is Kind.ERASURE)]
        self._hold(all(slot.name in self.written for slot in owed), "what is due is settled", day)

    def _hold(self, holds: bool, law: str, day: date) -> None:
        if not holds:
            raise Broken(law, self.life, day)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def simulate(chance: random.Random, lives: int, days: int, counts: Counts) -> None:
    """So many lives, each for so many days."""
    for _ in range(lives):
        first = FIRST_DAY + timedelta(days=chance.randint(0, 800))
        length = chance.choice([7, 14, 28, 30, 60, 90, 120, 365, 366, 730])
        life = Life(
            first_day=first,
            ends_on=first + timedelta(days=length),
            policy=chance.choice(POLICIES),
        )
        Notebook(chance, life, counts).run(first, days)
