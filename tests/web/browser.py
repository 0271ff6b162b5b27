"""A real server on a loopback port and a real Chromium before it, for tests that look at pages as people do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import pytest
from django.db import connection, connections
from playwright.sync_api import Browser, Playwright

from tests.conftest import Server

Answer = TypeVar("Answer")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS_TO_START = 60


def aside(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """Call something that asks the database while a browser is open: beside its event loop, in a thread of its own."""

    def call() -> Answer:
        connection.ensure_connection()
        try:
            return function(*arguments)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(call).result()


def chromium(playwright: Playwright) -> Browser:
    """Debian's Chromium; without one the test is skipped, and says so."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@contextmanager
def serving(server: Server, database: str, data: Path, host: str = "127.0.0.1") -> Iterator[str]:
    """The web server as production starts it, signed in to the database as `web`. Its address.

    Passkeys belong to a name: for them `host` is `localhost`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://{host}:{port}"
    environment = {
        **os.environ,
        **server.environment(database, "web"),
        "PYTHONPATH": "src",
        "CHAVEIRO_BASE_URL": address,
        "CHAVEIRO_DATA": str(data),
        "CHAVEIRO_DEMO": "1",
        "CHAVEIRO_VENDOR_NAME": "Tagus Software",
    }
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "2", "--no-ws", "chaveiro.config.wsgi:application"]
    log = (data / "server.log").open("wb")
    process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
    try:
        _wait(address, process, data)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait(address: str, process: subprocess.Popen[bytes], data: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/livez", timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {(data / 'server.log').read_text(errors='replace')[-3000:]}")
