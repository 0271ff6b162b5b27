"""The inventory as statements: which rows are whose, and what erasing does to each. For the house's own scope only.

Names of tables and columns come from `rules.inventory`, values as parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaveiro.rules.inventory import CUSTOMERS, NOT_WHO, OWN_REASONS, Blank, Table, hops

OWNER = "%(owner)s"


def whose(paths: tuple[str, ...], owner: str = OWNER) -> str:
    """The condition that a row belongs to `owner`, by any of these paths."""
    return "(" + " OR ".join(_along(path, owner) for path in paths) + ")"


def _along(path: str, owner: str) -> str:
    *way, (last, _, _) = hops(path)
    condition = f"{last} = {owner}"
    for column, table, key in reversed(way):
        condition = f"{column} IN (SELECT {key} FROM {table} WHERE {condition})"  # noqa: S608 - names of the inventory
    return condition


def blanking_of_subscription() -> Iterator[tuple[str, str]]:
    """Table and statement for each table that is erased with a subscription, what others refer to last."""
    for table in reversed(CUSTOMERS):
        if table.erased and table.subscription:
            yield table.name, _statement(table, whose((table.subscription,)))


def blanking_of_customer() -> Iterator[tuple[str, str]]:
    """As above, for everything that is erased with a customer: what belongs to its subscriptions too."""
    for table in reversed(CUSTOMERS):
        if table.erased:
            yield table.name, _statement(table, whose(table.customer))


def blanking_of_person() -> Iterator[tuple[str, str]]:
    """As above, for one person, whose account is the owner."""
    for table in reversed(CUSTOMERS):
        if table.erased and table.person:
            yield table.name, _statement(table, whose(table.person))


def left_of(table: Table, paths: tuple[str, ...], owner: str) -> str:
    """A condition that finds rows of `owner` in which something personal still stands."""
    if table.removed:
        return whose(paths, owner)
    faults = " OR ".join(f"NOT ({_is_blank(column, blank)})" for column, blank in table.erased.items())
    return f"{whose(paths, owner)} AND ({faults})"


def _statement(table: Table, condition: str) -> str:
    if table.removed:
        return f"DELETE FROM {table.name} WHERE {condition}"  # noqa: S608 - names of the inventory
    values = ", ".join(f"{column} = {blank_of(column, blank)}" for column, blank in table.erased.items())
    some = " OR ".join(f"NOT ({_is_blank(column, blank)})" for column, blank in table.erased.items())
    return f"UPDATE {table.name} SET {values} WHERE {condition} AND ({some})"  # noqa: S608 - as above


def blank_of(column: str, blank: Blank, identity: str = "id") -> str:
    """What stands for a column's value once it is erased, as an expression: the twin of rules.records.blanked."""
    return {
        Blank.EMPTY: "''",
        Blank.REASON: f"CASE WHEN {column} IN {OWN_REASONS} THEN {column} ELSE '' END",
        Blank.NULL: "NULL",
        Blank.NO_FACTS: "'{}'",
        Blank.BY_ID: f"'erased-' || replace({identity}::text, '-', '')",
        Blank.NOT_WHO: f"{column} - ARRAY{list(NOT_WHO)}",
    }[blank]


def _is_blank(column: str, blank: Blank) -> str:
    if blank is Blank.NULL:
        return f"{column} IS NULL"
    return f"{column} = {blank_of(column, blank)}"
