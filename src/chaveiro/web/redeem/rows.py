"""What the page of the keys shows of each key: what was received, what stands in a field, its symbols in five chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaveiro.rules.keys import Reading, group, read
from chaveiro.rules.redemption import KeyFacts, Verdict
from chaveiro.rules.symbols import significant
from chaveiro.web.redeem.draft import Desk

GROUP = 5
CHIPS_AT_MOST = 8

Chip = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the page: `held` as a digest, or a text in a field. `at` is its anchor, `number` what it is called."""

    number: int
    at: str
    position: int | None = None
    last_five: str = ""
    facts: KeyFacts | None = None
    text: str = ""
    chips: tuple[Chip, ...] = ()
    repair: str = ""


def row_of(desk: Desk, position: int, verdict: Verdict | None = None) -> Row:
    """The row of one key of the draft."""
    number, item = position + 1, desk.kept.items[position]
    if position not in desk.kept.typed:
        return Row(number, f"key-{number}", position, item.last_five, verdict.facts if verdict else None)
    text = desk.kept.typed[position]
    reading = read(text)
    repair = group(reading.repair) if reading.repair else ""
    return Row(number, f"key-{number}", text=text, chips=chips_of(reading), repair=repair)


def empty_rows(rows: Sequence[Row], count: int) -> list[Row]:
    """Empty fields after these."""
    return [Row(len(rows) + place, f"key-{len(rows) + place}") for place in range(1, count + 1)]


def chips_of(reading: Reading) -> tuple[Chip, ...]:
    """What was typed in groups of five, each symbol with whether it is wrong."""
    marked = [(symbol, place in reading.positions) for place, symbol in enumerate(significant(reading.typed), 1)]
    return tuple(tuple(marked[start : start + GROUP]) for start in range(0, min(len(marked), CHIPS_AT_MOST * 5), GROUP))
