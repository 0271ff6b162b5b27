"""The figures that long runs leave behind: one JSON file each in docs/proof.d, with seed and commit beside them.

A run's seed is random, printed, and may be given: CHAVEIRO_TEST_SEED=… repeats what failed.
"""

from __future__ import annotations

import os
import random
from typing import Any

from benches.proof import keep


def seed() -> int:
    """The seed of this run, printed so that a failure shows it."""
    chosen = int(os.environ.get("CHAVEIRO_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"CHAVEIRO_TEST_SEED={chosen}")
    return chosen


def record(name: str, said: str, *, used_seed: int | None = None, **figures: Any) -> None:
    """Write down what a long run found. `said` is the sentence that the figures prove."""
    keep(name, figures, said, used_seed)
