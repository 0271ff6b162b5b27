"""Accounts and their secrets: acting in somebody's scope, tokens, one-time links."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import connection, transaction

from chaveiro.rules.actors import Actor, Kind

_standing: ContextVar[Actor | None] = ContextVar("standing actor", default=None)

SCOPE_SQL = (
    "SELECT set_config('role', %s, true), set_config('chaveiro.kind', %s, true),"
    " set_config('chaveiro.account', %s, true), set_config('chaveiro.organisation', %s, true),"
    " set_config('chaveiro.customer', %s, true), set_config('chaveiro.draft', %s, true)"
)
OUTSIDE = ("none", "", "", "", "", "")


def digest_of(secret: str) -> bytes:
    """How a random secret (token, link, resume secret) is kept. They carry 128 bits or more: no salt is needed."""
    return hashlib.sha256(secret.encode()).digest()


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """One transaction in the scope of `actor`: row-level security sees them, and nothing outside is left behind.

    Inside a standing transaction of the same actor it joins it. Another actor inside is a programming error.
    """
    standing = _standing.get()
    if standing is not None:
        if standing != actor:
            raise RuntimeError("two actors in one transaction")
        yield actor
        return
    mark = _standing.set(actor)
    try:
        with transaction.atomic():
            _set_scope(scope_of(actor))
            yield actor
            # Only tests stand inside a further transaction; there the scope must end with the act. After a fault the
            # return to the savepoint ends it.
            if connection.savepoint_ids and not connection.needs_rollback:
                _set_scope(OUTSIDE)
    finally:
        _standing.reset(mark)


def scope_of(actor: Actor) -> tuple[str, ...]:
    """The six settings by which the database knows the actor."""
    role = "system" if actor.kind is Kind.SYSTEM else "web"
    return (
        f"{settings.DATABASE_ROLES}_{role}",
        actor.kind.value,
        str(actor.account or ""),
        str(actor.organisation or ""),
        str(actor.customer or ""),
        str(actor.draft or ""),
    )


def _set_scope(values: tuple[str, ...]) -> None:
    connection.ensure_connection()
    connection.connection.execute(SCOPE_SQL, values, prepare=True)
