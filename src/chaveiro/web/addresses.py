"""Ids as addresses have them: their public form, and nothing told of one that is not of that form."""

from __future__ import annotations

from uuid import UUID

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotFound


def id_in(noun: str, text: str) -> UUID:
    """The id in an address (`sub_…`). Raises NotFound for anything else: a wrong form is as absent as a wrong id."""
    try:
        return identifiers.read(noun, text)
    except Malformed:
        raise NotFound(what=noun) from None


def id_or_none(noun: str, text: str) -> UUID | None:
    """The id in a query, None where there is none or it has another form: a list then begins at its beginning."""
    try:
        return identifiers.read(noun, text)
    except Malformed:
        return None
