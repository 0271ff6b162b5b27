"""`chaveiro doctor`: what this installation needs, looked at from the ground up, each fault with its cure."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click

from chaveiro.console import output, secrets, startup
from chaveiro.console.output import Exit
from chaveiro.rules.errors import Refusal

OLDEST_PYTHON = (3, 11)
ROOM_WANTED_BYTES = 1_000_000_000
MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@click.command()
@output.json_option
def doctor(as_json: bool) -> Exit:
    """Look at machine, folder, secrets, settings and database; exit 1 if anything keeps it from serving."""
    findings = list(examine())
    healthy = all(finding["level"] != "fail" for finding in findings)
    if as_json:
        output.write_json({"healthy": healthy, "findings": findings})
    else:
        for finding in findings:
            output.write(f"{MARKS[finding['level']]} {finding['name']}: {finding['said']}")
            if finding["cure"]:
                output.write(f"    cure: {finding['cure']}")
    return Exit.DONE if healthy else Exit.FAILED


def examine() -> Iterator[dict[str, str]]:
    """What was found, from the ground up; what stands on something broken is not looked at."""
    try:
        yield from _of_machine()
        missing = secrets.missing(startup.data_folder(), os.environ)
        if missing or (startup.is_embedded() and not startup.database_exists()):
            absent = ", ".join(missing) or "the database"
            yield _finding("installation", "fail", f"not made yet: {absent}", "run `chaveiro init`")
            return
        yield _finding("installation", "ok", "its secrets are there")
        startup.prepare("web")
        readiness: Any = import_module("chaveiro.console.readiness")
        yield from (finding.to_dict() for finding in readiness.of_settings())
        startup.enter("web")
        yield from (finding.to_dict() for finding in readiness.of_database())
    except Refusal as refusal:
        cure = str(refusal.facts.get("cure", "")) or "see docs/operate.md"
        yield _finding(refusal.code, "fail", refusal.message(), cure)


def _of_machine() -> Iterator[dict[str, str]]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] >= OLDEST_PYTHON
    yield _finding("python", "ok" if good else "fail", version, "" if good else "use Python 3.11 or newer")
    folder = startup.data_folder()
    there = folder if folder.exists() else folder.parent
    writable = os.access(there, os.W_OK)
    yield _finding(
        "data folder", "ok" if writable else "fail", str(folder), "" if writable else "let this user write there"
    )
    if writable:
        free = shutil.disk_usage(there).free
        roomy = free >= ROOM_WANTED_BYTES
        said = f"{free / 1e9:.1f} GB free"
        yield _finding("disk", "ok" if roomy else "warn", said, "" if roomy else "make room before it is full")


def _finding(name: str, level: str, said: str, cure: str = "") -> dict[str, str]:
    return {"name": name, "level": level, "said": said, "cure": cure}
