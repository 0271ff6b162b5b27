"""Accounts and their secrets: acting in somebody's scope, tokens, one-time links."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import ClientCursor, Connection, sql

from chaveiro.rules.actors import Actor, Kind

Asked = tuple[str, Sequence[Any]]
"""A statement and its values."""

NOTHING: Asked = ("", ())
SETTINGS = ("role", "chaveiro.kind", "chaveiro.account", "chaveiro.organisation", "chaveiro.customer", "chaveiro.draft")
OUTSIDE = ("none", "", "", "", "", "")

_standing: ContextVar[Actor | None] = ContextVar("standing actor", default=None)


def digest_of(secret: str) -> bytes:
    """How a random secret (token, link, resume secret) is kept. They carry 128 bits or more: no salt is needed."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Opened:
    """An act that has begun: the rows of what it asked first, in order, and the way to end it."""

    answers: Sequence[Sequence[Any]]
    link: Connection[Any]
    last: bool

    def finish(self, statement: str, values: Sequence[Any]) -> None:
        """Do the last statement of the act, in one message with COMMIT where the act is a transaction of its own.

        Nothing may follow. What it raises may be COMMIT's fault: then the outcome is unknown.
        """
        ClientCursor(self.link).execute(f"{statement}; COMMIT" if self.last else statement, values, prepare=False)


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """One transaction in the scope of `actor`: row-level security sees them, and nothing outside is left behind.

    Inside a standing transaction of the same actor it joins it. Another actor inside is a programming error.
    """
    with asking(actor):
        yield actor


@contextmanager
def asking(actor: Actor, *questions: Asked) -> Iterator[Opened]:
    """As `acting`, for an act that knows what it asks first: the questions travel with BEGIN and the scope."""
    standing = _standing.get()
    link: Any = connections[DEFAULT_DB_ALIAS]
    if standing is not None:
        if standing != actor:
            raise RuntimeError("two actors in one transaction")
        yield Opened(_answers(link.connection, questions), link.connection, last=False)
        return
    opening = _joined([(_scope_of(actor, settings.DATABASE_ROLES), ()), *questions])
    # Only tests stand inside a further transaction; there the scope must begin by itself, and end with the act.
    inside = link.in_atomic_block
    mark = _standing.set(actor)
    try:
        link.opening = NOTHING if inside else opening
        with transaction.atomic():
            told = ClientCursor(link.connection).execute(*opening) if inside else link.opened
            yield Opened(_last_rows(told, len(questions)), link.connection, last=not inside)
            # After a fault the return to the savepoint ends the scope.
            if inside and not link.needs_rollback:
                link.connection.execute(_statement(OUTSIDE))
    finally:
        link.opening = NOTHING
        _standing.reset(mark)


def _answers(link: Connection[Any], questions: Sequence[Asked]) -> list[list[Any]]:
    return [ClientCursor(link).execute(text, values).fetchall() for text, values in questions]


def _last_rows(told: ClientCursor[Any], count: int) -> list[list[Any]]:
    return [told.set_result(place).fetchall() for place in range(-count, 0)]


def _joined(asked: Sequence[Asked]) -> Asked:
    return "; ".join(text for text, _ in asked), [value for _, values in asked for value in values]


@lru_cache(maxsize=1000)
def _scope_of(actor: Actor, roles: str) -> str:
    """The statement by which the database knows the actor. The same one acts often, so it is kept ready."""
    role = "system" if actor.kind is Kind.SYSTEM else "web"
    named = (actor.account, actor.organisation, actor.customer, actor.draft)
    return _statement((f"{roles}_{role}", actor.kind.value, *(str(one or "") for one in named)))


def _statement(values: Sequence[str]) -> str:
    """Six settings that end with the transaction, in one statement, each value quoted."""
    parts = (
        sql.SQL("set_config({}, {}, true)").format(setting, value)
        for setting, value in zip(SETTINGS, values, strict=True)
    )
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(parts)).as_string().replace("%", "%%")
