"""The calculator: the worked examples in their own form, and malformed cases that are answered, not crashed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.rules.calculator import calculate
from chaveiro.rules.errors import Malformed

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "seat_time.json").read_text(encoding="utf-8"))
CASE: dict[str, Any] = {
    "operation": "extend",
    "day": "2027-10-01",
    "subscription": {"seats": 5, "ends_on": "2027-11-22", "credit": 0},
    "keys": [{"seats": 5, "months": 12}],
}


def test_every_worked_example_comes_out_exactly_as_expected() -> None:
    assert calculate(VECTORS) == [case["expect"] for case in VECTORS]


def test_what_a_case_leaves_out_is_nothing() -> None:
    without_credit = {**CASE, "subscription": {"seats": 5, "ends_on": "2027-11-22"}}
    assert calculate([CASE, without_credit]) == [{"seats": 5, "ends_on": "2028-11-22", "credit": 0}] * 2


def test_seats_are_free_to_choose_when_opening_and_when_extending() -> None:
    opened = {"operation": "open", "day": "2026-11-22", "keys": [{"seats": 12, "months": 12}], "seats_after": 3}
    assert calculate([opened, {**CASE, "seats_after": 2}]) == [
        {"seats": 3, "ends_on": "2030-11-21", "credit": 0},
        {"seats": 2, "ends_on": "2030-08-11", "credit": 0},
    ]


@pytest.mark.parametrize(
    ("field", "case"),
    [
        ("case", None),
        ("case", [CASE]),
        ("operation", {**CASE, "operation": "renew"}),
        ("operation", {**CASE, "operation": ["open"]}),
        ("day", {**CASE, "day": "20271001"}),
        ("day", {**CASE, "day": "2027-W40-5"}),
        ("day", {**CASE, "day": "2027-02-29"}),
        ("day", {**CASE, "day": "٢٠٢٧-١٠-٠١"}),
        ("day", {**CASE, "day": "2027-10-01\n"}),
        ("day", {**CASE, "day": 20271001}),
        ("ends_on", {**CASE, "subscription": {"seats": 5, "credit": 0}}),
        ("seats", {**CASE, "subscription": {"seats": 0, "ends_on": "2027-11-22", "credit": 0}}),
        ("credit", {**CASE, "subscription": {"seats": 5, "ends_on": "2027-11-22", "credit": -1}}),
        ("subscription", {**CASE, "subscription": "sub_1"}),
        ("subscription", {**CASE, "subscription": None}),
        ("keys", {**CASE, "keys": None}),
        ("keys", {**CASE, "keys": []}),
        ("keys", {**CASE, "keys": [12]}),
        ("months", {**CASE, "keys": [{"seats": 5}]}),
        ("seats", {**CASE, "keys": [{"seats": 5.0, "months": 12}]}),
        ("seats", {**CASE, "keys": [{"seats": True, "months": 12}]}),
        ("seats_after", {**CASE, "seats_after": "5"}),
        ("seats_after", {**CASE, "seats_after": 0}),
    ],
)
def test_a_malformed_case_is_refused_by_its_field_and_the_others_are_answered(field: str, case: Any) -> None:
    first, second = calculate([case, CASE])
    assert (first["refused"], first["field"]) == ("malformed", field)
    assert second == {"seats": 5, "ends_on": "2028-11-22", "credit": 0}


def test_a_refusal_is_its_code_and_nothing_else() -> None:
    assert calculate([{**CASE, "keys": [{"seats": 5, "months": 61}]}]) == [{"refused": "horizon_exceeded"}]


@pytest.mark.parametrize("cases", [None, {}, "[]", 7])
def test_what_is_no_list_of_cases_is_malformed_as_a_whole(cases: object) -> None:
    with pytest.raises(Malformed):
        calculate(cases)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["seats", "months", "x"]), inner),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "operation": st.sampled_from(["open", "add", "extend"]) | json_values,
                "day": st.dates().map(str) | json_values,
                "keys": st.lists(
                    st.fixed_dictionaries({"seats": st.integers(-1, 10**9), "months": st.integers(-1, 2000)})
                )
                | json_values,
                "subscription": st.fixed_dictionaries(
                    {"seats": st.integers(0, 10**9), "ends_on": st.dates().map(str), "credit": st.integers(-1, 10**12)}
                )
                | json_values,
                "seats_after": json_values,
            },
        )
    )
)
def test_no_case_whatever_crashes_the_calculator(cases: list[Any]) -> None:
    for result in calculate(cases):
        assert set(result) in ({"seats", "ends_on", "credit"}, {"refused"}, {"refused", "field", "reason"})
        json.dumps(result)
