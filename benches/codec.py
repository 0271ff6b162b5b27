"""The codec on one core: keys written, rows of their file, digests; a rate each, and the floor of the random source."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from chaveiro.rules import keys

COUNT = 200_000


def run() -> dict[str, Any]:
    """Keys a second for each step, the best of three; `whole` is all of them together."""
    texts = keys.mint(COUNT, os.urandom)
    digester = keys.Digester(keys.Pepper(1, b"a pepper that only benches ever use"))
    steps: dict[str, Callable[[], object]] = {
        "random_source": lambda: os.urandom(COUNT * keys.ENTROPY_BYTES),
        "written": lambda: keys.mint(COUNT, os.urandom),
        "rows_of_the_file": lambda: keys.csv_rows(10_000_000_000, texts),
        "digests": lambda: digester.digests(texts),
        "whole": lambda: _whole(digester),
    }
    return {name: round(COUNT / min(_seconds(step) for _ in range(3))) for name, step in steps.items()}


def _whole(digester: keys.Digester) -> None:
    texts = keys.mint(COUNT, os.urandom)
    keys.csv_rows(10_000_000_000, texts)
    digester.digests(texts)


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began
