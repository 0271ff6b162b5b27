"""Columns over time, drawn on the server: each picture with its title, what it says in words, a table and a CSV file.

The picture is stretched to the width that there is, so that nothing is written inside it: what stands under and above
it is text of the page, in the reader's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 1000, 120
FILLED_OF_TEN = 7  # of the width that a column has
SHORTEST = 3  # what is there is to be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """One column in the units of the picture; `part` is how much of its height is told apart."""

    x: int
    y: int
    width: int
    height: int
    part: int = 0

    @property
    def part_y(self) -> int:
        """Where the part that is told apart begins."""
        return HEIGHT - self.part


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of columns: what is counted, and its highest count with where that is."""

    name: str
    bars: tuple[Bar, ...]
    highest: int
    highest_at: str
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with all that belongs to it. `along` stands under the columns: one word for each, or two ends."""

    id: str
    title: str
    says: str
    panels: tuple[Panel, ...]
    along: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    csv: str
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be seen."""
        return not any(panel.total for panel in self.panels)

    @property
    def total(self) -> int:
        """All that the first row of columns counts, together."""
        return self.panels[0].total

    @property
    def each(self) -> bool:
        """Whether every column has its own word beneath it."""
        return len(self.along) > 2


def panel(name: str, counts: Sequence[int], words: Sequence[str], parts: Sequence[int] = ()) -> Panel:
    """The columns of some counts, the highest as high as the picture; `parts` are what is told apart of each."""
    highest = max(counts, default=0)
    step = WIDTH // max(1, len(counts))
    width = step * FILLED_OF_TEN // 10
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = max(SHORTEST, count * HEIGHT // highest)
            part = parts[place] * height // count if parts else 0
            bars.append(Bar(place * step + (step - width) // 2, HEIGHT - height, width, height, part))
    return Panel(name, tuple(bars), highest, words[counts.index(highest)] if highest else "", sum(counts))
