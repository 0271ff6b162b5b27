"""The world behind the door, on a fixed day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chaveiro import wiring
from tests.api.door import Caller
from tests.cast import DAY, World, build_world, make_keys, means, open_customer, token_for


@dataclass(slots=True)
class Calendar:
    """The platform's day, as the door meets it."""

    day: date = DAY


@pytest.fixture(autouse=True)
def statics(settings: Any, tmp_path: Path) -> None:
    """A folder for static files, which the first request looks for."""
    settings.STATIC_ROOT = tmp_path


@pytest.fixture(autouse=True)
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """Every call happens at noon of this day, until a test turns the leaf."""
    leaf = Calendar()
    monkeypatch.setattr(wiring, "means", lambda: means(leaf.day))
    return leaf


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def ana(world: World) -> Caller:
    return Caller(token_for(world.ana))


@pytest.fixture
def duarte(world: World) -> Caller:
    return Caller(token_for(world.duarte))


@pytest.fixture
def carla(world: World) -> Caller:
    """The stranger: administrator of a customer that another partner opened."""
    stranger, _ = open_customer(world, make_keys(world), prefix="oficinacarla")
    return Caller(token_for(stranger))
