"""What the tests of the command line share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaveiro.apps.identity.models import Account
from chaveiro.rules.actors import Actor
from tests.cast import World, build_world
from tests.console.desk import Desk
from tests.console.shell import Installation, Made


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(monkeypatch, capsys)


@pytest.fixture
def world(db: None) -> World:
    return build_world()


def login_of(actor: Actor) -> str:
    """The name that somebody signs in with."""
    return Account.objects.get(id=actor.account).login_name


@pytest.fixture(scope="session")
def made() -> Iterator[Made]:
    """An installation of these tests' own, made by its first init on the embedded server."""
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
