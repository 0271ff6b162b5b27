"""A free text cut into words, and what stands between them: the ground on which keys are looked for."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from chaveiro.rules.symbols import DASH_CLASS, IGNORED_CLASS, SPACE_CLASS

# What ends a stretch: separators of lists and files, quotes, brackets, and the signs of addresses.
HARD = ",;:|\"'`()[]{}<>=/\\#&@+%“”„‟‘’‚‛«»‹›"
_WORD = re.compile(f"[^{IGNORED_CLASS}{re.escape(HARD)}]+")
_ANY_HARD = re.compile(f"[{re.escape(HARD)}]")
_SPACE = re.compile(f"[{SPACE_CLASS}]")
_LINE_END = re.compile("[\t-\r\x85\u2028\u2029]")
_WRAP = re.compile(f"[{DASH_CLASS}] *\r?\n *")

Gap = Literal["hard", "tight", "loose", "break"]
"""What stands before a word. `tight`: a dash or dot without spaces, or a dash at a line's end. `loose`: whatever else a
key may hold within a line. `break`: a tabulator or the end of a line. `hard`: anything that no key holds."""


class Word(NamedTuple):
    """A run of symbols: its full extent, its extent without punctuation at the edges, and what stands before it."""

    start: int
    end: int
    left: int
    right: int
    gap: Gap


def stretches(text: str) -> list[list[Word]]:
    """The words of a text, divided wherever something stands that no key holds."""
    found: list[list[Word]] = []
    last_end = -1
    for match in _WORD.finditer(text):
        start, end = match.span()
        left, right = _trimmed(text, start, end)
        if left == right:
            continue
        gap = _gap(text[last_end:start]) if last_end >= 0 else "hard"
        if gap == "hard":
            found.append([])
        found[-1].append(Word(start, end, left, right, gap))
        last_end = end
    return found


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while start < end and not text[end - 1].isalnum():
        end -= 1
    return start, end


def _gap(between: str) -> Gap:
    if between == "-":
        return "tight"
    if not between.strip(" "):
        return "loose"
    if _ANY_HARD.search(between):
        return "hard"
    if not _SPACE.search(between) or _WRAP.fullmatch(between):
        return "tight"
    return "break" if _LINE_END.search(between) else "loose"
