"""What readers flagged, brought to the sentences of a catalogue: which text of ours did they mean?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from babel.messages.catalog import Catalog, Message

from chaveiro.wording.linting import strings_of

SHORTEST_QUOTE = 4  # characters; less is found everywhere
# Of a sentence that is nearly all facts ("%(a)s of %(b)s") hardly a word is shown: it would fit everything.
OWN_SHARE, OWN_LENGTH = 0.4, 8
_GAP = re.compile(r"%\(\w+\)s|%d|%s")


def meant(catalogue: Catalog, quote: str) -> list[Message]:
    """The sentences that a quoted text shows, whole or in part, whatever was put in for their facts.

    Those that fit whole stand alone; else those of which the quote is a part, or which are a part of the quote.
    """
    wanted = _even(quote)
    if len(wanted) < SHORTEST_QUOTE:
        return []
    whole, partly = [], []
    for message in catalogue:
        if not message.id:
            continue
        texts = [_even(text) for text in strings_of(message) if text]
        if any(_own(text) >= OWN_SHARE * len(wanted) and _pattern(text).fullmatch(wanted) for text in texts):
            whole.append(message)
        elif any(_is_part(text, wanted) for text in texts):
            partly.append(message)
    return whole or partly


def _is_part(text: str, wanted: str) -> bool:
    spoken = len(text.split()) > 2 and _own(text) >= OWN_LENGTH
    return wanted in text or (spoken and _pattern(text).search(wanted) is not None)


def _own(text: str) -> int:
    """How many letters of a sentence are its own, not those of facts."""
    return sum(letter.isalpha() for letter in _GAP.sub("", text))


def _pattern(text: str) -> re.Pattern[str]:
    pieces: Sequence[str] = [re.escape(piece) for piece in _GAP.split(text)]
    return re.compile(".+?".join(pieces), re.IGNORECASE)


def _even(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip(".")
