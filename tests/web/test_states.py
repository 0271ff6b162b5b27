"""No state of the pages has a barrier, also those that no link leads to: looked at with axe, narrow, by targets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.web import states, states_inside
from tests.web.browser import chromium
from tests.web.looking import WIDE, Looking
from tests.web.standing import Standing, demo
from tests.web.states import Scene, keys_for

pytestmark = [pytest.mark.browser, pytest.mark.prove, pytest.mark.timeout(1200)]

LOOKS: dict[str, object] = {"viewport": WIDE, "reduced_motion": "reduce"}
# What goes wrong for a stranger is looked at in both languages, what stands behind a sign-in in one.
WALKS: list[tuple[Callable[[Scene], None], str]] = [
    (states.strangers, "pt-PT"),
    (states.strangers, "en"),
    (states.doors, "pt-PT"),
    (states.doors, "en"),
    (states.faults, "en"),
    (states_inside.customers, "pt-PT"),
    (states_inside.partners, "en"),
    (states_inside.distributors, "pt-PT"),
    (states_inside.operators, "pt-PT"),
    (states.too_often, "pt-PT"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Standing, Path]]:
    data = Path(tempfile.mkdtemp(prefix="chv-"))
    try:
        with demo(data) as standing:
            yield standing, data
    finally:
        shutil.rmtree(data, ignore_errors=True)


@pytest.mark.parametrize(("walk", "language"), WALKS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_no_state_has_a_barrier(running: tuple[Standing, Path], walk: Callable[[Scene], None], language: str) -> None:
    standing, data = running
    lookers: dict[Page, Looking] = {}

    def look(page: Page, name: str) -> None:
        if page not in lookers:
            lookers[page] = Looking(page, language)
        lookers[page](name)

    with sync_playwright() as playwright:
        browser = chromium(playwright)
        walk(Scene(standing, browser, language, look, keys_for(standing, data), LOOKS))
        browser.close()
    found = [each for looking in lookers.values() for each in looking.found]
    assert not found, "\n".join(found)
    assert lookers
