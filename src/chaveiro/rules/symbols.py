"""The 32 symbols of a key, and which of the characters that people type stand for them or for nothing.

`web/static/chaveiro/keycheck.js` knows the same classes; a test compares the two, character by character. Here they are
ranges, because the standard library's regular expressions know no classes of Unicode and its tables change with Python.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VALUES = {symbol: value for value, symbol in enumerate(SYMBOLS)}
assert len(SYMBOLS) == 32

_Ranges = Iterable[tuple[int, int]]

# Spaces, line ends and control characters.
_SPACES: _Ranges = [
    (0x00, 0x20), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000),
]  # fmt: skip
# Unicode's dashes, and what else looks like a hyphen or a minus.
_DASHES: _Ranges = [
    (0x2D, 0x2D), (0x2D7, 0x2D7), (0x58A, 0x58A), (0x5BE, 0x5BE), (0x1400, 0x1400), (0x1806, 0x1806),
    (0x2010, 0x2015), (0x2043, 0x2043), (0x207B, 0x207B), (0x208B, 0x208B), (0x2212, 0x2212), (0x2500, 0x2501),
    (0x2796, 0x2796), (0x2E17, 0x2E17), (0x2E1A, 0x2E1A), (0x2E3A, 0x2E3B), (0x2E40, 0x2E40), (0x2E5D, 0x2E5D),
    (0x301C, 0x301C), (0x3030, 0x3030), (0x30A0, 0x30A0), (0x30FC, 0x30FC), (0xFE31, 0xFE32), (0xFE58, 0xFE58),
    (0xFE63, 0xFE63), (0xFF0D, 0xFF0D), (0x10D6E, 0x10D6E), (0x10EAD, 0x10EAD),
]  # fmt: skip
_DOTS: _Ranges = [
    (0x2E, 0x2E), (0xB7, 0xB7), (0x2022, 0x2022), (0x2024, 0x2027), (0x2219, 0x2219), (0x22C5, 0x22C5),
    (0x3002, 0x3002), (0x30FB, 0x30FB), (0xFE52, 0xFE52), (0xFF0E, 0xFF0E), (0xFF61, 0xFF61), (0xFF65, 0xFF65),
]  # fmt: skip
# Format characters (zero-width, joiners, directions, byte order mark), fillers, variation selectors.
_INVISIBLE: _Ranges = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891),
    (0x8E2, 0x8E2), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


def _character_class(ranges: _Ranges) -> str:
    """The inside of a regular expression's character class."""
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in ranges)


SPACE_CLASS = _character_class(_SPACES)
DASH_CLASS = _character_class(_DASHES)
IGNORED_CLASS = _character_class([*_SPACES, *_DASHES, *_DOTS, *_INVISIBLE])


def _folding() -> dict[int, str | None]:
    """Capitals, the look-alikes O, I and L, the wide forms of East Asian keyboards, and all that counts for nothing."""
    table: dict[int, str | None] = {}
    for first, last in [*_SPACES, *_DASHES, *_DOTS, *_INVISIBLE]:
        table.update(dict.fromkeys(range(first, last + 1)))
    for code in range(ord("0"), ord("z") + 1):
        character = chr(code)
        if character.isalnum():
            symbol = {"O": "0", "I": "1", "L": "1"}.get(character.upper(), character.upper())
            table[code] = table[code + 0xFEE0] = symbol
    return table


_FOLDING = _folding()


def composed(text: str) -> str:
    """The text with accents joined to their letters, so that a typed Ç is one symbol however it was made."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def significant(text: str) -> str:
    """What remains of a typed text when case and look-alikes are folded and all that is ignored has gone."""
    return composed(text).translate(_FOLDING)
