"""What the journal's tests share: the cast, a journal to tell things to, somebody with the server's password."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from chaveiro.adapters.signing import Keyring, new_private_key
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import actions, queries
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.journal import SignedCheckpoint
from chaveiro.rules.journal_audit import Report

MORNING = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ORIGIN = "https://chaves.example"
KEYRING = Keyring.from_text(new_private_key(b"the journal's key, only in tests"))
STRANGER = Keyring.from_text(new_private_key(b"somebody else's, also only here."))

SUN, MOON = UUID(int=0xC1), UUID(int=0xC2)  # Padaria Sol, Padaria Lua
ANA = Actor(Kind.CHANNEL, account=UUID(int=0xA1), organisation=UUID(int=0x01))
CARLA = Actor(Kind.CHANNEL, account=UUID(int=0xA3), organisation=UUID(int=0x03))
BRUNO = Actor(Kind.CUSTOMER, account=UUID(int=0xB1), customer=SUN)
DUARTE = Actor(Kind.OPERATOR, account=UUID(int=0xD1))


def tell(count: int = 1, *, actor: Actor = ANA, customer: UUID | None = SUN, tag: str = "redemption:committed") -> None:
    """`count` acts, each in a transaction of its own."""
    for number in range(count):
        with acting(actor):
            actions.record(
                tag=tag,
                at=MORNING + timedelta(seconds=number),
                actor=actor,
                subject_id=f"R-{number}",
                customer_id=customer,
                facts={"seats": number},
            )


def seal(limit: int = actions.SEALED_AT_ONCE) -> int:
    """One run of the sealer, in the role that it has."""
    with acting(SYSTEM):
        return actions.seal(limit=limit)


def seal_all(count: int) -> None:
    """Seal until `count` more are sealed. The server's own housekeeping may hold the sealer back for a moment."""
    deadline = time.monotonic() + 20
    while count > 0:
        count -= seal()
        assert time.monotonic() < deadline, f"{count} entries stay unsealed"
    assert count == 0


def checkpoint(minutes: int = 0) -> SignedCheckpoint:
    with acting(SYSTEM):
        signed = actions.checkpoint(now=MORNING + timedelta(minutes=minutes), signer=KEYRING, origin=ORIGIN)
    assert signed is not None
    return signed


def verify(*outside: str) -> Report:
    """A full verification in small portions, so that every test crosses their borders."""
    with acting(SYSTEM):
        return queries.verify(reader=KEYRING, outside=outside, portion=4)


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def order_of_subjects() -> list[str]:
    found = rows("SELECT e.subject_id FROM journal_seal s JOIN journal_entry e ON e.id = s.entry_id ORDER BY s.number")
    return [subject for (subject,) in found]


def tamper(dsn: str, *statements: str) -> None:
    """What somebody with the server's superuser password can do: the triggers and constraints are theirs to lift."""
    tables = ("journal_entry", "journal_seal", "journal_node", "journal_checkpoint")
    with closing(psycopg.connect(dsn, autocommit=True)) as intruder:
        intruder.execute("SET session_replication_role = replica")
        for table in tables:
            intruder.execute(f"ALTER TABLE {table} DISABLE TRIGGER journal_append_only")
        for statement in statements:
            assert intruder.execute(statement).rowcount != 0, f"nothing was hit by: {statement}"
        for table in tables:
            intruder.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER journal_append_only")
