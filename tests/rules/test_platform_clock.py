"""The platform's clock against what it told before: back, ahead, standing still."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.platform_clock import DayWentBack, Doubt, Mark, heed, looked_at, needs_noting, quiet, wound_back

DAY = date(2027, 3, 28)  # clocks are put forward in Lisbon
NOON = datetime(2027, 3, 28, 12, tzinfo=UTC)
MARK = Mark(DAY, NOON)


def later(days: int = 0, **more: int) -> dict[str, date | datetime]:
    return {"now": NOON + timedelta(days=days, **more), "day": DAY + timedelta(days=days)}


def test_the_first_day_of_all_and_the_day_after_a_day_are_no_doubt() -> None:
    assert heed(Mark(), **later()) == MARK
    assert heed(MARK, **later(1)).quiet_until is None
    assert heed(MARK, **later(minutes=1)) == Mark(DAY, NOON + timedelta(minutes=1))


@pytest.mark.parametrize("days", [2, 40, 400])
def test_a_day_that_nobody_swept_makes_a_week_without_erasures(days: int) -> None:
    mark = heed(MARK, **later(days))
    assert (mark.quiet_until, mark.why) == (DAY + timedelta(days=days + 7), Doubt.OUTAGE)
    assert mark.quiet_on(DAY + timedelta(days=days + 6))
    assert not mark.quiet_on(DAY + timedelta(days=days + 7))


def test_a_day_before_the_mark_is_refused_with_both_days() -> None:
    with pytest.raises(DayWentBack) as refused:
        heed(MARK, **later(-1))
    assert refused.value.facts == {"day": DAY - timedelta(days=1), "mark": DAY}


@pytest.mark.parametrize(("minutes", "doubted"), [(-4, False), (-5, False), (-6, True), (-600, True)])
def test_an_instant_well_before_the_latest_one_is_a_clock_that_went_back(minutes: int, doubted: bool) -> None:
    mark = heed(MARK, now=NOON + timedelta(minutes=minutes), day=DAY)
    assert (mark.why == Doubt.CLOCK_BACK) is doubted
    # Told once: from then on the clock is believed again.
    again = heed(mark, now=NOON + timedelta(minutes=minutes + 1), day=DAY)
    assert again.quiet_until == mark.quiet_until


def test_a_longer_quiet_stays_and_a_shorter_one_grows() -> None:
    long = quiet(MARK, DAY + timedelta(days=30), Doubt.RESTORED)
    assert quiet(long, DAY + timedelta(days=7), Doubt.OUTAGE) == long
    assert heed(long, **later(2)).why == Doubt.RESTORED
    assert heed(long, **later(28)).quiet_until == DAY + timedelta(days=35)


def test_after_a_wrong_clock_days_go_on_and_its_own_quiet_ends_within_a_month() -> None:
    wrong = heed(MARK, **later(3000))
    right = wound_back(wrong, **later(1))
    assert (right.day, right.quiet_until, right.why) == (
        DAY + timedelta(days=1),
        DAY + timedelta(days=32),
        Doubt.WOUND_BACK,
    )
    assert heed(right, **later(2)).day == DAY + timedelta(days=2)
    assert wound_back(MARK, **later()).quiet_until == DAY + timedelta(days=7)
    restored = quiet(MARK, DAY + timedelta(days=20), Doubt.RESTORED)
    assert wound_back(restored, **later()).quiet_until == DAY + timedelta(days=20)


def test_the_mark_is_noted_on_a_new_day_every_ten_minutes_and_when_the_clock_goes_back() -> None:
    assert needs_noting(Mark(), **later())
    assert needs_noting(MARK, **later(1))
    assert not needs_noting(MARK, **later(minutes=9))
    assert needs_noting(MARK, **later(minutes=10))
    assert needs_noting(MARK, **later(minutes=-6))


def test_a_restore_is_silent_until_somebody_has_looked_even_where_no_sweep_ran_for_days() -> None:
    restored = quiet(MARK, DAY + timedelta(days=7), Doubt.RESTORED)
    late = heed(restored, **later(3))
    assert (late.quiet_until, late.why) == (DAY + timedelta(days=10), Doubt.RESTORED)
    assert late.silent_on(DAY + timedelta(days=9))
    assert not late.silent_on(DAY + timedelta(days=10))
    seen = looked_at(late)
    assert (seen.silent_on(DAY + timedelta(days=9)), seen.quiet_on(DAY + timedelta(days=9))) == (False, True)
    assert heed(late, **later(40)).why == Doubt.OUTAGE, "a restore of long ago silences nothing"
    assert looked_at(MARK) == MARK


@given(st.lists(st.integers(-3, 50), max_size=30))
def test_whatever_the_clock_does_no_quiet_is_ever_shortened_and_no_day_goes_back(steps: list[int]) -> None:
    mark, day = Mark(), DAY
    for step in steps:
        wanted = day + timedelta(days=step)
        try:
            moved = heed(mark, now=NOON + (wanted - DAY), day=wanted)
        except DayWentBack:
            assert mark.day is not None
            assert wanted < mark.day
            continue
        assert moved.quiet_until == mark.quiet_until or moved.quiet_until == wanted + timedelta(days=7)
        assert mark.quiet_until is None or (moved.quiet_until is not None and moved.quiet_until >= mark.quiet_until)
        if mark.day is not None and (wanted - mark.day).days > 1:
            assert moved.quiet_on(wanted)
        mark, day = moved, wanted
