"""The command line as other people see it: a process with arguments, stdin, stdout, stderr and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from chaveiro.adapters.embedded_postgres import Cluster

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The data of a command that prints one JSON value."""
        return json.loads(self.out)

    def refusal(self) -> dict[str, Any]:
        """The refusal of a command that was called with --json."""
        return json.loads(self.err.strip().splitlines()[-1])


def environment(**settings: str) -> dict[str, str]:
    """A process's environment without any setting but these (names without the prefix)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAVEIRO_")}
    # Where output is not buffered anyway, a command that forgets to flush would not be noticed.
    clean.pop("PYTHONUNBUFFERED", None)
    given = {f"CHAVEIRO_{name}": value for name, value in settings.items()}
    return clean | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"} | given


def chaveiro(
    *arguments: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None, seconds: int = 60
) -> Ended:
    """Run one command to its end."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "chaveiro.console.main", *arguments],
        input=given,
        capture_output=True,
        env=dict(environment() if env is None else env),
        timeout=seconds,
        check=False,
        cwd="/",
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class Installation:
    """A data folder and the commands run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster(folder / "postgres")

    def __call__(self, *arguments: str, **settings: str) -> Ended:
        return chaveiro(*arguments, env=self.environment(**settings))

    def environment(self, **settings: str) -> dict[str, str]:
        return environment(DATA=str(self.folder), EMAIL_URL=f"folder:{self.folder}/mail", **settings)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """What the superuser sees; the server is started for it and left again."""
        server = Cluster(self.folder / "postgres")
        server.start()
        try:
            with psycopg.connect(server.dsn(database="chaveiro"), autocommit=True) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            server.leave()


@dataclass(frozen=True, slots=True)
class Made:
    """An installation, how its first init ended, and whether that left the server running."""

    installation: Installation
    ended: Ended
    left_running: bool
