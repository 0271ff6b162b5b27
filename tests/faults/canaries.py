"""Secrets that are planted to be searched for: if one sings anywhere outside the hand it was given to, it has leaked.

A text is searched as it stands, and as whatever it may have been turned into: other groups, other case, escaped,
percent-encoded, bytes in hexadecimal or base 64. A piece of a key is a leak too: ten symbols of it in a row.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote

PIECE_SYMBOLS = 10
_FOLDED = str.maketrans("OIL", "011")
_PLAIN = re.compile(r"[^0-9A-Z]+")
_ESCAPES = re.compile(r"\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[nrt]|=\n")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){20,}")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]{24,}={0,2}")


def folded(text: str) -> str:
    """Letters and digits only, in one case, look-alikes as one: how all forms of one secret become the same."""
    return _PLAIN.sub("", text.upper()).translate(_FOLDED)


@dataclass(slots=True)
class Canaries:
    """The secrets that were planted, by name."""

    planted: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def key(self, name: str, text: str) -> str:
        """Plant a product key, or something that is nearly one; answers it."""
        symbols = folded(text)
        self.planted[name] = tuple(
            symbols[start : start + PIECE_SYMBOLS] for start in range(len(symbols) - PIECE_SYMBOLS + 1)
        )
        return text

    def secret(self, name: str, text: str) -> str:
        """Plant a token, a code or a passphrase, searched for whole; answers it."""
        self.planted[name] = (folded(text),)
        return text

    def singing(self, text: str) -> set[str]:
        """The names of the canaries that are in this text, in whatever form."""
        forms = [folded(form) for form in _forms(text)]
        return {
            name for name, pieces in self.planted.items() if any(piece in form for piece in pieces for form in forms)
        }


def _forms(text: str) -> list[str]:
    escaped = _ESCAPES.sub(" ", text)
    forms = [escaped, unquote(escaped), unescape(escaped)]
    forms += [bytes.fromhex(run).decode("latin-1") for run in _HEX.findall(text)]
    return [*forms, *_decoded(text)]


def _decoded(text: str) -> list[str]:
    """Runs that may be base 64, from each of the four places at which one can begin."""
    found = []
    for run in _BASE64.findall(text):
        plain = run.rstrip("=").replace("-", "+").replace("_", "/")
        for start in range(4):
            piece = plain[start:]
            try:
                whole = base64.b64decode(piece[: len(piece) // 4 * 4])
            except binascii.Error:
                continue
            found.append(whole.decode("latin-1"))
    return found
