"""The calculator of seat-time for anybody who wants to check a sum: plain JSON in, plain JSON out.

It works under the default policy with `right_size` free, and knows no product, licence or erasure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from chaveiro.rules import terms
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.policies import DEFAULT_POLICY, RightSize

CASES_AT_MOST = 1_000_000
CALCULATOR_POLICY = replace(DEFAULT_POLICY, right_size=RightSize.FREE)

# Python reads more forms of a day than the rules write.
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def calculate(cases: object) -> list[dict[str, Any]]:
    """The results of a list of cases, in their order.

    A case has `operation`, `day`, `keys` ([{`seats`, `months`}]), and may have `subscription` ({`seats`, `ends_on`,
    `credit`}) and `seats_after`; whatever else it holds is left unread. Each result is {`seats`, `ends_on`,
    `credit`} or {`refused`: code}, with `field` and `reason` where the case itself is malformed.

    Raises Malformed when the whole is not a list, or longer than CASES_AT_MOST.
    """
    if not isinstance(cases, list) or len(cases) > CASES_AT_MOST:
        raise Malformed(field="cases", reason=f"must be a list of at most {CASES_AT_MOST} cases")
    return [_result(case) for case in cases]


def _result(case: object) -> dict[str, Any]:
    try:
        total = _sum(_mapping("case", case))
    except Malformed as malformed:
        return {"refused": malformed.code, **malformed.facts}
    except Refusal as refusal:
        return {"refused": refusal.code}
    return {"seats": total.seats, "ends_on": total.ends_on.isoformat(), "credit": total.credit}


def _sum(case: Mapping[str, Any]) -> terms.Sum:
    subscription, keys = case.get("subscription"), case.get("keys")
    if not isinstance(keys, list):
        raise Malformed(field="keys", reason="must be a list")
    grants = [_grant(_mapping("keys", key)) for key in keys]
    standing = None if subscription is None else _standing(_mapping("subscription", subscription))
    return terms.apply(
        _text("operation", case.get("operation")),
        _day("day", case.get("day")),
        standing,
        grants,
        case.get("seats_after"),
        CALCULATOR_POLICY,
    )


def _grant(key: Mapping[str, Any]) -> terms.Grant:
    return terms.Grant(seats=key.get("seats"), months=key.get("months"))  # type: ignore[arg-type]  # it checks itself


def _standing(subscription: Mapping[str, Any]) -> terms.Standing:
    ends_on = _day("ends_on", subscription.get("ends_on"))
    seats, credit = subscription.get("seats"), subscription.get("credit", 0)
    return terms.Standing(seats=seats, ends_on=ends_on, credit=credit)  # type: ignore[arg-type]  # it checks itself


def _mapping(field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(field=field, reason="must be an object")
    return value


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(field=field, reason="must be text")
    return value


def _day(field: str, value: object) -> date:
    text = _text(field, value)
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Malformed(field=field, reason="must be a day as YYYY-MM-DD")
