"""Keys in a free text: a pasted mail, a column of a file, two hundred lines; and their removal from a log.

Whatever reads as a key is found first. In what is left, a *shape* says that a key was meant although it does not read:
five groups of five, one run of 25, or a hyphenated chain that is about right. Shapes ask for letters and for digits, so
that prose, numbers of accounts and addresses are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chaveiro.rules import errors
from chaveiro.rules.keys.reading import Reading, last_five, read
from chaveiro.rules.keys.reedsolomon import KEY_SYMBOLS
from chaveiro.rules.keys.words import HARD, Word, stretches
from chaveiro.rules.symbols import IGNORED_CLASS, composed

MAX_TEXT = 500_000
"""Characters of a text in which keys are looked for: ten thousand rows of a file, with room to spare."""

_GROUPS = 5
_GROUP = 5
_MOST_WORDS = 7  # five groups, and two of them cut by the end of a line
_LEAST_LETTERS = 6  # among 25 random symbols there are fewer once in ten million keys; an account number has two
_MOST_FOREIGN = 4
_LOOSE, _CHAIN, _FIVE = 1, 2, 3  # kinds of shapes, the surest last
_LONGEST_LINE = 40  # symbols; a longer line is a sentence
assert _GROUPS * _GROUP == KEY_SYMBOLS

_DIGIT = re.compile("[0-9０-９]")
_LETTER = re.compile("[A-Za-zＡ-Ｚａ-ｚ]")
_SMALL = re.compile("[a-zａ-ｚ]")
_CAPITAL = re.compile("[A-ZＡ-Ｚ]")
_BEYOND_F = re.compile("[G-Zg-zＧ-Ｚｇ-ｚ]")


_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Shape:
    """Something that was meant as a key; the greater rank wins where two overlap."""

    rank: tuple[int, bool, int, bool]
    span: _Span


def find_all(text: str) -> tuple[Reading, ...]:
    """Every key in a text, and everything that was meant as one, in the order of the text, duplicates too.

    For the field of one key use `read`: what has the wrong shape altogether is not found here. Raises `Malformed` when
    the text is longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        raise errors.Malformed(field="text", reason="too_long")
    text = composed(text)
    found: list[_Span] = []
    shapes: list[_Shape] = []
    for stretch in stretches(text):
        keys, rests = _divided(text, stretch)
        found += keys
        for rest in rests:
            shapes += _shapes(text, rest)
    return tuple(read(text[start:end]) for start, end in sorted([*found, *_best(shapes, len(text))]))


def check(text: str) -> tuple[Reading, ...]:
    """What `chaveiro keys check` answers: all keys found or, where there is none, a single line read as one key."""
    if found := find_all(text):
        return found
    lines = [reading for reading in map(read, text.splitlines()) if reading.symbols]
    return (lines[0],) if len(lines) == 1 and lines[0].symbols <= _LONGEST_LINE else ()


def _divided(text: str, stretch: Sequence[Word]) -> tuple[list[_Span], list[Sequence[Word]]]:
    """The extents of the keys in a stretch, and the runs of words between them."""
    keys: list[_Span] = []
    rests: list[Sequence[Word]] = []
    first = rest_first = 0
    while first < len(stretch):
        after = _key_from(text, stretch, first)
        if after is None:
            first += 1
            continue
        keys.append((stretch[first].left, stretch[after - 1].right))
        rests.append(stretch[rest_first:first])
        first = rest_first = after
    return keys, [*rests, stretch[rest_first:]]


def _key_from(text: str, stretch: Sequence[Word], first: int) -> int | None:
    """The index after the words that read as a key from `first` on."""
    total = 0
    for index in range(first, min(first + _MOST_WORDS, len(stretch))):
        total += stretch[index].right - stretch[index].left
        if total >= KEY_SYMBOLS:
            break
    if total != KEY_SYMBOLS:
        return None
    words = stretch[first : index + 1]
    piece = text[words[0].left : words[-1].right]
    regular = len(words) == 1 or all(word.right - word.left == _GROUP for word in words)
    if not (_LETTER.search(piece) and (regular or _DIGIT.search(piece))):
        return None
    return index + 1 if read(piece).code == "ok" else None


def _best(shapes: list[_Shape], length: int) -> Iterator[_Span]:
    """Of shapes that overlap, the one of the greatest rank; of equals, the first."""
    taken = bytearray(length)
    for shape in sorted(shapes, key=lambda shape: shape.rank, reverse=True):
        start, end = shape.span
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            yield shape.span


def _shapes(text: str, words: Sequence[Word]) -> Iterator[_Shape]:
    for chain in _chains(words):
        if shape := _chain_shape(text, chain):
            yield shape
    for first in range(len(words) - _GROUPS + 1):
        if shape := _five_groups(text, words[first : first + _GROUPS]):
            yield shape


