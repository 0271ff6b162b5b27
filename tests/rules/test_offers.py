"""A refusal computes and offers the act that would do: each offer does, and no nearer one would."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.rules import terms
from chaveiro.rules.errors import (
    HorizonExceeded,
    Refusal,
    SeatsBelowLicences,
    SeatsNotAllowed,
    SeatsOverMaximum,
    TermTooShort,
)
from chaveiro.rules.offers import FewerKeys, FurtherKeys, SeatsAsGiven, SeatsBetween, Wait, to_dict
from chaveiro.rules.policies import DEFAULT_POLICY, Policy, RightSize
from chaveiro.rules.seat_time import GRANTS_AT_MOST
from chaveiro.rules.terms import Grant, Operation, Standing

FREE = replace(DEFAULT_POLICY, right_size=RightSize.FREE)
NONE = replace(DEFAULT_POLICY, right_size=RightSize.NONE)
ENDS_ON = date(2027, 11, 22)
OCTOBER = date(2027, 10, 1)
IN_GRACE = date(2027, 12, 20)
FIVE = Standing(5, ENDS_ON, 0)
TWO_HUNDRED = Standing(200, ENDS_ON, 0)

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2033, 12, 31))
grants = st.builds(Grant, seats=st.integers(1, 60), months=st.sampled_from([1, 3, 12, 24, 60]))
policies = st.sampled_from(
    [DEFAULT_POLICY, FREE, NONE, replace(FREE, shortest_term_days=60, shortest_chosen_term_days=90)]
)


def the_refusal(*arguments: Any, **facts: Any) -> Refusal:
    _, refusals = terms.weigh(*arguments, **facts)
    assert len(refusals) == 1
    return refusals[0]


def test_too_few_keys_in_grace_are_told_how_many_more_would_do() -> None:
    refused = the_refusal("extend", IN_GRACE, TWO_HUNDRED, [Grant(5, 12)], None, NONE)
    assert isinstance(refused, TermTooShort)
    # 35 days for 200 seats are 7000 seat-days; a key brings 5 × 366 = 1830, so four are needed, three more.
    assert refused.facts == {
        "ends_on": date(2027, 12, 1),
        "days": -19,
        "days_needed": 7,
        "instead": (FurtherKeys(3, Grant(5, 12)),),
    }


def test_fewer_seats_are_offered_where_the_policy_lets_bruno_choose_them() -> None:
    refused = the_refusal("extend", IN_GRACE, TWO_HUNDRED, [Grant(5, 12)], None, DEFAULT_POLICY, assigned=4)
    assert refused.facts["instead"] == (FurtherKeys(3, Grant(5, 12)), SeatsBetween(4, 10))


def test_seats_below_the_licences_assigned_are_never_offered() -> None:
    refused = the_refusal("extend", IN_GRACE, TWO_HUNDRED, [Grant(5, 12)], None, DEFAULT_POLICY, assigned=11)
    assert refused.facts["instead"] == (FurtherKeys(3, Grant(5, 12)),)


def test_a_chosen_number_of_seats_needs_four_weeks_and_an_unchosen_one_a_week() -> None:
    short = [Grant(10, 1)]
    assert (terms.apply("extend", ENDS_ON, Standing(40, ENDS_ON, 0), short, None, FREE).days_after) == 7
    refused = the_refusal("extend", ENDS_ON, Standing(5, ENDS_ON, 0), short, 11, FREE)
    assert isinstance(refused, TermTooShort)
    assert (refused.facts["days"], refused.facts["days_needed"]) == (27, 28)
    refused = the_refusal("extend", ENDS_ON, Standing(43, ENDS_ON, 0), short, None, FREE)
    assert (refused.facts["days"], refused.facts["days_needed"]) == (6, 7)


def test_keys_that_cannot_help_are_not_offered() -> None:
    # Every further key of one month adds a seat that itself lasts 31 days: it can never lift the end over 60.
    strict = replace(NONE, shortest_term_days=60, shortest_chosen_term_days=60)
    refused = the_refusal("open", OCTOBER, None, [Grant(1, 1)], None, strict)
    assert isinstance(refused, TermTooShort)
    assert refused.facts["instead"] == ()


def test_no_more_keys_are_offered_than_one_redemption_takes() -> None:
    crowd = Standing(10_000_000, ENDS_ON, 0)
    refused = the_refusal("extend", ENDS_ON, crowd, [Grant(1, 1)], None, NONE)
    assert refused.facts["instead"] == ()
    # A key brings 30 seat-days and a seat needs 7: ten thousand keys carry 42,857 seats and not one more.
    fitting, crowded = Standing(42_857, ENDS_ON, 0), Standing(42_858, ENDS_ON, 0)
    offer = the_refusal("extend", ENDS_ON, fitting, [Grant(1, 1)], None, NONE).facts["instead"]
    assert offer == (FurtherKeys(GRANTS_AT_MOST - 1, Grant(1, 1)),)
    assert the_refusal("extend", ENDS_ON, crowded, [Grant(1, 1)], None, NONE).facts["instead"] == ()


def test_too_long_a_time_is_told_how_many_keys_fit_and_from_which_day_all_do() -> None:
    refused = the_refusal("extend", OCTOBER, FIVE, [Grant(5, 36), Grant(5, 12), Grant(5, 12)], None, NONE)
    assert isinstance(refused, HorizonExceeded)
    # 1096 + 366 + 366 days after 22 November 2027; sixty months before that is one day after the old end.
    assert refused.facts == {
        "ends_on": date(2032, 11, 23),
        "horizon": date(2032, 10, 1),
        "instead": (Wait(date(2027, 11, 23)), FewerKeys(2)),
    }


def test_the_day_to_wait_for_is_exact_across_a_leap_day() -> None:
    # Sixty months before 29 February 2032 there is no such day, and 28 February 2027 does not reach it.
    standing = Standing(1, date(2027, 3, 5), 24)
    refused = the_refusal("extend", date(2027, 2, 1), standing, [Grant(1, 59)], None, NONE)
    assert refused.facts["ends_on"] == date(2032, 2, 29)
    assert refused.facts["instead"] == (Wait(date(2027, 3, 1)),)


def test_nobody_is_told_to_wait_until_access_has_stopped() -> None:
    keys = [Grant(5, 60), Grant(5, 1)]
    refused = the_refusal("extend", OCTOBER, FIVE, keys, None, NONE)
    # 22 December 2032 would fit from 22 December 2027 on, the first day without access.
    assert refused.facts["ends_on"] == date(2032, 12, 22)
    assert not any(isinstance(offer, Wait) for offer in refused.facts["instead"])


def test_the_horizon_itself_may_be_reached_and_not_passed() -> None:
    terms.apply("open", OCTOBER, None, [Grant(5, 60)], None, DEFAULT_POLICY)
    refused = the_refusal("open", OCTOBER, None, [Grant(5, 61)], None, DEFAULT_POLICY)
    assert (refused.code, refused.facts["instead"]) == ("horizon_exceeded", ())


def test_too_many_seats_are_told_the_maximum_and_by_how_much() -> None:
    refused = the_refusal("add", OCTOBER, Standing(290, ENDS_ON, 0), [Grant(5, 12)] * 3, None, NONE, maximum=300)
    assert isinstance(refused, SeatsOverMaximum)
    assert refused.facts == {"seats": 305, "maximum": 300, "over_by": 5, "instead": (FewerKeys(2),)}


def test_keeping_the_seats_one_has_is_never_over_a_maximum_lowered_since() -> None:
    terms.apply("extend", OCTOBER, Standing(290, ENDS_ON, 0), [Grant(290, 12)], None, NONE, maximum=200)


def test_keeping_the_seats_one_has_is_never_below_the_licences() -> None:
    terms.apply("extend", OCTOBER, FIVE, [Grant(5, 12)], None, NONE, assigned=7)


def test_seats_chosen_below_the_licences_are_refused_with_those_that_do() -> None:
    refused = the_refusal("extend", ENDS_ON, TWO_HUNDRED, [Grant(101, 12)], 101, DEFAULT_POLICY, assigned=102)
    assert isinstance(refused, SeatsBelowLicences)
    assert refused.facts == {"seats": 101, "assigned": 102, "instead": (SeatsBetween(102, 202),)}


def test_a_choice_that_the_act_does_not_have_is_offered_the_seats_as_they_come() -> None:
    refused = the_refusal("add", OCTOBER, FIVE, [Grant(5, 12)], 7, DEFAULT_POLICY)
    assert isinstance(refused, SeatsNotAllowed)
    assert refused.facts == {"seats": 7, "reason": "fixed", "instead": (SeatsAsGiven(10),)}


def test_a_choice_outside_the_window_is_told_the_window() -> None:
    for seats, reason in ((50, "too_few"), (203, "too_many")):
        refused = the_refusal("extend", ENDS_ON, TWO_HUNDRED, [Grant(101, 12)], seats, DEFAULT_POLICY)
        assert isinstance(refused, SeatsNotAllowed)
        assert refused.facts["reason"] == reason
        assert SeatsBetween(51, 202) in refused.facts["instead"]


def test_every_fault_is_told_at_once_and_an_act_is_refused_for_the_first() -> None:
    act = ("extend", IN_GRACE, TWO_HUNDRED, [Grant(5, 12)], 300, DEFAULT_POLICY)
    _, refusals = terms.weigh(*act, assigned=301, maximum=250)
    assert [refusal.code for refusal in refusals] == ["seats_over_maximum", "seats_below_licences", "term_too_short"]
    with pytest.raises(SeatsOverMaximum):
        terms.apply(*act, assigned=301, maximum=250)


def test_each_offer_has_a_plain_form_for_machines() -> None:
    every = (FurtherKeys(3, Grant(5, 12)), FewerKeys(2), SeatsBetween(4, 10), SeatsAsGiven(7), Wait(date(2027, 11, 23)))
    assert [to_dict(offer) for offer in every] == [
        {"act": "further_keys", "count": 3, "seats": 5, "months": 12},
        {"act": "fewer_keys", "count": 2},
        {"act": "seats_between", "lowest": 4, "highest": 10},
        {"act": "seats_as_given", "seats": 7},
        {"act": "wait", "until": "2027-11-23"},
    ]


@st.composite
def refused_acts(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    operation, day = draw(st.sampled_from(Operation)), draw(days)
    standing = None
    if operation is not Operation.OPEN:
        ends_on = day + timedelta(draw(st.integers(-60, 1700)))
        standing = Standing(draw(st.integers(1, 400)), ends_on, 0)
    keys = draw(st.lists(grants, min_size=1, max_size=5))
    chosen = draw(st.none() | st.integers(1, 500))
    facts = {"assigned": draw(st.integers(0, 60)), "maximum": draw(st.none() | st.integers(50, 300))}
    return [operation, day, standing, keys, chosen, draw(policies)], facts


def does(operation: str, day: date, standing: Any, keys: Any, chosen: Any, policy: Policy, **facts: Any) -> bool:
    return not terms.weigh(operation, day, standing, keys, chosen, policy, **facts)[1]


@settings(max_examples=1500, deadline=None)
@given(refused_acts())
def test_every_offer_does_and_the_next_nearer_one_does_not(act: Any) -> None:
    (operation, day, standing, keys, chosen, policy), facts = act
    _, refusals = terms.weigh(operation, day, standing, keys, chosen, policy, **facts)
    only = len(refusals) == 1
    for offer in (offer for refusal in refusals for offer in refusal.facts["instead"]):
        match offer:
            case FurtherKeys(count, grant):
                assert grant in keys
                assert does(operation, day, standing, [*keys, *[grant] * count], chosen, policy, **facts)
                fewer = [*keys, *[grant] * (count - 1)]
                assert not does(operation, day, standing, fewer, chosen, policy, **facts)
            case FewerKeys(count):
                assert does(operation, day, standing, keys[:count], chosen, policy, **facts)
                more = range(count + 1, len(keys))
                assert not any(does(operation, day, standing, keys[:each], chosen, policy, **facts) for each in more)
            case SeatsBetween(lowest, highest):
                inside = (lowest, (lowest + highest) // 2, highest)
                assert all(does(operation, day, standing, keys, each, policy, **facts) for each in inside)
                given_seats = terms.weigh(operation, day, standing, keys, None, policy)[0].seats
                for outside in {lowest - 1, highest + 1} - {0, given_seats}:
                    assert not does(operation, day, standing, keys, outside, policy, **facts)
            case SeatsAsGiven():
                assert does(operation, day, standing, keys, None, policy, **facts)
            case Wait(until):
                assert only
                assert until > day
                assert does(operation, until, standing, keys, chosen, policy, **facts)
                assert not does(operation, until - timedelta(1), standing, keys, chosen, policy, **facts)


@settings(max_examples=500, deadline=None)
@given(refused_acts())
def test_where_no_seats_are_offered_none_would_do(act: Any) -> None:
    (operation, day, standing, keys, chosen, policy), facts = act
    _, refusals = terms.weigh(operation, day, standing, keys, chosen, policy, **facts)
    for refusal in refusals:
        if not any(isinstance(offer, SeatsBetween | SeatsAsGiven) for offer in refusal.facts["instead"]):
            given_seats = terms.weigh(operation, day, standing, keys, None, policy)[0].seats
            tried = {1, 2, 3, 5, 8, 20, 28, 50, 100, 200, 300, 500, facts["assigned"], facts["maximum"]} - {given_seats}
            assert not any(does(operation, day, standing, keys, each, policy, **facts) for each in tried if each)
