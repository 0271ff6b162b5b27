"""A language that nobody speaks: every sentence of ours half as long again, with accents and in brackets.

What shows no brackets was not translated; what is cut was given too little room (experience, language).
"""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from chaveiro.console import translations
from chaveiro.wording import linting

ACCENTS = str.maketrans("aeiouyncszrtdlgAEIOUYNCSZRTDLG", "áéíóúýñčšžřťďĺğÁÉÍÓÚÝÑČŠŽŘŤĎĹĞ")
LONGER = 0.4
WORD = 14
# What must stay as it is: placeholders, marks of HTML, entities.
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|%[sd]|<[^>]+>|&\w+;)")


def pseudo(text: str) -> str:
    """The sentence in the language that nobody speaks; what is put in stays."""
    pieces = KEPT.split(text)
    told = "".join(piece if place % 2 else piece.translate(ACCENTS) for place, piece in enumerate(pieces))
    more = max(1, round(len(text) * LONGER))
    # As words of a length that there is: the longest of Portuguese are no longer.
    words = ["~" * min(WORD, more - done) for done in range(0, more, WORD)]
    return f"[{told} {' '.join(words)}]"


def build(folder: Path) -> Path:
    """Catalogues in which both languages read like that; answers the folder, to stand where the project's stands."""
    for language, locale in translations.CATALOGUES.items():
        made = Catalog(locale=locale)
        for message in translations.catalogue(language):
            if message.id:
                ids = linting.ids_of(message)
                words = tuple(pseudo(text) for text in ids)
                made.add(message.id, words if len(words) > 1 else words[0], context=message.context)
        target = folder / locale / "LC_MESSAGES"
        target.mkdir(parents=True)
        with (target / "django.mo").open("wb") as stream:
            write_mo(stream, made)
    return folder
