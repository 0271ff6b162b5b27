"""A policy: the numbers of the rules as they stand, the forms it takes, and what does not fit together."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from chaveiro.rules.errors import Malformed
from chaveiro.rules.policies import DEFAULT_POLICY, DelegationRight, Policy, RightSize


def test_the_default_policy_holds_the_numbers_of_the_rules() -> None:
    assert Policy().to_dict() == {
        "grace_days": 30,
        "retention_days": 120,
        "notice_days": [60, 30, 7, 1],
        "hold_hours": 72,
        "hold_days_at_most": 14,
        "reversal_days": 3,
        "right_size": "renewal",
        "horizon_months": 60,
        "shortest_term_days": 7,
        "shortest_chosen_term_days": 28,
        "delegation_right": "enrolled",
    }


def test_a_policy_comes_back_from_its_json_form_equal() -> None:
    changed = replace(DEFAULT_POLICY, right_size=RightSize.FREE, notice_days=(90, 5), delegation_right="both")
    for policy in (DEFAULT_POLICY, changed):
        assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    assert changed != DEFAULT_POLICY
    assert changed.delegation_right is DelegationRight.BOTH


def test_a_published_policy_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT_POLICY.grace_days = 31  # type: ignore[misc]


def test_a_json_form_older_than_a_field_reads_with_its_default() -> None:
    older = {name: value for name, value in DEFAULT_POLICY.to_dict().items() if name != "delegation_right"}
    assert Policy.from_dict(older) == DEFAULT_POLICY


def test_a_json_form_with_a_field_that_no_policy_has_is_refused_by_name() -> None:
    with pytest.raises(Malformed) as refused:
        Policy.from_dict({"grace_day": 30})
    assert refused.value.facts["field"] == "grace_day"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("grace_days", {"grace_days": 0}),
        ("grace_days", {"grace_days": -1}),
        ("grace_days", {"grace_days": True}),
        ("grace_days", {"grace_days": 30.0}),
        ("retention_days", {"grace_days": 120}),
        ("retention_days", {"retention_days": 30}),
        ("retention_days", {"retention_days": 10**9}),
        ("notice_days", {"notice_days": ()}),
        ("notice_days", {"notice_days": (7, 30)}),
        ("notice_days", {"notice_days": (30, 30)}),
        ("notice_days", {"notice_days": (30, 0)}),
        ("notice_days", {"notice_days": "60"}),
        ("notice_days", {"notice_days": tuple(range(21, 0, -1))}),
        ("hold_hours", {"hold_hours": 0}),
        ("hold_hours", {"hold_hours": 14 * 24 + 1}),
        ("hold_days_at_most", {"hold_days_at_most": 0}),
        ("reversal_days", {"reversal_days": -1}),
        ("right_size", {"right_size": "always"}),
        ("right_size", {"right_size": None}),
        ("horizon_months", {"horizon_months": 0}),
        ("horizon_months", {"horizon_months": 1201}),
        ("horizon_months", {"horizon_months": 2, "shortest_chosen_term_days": 57}),
        ("shortest_term_days", {"shortest_term_days": 0}),
        ("shortest_chosen_term_days", {"shortest_term_days": 29}),
        ("delegation_right", {"delegation_right": "anybody"}),
    ],
)
def test_a_policy_that_does_not_hold_together_is_refused_with_its_field(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        Policy(**changes)
    assert refused.value.facts["field"] == field


def test_values_that_just_hold_together_are_accepted() -> None:
    Policy(grace_days=119)
    Policy(hold_hours=14 * 24)
    Policy(shortest_term_days=28)
    Policy(horizon_months=2, shortest_chosen_term_days=56)


def test_every_whole_number_of_a_policy_is_checked() -> None:
    whole = [field.name for field in fields(Policy) if field.type == "int"]
    assert len(whole) == 8
    for name in whole:
        with pytest.raises(Malformed):
            Policy(**{name: "30"})


def test_a_later_version_may_only_move_erasure_later() -> None:
    assert replace(DEFAULT_POLICY, retention_days=121).may_follow(DEFAULT_POLICY)
    assert replace(DEFAULT_POLICY, grace_days=10).may_follow(DEFAULT_POLICY)
    assert not replace(DEFAULT_POLICY, retention_days=119).may_follow(DEFAULT_POLICY)
