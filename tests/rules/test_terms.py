"""What keys do to a subscription: the worked examples, what may be chosen, fingerprints, and what is no act."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chaveiro.rules import errors, terms
from chaveiro.rules.errors import Malformed, Refusal, SeatsNotAllowed, SubscriptionDeleted
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.policies import DEFAULT_POLICY, RightSize
from chaveiro.rules.seat_time import GRANTS_AT_MOST, SEATS_AT_MOST
from chaveiro.rules.terms import Grant, Operation, Standing, Sum, fingerprint

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "seat_time.json").read_text(encoding="utf-8"))
FREE = replace(DEFAULT_POLICY, right_size=RightSize.FREE)
NONE = replace(DEFAULT_POLICY, right_size=RightSize.NONE)

TODAY = date(2026, 11, 22)
FIVE_FOR_A_YEAR = Grant(seats=5, months=12)
RENEWAL_DAY = date(2027, 11, 15)
TWO_HUNDRED = Standing(seats=200, ends_on=date(2027, 11, 22), credit=0)

# The worked examples and the table


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_every_worked_example_agrees_number_by_number(case: dict[str, Any]) -> None:
    had, expected = case["subscription"], case["expect"]
    standing = had and Standing(had["seats"], date.fromisoformat(had["ends_on"]), had["credit"])
    keys = [Grant(key["seats"], key["months"]) for key in case["keys"]]
    arguments = (case["operation"], date.fromisoformat(case["day"]), standing, keys, case["seats_after"], FREE)
    if "refused" in expected:
        with pytest.raises(Refusal) as refused:
            terms.apply(*arguments)
        assert refused.value.code == expected["refused"]
        return
    after = terms.apply(*arguments).after
    expected_after = Standing(expected["seats"], date.fromisoformat(expected["ends_on"]), expected["credit"])
    assert after == expected_after


def test_a_sum_carries_every_number_that_a_page_shows() -> None:
    had = Standing(seats=7, ends_on=date(2027, 11, 22), credit=5)
    total = terms.apply("extend", date(2027, 10, 1), had, [Grant(3, 12)], None, DEFAULT_POLICY)
    assert total.to_dict() == {
        "operation": "extend",
        "day": "2027-10-01",
        "stage": "active",
        "origin": "2027-10-01",
        "keys_start_on": "2027-11-22",
        "days_left": 52,
        "seats_before": 7,
        "ends_on_before": "2027-11-22",
        "credit_before": 5,
        "carried": 7 * 52 + 5,
        "grants": [{"seats": 3, "months": 12, "days": 366, "seat_days": 3 * 366}],
        "granted": 3 * 366,
        "pool": 7 * 52 + 5 + 3 * 366,
        "seats": 7,
        "chosen": False,
        "days_after": 209,
        "ends_on": "2028-04-27",
        "credit": 4,
    }
    json.dumps(total.to_dict())


@pytest.mark.parametrize(
    ("operation", "day", "stage", "origin", "days_left", "keys_start_on"),
    [
        ("add", date(2027, 9, 22), Stage.ACTIVE, date(2027, 9, 22), 61, date(2027, 9, 22)),
        ("extend", date(2027, 9, 22), Stage.ACTIVE, date(2027, 9, 22), 61, date(2027, 11, 22)),
        ("extend", date(2027, 11, 21), Stage.ACTIVE, date(2027, 11, 21), 1, date(2027, 11, 22)),
        ("add", date(2027, 11, 22), Stage.GRACE, date(2027, 11, 22), 0, date(2027, 11, 22)),
        ("extend", date(2027, 12, 21), Stage.GRACE, date(2027, 11, 22), 0, date(2027, 11, 22)),
        ("add", date(2027, 12, 22), Stage.RETAINED, date(2027, 12, 22), 0, date(2027, 12, 22)),
        ("extend", date(2029, 1, 1), Stage.RETAINED, date(2029, 1, 1), 0, date(2029, 1, 1)),
    ],
)
def test_keys_act_from_where_the_table_says(
    operation: str, day: date, stage: Stage, origin: date, days_left: int, keys_start_on: date
) -> None:
    start = terms.apply(operation, day, TWO_HUNDRED, [Grant(200, 12)], None, DEFAULT_POLICY).footing
    assert (start.stage, start.origin, start.days_left, start.keys_start_on) == (
        stage,
        origin,
        days_left,
        keys_start_on,
    )


# What may be chosen


def test_bruno_renews_two_hundred_seats_as_one_hundred_and_one() -> None:
    total = terms.apply("extend", RENEWAL_DAY, TWO_HUNDRED, [Grant(101, 12)], 101, DEFAULT_POLICY, assigned=101)
    assert total.after == Standing(101, date(2028, 11, 28), 87)
    assert total.chosen


def test_nobody_turns_a_month_of_a_hundred_seats_into_years_of_three() -> None:
    hundred = Standing(100, date(2027, 11, 22), 0)
    with pytest.raises(SeatsNotAllowed) as refused:
        terms.apply("extend", RENEWAL_DAY, hundred, [Grant(100, 1)], 3, DEFAULT_POLICY)
    assert refused.value.facts["reason"] == "too_few"
    terms.apply("extend", RENEWAL_DAY, hundred, [Grant(100, 1)], 3, FREE)


def test_time_that_was_there_already_cannot_be_stretched_by_a_small_key() -> None:
    hundred = Standing(100, RENEWAL_DAY + timedelta(334), 0)
    with pytest.raises(SeatsNotAllowed) as refused:
        terms.apply("extend", RENEWAL_DAY, hundred, [Grant(20, 1)], 20, DEFAULT_POLICY)
    assert refused.value.facts["reason"] == "too_few"


@pytest.mark.parametrize(
    ("day", "ends_on", "keys_start_on", "term_days"),
    [
        (RENEWAL_DAY, date(2027, 11, 29), date(2027, 11, 29), 366),
        (RENEWAL_DAY, date(2027, 11, 1), date(2027, 11, 1), 366),
        (RENEWAL_DAY, date(2027, 9, 1), RENEWAL_DAY, 366),
        (TODAY, date(2026, 11, 29), date(2026, 11, 29), 365),
    ],
    ids=["active", "grace", "retained", "of odd length"],
)
def test_a_choice_adds_from_half_to_twice_the_longest_keys_term_and_not_a_day_more(
    day: date, ends_on: date, keys_start_on: date, term_days: int
) -> None:
    keys = [Grant(400, 12), Grant(300, 1)]
    allowed = set()
    for seats in range(1, 1100):
        total, refusals = terms.weigh("extend", day, Standing(500, ends_on, 0), keys, seats, DEFAULT_POLICY)
        added = (total.ends_on - keys_start_on).days
        if seats == 500:
            assert not refusals
        else:
            assert (not refusals) == (term_days <= 2 * added <= 4 * term_days), seats
            allowed |= set() if refusals else {added}
    assert min(allowed) == (term_days + 1) // 2


def test_the_seats_that_the_act_gives_are_no_choice() -> None:
    short = [Grant(60, 1)]
    unchosen = terms.apply("extend", TWO_HUNDRED.ends_on, TWO_HUNDRED, short, None, NONE)
    stated = terms.apply("extend", TWO_HUNDRED.ends_on, TWO_HUNDRED, short, 200, NONE)
    assert unchosen == stated
    assert (stated.ends_on - stated.footing.day).days == 9


@pytest.mark.parametrize(
    ("policy", "operation", "standing", "fixed"),
    [
        (NONE, "open", None, True),
        (NONE, "extend", TWO_HUNDRED, True),
        (NONE, "add", TWO_HUNDRED, True),
        (DEFAULT_POLICY, "open", None, True),
        (DEFAULT_POLICY, "extend", TWO_HUNDRED, False),
        (DEFAULT_POLICY, "add", TWO_HUNDRED, True),
        (FREE, "open", None, False),
        (FREE, "extend", TWO_HUNDRED, False),
        (FREE, "add", TWO_HUNDRED, True),
    ],
)
def test_the_policy_says_which_act_chooses_its_seats(
    policy: Any, operation: str, standing: Standing | None, fixed: bool
) -> None:
    _, refusals = terms.weigh(operation, RENEWAL_DAY, standing, [Grant(200, 12)], 210, policy)
    reasons = [refusal.facts["reason"] for refusal in refusals if isinstance(refusal, SeatsNotAllowed)]
    assert reasons == (["fixed"] if fixed else [])


# Fingerprints


def test_every_number_of_a_sum_moves_its_fingerprint() -> None:
    total = terms.apply("extend", RENEWAL_DAY, TWO_HUNDRED, [Grant(200, 12)], None, DEFAULT_POLICY)
    start, before = total.footing, TWO_HUNDRED
    moved: list[Sum] = [
        replace(total, **{name: getattr(total, name) + 1}) for name in ("pool", "seats", "days_after", "credit")
    ]
    moved += [replace(total, chosen=True), replace(total, grants=total.grants * 2), replace(total, moved=1)]
    for changes in (
        {"operation": Operation.ADD},
        {"stage": Stage.GRACE},
        {"origin": start.origin + timedelta(1)},
        {"days_left": start.days_left + 1},
        {"before": replace(before, seats=199)},
        {"before": replace(before, ends_on=before.ends_on + timedelta(1))},
        {"before": replace(before, credit=1)},
    ):
        moved.append(replace(total, footing=replace(start, **changes)))
    assert {field.name for field in fields(Sum)} == {
        "footing",
        "grants",
        "pool",
        "seats",
        "days_after",
        "credit",
        "chosen",
        "moved",
    }
    assert len({fingerprint(each) for each in [total, *moved]}) == len(moved) + 1


def test_a_fingerprint_is_the_same_on_every_machine_and_in_every_year() -> None:
    total = terms.apply("open", TODAY, None, [FIVE_FOR_A_YEAR], None, DEFAULT_POLICY)
    assert fingerprint(total) == "8c9aa6be1191980ad756"


def test_midnight_changes_the_fingerprint_only_where_it_changes_the_sum() -> None:
    def shown(day: date, ends_on: date) -> str:
        standing = Standing(5, ends_on, 0)
        return fingerprint(terms.apply("extend", day, standing, [FIVE_FOR_A_YEAR], None, DEFAULT_POLICY))

    tomorrow = TODAY + timedelta(1)
    for ends_on, same in ((TODAY - timedelta(3), True), (TODAY + timedelta(9), False), (TODAY - timedelta(60), False)):
        assert (shown(TODAY, ends_on) == shown(tomorrow, ends_on)) is same


# What is not a sum at all


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("operation", ("renew", TODAY, None, [FIVE_FOR_A_YEAR], None)),
        ("subscription", ("open", TODAY, TWO_HUNDRED, [FIVE_FOR_A_YEAR], None)),
        ("subscription", ("extend", TODAY, None, [FIVE_FOR_A_YEAR], None)),
        ("subscription", ("add", TODAY, None, [FIVE_FOR_A_YEAR], None)),
        ("keys", ("open", TODAY, None, [], None)),
        ("keys", ("open", TODAY, None, [FIVE_FOR_A_YEAR] * (GRANTS_AT_MOST + 1), None)),
        ("seats_after", ("open", TODAY, None, [FIVE_FOR_A_YEAR], 0)),
        ("seats_after", ("open", TODAY, None, [FIVE_FOR_A_YEAR], True)),
        ("day", ("open", datetime(2026, 11, 22), None, [FIVE_FOR_A_YEAR], None)),
        ("day", ("open", date(9001, 1, 1), None, [FIVE_FOR_A_YEAR], None)),
    ],
)
def test_what_is_not_an_act_is_malformed_and_its_field_is_named(field: str, arguments: Any) -> None:
    with pytest.raises(Malformed) as refused:
        terms.apply(*arguments, DEFAULT_POLICY)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize("bad", [{"assigned": -1}, {"assigned": 1.5}, {"maximum": 0}, {"maximum": "9"}])
def test_facts_about_the_product_are_checked_too(bad: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        terms.apply("open", TODAY, None, [FIVE_FOR_A_YEAR], None, DEFAULT_POLICY, **bad)


def test_keys_bring_nothing_back_from_an_erased_subscription() -> None:
    erased_on = date(2028, 4, 1)
    terms.apply("extend", date(2028, 3, 31), TWO_HUNDRED, [Grant(200, 12)], None, DEFAULT_POLICY, erased_on=erased_on)
    with pytest.raises(SubscriptionDeleted) as refused:
        terms.apply("extend", erased_on, TWO_HUNDRED, [Grant(200, 12)], None, DEFAULT_POLICY, erased_on=erased_on)
    assert refused.value.facts == {"erased_on": erased_on}


def test_the_furthest_acts_are_answered_and_do_not_fail() -> None:
    latest = date(9000, 12, 31)
    total, refusals = terms.weigh(
        "open", latest, None, [Grant(SEATS_AT_MOST, 1200)] * 100, 1, replace(FREE, horizon_months=1200)
    )
    assert total.ends_on == date.max
    assert [refusal.code for refusal in refusals] == ["horizon_exceeded"]
    allowed = terms.apply("open", latest, None, [Grant(1, 1200)], None, replace(FREE, horizon_months=1200))
    assert allowed.after.ends_on == date(9100, 12, 31)


def test_every_refusal_of_seat_time_has_its_own_code_for_ever() -> None:
    codes = {
        errors.TermTooShort: "term_too_short",
        errors.HorizonExceeded: "horizon_exceeded",
        errors.SeatsOverMaximum: "seats_over_maximum",
        errors.SeatsBelowLicences: "seats_below_licences",
        errors.SeatsNotAllowed: "seats_not_allowed",
        errors.PaidDirectly: "paid_directly",
        errors.SubscriptionDeleted: "subscription_deleted",
        errors.LedgerBroken: "ledger_broken",
    }
    assert {refusal: refusal.code for refusal in codes} == codes
