"""Years of many subscriptions through the real schema, on a clock that stands still now and then.

Renewals, legal holds, bounces and outages by chance; the platform's own day does the rest: erasing, and the sweep.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.closing.actions import evidence, living
from chaveiro.apps.closing.queries import ASSERTIONS, broken
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.erasure import NothingToAllow
from chaveiro.rules.notices import Life
from chaveiro.rules.policies import DEFAULT_POLICY
from tests.apps.house_of_cards import ground
from tests.apps.lives import lay, look, put_hold, renew
from tests.cast import means, new_id
from tests.faults.proof import record, seed

pytestmark = pytest.mark.django_db

FIRST_DAY = date(2026, 10, 1)
POLICIES = (
    DEFAULT_POLICY,
    replace(DEFAULT_POLICY, grace_days=14, retention_days=60, notice_days=(45, 14, 3)),
    replace(DEFAULT_POLICY, grace_days=1, retention_days=3, notice_days=(2, 1)),
)
# The rest looks at keys and ledgers: these rows were laid down, not redeemed.
CHECKED = ("N1", "N2", "P1", "P2", "P3")
NO_WORKER = "its_key_is_destroyed"  # by a worker, which is no part of this

TOLD_TWICE = """
SELECT subscription_id, term, kind FROM notices_notice GROUP BY subscription_id, term, kind
HAVING count(DISTINCT written_on) > 1 OR (bool_or(recipient = 'everybody') AND count(*) > 1)
"""
EARLY = """
SELECT s.id, s.ends_on, s.erase_on, s.erased_on FROM subscriptions_subscription s
JOIN catalog_policy p ON p.id = s.policy_id
WHERE s.erased_on < s.ends_on + (p.numbers ->> 'retention_days')::integer
   OR (s.erased_on IS NOT NULL AND NOT EXISTS (
       SELECT FROM notices_notice n WHERE n.subscription_id = s.id AND n.term = s.term AND n.kind LIKE 'erasure-%%'
           AND n.state = 'accepted' AND n.outside AND n.settled_on <= s.erased_on - 7
           AND (n.facts ->> 'erase_on')::date = greatest(s.erase_on,
               s.ends_on + (p.numbers ->> 'retention_days')::integer)))
