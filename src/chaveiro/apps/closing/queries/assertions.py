"""What an assertion is: an invariant's name, what it means, and whatever breaks it, found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

from django.db import connection

from chaveiro.rules.datakeys import DataKeys
from chaveiro.rules.journal import SignatureReader
from chaveiro.rules.keys import Digester

# Rows read at once by a scan; memory depends on this and on nothing else.
PORTION = 500
# Cursors may be open at the same time, each under its own name.
_number = count()


@dataclass(frozen=True, slots=True)
class Ground:
    """What the assertions need beside the database.

    `day` is the platform's today. `digesters` know our keys, `reader` our signatures. `outside` are checkpoints that
    were kept elsewhere; `secrets` are texts that must stand nowhere, by the name under which they are told. `keys` is
    the store of data keys, None where it is out of reach.
    """

    day: date
    digesters: tuple[Digester, ...]
    reader: SignatureReader
    outside: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    keys: DataKeys | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that breaks an invariant; `facts` name the rows and hold no secret."""

    invariant: str
    assertion: str
    said: str
    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"invariant": self.invariant, "assertion": self.assertion, "said": self.said, "facts": self.facts}


Find = Callable[[Ground], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One sentence that must hold. `find` yields the facts of each row that breaks it.

    `id` is the invariant's name in 6-reliability.md; several assertions may hold one invariant.
    """

    id: str
    name: str
    meaning: str
    find: Find

    def violations(self, ground: Ground) -> Iterator[Violation]:
        """Whatever breaks it, as it is found."""
        for facts in self.find(ground):
            yield Violation(self.id, self.name, self.meaning, facts)


def holds(invariant: str, name: str, meaning: str, sql: str) -> Assertion:
    """An assertion that one statement can look at: each row that it answers breaks it, its columns are the facts."""

    def find(_ground: Ground) -> Iterator[dict[str, Any]]:
        yield from rows(sql)

    return Assertion(invariant, name, meaning, find)


def rows(sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[dict[str, Any]]:
    """The rows of a statement by column name, read from the server in portions; inside a transaction only."""
    connection.ensure_connection()
    with connection.connection.cursor(name=f"chaveiro_check_{next(_number)}") as cursor:
        cursor.itersize = PORTION
        # Without parameters a percent sign is itself.
        cursor.execute(sql, parameters or None)
        names = None
        for row in cursor:
            names = names or [column.name for column in cursor.description]
            yield dict(zip(names, row, strict=True))
