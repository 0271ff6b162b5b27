"""Keys written in bulk, and the rows of the file that carries them away.

Everything works on columns: the n-th symbols of all keys are one run of bytes, a multiplication in the field is
`bytes.translate`, a sum is one exclusive or of two long integers. That makes some millions of keys a second without
leaving the standard library, in memory that depends on the block alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import xor

from chaveiro.rules import serials
from chaveiro.rules.keys.reedsolomon import CHECK_SYMBOLS, DATA_SYMBOLS, FIELD, KEY_SYMBOLS, REMAINDERS, multiply
from chaveiro.rules.symbols import SYMBOLS

ENTROPY_BYTES = DATA_SYMBOLS
"""Bytes from the random source for each key; the low five bits of each make one symbol: 105 bits in all."""

CSV_HEADER = b"serial,key\n"
CSV_ROW_BYTES = serials.DIGITS + len(",") + KEY_SYMBOLS + len("----") + len("\n")
assert CSV_ROW_BYTES == 43

_BLOCK = 4096
_KEY_COLUMNS = [serials.DIGITS + 1 + index + index // 5 for index in range(KEY_SYMBOLS)]
_EMPTY_ROW = (b"0" * serials.DIGITS) + b",00000-00000-00000-00000-00000\n"
assert len(_EMPTY_ROW) == CSV_ROW_BYTES


def _per_byte(symbol_of: Callable[[int], int]) -> bytes:
    """A table for `bytes.translate` that looks at the low five bits of a byte only."""
    return bytes(symbol_of(byte % FIELD) for byte in range(256))


_ALPHABET = _per_byte(lambda value: ord(SYMBOLS[value]))
_PRODUCTS = [[_per_byte(partial(multiply, factor)) for factor in row] for row in REMAINDERS]


def write_many(entropy: bytes) -> list[str]:
    """One canonical key for each 21 bytes of entropy; equally likely bytes make equally likely keys."""
    count, rest = divmod(len(entropy), ENTROPY_BYTES)
    assert not rest, "entropy comes in whole keys"
    columns = [entropy[index::ENTROPY_BYTES] for index in range(ENTROPY_BYTES)]
    lines = bytearray(b"\n") * ((KEY_SYMBOLS + 1) * count)
    for index, column in enumerate(columns + [_check_column(columns, check) for check in range(CHECK_SYMBOLS)]):
        lines[index :: KEY_SYMBOLS + 1] = column.translate(_ALPHABET)
    return lines.decode("ascii").split()


def _check_column(columns: Sequence[bytes], check: int) -> bytes:
    """One check symbol of all keys: the sum over the data columns, each times its own factor."""
    products = (
        int.from_bytes(column.translate(row[check]), "little") for column, row in zip(columns, _PRODUCTS, strict=True)
    )
    return reduce(xor, products).to_bytes(len(columns[0]), "little")


def mint(count: int, random_bytes: Callable[[int], bytes]) -> list[str]:
    """That many new canonical keys. `random_bytes` is the operating system's generator, handed in.

    All of them are returned at once (about 80 bytes each): whoever mints a million asks chunk by chunk.
    """
    keys: list[str] = []
    for done in range(0, count, _BLOCK):
        keys += write_many(random_bytes(ENTROPY_BYTES * min(_BLOCK, count - done)))
    return keys


def csv_rows(first_number: int, keys: Sequence[str]) -> bytes:
    """Rows `serial,key` of fixed length for canonical keys that carry consecutive numbers; without the header.

    Raises `Malformed` when a number is too great for a serial.
    """
    numbers = "".join(serials.write_range(first_number, len(keys))).encode("ascii")
    symbols = "".join(keys).encode("ascii")
    assert len(symbols) == KEY_SYMBOLS * len(keys), "canonical keys have 25 symbols"
    rows = bytearray(_EMPTY_ROW) * len(keys)
    for index in range(serials.DIGITS):
        rows[index::CSV_ROW_BYTES] = numbers[index :: serials.DIGITS]
    for index, place in enumerate(_KEY_COLUMNS):
        rows[place::CSV_ROW_BYTES] = symbols[index::KEY_SYMBOLS]
    return bytes(rows)
