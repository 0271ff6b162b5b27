"""What ends when, across the customers that the actor reaches: a list, its buckets counted, months ahead, days behind.

For operators everything, for a partner what its reach says, for a customer its own; to anybody else it answers nothing.
Each subscription stands by its own day: the platform's, or its test clock's. Call it while acting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.delegation.queries import SubscriptionCard, cards_of
from chaveiro.rules.renewals import PIPELINE, Bucket, bucket_of
from chaveiro.rules.seat_time import add_months

PORTION_AT_MOST = 2_000  # of a list that is written into a file, whole
MONTHS = 13
SORTS = ("end", "-end", "seats")
BUCKETS = (*PIPELINE, Bucket.LATER)

LIST = "SELECT subscription, is_test, place FROM closing_renewals(%s, %s::jsonb, %s, %s, %s)"
STEPS = "SELECT bucket, subscriptions, seats FROM closing_renewal_steps(%s, %s::jsonb)"
BY_MONTH = "SELECT month, subscriptions, seats FROM closing_renewals_by_month(%s, %s::jsonb, %s)"
REDEEMED = "SELECT begins, redemptions, undone FROM closing_redemptions_by(%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which subscriptions are asked for; what is empty narrows nothing. An empty bucket is all that asks for an act.

    `partner` is the confirmed partner of record; `test` is `yes` for test customers alone, `no` for all others; `sort`
    is `end` (first at the top), `-end`, or `seats` (most at the top).
    """

    bucket: str = ""
    product: str = ""
    country: str = ""
    partner: UUID | None = None
    paid_by: str = ""
    test: str = ""
    sort: str = "end"

    def asked(self, **other: str) -> str:
        """As the database is asked."""
        plain = {"bucket": self.bucket, "product": self.product, "country": self.country, "paid_by": self.paid_by}
        partner = "" if self.partner is None else str(self.partner)
        return json.dumps({**plain, "partner": partner, "test": self.test, "sort": self.sort, **other})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list is read on: what the last one seen is sorted by, and its id."""

    value: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription in the pipeline, with its place in the list that it was read from."""

    card: SubscriptionCard
    bucket: Bucket
    is_test: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Step:
    """How much stands in one bucket."""

    bucket: Bucket
    subscriptions: int
    seats: int


@dataclass(frozen=True, slots=True)
class Month:
    """What ends in one month, by its last covered day."""

    begins: date
    subscriptions: int
    seats: int


def renewals(
    wanted: Wanted, *, day: date, organisation: UUID | None = None, after: Place | None = None, limit: int = 50
) -> list[Due]:
    """What asks for a renewal, at most 2,000 of it. `day` is the platform's, `organisation` the partner who asks."""
    place = (after.value, after.id) if after else (None, None)
    asked = (day, wanted.asked(), *place, max(1, min(limit, PORTION_AT_MOST)))
    rows = connection.connection.execute(LIST, asked).fetchall()
    cards = cards_of([row[0] for row in rows], day=day, organisation=organisation)
    return [
        Due(cards[found], bucket_of(cards[found].stage, cards[found].days_left or 0), is_test, Place(value, found))
        for found, is_test, value in rows
        if found in cards
    ]


def steps(wanted: Wanted, *, day: date) -> Mapping[Bucket, Step]:
    """Each bucket that asks for an act, counted, whichever of them the filters name; an empty one is there too."""
    rows = connection.connection.execute(STEPS, (day, wanted.asked(bucket=""))).fetchall()
    counted = {Bucket(row[0]): Step(Bucket(row[0]), row[1], row[2]) for row in rows}
    return {bucket: counted.get(bucket, Step(bucket, 0, 0)) for bucket in PIPELINE}


def by_month(wanted: Wanted, *, day: date, months: int = MONTHS) -> list[Month]:
    """What ends in the month of `day` and in those after it; a month in which nothing ends is there too."""
    rows = connection.connection.execute(BY_MONTH, (day, wanted.asked(bucket=""), months)).fetchall()
    found = {row[0]: Month(*row) for row in rows}
    first = day.replace(day=1)
    begins = [add_months(first, number) for number in range(months)]
    return [found.get(month, Month(month, 0, 0)) for month in begins]


def redeemed(first: date, last: date, step: str) -> dict[date, tuple[int, int]]:
    """Redemptions of the actor's side by the day on which their `day`, `week` or `month` begins, and how many undone.

    What was redeemed on a test clock counts on that clock's days.
    """
    rows: list[Any] = connection.connection.execute(REDEEMED, (first, last, step)).fetchall()
    return {begins: (count, undone) for begins, count, undone in rows}
