"""`serve` and `worker` as processes: they start where everything is right, answer, and end when they are told."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.console.shell import Installation


@contextmanager
def running(installation: Installation, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that stays, ended with its workers however the test ends."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "chaveiro.console.main", *arguments],
            env=installation.environment() | {"PYTHONWARNINGS": "default"},
            stdout=subprocess.PIPE,
            stderr=said,
        )
        try:
            yield process
        except BaseException:
            said.seek(0)
            print(said.read().decode(errors="replace"))
            raise
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def answer(port: int, path: str, seconds: float = 30) -> int:
    """The status of an answer, once somebody answers."""
    deadline = time.monotonic() + seconds
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": "localhost"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.1)


def test_serve_answers_until_it_is_told_to_stop(installation: Installation) -> None:
    port = free_port()
    with running(installation, "serve", "--port", str(port), "--json") as process:
        assert answer(port, "/livez") == 200
        assert answer(port, "/readyz") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
    assert told == {"address": "127.0.0.1", "port": port, "workers": 2, "threads": 4}


def test_a_worker_works_until_it_is_told_to_stop(installation: Installation) -> None:
    unsealed = (
        "SELECT count(*) FROM journal_entry e WHERE NOT EXISTS (SELECT FROM journal_seal s WHERE s.entry_id = e.id)"
    )
    assert installation("init").code == 0
    assert installation.sql(unsealed) != [(0,)]
    with running(installation, "worker", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"working": True}
        deadline = time.monotonic() + 20
        while installation.sql(unsealed) != [(0,)]:
            assert time.monotonic() < deadline, "nothing is sealed"
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
