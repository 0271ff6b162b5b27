"""The four check symbols of a key: Reed-Solomon over GF(2^5), 21 data symbols first, 4 check symbols last.

Primitive polynomial 0x25, generator 2, first consecutive root 0: the parameters of section 1 of the rules. The code is
linear over bits, so what one symbol adds to the syndromes (or to the check symbols) is a table look-up, and a whole key
is the exclusive or of its look-ups. Four numbers of five bits travel packed in one integer, the first one lowest.
"""

from __future__ import annotations

from collections.abc import Sequence

DATA_SYMBOLS = 21
CHECK_SYMBOLS = 4
KEY_SYMBOLS = 25
FIELD = 32
assert DATA_SYMBOLS + CHECK_SYMBOLS == KEY_SYMBOLS < FIELD

_PRIMITIVE = 0x25
_ORDER = FIELD - 1


def _powers() -> list[int]:
    """Powers of the generator 2, twice around, so that a sum of two logarithms needs no remainder."""
    power, powers = 1, []
    for _ in range(2 * _ORDER):
        powers.append(power)
        power <<= 1
        if power & FIELD:
            power ^= _PRIMITIVE
    return powers


_EXP = _powers()
_LOG = {value: exponent for exponent, value in enumerate(_EXP[:_ORDER])}


def multiply(a: int, b: int) -> int:
    """The product of two elements of the field."""
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _divide(a: int, b: int) -> int:
    """The quotient of two elements of the field; `b` is not 0."""
    return _EXP[_LOG[a] - _LOG[b] + _ORDER] if a else 0


def _pack(four: Sequence[int]) -> int:
    return sum(value << (5 * index) for index, value in enumerate(four))


def _unpack(packed: int) -> tuple[int, int, int, int]:
    return packed & 31, packed >> 5 & 31, packed >> 10 & 31, packed >> 15


def _remainders() -> list[list[int]]:
    """For each data position, first symbol first: what a 1 there leaves in the four check symbols.

    The last data symbol stands for x^4, which leaves the generator polynomial's own lower coefficients; each symbol
    before it is x times the one after it.
    """
    generator = [1]
    for root in _EXP[:CHECK_SYMBOLS]:
        shifted = [*generator, 0]
        generator = [a ^ multiply(b, root) for a, b in zip(shifted, [0, *generator], strict=True)]
    lower = generator[1:]
    rows = [lower]
    while len(rows) < DATA_SYMBOLS:
        carry, *rest = rows[-1]
        rows.append([a ^ multiply(carry, b) for a, b in zip([*rest, 0], lower, strict=True)])
    return rows[::-1]


REMAINDERS = _remainders()
_CHECKS = [[_pack([multiply(value, r) for r in row]) for value in range(FIELD)] for row in REMAINDERS]
_SYNDROMES = [
    [
        _pack([multiply(value, _EXP[power * degree % _ORDER]) for power in range(CHECK_SYMBOLS)])
        for value in range(FIELD)
    ]
    for degree in reversed(range(KEY_SYMBOLS))
]


def check_symbols(values: Sequence[int]) -> tuple[int, int, int, int]:
    """The four check symbols (0 to 31) that follow 21 data symbols."""
    packed = 0
    for table, value in zip(_CHECKS, values, strict=True):
        packed ^= table[value]
    return _unpack(packed)


def syndromes(values: Sequence[int]) -> int:
    """The four syndromes of 25 symbols, packed; 0 exactly when the four check symbols are right."""
    packed = 0
    for table, value in zip(_SYNDROMES, values, strict=True):
        packed ^= table[value]
    return packed


def locate(packed: int) -> dict[int, int] | None:
    """Where one or two wrong symbols stand, from the syndromes: position (0-based) → what to exclusive-or there.

    An empty answer means that nothing is wrong; None that no key lies within two symbols. The two nearest keys are
    five symbols apart, so what is found is the only one within two.
    """
    if not packed:
        return {}
    s0, s1, s2, s3 = _unpack(packed)
    determinant = multiply(s1, s1) ^ multiply(s0, s2)
    if not determinant:
        return _locate_one(s0, s1, s2, s3)
    first = _divide(multiply(s1, s2) ^ multiply(s0, s3), determinant)
    second = _divide(multiply(s1, s3) ^ multiply(s2, s2), determinant)
    degrees = [d for d in range(KEY_SYMBOLS) if multiply(_EXP[d], _EXP[d] ^ first) == second]
    if len(degrees) != 2:
        return None
    here, there = degrees
    value = _divide(s1 ^ multiply(s0, _EXP[there]), _EXP[here] ^ _EXP[there])
    return {KEY_SYMBOLS - 1 - there: s0 ^ value, KEY_SYMBOLS - 1 - here: value}


def _locate_one(s0: int, s1: int, s2: int, s3: int) -> dict[int, int] | None:
    """One wrong symbol of value v at degree d leaves v, v·2^d, v·2^2d, v·2^3d."""
    if not (s0 and s1 and multiply(s2, s2) == multiply(s1, s3)):
        return None
    degree = _LOG[_divide(s1, s0)]
    return {KEY_SYMBOLS - 1 - degree: s0} if degree < KEY_SYMBOLS else None
