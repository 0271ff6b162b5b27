"""The agenda of a subscription's life: worked examples, and what holds for every life and every outage."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaveiro.rules.notices import (
    CLOSED_DAYS,
    PROOF_DAYS,
    PUT_OFF_DAYS,
    Kind,
    Life,
    Slot,
    kind_of,
    must_put_off,
    next_look,
    owes_outside_address,
    owes_threshold,
    put_off_until,
    settle,
    slots,
)
from chaveiro.rules.policies import DEFAULT_POLICY

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "life.json").read_text(encoding="utf-8"))
FIRST, ENDS_ON = date(2026, 3, 1), date(2027, 3, 1)
YEAR = Life(first_day=FIRST, ends_on=ENDS_ON, policy=DEFAULT_POLICY)
LEAP = Life(first_day=date(2027, 2, 28), ends_on=date(2028, 2, 29), policy=DEFAULT_POLICY)

first_days = st.dates(date(2024, 1, 1), date(2030, 12, 31))
policies = st.builds(
    lambda grace, more, notices: replace(
        DEFAULT_POLICY,
        grace_days=grace,
        retention_days=grace + more,
        notice_days=tuple(sorted(notices, reverse=True)),
    ),
    st.integers(1, 90),
    st.integers(1, 200),
    st.sets(st.integers(1, 120), min_size=1, max_size=6),
)
lives = st.builds(
    lambda first, length, policy, renews: Life(
        first_day=first, ends_on=first + timedelta(days=length), policy=policy, renews=renews
    ),
    first_days,
    st.integers(-40, 1900),
    policies,
    st.booleans(),
)


def days(found: tuple[Slot, ...]) -> list[tuple[str, str]]:
    return [(slot.name, slot.due.isoformat()) for slot in found]


# ── worked by hand ──


def test_a_year_owes_eight_notices() -> None:
    assert days(slots(YEAR)) == [
        ("ends-60", "2026-12-31"),
        ("ends-30", "2027-01-30"),
        ("ends-7", "2027-02-22"),
        ("ends-1", "2027-02-28"),
        ("ended", "2027-03-01"),
        ("access_stopped", "2027-03-31"),
        ("erasure-30", "2027-05-30"),
        ("erasure-7", "2027-06-22"),
    ]


def test_an_end_on_the_leap_day_counts_every_day_of_february() -> None:
    assert days(slots(LEAP))[:6] == [
        ("ends-60", "2027-12-31"),
        ("ends-30", "2028-01-30"),
        ("ends-7", "2028-02-22"),
        ("ends-1", "2028-02-28"),
        ("ended", "2028-02-29"),
        ("access_stopped", "2028-03-30"),
    ]


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['days']} days")
def test_every_worked_example_owes_its_notice(case: dict[str, Any]) -> None:
    day, ends_on = date.fromisoformat(case["day"]), date.fromisoformat(case["ends_on"])
    life = Life(first_day=ends_on - timedelta(days=365), ends_on=ends_on, policy=DEFAULT_POLICY)
    owed = [slot.name for slot in slots(life) if slot.due == day and slot.kind is Kind.ENDS]
    assert owed == ([] if case["notice_due"] is None else [f"ends-{case['notice_due']}"])


@pytest.mark.parametrize(
    ("length", "owed"),
    [
        (365, [60, 30, 7, 1]),
        (120, [60, 30, 7, 1]),
        (119, [30, 7, 1]),
        (60, [30, 7, 1]),
        (59, [7, 1]),
        (28, [7, 1]),
        (14, [7, 1]),
        (13, [1]),
        (7, [1]),
        (2, [1]),
        (1, []),
        (0, []),
        (-5, []),
    ],
)
def test_a_short_term_is_not_told_of_what_lies_further_than_its_half(length: int, owed: list[int]) -> None:
    ends_on = FIRST + timedelta(days=length)
    assert [days for days in DEFAULT_POLICY.notice_days if owes_threshold(days, FIRST, ends_on)] == owed


@pytest.mark.parametrize(
    ("day", "sent", "superseded"),
    [
        ("2026-12-30", None, []),
        ("2026-12-31", "ends-60", []),
        ("2027-02-10", "ends-30", ["ends-60"]),
        ("2027-03-01", "ended", ["ends-60", "ends-30", "ends-7", "ends-1"]),
        ("2027-03-30", "ended", ["ends-60", "ends-30", "ends-7", "ends-1"]),
        ("2027-03-31", "access_stopped", ["ends-60", "ends-30", "ends-7", "ends-1", "ended"]),
        ("2027-05-30", "erasure-30", ["ends-60", "ends-30", "ends-7", "ends-1", "ended", "access_stopped"]),
    ],
)
def test_after_an_outage_the_latest_is_told_and_the_rest_superseded(
    day: str, sent: str | None, superseded: list[str]
) -> None:
    settled = settle(YEAR, date.fromisoformat(day), ())
    assert (settled.sent and settled.sent.name) == sent
    assert [slot.name for slot in settled.superseded] == superseded


def test_what_was_told_before_is_told_no_more() -> None:
    settled = settle(YEAR, date(2027, 2, 23), {"ends-60", "ends-30", "ends-7"})
    assert (settled.sent, settled.superseded) == (None, ())


def test_what_renews_by_itself_is_not_told_of_its_end() -> None:
    kinds = {slot.kind for slot in slots(replace(YEAR, renews=True))}
    assert kinds == {Kind.ENDED, Kind.ACCESS_STOPPED, Kind.ERASURE}
    assert not owes_outside_address(replace(YEAR, renews=True), date(2027, 1, 15))


def test_under_a_legal_hold_nobody_is_told_of_an_erasure() -> None:
    day = date(2027, 6, 1)
    settled = settle(YEAR, day, {"ends-60", "ends-30", "ends-7", "ends-1", "ended", "access_stopped"}, held=True)
    assert (settled.sent, settled.superseded) == (None, ())
    assert next_look(YEAR, day, held=True) == day + timedelta(days=1)
    assert not must_put_off(YEAR, date(2028, 1, 1), told=False, proven=False, held=True)


def test_an_erasure_that_was_put_off_is_told_two_weeks_before_and_the_policy_s_dates_are_superseded() -> None:
    life = replace(YEAR, erase_on=date(2027, 7, 20))
    assert life.erases_on == date(2027, 7, 20)
    assert days(slots(life))[-1] == ("erasure-7@2027-07-20", "2027-07-06")
    settled = settle(life, date(2027, 7, 6), {"ended", "access_stopped"})
    assert settled.sent is not None
    assert settled.sent.name == "erasure-7@2027-07-20"
    assert {"erasure-30", "erasure-7"} < {slot.name for slot in settled.superseded}
    # Between, nothing of an erasure is told: both old dates are wrong.
    between = settle(life, date(2027, 6, 25), ())
    assert between.sent is not None
    assert between.sent.name == "access_stopped"


def test_a_policy_that_moves_the_erasure_beyond_a_date_put_off_takes_its_place() -> None:
    life = replace(YEAR, policy=replace(DEFAULT_POLICY, retention_days=400), erase_on=date(2027, 7, 20))
    assert not life.put_off
    assert life.erases_on == ENDS_ON + timedelta(days=400)


def test_what_a_reversal_closed_is_told_of_nothing_but_its_erasure() -> None:
    closed = Life(first_day=date(2026, 3, 3), ends_on=ENDS_ON, policy=DEFAULT_POLICY, closed=True)
    assert closed.erases_on == date(2026, 3, 3) + timedelta(days=CLOSED_DAYS)
    assert slots(closed) == ()
    dated = replace(closed, erase_on=closed.erases_on)
    assert days(slots(dated)) == [("erasure-7@2026-04-02", "2026-03-19")]


def test_once_erased_only_that_is_told_and_then_nobody_looks_again() -> None:
    erased = replace(YEAR, erased_on=date(2027, 6, 29))
    assert days(slots(erased)) == [("erased", "2027-06-29")]
    assert next_look(erased, date(2027, 6, 29)) == date.max


@pytest.mark.parametrize(
    ("day", "told", "proven", "put_off"),
    [
        ("2027-06-22", False, False, False),  # the notice of this very day still comes in time
        ("2027-06-23", False, False, True),
        ("2027-06-23", True, False, False),
        ("2027-06-29", True, True, False),
        ("2027-06-29", True, False, True),
        ("2027-07-05", True, True, False),
        ("2027-07-06", True, True, True),
    ],
)
def test_an_erasure_is_put_off_where_nobody_was_told_or_nothing_proves_it(
    day: str, told: bool, proven: bool, put_off: bool
) -> None:
    assert must_put_off(YEAR, date.fromisoformat(day), told=told, proven=proven) is put_off


def test_the_new_date_leaves_a_fortnight_and_a_week_after_the_quiet() -> None:
    assert put_off_until(date(2027, 7, 1), None) == date(2027, 7, 15)
    assert put_off_until(date(2027, 7, 1), date(2027, 7, 8)) == date(2027, 7, 15)
    assert put_off_until(date(2027, 7, 1), date(2027, 7, 28)) == date(2027, 8, 4)


# ── whatever the life ──


@given(lives, st.integers(-10, 2500), st.booleans())
def test_a_look_settles_everything_that_is_due_and_nothing_early(life: Life, after: int, held: bool) -> None:
    day = life.first_day + timedelta(days=max(after, 0))
    settled = settle(life, day, (), held=held)
    told = {settled.sent} if settled.sent else set()
    silent = {slot for slot in slots(life) if held and slot.kind is Kind.ERASURE}
    assert told | set(settled.superseded) == {slot for slot in slots(life) if slot.due <= day} - silent
    assert len(settled.superseded) == len(set(settled.superseded))


@given(lives, st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_however_the_clock_runs_each_slot_is_settled_once_and_what_is_told_is_true(
    life: Life, outages: list[int]
) -> None:
    day, written = life.first_day, list[str]()
    for outage in outages:
        settled = settle(life, day, written)
        if settled.sent is not None:
            kind, names = settled.sent.kind, set(written)
            assert settled.sent.name not in names
            assert kind is not Kind.ENDS or day < life.ends_on
            assert kind is not Kind.ENDED or day >= life.ends_on
        written += [slot.name for slot in (*settled.superseded, *filter(None, (settled.sent,)))]
        day += timedelta(days=outage)
    assert len(written) == len(set(written))


@given(lives, st.integers(0, 2500), st.booleans())
def test_nothing_happens_before_the_next_look(life: Life, after: int, held: bool) -> None:
    day = life.first_day + timedelta(days=after)
    look = next_look(life, day, held=held)
    assert look > day
    assume(look - day < timedelta(days=3000))
    between = [slot for slot in slots(life) if day < slot.due < look]
    assert not [slot for slot in between if not (held and slot.kind is Kind.ERASURE)]
    assert look <= max(life.erases_on, day + timedelta(days=1))


@given(lives, st.integers(0, 2500), st.booleans(), st.booleans(), st.none() | st.integers(0, 40))
def test_every_deletion_notice_names_a_day_at_least_a_week_ahead(
    life: Life, after: int, told: bool, proven: bool, quiet: int | None
) -> None:
    day = life.first_day + timedelta(days=after)
    quiet_until = None if quiet is None else day + timedelta(days=quiet)
    if must_put_off(life, day, told=told, proven=proven):
        life = replace(life, erase_on=put_off_until(day, quiet_until))
        assert (life.erases_on - day).days >= PUT_OFF_DAYS
    elif not told and (life.erases_on - day).days < PROOF_DAYS:
        assert day < life.ends_on
        return
    settled = settle(life, day, {"erasure-30", "erasure-7"} if told else ())
    if settled.sent is not None and settled.sent.kind is Kind.ERASURE:
        assert (life.erases_on - day).days >= PROOF_DAYS


@given(lives)
def test_the_kind_of_a_slot_is_read_off_its_name(life: Life) -> None:
    for slot in slots(replace(life, erase_on=life.erases_on + timedelta(days=9))):
        assert kind_of(slot.name) is slot.kind
        assert slot.name.startswith(slot.kind)
