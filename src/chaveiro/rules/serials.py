"""The serial number of a key: eleven digits and one check digit, for shelves, phones and spreadsheets. No secret.

The check digit is ISO 7064 MOD 11,10: it catches every single wrong digit and nearly every swapped pair. The canonical
text is twelve digits without separators, so that rows of files have one length; people see it as 4-4-4.
"""

from __future__ import annotations

from chaveiro.rules import errors
from chaveiro.rules.symbols import significant

DIGITS = 12
GREATEST = 10 ** (DIGITS - 1) - 1
"""The greatest key number that a serial can carry."""

_TAIL_DIGITS = 3
_TAILS_IN_BLOCK = 10**_TAIL_DIGITS


def _step(state: int, digit: int) -> int:
    """One digit of the hybrid system MOD 11,10; the state begins at 10 and stays between 1 and 10."""
    return ((state + digit) % 10 or 10) * 2 % 11


def _after(digits: str, state: int = 10) -> int:
    for digit in digits:
        state = _step(state, int(digit))
    return state


def check_digit(digits: str) -> str:
    """The digit that ISO 7064 MOD 11,10 puts after the given ones."""
    return _check_digit(_after(digits))


def _check_digit(state: int) -> str:
    return str((11 - state) % 10)


def _tails(state: int) -> list[str]:
    """The last three digits with their check digit, all thousand of them, after the given state."""
    return [
        tail + _check_digit(_after(tail, state)) for tail in (f"{n:0{_TAIL_DIGITS}}" for n in range(_TAILS_IN_BLOCK))
    ]


_TAILS = {state: _tails(state) for state in range(1, 11)}


def write(number: int) -> str:
    """The serial of a key number (0 to 99,999,999,999): twelve digits. Raises `Malformed` outside that range."""
    return write_range(number, 1)[0]


def write_range(first: int, count: int) -> list[str]:
    """The serials of `count` key numbers from `first` on, in order. Raises `Malformed` outside the range."""
    if first < 0 or count < 0 or first + count - 1 > GREATEST:
        raise errors.Malformed(field="serial", reason="out_of_range")
    serials: list[str] = []
    block, offset = divmod(first, _TAILS_IN_BLOCK)
    while len(serials) < count:
        prefix = f"{block:0{DIGITS - 1 - _TAIL_DIGITS}}"
        tails = _TAILS[_after(prefix)][offset : offset + count - len(serials)]
        serials += [prefix + tail for tail in tails]
        block, offset = block + 1, 0
    return serials


def read(text: str) -> int:
    """The key number that a serial carries; spaces, dashes and dots do not matter.

    Raises `Malformed` with the reason: `length`, `digits` or `check_digit`.
    """
    if len(text) > 100:
        raise errors.Malformed(field="serial", reason="length")
    digits = significant(text)
    if not (digits.isascii() and digits.isdecimal()):
        raise errors.Malformed(field="serial", reason="digits")
    if len(digits) != DIGITS:
        raise errors.Malformed(field="serial", reason="length")
    if check_digit(digits[:-1]) != digits[-1]:
        raise errors.Malformed(field="serial", reason="check_digit")
    return int(digits[:-1])


def group(serial: str) -> str:
    """A serial as people see it: three groups of four."""
    return f"{serial[:4]}-{serial[4:8]}-{serial[8:]}"
