"""kill -9 of a mint at every statement, every change of its file, and every system call that leaves the process.

What must hold at any moment: a committed key has its text on the disk (or sealed beside it). What must hold after the
same command ran again: every serial once, every text a key, nothing doubled, nothing lost.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pyrage
import pytest
from django.conf import settings
from django.db import connection, connections

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.actions import begin_mint, download_export, mint_to_file, plan_batch, run_mint
from chaveiro.apps.keys.models import Batch
from chaveiro.rules.exports import Lock
from chaveiro.rules.keys import CSV_HEADER, CSV_ROW_BYTES
from tests import cast
from tests.apps import stock
from tests.conftest import Server
from tests.faults.mint_in_a_process import CHUNK_KEYS, QUANTITY

pytestmark = pytest.mark.money

PASSPHRASE = "cavalo bateria agrafo correto"
SYSTEM_CALLS = "sendto,fsync,ftruncate,link,linkat,unlink,write"
SAMPLE = 4

# No fewer steps than these are there to be killed at (the long form finds them all); the sample is drawn from them.
FILE_STEPS, EXPORT_STEPS = 40, 30

strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


@pytest.fixture
def world(real_database: str, monkeypatch: pytest.MonkeyPatch) -> cast.World:
    for module in ("minting", "files", "exports"):
        monkeypatch.setattr(f"chaveiro.apps.keys.actions.{module}.CHUNK_KEYS", CHUNK_KEYS)
    return cast.build_world()


@pytest.fixture
def environment(server: Server, real_database: str) -> dict[str, str]:
    return {
        **os.environ,
        **server.environment(real_database),
        "PYTHONPATH": "src:.",
        "DJANGO_SETTINGS_MODULE": "chaveiro.config.settings",
    }


def _run(environment: dict[str, str], *arguments: str, under: tuple[str, ...] = ()) -> int:
    """The exit status of a mint in another process; -9 when it was killed."""
    done = subprocess.run(
        [*under, sys.executable, "-m", "tests.faults.mint_in_a_process", *arguments],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    status = done.returncode if not under or done.returncode != 128 + 9 else -9
    assert status in (0, -9), done.stderr
    return status


def _killed_by_call(point: str) -> tuple[str, ...]:
    """strace that kills before the n-th call of a name, given as `name:n`; it counts each name on its own."""
    name, number = point.split(":")
    inject = f"inject={name}:signal=SIGKILL:when={number}"
    # Without --seccomp-bpf, under which some versions inject nothing.
    return ("strace", "-f", "-qqq", "-e", f"trace={name}", "-e", inject, "-o", os.devnull)


def _calls(environment: dict[str, str], folder: Path) -> list[str]:
    """Every system call of a file mint by which something leaves the process, as `name:n`."""
    (folder / "whole").mkdir()
    # The very first mint records the pepper; all that follow have those calls less.
    assert _run(environment, "file", str(folder / "whole" / "first.csv")) == 0
    log = folder / "calls"
    under = ("strace", "-f", "-qqq", "--seccomp-bpf", "-e", f"trace={SYSTEM_CALLS}", "-o", str(log))
    assert _run(environment, "file", str(folder / "whole" / "keys.csv"), under=under) == 0
    lines = [line.split(maxsplit=1) for line in log.read_text().splitlines() if "(" in line]
    # strace counts for each process; ours is the one that speaks to the database.
    ours = next(process for process, call in lines if call.startswith("sendto"))
    names = [call.split("(")[0] for process, call in lines if process == ours]
    return [f"{name}:{number}" for name in sorted(set(names)) for number in range(1, names.count(name) + 1)]


def _newest() -> int:
    """The highest serial number there is: what a run makes lies above it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(number), 0) FROM keys_key")
        return int(cursor.fetchone()[0])


def _lost(folder: Path, since: int) -> list[int]:
    """Committed keys above `since` whose texts are in no file of the folder."""
    written: set[bytes] = set()
    digester = wiring.digesters(settings.KEY_PEPPERS)[-1]
    for path in folder.iterdir():
        text = path.read_bytes()[len(CSV_HEADER) :]
        whole = len(text) // CSV_ROW_BYTES * CSV_ROW_BYTES
        keys = [row.split(",")[1].replace("-", "") for row in text[:whole].decode().splitlines()]
        written |= set(digester.digests(keys))
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, digest FROM keys_key WHERE number > %s", (since,))
        return [number for number, digest in cursor.fetchall() if bytes(digest) not in written]


def _sound_after_another_run(folder: Path, since: int) -> None:
    assert _lost(folder, since) == []
    order = stock.order(quantity=QUANTITY)
    done = mint_to_file(order=order, file=stock.file_at(folder), house=stock.HOUSE, means=cast.means())
    assert stock.agrees(folder / "keys.csv", since) == QUANTITY
    assert os.listdir(folder) == ["keys.csv"]
    _minted_once(done.batch.id, since)


