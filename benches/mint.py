"""Minting into a file, against binary COPY of equal rows that lie ready in memory, into an equal table.

The action's figure has all of its work in it: random source, check symbols, digests, CSV, fsync of the file, commits.
The floor's table has the same columns, indexes, checks and chunk-wise trigger, and is written by the superuser, for
PostgreSQL refuses COPY where row-level security binds. Both commit 50,000 rows at a time. `floor_with_foreign_key` is
the same COPY into a table whose rows point to their batch by a foreign key, as one would build it without thought.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benches.ground import Ground, ground

SIZES = (100_000, 1_000_000)
CHUNK = 50_000
COLUMNS = "number, batch_id, state, digest, pepper, last_five, customer_id, redeemed_at, replaced_by"

MINTER = """
import json, re, sys, time
from pathlib import Path
import django
django.setup()
from chaveiro import wiring
from chaveiro.apps.keys.actions import mint_to_file
from chaveiro.rules.batches import House, Order
order = Order(product="bench", seats=5, months=12, quantity=int(sys.argv[1]))
file = wiring.key_file(Path(sys.argv[2]))
# Not ru_maxrss, which begins with what the process that started this one had.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
idle = peak()
began = time.perf_counter()
mint_to_file(order=order, file=file, house=House(pretence=True), means=wiring.means())
took = time.perf_counter() - began
print(json.dumps({"seconds": took, "idle": idle, "peak": peak()}))
"""


def run() -> dict[str, Any]:
    """Keys a second, the ratio to the floor, and peak memory in MiB, at each size."""
    with ground() as place:
        _publish()
        _tables(place)
        return {str(size): _at_size(place, size) for size in SIZES}


def _at_size(place: Ground, size: int) -> dict[str, Any]:
    floor = _copy(place, "floor", size)
    with_foreign_key = _copy(place, "floor_with_foreign_key", size)
    minted = _mint(size)
    rate = size / minted["seconds"]
    return {
        "keys_a_second": round(rate),
        "floor": round(floor),
        "ratio": round(rate / floor, 2),
        "floor_with_foreign_key": round(with_foreign_key),
        "ratio_with_foreign_key": round(rate / with_foreign_key, 2),
        "idle_mib": minted["idle"] // 1024,
        "peak_mib": minted["peak"] // 1024,
    }


def _publish() -> None:
    from chaveiro import wiring
    from chaveiro.apps.catalog.actions import publish_product
    from chaveiro.apps.channel.actions import add_organisation
    from chaveiro.rules.actors import SYSTEM
    from chaveiro.rules.organisations import OrganisationKind, Registration
    from chaveiro.rules.products import Description

    vendor = Registration(kind=OrganisationKind.VENDOR, name="Tagus Software, S.A.", country="PT")
    add_organisation(actor=SYSTEM, registration=vendor, means=wiring.means())
    names = {"pt": "Bancada", "en": "Bench"}
    description = Description(code="bench", names=names, maximum_seats=300, markets=("PT",))
    publish_product(actor=SYSTEM, description=description, means=wiring.means())


def _tables(place: Ground) -> None:
    import psycopg

    with psycopg.connect(place.dsn("postgres"), autocommit=True) as link:
        for table in ("floor", "floor_with_foreign_key"):
            link.execute(f"CREATE TABLE {table} (LIKE keys_key INCLUDING ALL)")
            link.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        link.execute(
            "CREATE TRIGGER stands_in_its_batch AFTER INSERT ON floor REFERENCING NEW TABLE AS fresh"
            " FOR EACH STATEMENT EXECUTE FUNCTION keys_stand_in_their_batch()"
        )
        link.execute(
            "ALTER TABLE floor_with_foreign_key ADD FOREIGN KEY (batch_id) REFERENCES keys_batch (id)"
            " DEFERRABLE INITIALLY DEFERRED"
        )


def _copy(place: Ground, table: str, size: int) -> float:
    """Rows a second of COPY alone: packing them is not counted."""
    import psycopg

    with psycopg.connect(place.dsn("postgres"), autocommit=True) as link:
        batch, first = _batch(size)
        seconds = 0.0
        for start in range(first, first + size, CHUNK):
            packed = _packed(batch.bytes, start, min(CHUNK, first + size - start))
            began = time.perf_counter()
            sql = f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT binary)"
            with link.transaction(), link.cursor().copy(sql) as copy:
                copy.write(packed)
            seconds += time.perf_counter() - began
    return size / seconds


def _batch(size: int) -> tuple[Any, int]:
    """A batch for the floor's rows, by the action, so that their numbers are taken."""
    from chaveiro import wiring
    from chaveiro.apps.keys.actions import plan_batch
    from chaveiro.rules.actors import SYSTEM
    from chaveiro.rules.batches import House, Order

    order = Order(product="bench", seats=5, months=12, quantity=size)
    batch = plan_batch(actor=SYSTEM, order=order, house=House(pretence=True), means=wiring.means())
    return batch.id, batch.first_number


def _packed(batch: bytes, first: int, count: int) -> bytes:
    """Rows in PostgreSQL's binary form of COPY."""
    row = struct.Struct(">h iq i16s i6s i32s ih i5s iii")
    noise = os.urandom(32 * count)
    before, after = (16, batch, 6, b"minted", 32), (2, 1, 5, b"ABCDE", -1, -1, -1)
    rows = [row.pack(9, 8, first + at, *before, noise[at * 32 : at * 32 + 32], *after) for at in range(count)]
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + b"\xff\xff"


def _mint(size: int) -> dict[str, Any]:
    """The action in a process of its own, whose memory is nobody else's."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys.csv"
        done = subprocess.run(
            [sys.executable, "-c", MINTER, str(size), str(file)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        with file.open("rb") as rows:
            assert sum(1 for _ in rows) == size + 1
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
