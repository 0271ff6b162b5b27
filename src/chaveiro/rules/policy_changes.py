"""Changing a policy: a draft kept as typed, published as a version that never changes, perhaps taken up by what exists.

    draft ──publish──▶ version ──▶ products point to it: new terms
                          │
                          └──propose──▶ adoption ──a second person agrees──▶ existing subscriptions follow it

New terms may be worse than old ones; what exists may only gain. An adoption is refused where it would stop access or
erase data of a single subscription earlier than it was promised (rules, the head and section 4; decision 0029).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import DELAY_ALONE, House
from chaveiro.rules.correction import SecondOperatorNeeded
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal
from chaveiro.rules.policies import Policy, formed
from chaveiro.rules.verdicts import Fault, Refusals

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
TYPED_AT_MOST = 200
SPACES = re.compile(r"\s")  # thousands set apart; a minus stays and is refused
FIELDS: tuple[str, ...] = tuple(each.name for each in fields(Policy))
WORDS = frozenset({"right_size", "delegation_right"})
LISTS = frozenset({"notice_days"})
SCOPE = "policies:write"


class TakesAwayEarlier(Refusal):
    """Existing subscriptions would lose access or data earlier than promised. Facts: policy, stops, erases (counts)."""

    code = "policy_takes_away"


class NothingToAdopt(Refusal):
    """Every subscription under this policy has its newest version already. Facts: policy, version."""

    code = "nothing_to_adopt"


class DraftUnchanged(Refusal):
    """The draft is the newest version, number for number: there is nothing to publish. Facts: policy, version."""

    code = "draft_unchanged"


class DraftChanged(Refusal):
    """Somebody else changed the draft since it was read. Facts: policy, version."""

    code = "draft_changed"


class AdoptionWaits(Refusal):
    """That existing subscriptions follow this version was proposed before. Facts: policy, version."""

    code = "adoption_waits"


class AdoptionSettled(Refusal):
    """The proposal was agreed to or withdrawn before. Facts: state."""

    code = "adoption_settled"


class AdoptionState(StrEnum):
    """Where a proposal that existing subscriptions follow stands. `approved` is being carried out."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DONE = "done"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of the dates of existing subscriptions, in subscriptions; what a what-if counts."""

    subscriptions: int
    changed: int  # whose stage today, or a day to come, would be another
    stops_earlier: int
    stops_later: int
    erases_earlier: int
    erases_later: int
    notices_before: int  # in the twelve months to come, if nobody renews
    notices_after: int
    stages: tuple[tuple[str, str, int], ...]  # stage today, stage today under the new numbers, how many

    def check(self, policy: str) -> None:
        """Pass, or raise TakesAwayEarlier: what exists may only gain."""
        if self.stops_earlier or self.erases_earlier:
            raise TakesAwayEarlier(policy=policy, stops=self.stops_earlier, erases=self.erases_earlier)


def may_work(actor: Actor) -> None:
    """Pass for the vendor's own people and the machine; a token needs `policies:write`. Raises NotAllowed."""
    actor.needs(SCOPE)
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM):
        raise NotAllowed(needs="operator")


def may_agree(actor: Actor, proposed_by: UUID | None, at: datetime, house: House, now: datetime) -> None:
    """Pass for a second operator; where one person runs the installation, for the same one a day after.

    The machine's own command line has no account and is no second person. Raises SecondOperatorNeeded, NotAllowed.
    """
    may_work(actor)
    if (actor.account is not None and actor.account != proposed_by) or house.pretence:
        return
    not_before = at + DELAY_ALONE if house.one_person else None
    if not_before is None or now < not_before:
        raise SecondOperatorNeeded(not_before=not_before, what="policy")


def check_name(text: str) -> str:
    """A policy's name. Raises Malformed."""
    if not NAME.fullmatch(text):
        raise Malformed(field="name", reason="has 1 to 40 small letters, digits and dashes")
    return text


def as_typed(policy: Policy) -> dict[str, str]:
    """A policy as somebody would type it: numbers, words, and days with commas between them."""
    plain = policy.to_dict()
    return {name: _typed(plain[name]) for name in FIELDS}


def _typed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def cut(typed: Mapping[str, str]) -> dict[str, str]:
    """What is kept of what was typed: each known field, no longer than anybody can have meant it."""
    return {name: str(typed.get(name, "")).strip()[:TYPED_AT_MOST] for name in FIELDS}


def read_typed(typed: Mapping[str, str]) -> Policy:
    """The policy that was typed. Raises Refusals with every fault at its field (`/grace_days`, …)."""
    plain, faults = {}, []
    for name in FIELDS:
        try:
            plain[name] = _read(name, typed.get(name, ""))
            formed(name, plain[name])
        except Malformed as refusal:
            faults.append(Fault(f"/{name}", refusal))
    if not faults:
        try:
            return Policy.from_dict(plain)
        except Malformed as refusal:
            faults.append(Fault(f"/{refusal.facts['field']}", refusal))
    raise Refusals(tuple(faults))


def _read(name: str, text: str) -> Any:
    if name in WORDS:
        return text
    if name in LISTS:
        return [_whole(name, part) for part in text.replace(";", ",").split(",")]
    return _whole(name, text)


def _whole(name: str, text: str) -> int:
    digits = SPACES.sub("", text)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
        raise Malformed(field=name, reason="must be a whole number")
    return int(digits)
