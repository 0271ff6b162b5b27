"""What tests of the pages share: compiled catalogues, a small world, a browser in each language."""

from __future__ import annotations

import pytest
from django.test import Client

from chaveiro.console.catalogues import compile_stale
from tests.cast import World, build_world


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    compile_stale()


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def pt() -> Client:
    """A browser that asks for Portuguese."""
    return Client(headers={"Accept-Language": "pt-PT,pt;q=0.9,en;q=0.5"})


@pytest.fixture
def en() -> Client:
    """A browser that asks for English."""
    return Client(headers={"Accept-Language": "en-GB,en;q=0.9"})
