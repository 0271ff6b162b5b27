"""Life after the end: the stage of every day, what comes next, and the same in ranges for SQL."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.rules.errors import Malformed
from chaveiro.rules.lifecycle import (
    ALLOWS,
    Change,
    Stage,
    days_later,
    erasure_due,
    erasure_due_on,
    last_day,
    next_change,
    stage_on,
    window,
)
from chaveiro.rules.policies import DEFAULT_POLICY, Policy

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "life.json").read_text(encoding="utf-8"))
ENDS_ON = date(2027, 3, 1)

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2033, 12, 31))
any_days = st.dates()
policies = st.builds(
    lambda grace, more: replace(DEFAULT_POLICY, grace_days=grace, retention_days=grace + more),
    st.integers(1, 90),
    st.integers(1, 200),
)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['days']} days")
def test_every_worked_example_of_a_life_agrees(case: dict[str, Any]) -> None:
    ends_on, day = date.fromisoformat(case["ends_on"]), date.fromisoformat(case["day"])
    erased_on = erasure_due_on(ends_on, DEFAULT_POLICY)
    assert (day - ends_on).days == case["days"]
    assert stage_on(day, ends_on, DEFAULT_POLICY, erased_on) == case["stage"]


def test_without_an_erasure_nothing_is_ever_deleted() -> None:
    assert stage_on(date(2027, 6, 29), ENDS_ON, DEFAULT_POLICY) is Stage.RETAINED
    assert stage_on(date(2037, 6, 29), ENDS_ON, DEFAULT_POLICY) is Stage.RETAINED


def test_an_erasure_deletes_from_its_own_day_on() -> None:
    erased_on = date(2027, 8, 1)
    assert stage_on(date(2027, 7, 31), ENDS_ON, DEFAULT_POLICY, erased_on) is Stage.RETAINED
    assert stage_on(erased_on, ENDS_ON, DEFAULT_POLICY, erased_on) is Stage.DELETED


def test_people_read_the_last_covered_day() -> None:
    assert last_day(date(2028, 3, 1)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 22), Change(Stage.GRACE, date(2027, 3, 1))),
        (date(2027, 2, 28), Change(Stage.GRACE, date(2027, 3, 1))),
        (date(2027, 3, 1), Change(Stage.RETAINED, date(2027, 3, 31))),
        (date(2027, 3, 30), Change(Stage.RETAINED, date(2027, 3, 31))),
        (date(2027, 3, 31), Change(Stage.DELETED, date(2027, 6, 29))),
        (date(2027, 6, 29), Change(Stage.DELETED, date(2027, 6, 29))),
        (date(2027, 7, 15), Change(Stage.DELETED, date(2027, 7, 15))),
    ],
)
def test_each_subscription_tells_its_next_change_and_its_day(day: date, expected: Change) -> None:
    assert next_change(day, ENDS_ON, DEFAULT_POLICY) == expected


@pytest.mark.parametrize(
    ("erase_on", "told"),
    [(date(2027, 8, 10), date(2027, 8, 10)), (date(2027, 6, 1), date(2027, 6, 29))],
)
def test_an_erasure_put_off_is_told_with_its_own_day_and_never_an_earlier_one(erase_on: date, told: date) -> None:
    change = next_change(date(2027, 4, 15), ENDS_ON, DEFAULT_POLICY, None, erase_on)
    assert change == Change(Stage.DELETED, told)


def test_nothing_comes_after_deletion() -> None:
    assert next_change(date(2027, 8, 2), ENDS_ON, DEFAULT_POLICY, date(2027, 8, 1)) is None


@settings(max_examples=300, deadline=None)
@given(days, days, policies, st.none() | days)
def test_the_next_change_is_the_first_day_of_another_stage(
    day: date, ends_on: date, policy: Policy, erased_on: date | None
) -> None:
    change = next_change(day, ends_on, policy, erased_on)
    now = stage_on(day, ends_on, policy, erased_on)
    if change is None:
        assert now is Stage.DELETED
        return
    if change.stage is Stage.DELETED and erased_on is None:
        assert now is Stage.RETAINED
        assert change.day == max(day, ends_on + timedelta(policy.retention_days))
        return
    assert change.day > day
    assert stage_on(change.day, ends_on, policy, erased_on) is change.stage is not now
    walked = [day + timedelta(passed) for passed in range((change.day - day).days)]
    assert {stage_on(each, ends_on, policy, erased_on) for each in walked[:1] + walked[-1:]} == {now}


@settings(max_examples=500, deadline=None)
@given(day=days, offset=st.integers(-400, 400), policy=policies)
def test_ranges_for_sql_and_the_stage_of_one_subscription_agree(day: date, offset: int, policy: Policy) -> None:
    ends_on = day + timedelta(offset)
    holding = [stage for stage in Stage if stage is not Stage.DELETED and window(stage, day, policy).holds(ends_on)]
    assert holding == [stage_on(day, ends_on, policy)]


@pytest.mark.parametrize("offset", [-31, -30, -29, -1, 0, 1])
def test_ranges_agree_at_each_edge(offset: int) -> None:
    ends_on = ENDS_ON + timedelta(offset)
    holding = [s for s in Stage if s is not Stage.DELETED and window(s, ENDS_ON, DEFAULT_POLICY).holds(ends_on)]
    assert holding == [stage_on(ENDS_ON, ends_on, DEFAULT_POLICY)]


def test_no_range_of_dates_means_deleted() -> None:
    with pytest.raises(Malformed):
        window(Stage.DELETED, ENDS_ON, DEFAULT_POLICY)


@settings(max_examples=200, deadline=None)
@given(day=days, offset=st.integers(-400, 10), policy=policies)
def test_erasure_is_due_from_its_day_on_and_never_before(day: date, offset: int, policy: Policy) -> None:
    ends_on = day + timedelta(offset)
    assert erasure_due(day, policy).holds(ends_on) == (day >= erasure_due_on(ends_on, policy))
    assert erasure_due(day, policy).holds(ends_on) == ((day - ends_on).days >= policy.retention_days)


@settings(max_examples=200, deadline=None)
@given(any_days, any_days, st.integers(-(10**7), 10**7))
def test_the_ends_of_the_calendar_are_answered_and_do_not_fail(day: date, ends_on: date, shift: int) -> None:
    assert date.min <= days_later(day, shift) <= date.max
    next_change(day, ends_on, DEFAULT_POLICY)
    holding = [s for s in Stage if s is not Stage.DELETED and window(s, day, DEFAULT_POLICY).holds(ends_on)]
    if date.max - timedelta(200) > day > date.min + timedelta(200):
        assert holding == [stage_on(day, ends_on, DEFAULT_POLICY)]


@pytest.mark.parametrize(
    ("stage", "use", "sign_in", "assign", "kept", "ways_back"),
    [
        (Stage.ACTIVE, True, True, True, True, ()),
        (Stage.GRACE, True, True, True, True, ("key", "direct_billing")),
        (Stage.RETAINED, False, True, False, True, ("key", "direct_billing")),
        (Stage.DELETED, False, False, False, False, ()),
    ],
)
def test_each_stage_allows_what_the_rules_say(
    stage: Stage, use: bool, sign_in: bool, assign: bool, kept: bool, ways_back: tuple[str, ...]
) -> None:
    allowed = ALLOWS[stage]
    assert (allowed.users_use, allowed.administrators_sign_in, allowed.administrators_assign) == (use, sign_in, assign)
    assert (allowed.administrators_export, allowed.administrators_renew) == (sign_in, sign_in)
    assert (allowed.data_kept, allowed.ways_back) == (kept, ways_back)


def test_every_stage_has_its_line() -> None:
    assert set(ALLOWS) == set(Stage)
