"""When data may go, and what proves that people were told: every fault makes it later, never earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.erasure import (
    Case,
    Evidence,
    EvidenceUnfit,
    Proof,
    Told,
    Wait,
    Waiting,
    bound,
    check_evidence,
    check_second,
    decide,
    due_day,
)
from chaveiro.rules.errors import Malformed, NotAllowed

DUE = date(2027, 3, 22)
ONE, TWO = UUID(int=1), UUID(int=2)
TOLD = Told(ONE, "erasure-7", DUE, DUE - timedelta(days=7), outside=True, direct=False, returns=True)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def case(*notices: Told, **changes: object) -> Case:
    return replace(Case(due_on=DUE, held=False, quiet_until=None, notices=notices), **changes)  # type: ignore[arg-type]


def test_a_notice_accepted_seven_days_before_is_proof() -> None:
    assert decide(case(TOLD), DUE) == Proof("notice", ONE, DUE - timedelta(days=7), False)


@pytest.mark.parametrize(
    ("told", "day", "expected"),
    [
        (TOLD, DUE - timedelta(days=1), Wait(Waiting.NOT_DUE, DUE)),
        (replace(TOLD, accepted_on=DUE - timedelta(days=6)), DUE, Wait(Waiting.TOLD_LATELY, DUE + timedelta(days=1))),
        (replace(TOLD, erase_on=DUE - timedelta(days=14)), DUE, Wait(Waiting.NOT_TOLD)),
        (replace(TOLD, erase_on=None), DUE, Wait(Waiting.NOT_TOLD)),
        (replace(TOLD, kind="access_stopped"), DUE, Wait(Waiting.NOT_TOLD)),
        (replace(TOLD, outside=False), DUE, Wait(Waiting.INSIDE_ONLY)),
        (replace(TOLD, returns=False), DUE, Wait(Waiting.NO_WAY_BACK)),
    ],
)
def test_whatever_is_missing_makes_it_wait_and_says_why(told: Told, day: date, expected: Wait) -> None:
    assert decide(case(told), day) == expected


def test_a_notice_taken_by_the_domain_s_own_server_needs_no_way_back() -> None:
    direct = replace(TOLD, returns=False, direct=True)
    assert decide(case(direct), DUE) == Proof("notice", ONE, DUE - timedelta(days=7), True)


def test_one_good_notice_among_unfit_ones_is_enough() -> None:
    unfit = [replace(TOLD, id=TWO, outside=False), replace(TOLD, id=TWO, erase_on=None)]
    assert isinstance(decide(case(*unfit, TOLD), DUE), Proof)


def test_a_hold_and_a_quiet_time_stand_before_every_proof() -> None:
    assert decide(case(TOLD, held=True), DUE) == Wait(Waiting.HOLD)
    quiet = case(TOLD, quiet_until=DUE + timedelta(days=3))
    assert decide(quiet, DUE) == Wait(Waiting.QUIET, DUE + timedelta(days=3))
    assert isinstance(decide(quiet, DUE + timedelta(days=3)), Proof)


def test_evidence_of_two_people_stands_in_for_the_mail_and_never_for_the_date() -> None:
    agreed = Evidence(TWO, DUE - timedelta(days=20), DUE - timedelta(days=1))
    assert decide(case(evidence=(agreed,)), DUE) == Proof("evidence", TWO, DUE - timedelta(days=20))
    assert decide(case(evidence=(agreed,)), DUE - timedelta(days=1)) == Wait(Waiting.NOT_DUE, DUE)
    assert decide(case(evidence=(replace(agreed, approved_on=None),)), DUE) == Wait(Waiting.NOT_TOLD)
    assert decide(case(evidence=(replace(agreed, told_on=DUE - timedelta(days=6)),)), DUE) == Wait(Waiting.NOT_TOLD)
    assert decide(case(evidence=(replace(agreed, told_on=DUE - timedelta(days=400)),)), DUE) == Wait(Waiting.NOT_TOLD)


def test_the_day_is_the_end_and_the_retention_and_a_postponement_only_moves_it_later() -> None:
    end = date(2026, 11, 22)
    assert due_day(end, 120, None, None) == date(2027, 3, 22)
    assert due_day(end, 120, date(2027, 4, 1), None) == date(2027, 4, 1)
    assert due_day(end, 120, date(2027, 1, 1), None) == date(2027, 3, 22)
    assert due_day(date(2028, 1, 1), 120, None, date(2026, 11, 25)) == date(2026, 12, 25)
    assert due_day(date(2028, 1, 1), 120, date(2026, 12, 1), date(2026, 11, 25)) == date(2026, 12, 25)


def test_more_than_usual_is_one_in_a_hundred_customers_and_never_less_than_ten() -> None:
    assert [bound(number) for number in (0, 999, 1000, 1999, 100_000)] == [10, 10, 10, 19, 1000]


@given(
    st.integers(-30, 60),
    st.integers(-400, 30),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(-10, 40) | st.none(),
)
def test_nothing_is_ever_erased_early_or_untold(
    day: int, accepted: int, outside: bool, direct: bool, returns: bool, held: bool, quiet: int | None
) -> None:
    """P1, for any case: a proof means the day has come, no hold, no quiet, and seven days since people were told."""
    today, quiet_until = DUE + timedelta(days=day), None if quiet is None else DUE + timedelta(days=quiet)
    told = Told(ONE, "erasure-30", DUE, DUE + timedelta(days=accepted), outside, direct, returns)
    if isinstance(decide(case(told, held=held, quiet_until=quiet_until), today), Proof):
        assert day >= 0
        assert not held
        assert quiet is None or day >= quiet
        assert day - accepted >= 7
        assert outside
        assert direct or returns


def test_evidence_has_words_and_a_day_that_is_over() -> None:
    assert check_evidence("  registered   letter RR123 ", DUE, DUE) == "registered letter RR123"
    with pytest.raises(Malformed):
        check_evidence(" ", DUE, DUE)
    with pytest.raises(Malformed):
        check_evidence("x" * 501, DUE, DUE)
    with pytest.raises(EvidenceUnfit):
        check_evidence("letter", DUE + timedelta(days=1), DUE)


def test_a_second_person_agrees_or_the_same_one_a_day_later_where_there_is_no_other() -> None:
    check_second(ONE, NOON, TWO, NOON, alone=False)
    with pytest.raises(EvidenceUnfit, match="same_person"):
        check_second(ONE, NOON, ONE, NOON + timedelta(days=9), alone=False)
    with pytest.raises(EvidenceUnfit, match="too_soon"):
        check_second(ONE, NOON, ONE, NOON + timedelta(hours=23), alone=True)
    check_second(ONE, NOON, ONE, NOON + timedelta(hours=24), alone=True)
    with pytest.raises(NotAllowed):
        check_second(ONE, NOON, None, NOON, alone=True)
