"""The small parts that bodies and answers are made of: ids, days, standings, and how they are written."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from ninja import Query, Schema
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.seat_time import SEATS_AT_MOST

TEXT_AT_MOST = 500

Text = Annotated[str, Field(max_length=TEXT_AT_MOST)]
Count = Annotated[StrictInt, Field(ge=1, le=SEATS_AT_MOST)]
Yes = StrictBool

ValidateOnly = Annotated[bool, Query(description="Do nothing, and answer what would be done; by the same code.")]
Country = Annotated[str, Field(description="ISO 3166-1 alpha-2.", examples=["PT"], max_length=TEXT_AT_MOST)]


class Answer(Schema):
    """What the API answers."""


class Body(Schema):
    """What the API is sent; a name that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid")


class StandingAnswer(Answer):
    """What a subscription has at one moment."""

    seats: int
    ends_on: date = Field(description="The first day not covered.")
    last_day: date = Field(description="The last covered day.")
    credit: int = Field(description="Seat-days left over.")


def in_path(noun: str, text: str) -> UUID:
    """The id in an address. Raises NotFound for what is no id of that noun: it leads nowhere, like a foreign one."""
    try:
        return identifiers.read(noun, text)
    except Malformed:
        raise NotFound(what=noun) from None


def in_body(noun: str, text: str, field: str) -> UUID:
    """The id in a body or a query. Raises Malformed, naming the field."""
    try:
        return identifiers.read(noun, text)
    except Malformed as fault:
        raise Malformed(field=field, reason="not an id of this kind") from fault