def _minted_once(batch: UUID, since: int) -> None:
    (found,) = Batch.objects.filter(first_number__gt=since, minted__gt=0)
    assert (found.id, found.minted, found.quantity) == (batch, QUANTITY, QUANTITY)
    with connection.cursor() as cursor:
        sql = "SELECT count(*) FROM journal_entry WHERE tag = 'batch:minted' AND subject_id = %s"
        cursor.execute(sql, (str(batch),))
        assert cursor.fetchone() == (1,)


def _sampled(points: Sequence[Any]) -> list[Any]:
    seed = int(os.environ.get("CHAVEIRO_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"CHAVEIRO_TEST_SEED={seed}")
    return random.Random(seed).sample(points, SAMPLE)


def _kill_file(environment: dict[str, str], place: Path, *step: str, under: tuple[str, ...] = ()) -> bool:
    """Kill a file mint at one point, look, run it again, look again. Whether anything was killed."""
    since = _newest()
    place.mkdir()
    connections.close_all()
    killed = _run(environment, "file", str(place / "keys.csv"), *step, under=under) == -9
    _sound_after_another_run(place, since)
    return killed


@pytest.mark.timeout(300)
def test_a_file_mint_killed_at_some_of_its_steps_goes_on(
    world: cast.World, environment: dict[str, str], tmp_path: Path
) -> None:
    for step in _sampled(range(1, FILE_STEPS)):
        assert _kill_file(environment, tmp_path / str(step), str(step))


@strace
@pytest.mark.timeout(300)
def test_a_file_mint_killed_at_some_of_its_system_calls_goes_on(
    world: cast.World, environment: dict[str, str], tmp_path: Path
) -> None:
    for call in _sampled(_calls(environment, tmp_path)):
        assert _kill_file(environment, tmp_path / call, under=_killed_by_call(call))


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_a_file_mint_killed_at_every_step_goes_on(
    world: cast.World, environment: dict[str, str], tmp_path: Path
) -> None:
    step = next(step for step in count(1) if not _kill_file(environment, tmp_path / str(step), str(step)))
    assert step > FILE_STEPS


@strace
@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_a_file_mint_killed_at_every_system_call_goes_on(
    world: cast.World, environment: dict[str, str], tmp_path: Path
) -> None:
    calls = _calls(environment, tmp_path)
    assert len(calls) > FILE_STEPS
    for call in calls:
        assert _kill_file(environment, tmp_path / call, under=_killed_by_call(call)), call


@pytest.mark.timeout(300)
def test_this_very_harness_sees_a_mint_that_commits_before_it_writes(
    world: cast.World, environment: dict[str, str], tmp_path: Path
) -> None:
    """The planted fault: somewhere among its steps a kill must leave committed keys without a text."""
    for number in range(25, FILE_STEPS):
        since, place = _newest(), tmp_path / str(number)
        place.mkdir()
        connections.close_all()
        _run(environment, "late", str(place / "keys.csv"), str(number))
        if _lost(place, since):
            return
    raise AssertionError("the planted fault was not seen")


def _kill_export(world: cast.World, environment: dict[str, str], step: int) -> bool:
    """Kill a mint in the background at one step, run it again, open what it exports. Whether anything was killed."""
    since, (batch, operation) = _newest(), _begun(world)
    connections.close_all()
    killed = _run(environment, "export", str(operation), str(step)) == -9
    run_mint(operation=operation, vault=wiring.vault(), locksmith=stock.LOCKSMITH, means=cast.means())
    into = io.BytesIO()
    download_export(actor=world.duarte, batch=batch, into=into, means=cast.means())
    with zipfile.ZipFile(into) as archive:
        parts = [pyrage.passphrase.decrypt(archive.read(name), PASSPHRASE) for name in sorted(archive.namelist())]
    assert stock.agree(CSV_HEADER + b"".join(part.removeprefix(CSV_HEADER) for part in parts), since) == QUANTITY
    _minted_once(batch, since)
    return killed


def _begun(world: cast.World) -> tuple[UUID, UUID]:
    with acting(world.duarte):
        order, lock = stock.order(quantity=QUANTITY), Lock(passphrase=PASSPHRASE)
        batch = plan_batch(actor=world.duarte, order=order, house=stock.HOUSE, means=cast.means())
        operation = begin_mint(
            actor=world.duarte,
            batch=batch,
            lock=lock,
            vault=wiring.vault(),
            locksmith=stock.LOCKSMITH,
            means=cast.means(),
        )
    return batch.id, operation


@pytest.mark.timeout(300)
def test_a_mint_in_the_background_killed_at_some_of_its_steps_goes_on(
    world: cast.World, environment: dict[str, str]
) -> None:
    for step in _sampled(range(1, EXPORT_STEPS)):
        assert _kill_export(world, environment, step)


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_a_mint_in_the_background_killed_at_every_step_goes_on(world: cast.World, environment: dict[str, str]) -> None:
    assert next(step for step in count(1) if not _kill_export(world, environment, step)) > EXPORT_STEPS
