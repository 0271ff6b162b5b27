"""A policy: every number and choice that an operator may set, versioned, with the default of the rules.

A product points to a published version; each ledger row pins the version it was made under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

from chaveiro.rules.errors import Malformed

# A hundred years: no policy means more, and every sum of days stays far inside the calendar.
MONTHS_AT_MOST = 1200
DAYS_AT_MOST = 36_525
NOTICES_AT_MOST = 20

Choice = TypeVar("Choice", bound=StrEnum)


class RightSize(StrEnum):
    """Who may choose the seats afterwards, instead of taking what the act itself gives (rules, section 2)."""

    NONE = "none"
    RENEWAL = "renewal"
    FREE = "free"


class DelegationRight(StrEnum):
    """What a partner needs before it may offer delegated administration (rules, section 8)."""

    ENROLLED = "enrolled"
    PARTNER_OF_RECORD = "partner_of_record"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of a policy. Units stand in the names; source: every number marked *policy* in the rules.

    `grace_days` and `retention_days` both count from `ends_on`; `notice_days` count back from it, furthest first.
    `hold_hours` is how long a review holds keys, `hold_days_at_most` how long in all, however often it is used.
    `shortest_chosen_term_days` replaces `shortest_term_days` where somebody chose the seats afterwards.

    Raises Malformed, with the field, for a value of the wrong form or values that do not fit together.
    """

    grace_days: int = 30
    retention_days: int = 120
    notice_days: tuple[int, ...] = (60, 30, 7, 1)
    hold_hours: int = 72
    hold_days_at_most: int = 14
    reversal_days: int = 3
    right_size: RightSize = RightSize.RENEWAL
    horizon_months: int = 60
    shortest_term_days: int = 7
    shortest_chosen_term_days: int = 28
    delegation_right: DelegationRight = DelegationRight.ENROLLED

    def __post_init__(self) -> None:
        self._check_forms()
        self._check_relations()

    def _check_forms(self) -> None:
        # JSON has lists and plain words; the value inside is always the same, so that equal policies are equal.
        for each in fields(self):
            object.__setattr__(self, each.name, formed(each.name, getattr(self, each.name)))

    def _check_relations(self) -> None:
        _hold(self.grace_days < self.retention_days, "retention_days", "must be more than grace_days")
        _hold(self.hold_hours <= self.hold_days_at_most * 24, "hold_hours", "must fit into hold_days_at_most")
        _hold(
            self.shortest_term_days <= self.shortest_chosen_term_days,
            "shortest_chosen_term_days",
            "must not be less than shortest_term_days",
        )
        # No month has fewer than 28 days: then some term always lies between the shortest and the horizon.
        _hold(
            self.shortest_chosen_term_days <= self.horizon_months * 28,
            "horizon_months",
            "must reach beyond shortest_chosen_term_days",
        )

    def may_follow(self, earlier: Policy) -> bool:
        """Whether this may be published after `earlier`: a later version may only move erasure later."""
        return self.retention_days >= earlier.retention_days

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form: every field by its name, enumerations as words, thresholds as a list."""
        plain = asdict(self)
        plain["notice_days"] = list(self.notice_days)
        plain["right_size"] = self.right_size.value
        plain["delegation_right"] = self.delegation_right.value
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Policy:
        """The policy of a JSON form. A field that is absent has its default: its version is older than the field.

        Raises Malformed for a field that no policy has, and for whatever the policy itself refuses.
        """
        known = {field.name for field in fields(cls)}
        for name in plain:
            _hold(name in known, str(name), "is not a field of a policy")
        return cls(**plain)


# The least and the most of each number; words and thresholds have their own forms.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "grace_days": (1, DAYS_AT_MOST),
    "retention_days": (1, DAYS_AT_MOST),
    "hold_hours": (1, DAYS_AT_MOST * 24),
    "hold_days_at_most": (1, DAYS_AT_MOST),
    "reversal_days": (0, DAYS_AT_MOST),
    "horizon_months": (1, MONTHS_AT_MOST),
    "shortest_term_days": (1, DAYS_AT_MOST),
    "shortest_chosen_term_days": (1, DAYS_AT_MOST),
}


def formed(name: str, value: object) -> object:
    """One field's value in the form that a policy keeps it in. Raises Malformed, naming the field."""
    match name:
        case "right_size":
            return _choice(name, value, RightSize)
        case "delegation_right":
            return _choice(name, value, DelegationRight)
        case "notice_days":
            return _thresholds(value)
    _whole(name, value, *BOUNDS[name])
    return value


def _hold(holds: bool, field: str, reason: str) -> None:
    if not holds:
        raise Malformed(field=field, reason=reason)


def _whole(field: str, value: object, least: int, most: int) -> None:
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    _hold(fits, field, f"must be a whole number from {least} to {most}")


def _choice(field: str, value: object, choices: type[Choice]) -> Choice:
    for choice in choices:
        if value == choice.value:
            return choice
    raise Malformed(field=field, reason=f"must be one of {', '.join(choices)}")


def _thresholds(value: object) -> tuple[int, ...]:
    _hold(isinstance(value, tuple | list), "notice_days", "must be a list of days")
    assert isinstance(value, tuple | list)
    _hold(1 <= len(value) <= NOTICES_AT_MOST, "notice_days", f"must be 1 to {NOTICES_AT_MOST} days")
    for days in value:
        _whole("notice_days", days, 1, DAYS_AT_MOST)
    _hold(list(value) == sorted(set(value), reverse=True), "notice_days", "must fall, furthest from the end first")
    return tuple(value)


DEFAULT_POLICY = Policy()
