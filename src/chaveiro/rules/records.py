"""What the inventory is made of: tables, paths from a row to whom it is about, and what replaces a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Blank(StrEnum):
    """What stands where a personal value stood."""

    EMPTY = "empty"  # ''
    REASON = "reason"  # '', unless it is a word that the house itself writes
    NULL = "null"
    NO_FACTS = "no_facts"  # {}
    BY_ID = "by_id"  # a word made of the row's own id, where the value has to be unique
    GONE = "gone"  # the whole row is removed
    NOT_WHO = "not_who"  # JSON without `address` and `agent`: wording, language and time of an attestation stay


NOT_WHO = ("address", "agent")
OWN_REASONS = ("erasure", "direct_billing")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: whose its rows are, what of them stays, what is erased and how.

    `customer`, `subscription` and `person` are paths to a customer's id, a subscription's id and an account's id; none
    where rows are not about such. Of several, any one says so. `kept` are ids, days, numbers and codes that say nothing
    of anybody who is gone; `erased` names each personal value and what replaces it. `hidden` ones (secrets and digests)
    are in no export.
    What belongs to a subscription is erased with it, everything else with the customer.
    """

    name: str
    kept: tuple[str, ...]
    erased: Mapping[str, Blank] = field(default_factory=dict)
    customer: tuple[str, ...] = ()
    subscription: str = ""
    person: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column, those that are kept first."""
        return (*self.kept, *self.erased)

    @property
    def removed(self) -> bool:
        """Whether erasing takes the rows away altogether."""
        return Blank.GONE in self.erased.values()

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that the customer's own export has."""
        return tuple(name for name in self.columns if name not in self.hidden)


def blanked(blank: Blank, value: Any, row: object) -> Any:
    """What stands where `value` stood, in a row with this id. Nothing comes back from a row that is gone."""
    match blank:
        case Blank.EMPTY:
            return ""
        case Blank.REASON:
            return value if value in OWN_REASONS else ""
        case Blank.NO_FACTS:
            return {}
        case Blank.BY_ID:
            return erased_name(row)
        case Blank.NOT_WHO:
            return {name: kept for name, kept in dict(value or {}).items() if name not in NOT_WHO}
        case _:
            return None


def erased_name(row: object) -> str:
    """A name that is unique and says nothing: user names and names to sign in with have to differ."""
    return f"erased-{str(row).replace('-', '')}"


def hops(path: str) -> list[tuple[str, str, str]]:
    """A path as (column, table, its key) for each step, the last with the column that it ends in and no table."""
    first, *steps = path.split(" > ")
    found, column = [], first
    while steps:
        table, _, key = steps.pop(0).partition(".")
        found.append((column, table, key))
        column = steps.pop(0)
    return [*found, (column, "", "")]
