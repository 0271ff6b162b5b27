"""Cards on which keys are sold: what stands on one, in both languages, and the port for whatever prints them.

A card carries its key twice: as text in five groups, and in a QR code whose address holds it in the fragment only,
which no browser sends to a server. Source: rules, section 1; experience, 9 (Cards as PDF with QR).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from chaveiro.rules import keys, serials
from chaveiro.rules.errors import Malformed, Refusal

CARDS_AT_MOST = 10_000
"""Cards in one file: a thousand sheets. Whoever needs more prints ranges of serials."""

INSTRUCTIONS = 3
"""Lines of instructions in each language."""

ADDRESS_LENGTH_AT_MOST = 100
"""An address longer than this would need a QR code that is too fine for a card."""


class TooManyCards(Refusal):
    """More cards than one file holds. Facts: count, most."""

    code = "too_many_cards"


@dataclass(frozen=True, slots=True)
class Side:
    """One language of a card: what it is for, what it carries, until when, what to do. `language` is a BCP 47 tag."""

    language: str
    product: str
    carries: str
    redeem_by: str  # empty: no such day
    instructions: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.instructions) == INSTRUCTIONS


@dataclass(frozen=True, slots=True)
class Face:
    """What all cards of a batch have in common. `address` is the installation's, without a slash at its end."""

    vendor: str
    address: str
    serial_label: str
    title: str
    sides: tuple[Side, ...]

    def __post_init__(self) -> None:
        if len(self.address) > ADDRESS_LENGTH_AT_MOST:
            raise Malformed(field="address", reason=f"must have {ADDRESS_LENGTH_AT_MOST} characters at most")


@dataclass(frozen=True, slots=True)
class Card:
    """One card: its serial as twelve digits, its key in five groups."""

    serial: str
    key: str


Press = Callable[[Face, Iterable[Card], BinaryIO], int]
"""Prints cards as PDF, sheet by sheet; answers how many there are."""


def link(address: str, key: str) -> str:
    """The address that a card's QR code leads to; the key stands behind the `#`."""
    return f"{address}/r#{key}"


def read_csv(text: str) -> list[Card]:
    """The cards of a key file, `serial,key` on each line, in its order. Several files may stand one behind another.

    Raises Malformed with the line's number for whatever is not such a line; a wrong key or serial is never printed.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and line.strip() != keys.CSV_HEADER.decode().strip():
            found.append(_card(line, number))
    return found


def _card(line: str, number: int) -> Card:
    serial, _comma, typed = line.strip().partition(",")
    reading = keys.read(typed)
    try:
        written = serials.write(serials.read(serial))
    except Malformed:
        written = ""
    if not written or reading.canonical is None:
        raise Malformed(field="file", reason=f"line {number} is not a serial and a key")
    return Card(written, keys.group(reading.canonical))
