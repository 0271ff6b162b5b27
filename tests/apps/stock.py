"""What the tests of stock share: orders, batches in every stage, files, and the means at other hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from chaveiro import wiring
from chaveiro.adapters.age import AgeLocksmith
from chaveiro.adapters.keyfile import DiskKeyFile
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions import Minted, mint_to_file, plan_batch
from chaveiro.rules import serials
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import Batch, House, Order
from chaveiro.rules.keys import CSV_HEADER, CSV_ROW_BYTES
from chaveiro.rules.means import Means
from tests import cast

HOUSE = House()
PRETENCE = House(pretence=True)
ALONE = House(one_person=True)

# Cheap enough for a test; the real one costs what it shall cost.
LOCKSMITH = AgeLocksmith(work_factor=4)


def order(**changes: Any) -> Order:
    """Ten keys of office-basic, five seats for a year, held by the vendor."""
    return Order(**{"product": "office-basic", "seats": 5, "months": 12, "quantity": 10, **changes})


def file_at(folder: Path, name: str = "keys.csv") -> DiskKeyFile:
    return DiskKeyFile(folder / name, CSV_HEADER, CSV_ROW_BYTES)


def minted(folder: Path, name: str = "keys.csv", house: House = HOUSE, **changes: Any) -> Minted:
    """A batch in a file, and the file."""
    return mint_to_file(order=order(**changes), file=file_at(folder, name), house=house, means=cast.means())


def planned(actor: Actor = SYSTEM, house: House = HOUSE, **changes: Any) -> Batch:
    return plan_batch(actor=actor, order=order(**changes), house=house, means=cast.means())


def later(**since: float) -> Means:
    """The means some time after noon."""
    noon = cast.means()
    return noon.at(noon.now + timedelta(**since), noon.day)


def now_of(batch: UUID) -> Batch:
    with acting(SYSTEM):
        return queries.batch(batch)


def states(batch: UUID) -> dict[str, int]:
    with acting(SYSTEM):
        return queries.counts([batch])[batch]


def texts(path: Path) -> list[tuple[int, str]]:
    """Number and grouped key of each row of a file."""
    return _rows(path.read_bytes())


def _rows(text: bytes) -> list[tuple[int, str]]:
    lines = text.decode("ascii").splitlines()
    assert lines[0] == "serial,key"
    return [(serials.read(serial), key) for serial, key in (line.split(",") for line in lines[1:])]


def agrees(path: Path, since: int = 0) -> int:
    """How many rows the file has; see `agree`."""
    return agree(path.read_bytes(), since)


def agree(text: bytes, since: int = 0) -> int:
    """How many rows there are, each a key of the database under its very serial, and no key above `since` without."""
    rows = _rows(text)
    digester = wiring.digesters(settings.KEY_PEPPERS)[-1]
    expected = {number: digester.digest(key.replace("-", "")) for number, key in rows}
    assert len(expected) == len(rows)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, digest FROM keys_key WHERE digest IS NOT NULL AND number > %s", (since,))
        assert {number: bytes(digest) for number, digest in cursor.fetchall()} == expected
    return len(rows)


def tags() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tag FROM journal_entry ORDER BY id")
        return [tag for (tag,) in cursor.fetchall()]


def at(hour: int) -> datetime:
    return datetime(2026, 11, 22, hour, tzinfo=UTC)
