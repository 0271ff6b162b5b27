"""The ground that benches stand on: a durable server of their own, the schema, and processes that act on it."""

from __future__ import annotations

import base64
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from chaveiro.adapters.database_roles import role_name, role_password
from chaveiro.adapters.embedded_binaries import find
from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.adapters.provision import provision
from chaveiro.adapters.signing import new_private_key

SECRET = "only for benches: nothing outside them is signed with this"
DATABASE = "bench"


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server with full durability, and how to reach it."""

    cluster: Cluster
    socket_folder: str
    port: int

    def dsn(self, role: str) -> str:
        """A connection string for one of the login roles, or the superuser."""
        if role == "postgres":
            return self.cluster.dsn("postgres", DATABASE)
        user = role_name("chaveiro", role)
        password = role_password(SECRET, "chaveiro", role)
        return f"host={self.socket_folder} port={self.port} dbname={DATABASE} user={user} password='{password}'"

    def pgbench(self, script: str, clients: int, seconds: int, role: str = "system") -> float:
        """Transactions a second of a pgbench script, prepared, connections not counted."""
        facts = conninfo_to_dict(self.dsn(role))
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            done = subprocess.run(
                [
                    find(None).program("pgbench"),
                    "--no-vacuum",
                    "--protocol=prepared",
                    f"--client={clients}",
                    f"--jobs={min(clients, 2)}",
                    f"--time={seconds}",
                    f"--file={file.name}",
                    str(facts["dbname"]),
                ],
                env={
                    **os.environ,
                    "PGHOST": str(facts["host"]),
                    "PGPORT": str(facts["port"]),
                    "PGUSER": str(facts["user"]),
                    "PGPASSWORD": str(facts["password"]),
                },
                capture_output=True,
                text=True,
            )
        if done.returncode:
            raise RuntimeError(f"pgbench: {done.stderr[-600:]}")
        line = next(line for line in done.stdout.splitlines() if line.startswith("tps = "))
        return float(line.split()[2])


@contextmanager
def ground() -> Iterator[Ground]:
    """A server of the bench's own in a fresh folder, provisioned and migrated; Django speaks to it as `system`."""
    folder = Path(tempfile.mkdtemp(prefix="chaveiro-bench-"))
    cluster = Cluster(folder / "postgres")
    running = cluster.start()
    try:
        provision(cluster.dsn("postgres", "postgres"), database=DATABASE, roles="chaveiro", secret=SECRET)
        _environment(folder, running.socket_folder, running.port)
        _migrate()
        yield Ground(cluster, running.socket_folder, running.port)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, socket_folder: str, port: int) -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="chaveiro.config.settings",
        CHAVEIRO_DATA=str(folder),
        CHAVEIRO_SECRET_KEY=SECRET,
        CHAVEIRO_DATABASE_URL=f"postgresql:///{DATABASE}?host={socket_folder}&port={port}",
        CHAVEIRO_VAULT_KEYS="1:" + base64.b64encode(bytes(range(32))).decode(),
        CHAVEIRO_KEY_PEPPERS="1:" + base64.b64encode(b"a pepper that only benches ever use").decode(),
        CHAVEIRO_SIGNING_KEYS=new_private_key(b"only for benches, never elsewhere"[:32]),
        CHAVEIRO_PROCESS="system",
    )


def _migrate() -> None:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    facts = connections["default"].settings_dict
    system = (facts["USER"], facts["PASSWORD"])
    facts.update(USER=role_name("chaveiro", "owner"), PASSWORD=role_password(SECRET, "chaveiro", "owner"))
    call_command("migrate", verbosity=0)
    connections["default"].close()
    facts.update(USER=system[0], PASSWORD=system[1])


def rate(act: Callable[[Any], None], shares: Sequence[Sequence[Any]]) -> tuple[float, float]:
    """How many acts a second processes do, one process a share, all begun at once; and the median act in seconds."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(shares) + 1, timeout=60)
    answers = context.Queue()
    workers = [context.Process(target=_work, args=(act, share, barrier, answers)) for share in shares]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    times = sorted(lap for _ in workers for lap in answers.get(timeout=300))
    took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return len(times) / took, times[len(times) // 2]


def _work(act: Callable[[Any], None], share: Sequence[Any], barrier: Any, answers: Any) -> None:
    act(share[0])  # the connection and the prepared statements are there before the clock runs
    barrier.wait()
    laps = []
    for one in share[1:]:
        began = time.perf_counter()
        act(one)
        laps.append(time.perf_counter() - began)
    answers.put(laps)
