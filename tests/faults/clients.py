"""Starting clients in processes of their own (`tests.faults.client`), all let go at the same moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaveiro.rules.actors import Actor
from tests.conftest import Server

ROOT = Path(__file__).parents[2]


class Client:
    """One child process; `go` lets it act. It never outlives the test."""

    def __init__(self, server: Server, database: str, order: dict[str, Any]) -> None:
        environment = os.environ | server.environment(database, "web")
        environment |= {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        environment["DJANGO_SETTINGS_MODULE"] = "chaveiro.config.settings"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        self._say(json.dumps(order))

    def wait_until_ready(self) -> None:
        """Wait until it has its connection; raises with its own words when it could not."""
        if self.hear() != "ready":
            raise RuntimeError(self.process.stderr.read() if self.process.stderr else "")

    def go(self) -> None:
        """Let it act."""
        self._say("go")

    def hear(self) -> str:
        """One line of what it says; empty once it is gone."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def answers(self, *, until_killed: bool = False) -> Iterator[Any]:
        """What it says, line by line, until it is done; raises with its own words if it went away before."""
        while (line := self.hear()) != "done":
            if line:
                yield json.loads(line)
            elif until_killed:
                return
            else:
                raise RuntimeError(self.process.stderr.read() if self.process.stderr else "")

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def close(self) -> int:
        """Let it end by itself, or end it; answers its exit code. What it never said is dropped."""
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.communicate()
        return self.process.returncode

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def written_down(ana: Actor) -> dict[str, Any]:
    """An actor of the channel as JSON, for a client's order."""
    return {"account": str(ana.account), "organisation": str(ana.organisation), "roles": sorted(ana.roles)}


@contextmanager
def clients(server: Server, database: str, orders: Sequence[dict[str, Any]]) -> Iterator[list[Client]]:
    """Clients that are ready, one for each order; ended when the test leaves."""
    started = [Client(server, database, order) for order in orders]
    try:
        for client in started:
            client.wait_until_ready()
        yield started
    finally:
        for client in started:
            client.close()
