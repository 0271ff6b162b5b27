"""One installation for the tests that only need some: made by its own first init, on the embedded server."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.shell import Installation, Made


@pytest.fixture(scope="session")
def made() -> Iterator[Made]:
    folder = Path(tempfile.mkdtemp(prefix="chv-"))
    installation = Installation(folder)
    try:
        ended = installation("init", "--json", "--operator-email", "duarte@vendor.example")
        left_running = installation.cluster.is_running()
        # Commands then join a server that runs, which is faster than starting one for each.
        installation.cluster.start()
        yield Made(installation, ended, left_running)
    finally:
        installation.cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def installation(made: Made) -> Installation:
    return made.installation