def _chains(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words joined by dashes or dots alone."""
    chain: list[Word] = []
    for word in words:
        if chain and word.gap != "tight":
            yield chain
            chain = []
        chain.append(word)
    if chain:
        yield chain


def _chain_shape(text: str, chain: Sequence[Word]) -> _Shape | None:
    """One run of 25 (24 or 26 when it can hardly be anything else), or a chain whose hyphens are not quite right."""
    start, end, sizes = _extent(chain)
    off, piece = abs(sum(sizes) - KEY_SYMBOLS), text[start:end]
    if len(sizes) == 1:
        wanted = not off or (off == 1 and _one_case(piece) and bool(_BEYOND_F.search(piece)))
        digits = (3, 1 if off else 0)
    elif not off:
        wanted, digits = len(sizes) <= _MOST_WORDS and min(sizes) >= _GROUP - 1, (2, 1)
    else:
        wanted = len(sizes) == _GROUPS and off <= 2 and all(abs(size - _GROUP) <= 1 for size in sizes)
        digits = (2, 1)
    return _shape(text, (start, end), chain, _CHAIN, digits) if wanted else None


def _extent(words: Sequence[Word]) -> tuple[int, int, list[int]]:
    """Where the words begin and end, and their sizes: with the punctuation at their edges if that makes them 25."""
    sizes = [word.end - word.start for word in words]
    if sum(sizes) == KEY_SYMBOLS:
        return words[0].start, words[-1].end, sizes
    sizes[0] -= words[0].left - words[0].start
    sizes[-1] -= words[-1].end - words[-1].right
    return words[0].left, words[-1].right, sizes


def _five_groups(text: str, words: Sequence[Word]) -> _Shape | None:
    """Five groups of five on one line; where there are spaces between them, more of them with a digit."""
    if any(word.gap not in ("tight", "loose") for word in words[1:]):
        return None
    start, end, sizes = _extent(words)
    if any(size != _GROUP for size in sizes):
        return None
    if all(word.gap == "tight" for word in words[1:]):
        return _shape(text, (start, end), words, _FIVE, (1, 0))
    shape = _shape(text, (start, end), words, _LOOSE, (2, 1))
    return shape if shape and shape.rank[2] >= (2 if _SMALL.search(text[start:end]) else 1) else None


def _shape(text: str, span: _Span, words: Sequence[Word], kind: int, digits: tuple[int, int]) -> _Shape | None:
    """A shape with its rank, if there are enough letters, enough digits, and few symbols that no key has.

    `digits` are wanted where small letters stand, and where all are capitals. Rank: the kind of shape, all letters of
    one case, how many groups hold a digit, whether a repair is at hand.
    """
    piece = text[span[0] : span[1]]
    if len(_LETTER.findall(piece)) < _LEAST_LETTERS:
        return None
    if len(_DIGIT.findall(piece)) < digits[not _SMALL.search(piece)]:
        return None
    reading = read(piece)
    if reading.code == "key_symbol" and len(reading.positions) > _MOST_FOREIGN:
        return None
    groups = sum(bool(_DIGIT.search(text, word.start, word.end)) for word in words)
    return _Shape((kind, _one_case(piece), groups, reading.repair is not None), span)


def _one_case(piece: str) -> bool:
    return not (_SMALL.search(piece) and _CAPITAL.search(piece))


# What a log makes of the characters between two groups: each becomes as many spaces, so that places stay the same.
_ESCAPED = re.compile(r"\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[abfnrtv0]|%[0-9A-Fa-f]{2}|&#?\w{1,8};")
_NO_SYMBOL = re.compile(f"[{IGNORED_CLASS}{re.escape(HARD)}]+")
_SPACES_FOR_HARD = str.maketrans(dict.fromkeys(HARD, " "))


def scrub(text: str) -> str:
    """The text without its keys: each, and each thing nearly a key, becomes `[key …LAST5]` or `[key …]`.

    For logs: escaped characters, commas and quotes may stand in a key too, and all shapes that overlap are removed, not
    only the likeliest. A text longer than `MAX_TEXT` is cut there.
    """
    # Most texts are short fields: too short for a key once what no key counts is left out.
    if len(text) < KEY_SYMBOLS - 2 or (text.isascii() and len(_NO_SYMBOL.sub("", text)) < KEY_SYMBOLS - 2):
        return text
    text = text[:MAX_TEXT]
    blanked = _ESCAPED.sub(lambda match: " " * len(match[0]), text).translate(_SPACES_FOR_HARD)
    pieces, done = [], 0
    for start, end in _merged(_suspects(blanked)):
        canonical = read(blanked[start:end]).canonical
        pieces += [text[done:start], f"[key …{last_five(canonical) if canonical else ''}]"]
        done = end
    return "".join([*pieces, text[done:]])


def _suspects(text: str) -> Iterator[_Span]:
    """All extents that may hold a key; five loose groups only where nothing surer tells where the key begins."""
    surer = bytearray(len(text))
    shapes: list[_Shape] = []
    for stretch in stretches(text):
        keys, rests = _divided(text, stretch)
        yield from keys
        for rest in rests:
            shapes += _shapes(text, rest)
    for shape in sorted(shapes, key=lambda shape: shape.rank, reverse=True):
        start, end = shape.span
        if shape.rank[0] > _LOOSE:
            surer[start:end] = b"\1" * (end - start)
        elif surer.find(1, start, end) >= 0:
            continue
        yield shape.span


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
