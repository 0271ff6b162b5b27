"""A small true installation: one batch of four keys, two of them redeemed by Ana for Padaria Sol, Lda."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.closing.queries import ASSERTIONS, Ground, broken
from chaveiro.rules.actors import Actor
from tests.cast import World, build_world, digesters, make_keys, open_customer

TODAY = date(2027, 2, 1)
DAYS_OF_A_KEY = 365  # from 22 November 2026, twelve months
SEATS_OF_A_KEY = 5


@dataclass(frozen=True, slots=True)
class Cards:
    """What was put there, by name. `spent` is a serial that was redeemed, `sold` one that is for sale."""

    world: World
    keys: list[str]
    spent: int
    sold: int
    bruno: Actor
    customer: UUID
    redemption: UUID


def build() -> Cards:
    """Everything as the project's own actions leave it."""
    world = build_world()
    keys = make_keys(world, 4)
    bruno, outcome = open_customer(world, keys[:2])
    first = one("SELECT min(number) FROM keys_key")
    return Cards(world, keys, first, first + 2, bruno, outcome.customer, outcome.id)


def ground() -> Ground:
    """What an assertion needs beside these rows."""
    return Ground(
        day=TODAY,
        digesters=digesters(),
        reader=wiring.keyring(),
        secrets={"SECRET_KEY": settings.SECRET_KEY, "KEY_PEPPERS": "cGVwcGVyIHRoYXQgb25seSB0ZXN0cyBrbm93"},
    )


def found() -> dict[str, list[dict[str, object]]]:
    """The names of the assertions that do not hold, with the facts that each tells."""
    told = {f"{assertion.id} {assertion.name}": broken(assertion, ground()) for assertion in ASSERTIONS}
    return {name: [violation.facts for violation in violations] for name, violations in told.items() if violations}


def one(sql: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchone()[0]


def do(sql: str, *parameters: Any) -> None:
    """A statement whose answer does not matter."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)


def without_guards(*tables: str) -> None:
    """Behind the database's back: constraints but for primary keys go, and triggers rest."""
    do("SET CONSTRAINTS ALL IMMEDIATE")
    do("SET LOCAL session_replication_role = replica")
    for table in tables:
        do(
            f"""DO $$ DECLARE name text; BEGIN
            FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass
                AND contype IN ('c', 'f', 'x') LOOP
                EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', name);
            END LOOP;
            FOR name IN SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = '{table}'::regclass
                AND i.indisunique AND NOT i.indisprimary LOOP
                BEGIN EXECUTE 'DROP INDEX ' || name;
                EXCEPTION WHEN dependent_objects_still_exist THEN
                    EXECUTE 'ALTER TABLE {table} DROP CONSTRAINT ' || name || ' CASCADE'; END;
            END LOOP; END $$"""
        )
