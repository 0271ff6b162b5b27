"""Whether a notice may still be posted: for every kind the days on which its sentence is true, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.posting import Life, Verdict, family, is_outside, judge, wait_after

ENDS = date(2027, 11, 22)
LIFE = Life(
    term=1,
    ends_on=ENDS,
    access_stops_on=ENDS + timedelta(days=30),
    erase_on=ENDS + timedelta(days=120),
    notice_days=(60, 30, 7, 1),
)
FACTS = {"erase_on": (ENDS + timedelta(days=120)).isoformat()}
# Days after the end from which each is true, and from which it is true no more.
TRUE = {
    "ends-60": (-1000, -30),
    "ends-30": (-1000, -7),
    "ends-7": (-1000, -1),
    "ends-1": (-1000, 0),
    "outside_address": (-1000, 0),
    "ended": (0, 30),
    "access_stopped": (30, 120),
    "erasure-30": (-1000, 113),
    "erasure-7": (-1000, 120),
    "erasure-7@2028-03-21": (-1000, 120),
}


@pytest.mark.parametrize("kind", sorted(TRUE))
@given(days=st.integers(-400, 400))
def test_a_sentence_is_posted_on_the_days_on_which_it_is_true(kind: str, days: int) -> None:
    first, after = TRUE[kind]
    verdict = judge(kind, 1, FACTS, LIFE, ENDS + timedelta(days=days))
    assert (verdict is Verdict.POST) == (first <= days < after)
    assert judge(f"bounced-{kind}", 1, FACTS, LIFE, ENDS + timedelta(days=days)) is verdict


@pytest.mark.parametrize("kind", sorted(TRUE))
def test_nothing_of_an_earlier_term_a_closed_or_an_erased_subscription_is_true(kind: str) -> None:
    day = ENDS + timedelta(days=(TRUE[kind][1] - 1))
    assert judge(kind, 1, FACTS, LIFE, day) is Verdict.POST
    assert judge(kind, 1, FACTS, replace(LIFE, term=2), day) is Verdict.SUPERSEDED
    assert judge(kind, 1, FACTS, replace(LIFE, erased_on=day), day) is Verdict.SUPERSEDED
    closed = judge(kind, 1, FACTS, replace(LIFE, closed=True), day)
    assert closed is (Verdict.POST if family(kind) == "erasure" else Verdict.SUPERSEDED)


def test_that_it_was_erased_is_told_only_once_it_is() -> None:
    erased = replace(LIFE, erased_on=ENDS + timedelta(days=121))
    assert judge("erased", 1, FACTS, LIFE, ENDS + timedelta(days=121)) is Verdict.SUPERSEDED
    assert judge("erased", 1, FACTS, erased, ENDS + timedelta(days=120)) is Verdict.SUPERSEDED
    assert judge("erased", 1, FACTS, erased, ENDS + timedelta(days=300)) is Verdict.POST


def test_a_deletion_is_announced_for_no_other_day_than_its_own_and_not_under_a_hold() -> None:
    day = ENDS + timedelta(days=100)
    moved = replace(LIFE, erase_on=ENDS + timedelta(days=134))
    assert judge("erasure-7", 1, FACTS, moved, day) is Verdict.SUPERSEDED
    assert judge("erasure-7", 1, FACTS, replace(LIFE, held=True), day) is Verdict.SUPERSEDED
    assert judge("erasure-7", 1, {}, LIFE, day) is Verdict.SUPERSEDED
    assert judge("erasure-7", 1, FACTS, replace(LIFE, erase_on=None), day) is Verdict.SUPERSEDED


def test_what_renews_by_itself_announces_no_end() -> None:
    day = ENDS - timedelta(days=30)
    assert judge("ends-30", 1, FACTS, replace(LIFE, renews=True), day) is Verdict.SUPERSEDED


def test_an_unknown_kind_is_never_posted() -> None:
    assert judge("nonsense", 1, FACTS, LIFE, ENDS) is Verdict.SUPERSEDED


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("bruno@padariasol.example.net", False),
        ("BRUNO@PADARIASOL.EXAMPLE.NET", False),
        ("bruno@mail.padariasol.example.net.", False),
        ("bruno@otherpadariasol.example.net", True),
        ("bruno@example.net", True),
        ("bruno@casa.example", True),
    ],
)
def test_outside_is_what_the_subscription_does_not_serve(address: str, outside: bool) -> None:
    assert is_outside(address, ("padariasol.example.net",)) is outside


def test_eight_attempts_take_a_day_and_a_half_and_no_ninth_follows() -> None:
    waits = [wait_after(attempts) for attempts in range(1, 8)]
    assert all(waits)
    assert timedelta(days=1) < sum(filter(None, waits), timedelta()) < timedelta(days=2)
    assert wait_after(8) is None
    assert wait_after(0) is None
