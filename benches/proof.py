"""Figures that were honestly obtained, kept where people can read them.

`docs/proof.d/NAME.json` holds what one run found, with commit and day; `docs/proof.md` is folded from all of them.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "proof.d"
PAGE = ROOT / "docs" / "proof.md"

HEAD = """# Proof

Figures that the project's own runs wrote: `script/bench` (ratios against a floor measured in the same run) and
`script/prove` (faults, races, laws; the seed stands beside each). Absolute rates are the machine's; trust
ratios. Folded from `docs/proof.d`; do not edit by hand.
"""


def keep(name: str, figures: Mapping[str, Any], said: str = "", seed: int | None = None) -> None:
    """Write what a run found; an earlier run of the same name is replaced. `said` is what the figures show."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    told = {
        "said": said,
        "commit": _commit(),
        "day": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "seed": seed,
        "figures": figures,
    }
    text = json.dumps(told, indent=1, ensure_ascii=False, default=str)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def fold() -> None:
    """Write docs/proof.md from everything in docs/proof.d."""
    parts = [HEAD]
    for file in sorted(FOLDER.glob("*.json")):
        parts += _section(file.stem, json.loads(file.read_text(encoding="utf-8")))
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _section(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {name}\n"
    if told.get("said"):
        yield f"{told['said']}\n"
    known = [f"{what} {told[what]}" for what in ("commit", "day", "seed") if told.get(what) is not None]
    yield ", ".join([*known, *([told["machine"]] if told.get("machine") else [])]) + ".\n"
    yield "| figure | value |\n|---|---|"
    yield from (f"| {figure} | {value} |" for figure, value in _flat(told["figures"]))
    yield ""


def _flat(figures: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(figures, Mapping):
        for name, value in figures.items():
            yield from _flat(value, f"{prefix} · {name}" if prefix else str(name))
    elif isinstance(figures, list):
        yield prefix, ", ".join(str(value) for value in figures)
    else:
        yield prefix, figures


def _commit() -> str:
    """What was measured. Figures that another bench has just written do not make the code another."""
    commit = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    return f"{commit}-dirty" if _git("status", "--porcelain", "--", ".", ":!docs/proof*") else commit


def _git(*asked: str) -> str:
    done = subprocess.run(["git", *asked], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