"""


@dataclass(slots=True)
class World:
    """The subscriptions, and what happened to them."""

    chance: random.Random
    operator: Actor
    ids: list[UUID]
    day: date = FIRST_DAY
    happened: Counter[str] = field(default_factory=Counter)
    quiet: list[tuple[date, date]] = field(default_factory=list)
    holds: dict[UUID, date] = field(default_factory=dict)

    def live(self, until: date) -> None:
        """Every day until then on which the clock runs."""
        while self.day < until:
            self._renew_some()
            self._hold_some()
            lived = living.live(means=means(self.day))
            if lived.quiet_until is not None:
                self.quiet.append((self.day, lived.quiet_until))
            self.happened["erased"] += lived.erased
            self.happened["told"] += lived.swept.owed
            self.happened["superseded"] += lived.swept.superseded
            self.happened["put off"] += lived.swept.put_off
            self._allow()
            self._post()
            self.day += timedelta(days=self._step())

    def _step(self) -> int:
        if self.chance.random() > 0.012:
            return 1
        self.happened["outages"] += 1
        return self.chance.choice([2, 3, 8, 20, 40, self.chance.randint(2, 400)])

    def _renew_some(self) -> None:
        share = len(self.ids) / 700
        for _ in range(int(share) + (self.chance.random() < share % 1)):
            one = self.chance.choice(self.ids)
            ends_on, erased_on = look("SELECT ends_on, erased_on FROM subscriptions_subscription WHERE id = %s", one)[0]
            if erased_on is None and ends_on < self.day + timedelta(days=90):
                began = max(ends_on, self.day)
                renew(one, self.day, began + timedelta(days=self.chance.choice([30, 90, 365])))
                self.happened["renewed"] += 1

    def _hold_some(self) -> None:
        for block, until in list(self.holds.items()):
            if until <= self.day:
                change("UPDATE subscriptions_block SET lifted_at = now() WHERE id = %s", block)
                del self.holds[block]
        if self.chance.random() < 0.05:
            one = self.chance.choice(self.ids)
            (customer,) = look("SELECT customer_id FROM subscriptions_subscription WHERE id = %s", one)[0]
            if not look("SELECT id FROM subscriptions_block WHERE customer_id = %s AND lifted_at IS NULL", customer):
                self.holds[put_hold(customer, one)] = self.day + timedelta(days=self.chance.randint(1, 200))
                self.happened["held"] += 1

    def _allow(self) -> None:
        """Where more are due than are usual, an operator lets them go, most often."""
        if self.chance.random() < 0.5:
            try:
                evidence.allow(actor=self.operator, day=self.day, means=means(self.day))
            except NothingToAllow:
                return
            self.happened["allowed"] += 1
            self.happened["erased"] += living.live(means=means(self.day)).erased

    def _post(self) -> None:
        """What is owed is posted: most arrives outside, some bounces, some has to wait."""
        for (notice,) in look("SELECT id FROM notices_notice WHERE state = 'owed' ORDER BY id"):
            outcome = self.chance.random()
            if outcome < 0.75:
                self._settle(notice, "accepted", self.chance.random() < 0.9)
            elif outcome < 0.95:
                self._settle(notice, "bounced", True)
                self.happened["bounced"] += 1

    def _settle(self, notice: UUID, state: str, outside: bool) -> None:
        change(
            "UPDATE notices_notice SET state = %s, outside = %s, direct = true, settled_on = %s, settled_at = now()"
            " WHERE id = %s",
            state,
            outside,
            self.day,
            notice,
        )


def change(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def world(chance: random.Random, count: int) -> World:
    lives = []
    for _ in range(count):
        first = FIRST_DAY - timedelta(days=chance.randint(0, 200))
        length = chance.choice([28, 60, 90, 120, 365])
        lives.append(
            Life(
                first_day=first,
                ends_on=max(FIRST_DAY, first + timedelta(days=length)),
                policy=chance.choice(POLICIES),
            )
        )
    return World(chance, Actor(Kind.OPERATOR, new_id(), roles=frozenset({"operator"})), lay(lives))


def violated(made: World) -> list[Any]:
    """Whatever breaks a law, told by the house's own assertions and by two statements that know nothing of them."""
    told: list[Any] = [*look(TOLD_TWICE), *look(EARLY)]
    for assertion in ASSERTIONS:
        if assertion.id in CHECKED and assertion.name != NO_WORKER:
            told += broken(assertion, replace(ground(), day=made.day))
    erased = [day for (day,) in look("SELECT erased_on FROM subscriptions_subscription WHERE erased_on IS NOT NULL")]
    told += [day for day in erased for begun, until in made.quiet if begun <= day < until]
    return told


def some_years(used: int, count: int, days: int, rounds: int = 1) -> World:
    made = world(random.Random(used), count)
    for number in range(rounds):
        made.live(FIRST_DAY + timedelta(days=days * (number + 1) // rounds))
        assert violated(made) == []
    return made


def test_some_hundred_years_through_the_schema_hold_every_law() -> None:
    made = some_years(seed(), 80, 800)
    for happened in ("told", "superseded", "renewed", "put off", "outages", "held", "bounced"):
        assert made.happened[happened], f"nothing was {happened}: a run that says nothing"


@pytest.mark.prove
def test_a_hundred_thousand_years_through_the_schema_hold_every_law() -> None:
    used, count, days = seed(), 25_000, 1_461
    made = some_years(used, count, days, rounds=4)
    record(
        "years-through-the-schema",
        "In a hundred thousand subscription-years nothing was erased early and every owed notice settled once.",
        used_seed=used,
        **{"subscription-years": count * days // 365, "laws broken": 0} | dict(made.happened),
    )
