"""Erasing one person at their own wish, or at their administrator's: at once out, a moment later without a name."""

from __future__ import annotations

from uuid import UUID

import psycopg
from django.db import Error, connection

from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import sqlstate_of
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.erasure import LastAdministrator
from chaveiro.rules.errors import Contention, NotAllowed, NotFound
from chaveiro.rules.means import Means

ATTEMPTS = 3
LOOK_AGAIN = {"40001", "40P01"}
LET_GO = "SELECT closing_let_go(%s, %s, %s, %s)"


def let_go(*, actor: Actor, person: UUID, means: Means, dry_run: bool = False) -> None:
    """Erase a person: roles, licences and sign-in end in this transaction, names and addresses right after it.

    The ledger and the journal keep ids. By an administrator of their organisation, or by themselves; done again it
    changes nothing. Journals `person:deleted`, then `person:erased`.
    Raises NotAllowed, NotFound, LastAdministrator, Contention.
    """
    if actor.kind is not Kind.CUSTOMER or actor.account is None:
        raise NotAllowed(needs="administrator")
    actor.needs("people:write")
    for _ in range(ATTEMPTS):
        try:
            with acting(actor):
                if customers.account_of(person) != actor.account:
                    actor.needs_role("administrator")
                if not dry_run:
                    _answered(connection.connection.execute(LET_GO, _values(person, means)).fetchone()[0])
            return
        except (psycopg.Error, Error) as fault:
            if sqlstate_of(fault) not in LOOK_AGAIN:
                raise
    raise Contention(what="person")


def _values(person: UUID, means: Means) -> tuple[object, ...]:
    return person, means.new_id(), means.day, means.now


def _answered(answer: str) -> None:
    match answer:
        case "not_found":
            raise NotFound(what="person")
        case "role_required":
            raise NotAllowed(needs="administrator")
        case "last_administrator":
            raise LastAdministrator()
