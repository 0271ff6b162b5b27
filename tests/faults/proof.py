"""The figures that long runs leave behind: one JSON file each in docs/proof.d, with seed and commit beside them.

A run's seed is random, printed, and may be given: CHAVEIRO_TEST_SEED=… repeats what failed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "proof.d"


def seed() -> int:
    """The seed of this run, printed so that a failure shows it."""
    chosen = int(os.environ.get("CHAVEIRO_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CHAVEIRO_TEST_SEED={chosen}")
    return chosen


def record(name: str, said: str, *, used_seed: int | None = None, **figures: Any) -> None:
    """Write down what a long run found. `said` is the sentence that the figures prove."""
    told = {"said": said, "commit": _commit(), "seed": used_seed, "figures": figures}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _commit() -> str:
    """The commit that ran, marked where the tree had changes of its own."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"
