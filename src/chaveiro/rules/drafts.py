"""A draft's resume code: what brings somebody back to an unfinished redemption, on any device.

20 symbols of Crockford's base 32 (100 random bits) in five groups of four. Whoever has it may go on; the house keeps
only its digest. Source: rules, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from chaveiro.rules.errors import Malformed
from chaveiro.rules.symbols import SYMBOLS, significant

CODE_SYMBOLS = 20
CODE_BYTES = 13
LIFE = timedelta(days=14)  # of a draft in all; its holds end sooner (policy)
LINK_PATH = "/redeem/resume/"  # where the one-time link of a letter leads, below the installation's address
LINKS_AT_MOST = 3  # letters with a link for one draft


class Sealer(Protocol):
    """Something that seals a text under a resume code, so that only who has the code can read it again."""

    def seal(self, code: str, context: str, text: str) -> bytes:
        """The text, sealed for this code and context."""

    def open(self, code: str, context: str, sealed: bytes) -> str:
        """The text again. Raises Malformed(field="code") when code or context is another."""


@dataclass(frozen=True, slots=True)
class ResumeCode:
    """A resume code in its canonical form: 20 symbols, no separators."""

    symbols: str

    @classmethod
    def made(cls, entropy: bytes) -> ResumeCode:
        """A code from CODE_BYTES random bytes."""
        number = int.from_bytes(entropy[:CODE_BYTES], "big")
        return cls("".join(SYMBOLS[number >> 5 * place & 31] for place in range(CODE_SYMBOLS)))

    @classmethod
    def read(cls, text: str) -> ResumeCode:
        """A typed code; case, separators and look-alikes are forgiven as in keys. Raises Malformed(field="code")."""
        symbols = "".join(significant(text[:200])).upper()
        if len(symbols) != CODE_SYMBOLS or any(symbol not in SYMBOLS for symbol in symbols):
            raise Malformed(field="code", reason=f"{CODE_SYMBOLS} symbols in five groups of four")
        return cls(symbols)

    def grouped(self) -> str:
        """As people see it."""
        return "-".join(self.symbols[start : start + 4] for start in range(0, CODE_SYMBOLS, 4))
