"""A worker in a process of its own that is killed at a named point: `python -m tests.faults.worker_process POINT WIRE`.

WIRE is a file that stands for the world outside: a line for each letter that left, written before anything else can
happen. SIGTERM ends the process in order.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django

django.setup()

from chaveiro import wiring  # noqa: E402 - Django first
from chaveiro.adapters.jobs import ProcrastinateJobs  # noqa: E402
from chaveiro.apps.identity.actions import links  # noqa: E402
from chaveiro.console import effects, worker  # noqa: E402
from chaveiro.console.letters import Desk  # noqa: E402
from chaveiro.rules.outbox import Message  # noqa: E402

POINTS = ("never", "after_defer", "in_first_transaction", "before_post", "after_post", "after_mark")


class Death:
    """Kills this process when its point is reached: no clean-up, no last word."""

    def __init__(self, point: str) -> None:
        assert point in POINTS
        self._point = point

    def at(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


class DyingJobs(ProcrastinateJobs):
    """Dies between the jobs' rows and the mark that they were handed over."""

    def __init__(self, death: Death) -> None:
        super().__init__()
        self._death = death

    def defer(self, owed: Sequence[tuple[int, str]]) -> None:
        super().defer(owed)
        self._death.at("after_defer")


class Wire:
    """The world outside: what left is written down at once, and cannot be taken back."""

    server, final = "the wire", False

    def __init__(self, file: Path, death: Death) -> None:
        self._file = file
        self._death = death

    def post(self, message: Message) -> str:
        self._death.at("before_post")
        line = f"{message.letter} {message.text.partition('/ownership/')[2][:32]}\n"
        with self._file.open("ab", buffering=0) as wire:
            wire.write(line.encode())
        self._death.at("after_post")
        return "accepted by the wire"


def main() -> None:
    death = Death(sys.argv[1])
    make, deliver = links.make, effects.deliver

    def making(**arguments: Any) -> links.MadeLink:
        made = make(**arguments)
        death.at("in_first_transaction")
        return made

    def delivering(*arguments: Any) -> None:
        deliver(*arguments)
        death.at("after_mark")

    links.make, effects.deliver = making, delivering
    desk = Desk(
        office=Wire(Path(sys.argv[2]), death),
        means=wiring.means,
        base_url="https://chaveiro.example",
        vendor="Tagus Software",
        secret=b"thirty-two bytes, only for tests",
    )
    real = worker.Worker(
        desk, DyingJobs(death), wiring.keyring(), Path(sys.argv[2] + ".checkpoints"), heartbeat=0.2, stalled_after=1.0
    )
    worker.of_installation = lambda: real
    worker.run_until_told()


if __name__ == "__main__":
    main()
