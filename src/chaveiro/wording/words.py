"""What the words for one code are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """A title of a few words, what is refused and why, and what to do now: lazy translations with named facts."""

    title: Any
    what: Any
    todo: Any
