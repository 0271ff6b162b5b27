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
