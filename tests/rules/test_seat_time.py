"""Seat-time itself: the calendar, the values, and the laws that hold over every act."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chaveiro.rules import terms
from chaveiro.rules.errors import Malformed
from chaveiro.rules.lifecycle import Stage, stage_on
from chaveiro.rules.policies import DEFAULT_POLICY, RightSize
from chaveiro.rules.seat_time import SEATS_AT_MOST
from chaveiro.rules.terms import Grant, Operation, Standing, add_months, fingerprint

TODAY = date(2026, 11, 22)
FREE = replace(DEFAULT_POLICY, right_size=RightSize.FREE)
WITHOUT_LIMITS = replace(FREE, horizon_months=1200, shortest_term_days=1, shortest_chosen_term_days=1)

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2033, 12, 31))
grants = st.builds(Grant, seats=st.integers(1, 120), months=st.sampled_from([1, 2, 3, 6, 12, 13, 24, 36]))
baskets = st.lists(grants, min_size=1, max_size=6)


@st.composite
def standings_on(draw: st.DrawFn, day: date) -> Standing:
    """A subscription in any stage on that day, with its edges drawn often."""
    offset = draw(st.integers(-400, 1500) | st.sampled_from([-120, -31, -30, -29, -1, 0, 1]))
    seats = draw(st.integers(1, 200))
    return Standing(seats, day + timedelta(offset), draw(st.integers(0, seats - 1)))


@st.composite
def acts(draw: st.DrawFn) -> tuple[Operation, date, Standing | None, list[Grant], int | None]:
    operation, day = draw(st.sampled_from(Operation)), draw(days)
    standing = None if operation is Operation.OPEN else draw(standings_on(day))
    chosen = None if operation is Operation.ADD else draw(st.none() | st.integers(1, 400))
    return operation, day, standing, draw(baskets), chosen


def by_hand(day: date, months: int) -> date:
    """Month by month on the calendar, keeping the wished day of the month: an oracle for add_months."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    for wished in (day.day, 30, 29, 28):
        try:
            return date(year, month, min(wished, day.day))
        except ValueError:
            continue
    raise AssertionError


# The calendar


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2027, 1, 31), 2, date(2027, 3, 31)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2027, 3, 31), -1, date(2027, 2, 28)),
        (date(2027, 1, 15), -1, date(2026, 12, 15)),
    ],
)
def test_months_are_calendar_months_clamped_to_the_months_end(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@settings(max_examples=300, deadline=None)
@given(days, st.integers(0, 120))
def test_months_agree_with_walking_the_calendar(day: date, months: int) -> None:
    assert add_months(day, months) == by_hand(day, months)


# Values


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grant(0, 12),
        lambda: Grant(SEATS_AT_MOST + 1, 12),
        lambda: Grant(5, 0),
        lambda: Grant(5, 1201),
        lambda: Grant(5.0, 12),
        lambda: Grant(True, 12),
        lambda: Standing(0, TODAY, 0),
        lambda: Standing(5, TODAY, -1),
        lambda: Standing(5, "2026-11-22", 0),
        lambda: Standing(5, date(9101, 1, 1), 0),
    ],
)
def test_values_outside_the_rules_cannot_be_made(make: Any) -> None:
    with pytest.raises(Malformed):
        make()


# Laws


@settings(max_examples=500, deadline=None)
@given(acts())
def test_no_act_makes_or_loses_a_seat_day(act: Any) -> None:
    operation, day, standing, keys, chosen = act
    total, _ = terms.weigh(operation, day, standing, keys, chosen, WITHOUT_LIMITS)
    start = total.footing
    had = 0
    if standing is not None:
        had = standing.credit + standing.seats * max(0, (standing.ends_on - day).days)
    begins = standing.ends_on if operation is Operation.EXTEND and standing and standing.ends_on > day else start.origin
    brought = sum(key.seats * (by_hand(begins, key.months) - begins).days for key in keys)
    assert total.pool == had + brought
    assert total.seats * (total.ends_on - start.origin).days + total.credit == had + brought
    assert 0 <= total.credit < total.seats
    in_grace = standing is not None and stage_on(day, standing.ends_on, WITHOUT_LIMITS) is Stage.GRACE
    assert start.origin == (standing.ends_on if in_grace and standing else day)


@settings(max_examples=300, deadline=None)
@given(acts(), grants)
def test_a_further_key_never_brings_an_extension_to_an_earlier_end(act: Any, further: Grant) -> None:
    operation, day, standing, keys, chosen = act
    assume(operation is Operation.EXTEND)
    ends = [
        terms.weigh(operation, day, standing, basket, chosen, WITHOUT_LIMITS)[0]
        for basket in (keys, [*keys, further], [*keys, further, further])
    ]
    assert all(fewer.pool < more.pool and fewer.ends_on <= more.ends_on for fewer, more in pairwise(ends))


@settings(max_examples=300, deadline=None)
@given(acts(), st.integers(1, 24))
def test_longer_keys_never_bring_an_earlier_end(act: Any, months: int) -> None:
    operation, day, standing, keys, chosen = act
    longer = [replace(keys[0], months=keys[0].months + months), *keys[1:]]
    ends = [terms.weigh(operation, day, standing, each, chosen, WITHOUT_LIMITS)[0].ends_on for each in (keys, longer)]
    assert ends[0] <= ends[1]


@settings(max_examples=200, deadline=None)
@given(acts(), st.randoms(use_true_random=False))
def test_the_order_of_the_keys_does_not_matter(act: Any, chance: Any) -> None:
    operation, day, standing, keys, chosen = act
    shuffled = list(keys)
    chance.shuffle(shuffled)
    first, second = (terms.weigh(operation, day, standing, each, chosen, FREE)[0] for each in (keys, shuffled))
    assert (first.seats, first.days_after, first.credit) == (second.seats, second.days_after, second.credit)


@settings(max_examples=200, deadline=None)
@given(days, st.integers(0, 1500), st.integers(1, 200), baskets, st.data())
def test_an_active_extension_comes_to_the_same_end_on_every_day(
    day: date, left: int, seats: int, keys: list[Grant], data: st.DataObject
) -> None:
    standing = Standing(seats, day + timedelta(left + 1), data.draw(st.integers(0, seats - 1)))
    later = day + timedelta(data.draw(st.integers(0, left)))
    sums = [terms.weigh("extend", each, standing, keys, None, WITHOUT_LIMITS)[0] for each in (day, later)]
    assert sums[0].after == sums[1].after


@settings(max_examples=200, deadline=None)
@given(acts(), acts())
def test_equal_sums_have_one_fingerprint_and_different_ones_have_two(one: Any, other: Any) -> None:
    first, again = (terms.weigh(*one, FREE)[0] for _ in range(2))
    second = terms.weigh(*other, FREE)[0]
    assert fingerprint(first) == fingerprint(again)
    assert (fingerprint(first) == fingerprint(second)) == (first == second)
    assert fingerprint(first, second) != fingerprint(first)
