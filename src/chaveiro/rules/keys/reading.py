"""One key, as somebody typed it: what it reads as, or what is wrong with it, where, and what was probably meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from chaveiro.rules.keys.reedsolomon import KEY_SYMBOLS, locate, syndromes
from chaveiro.rules.symbols import SYMBOLS, VALUES, significant

Code = Literal["ok", "key_empty", "key_length", "key_symbol", "key_checksum"]

MAX_TYPED = 500
"""Characters looked at in the field of one key; a longer text is no key, and is not kept whole."""


def group(canonical: str) -> str:
    """A key as people see it: five groups of five joined by hyphens."""
    return "-".join(canonical[start : start + 5] for start in range(0, len(canonical), 5))


def last_five(canonical: str) -> str:
    """The only part of a key that is stored and shown again."""
    return canonical[-5:]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a typed key. It holds a secret, which its `repr` leaves out, so that no error page shows it.

    `canonical` is the 25 symbols when `code` is ok. `positions` count from 1 among the symbols that matter: for
    key_symbol the foreign ones, for key_checksum those that the repair changes. `repair` is a guess to be confirmed,
    never to be applied in silence: a quarter of random words yields one too. `symbols` is how many symbols were typed.
    """

    typed: str = field(repr=False)
    code: Code
    canonical: str | None = field(default=None, repr=False)
    positions: tuple[int, ...] = ()
    repair: str | None = field(default=None, repr=False)
    symbols: int = 0

    def facts(self) -> dict[str, object]:
        """The form of `chaveiro keys check --json` and of the check in the browser, keys in groups."""
        return {
            "typed": self.typed,
            "key": self.canonical and group(self.canonical),
            "verdict": self.code,
            "positions": list(self.positions),
            "repair": self.repair and group(self.repair),
        }


def read(text: str) -> Reading:
    """Read the text of one field as one key (section 1 of the rules). Never raises, never guesses in silence.

    A symbol that no key has is named before the length is: it may be the reason for the length.
    """
    if len(text) > MAX_TYPED:
        return Reading(text[:MAX_TYPED], "key_length", symbols=len(significant(text[:MAX_TYPED])))
    symbols = significant(text)
    count = len(symbols)
    if not symbols:
        return Reading(text, "key_empty")
    foreign = [index for index, symbol in enumerate(symbols) if symbol not in VALUES]
    if foreign:
        positions = tuple(index + 1 for index in foreign)
        return Reading(text, "key_symbol", positions=positions, repair=_without(symbols, foreign), symbols=count)
    if count != KEY_SYMBOLS:
        return Reading(text, "key_length", symbols=count)
    wrong = locate(syndromes([VALUES[symbol] for symbol in symbols]))
    if wrong is None:
        return Reading(text, "key_checksum", symbols=count)
    if not wrong:
        return Reading(text, "ok", canonical=symbols, symbols=count)
    positions = tuple(index + 1 for index in wrong)
    return Reading(text, "key_checksum", positions=positions, repair=_repaired(symbols, wrong), symbols=count)


def _without(symbols: str, foreign: Sequence[int]) -> str | None:
    """The key that was meant where foreign symbols stand: between its symbols, or in the place of one or two."""
    dropped = "".join(symbol for symbol in symbols if symbol in VALUES)
    if len(dropped) == KEY_SYMBOLS:
        return None if syndromes([VALUES[symbol] for symbol in dropped]) else dropped
    if len(symbols) != KEY_SYMBOLS or len(foreign) > 2:
        return None
    filled = "".join(symbol if symbol in VALUES else "0" for symbol in symbols)
    wrong = locate(syndromes([VALUES[symbol] for symbol in filled]))
    return None if wrong is None else _repaired(filled, wrong)


def _repaired(symbols: str, wrong: dict[int, int]) -> str:
    return "".join(
        SYMBOLS[VALUES[symbol] ^ wrong[index]] if index in wrong else symbol for index, symbol in enumerate(symbols)
    )
