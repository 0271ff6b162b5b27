"""Every page that somebody can reach, looked at in a real Chromium: no barrier, no broken policy, nothing too heavy.

Who looks in which language is sampled by a printed seed; `script/prove` looks as everybody in both.
"""

from __future__ import annotations

import gzip
import itertools
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, sync_playwright

import chaveiro
from chaveiro import wiring
from chaveiro.rules.tokens import Purpose
from tests.cast import build_world, make_keys, open_customer
from tests.conftest import Server
from tests.web.browser import chromium, serving
from tests.web.crawl import Answer, crawl
from tests.web.looking import WIDE, Looking
from tests.web.walk import path_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PEOPLE = ("stranger", "customer", "partner", "operator")
LANGUAGES = ("pt-PT", "en")
SEED = int(os.environ["CHAVEIRO_SEED"])
ALL = list(itertools.product(PEOPLE, LANGUAGES))
# Each person in one of the languages, both languages in every run.
SAMPLED = [(who, LANGUAGES[(SEED + place) % 2]) for place, who in enumerate(PEOPLE)]

STATIC = Path(chaveiro.__file__).parent / "web" / "static"
CSS_AT_MOST, SCRIPT_AT_MOST, SCRIPT_INSIDE_AT_MOST = 12 * 1024, 8 * 1024, 25 * 1024
REQUESTS_AT_MOST = 8


def starts(who: str) -> tuple[str, list[str]]:
    """Where somebody begins, the start or their own one-time link; and keys of which no page may show one whole."""
    world = build_world()
    day = wiring.means().day
    redeemed, of_another, for_sale = make_keys(world, 2), make_keys(world, 1, "office-plus"), make_keys(world, 3)
    keys = [*redeemed, *of_another, *for_sale]
    bruno, _outcome = open_customer(world, redeemed, day=day)
    open_customer(world, of_another, "oficinadomar", day=day)
    actor = {"operator": world.duarte, "partner": world.ana, "customer": bruno}.get(who)
    if actor is None:
        return "/", keys
    assert actor.account is not None
    return path_for(actor.account, Purpose.SIGN_IN), keys


def shows_a_key(page: Page, keys: list[str]) -> bool:
    """Whether a whole key stands in the address, the title or anything else of a page, however it is grouped."""
    there = re.sub(r"[\s-]", "", f"{page.url} {page.content()}").upper()
    return any(key.replace("-", "") in there for key in keys)


def enter(page: Page, address: str, start: str) -> str:
    """Go in, and answer the path at which one stands."""
    page.goto(f"{address}{start}")
    if start != "/":
        page.locator("main button").first.click()
        page.wait_for_load_state()
    return page.url.removeprefix(address)


def zipped(url: str) -> int:
    """The bytes of one of our static files as it travels."""
    return len(gzip.compress((STATIC / url.partition("/static/")[2]).read_bytes(), 9))


def weigh(who: str, page: Page, found: list[str]) -> Any:
    """Listens to what a page loads; `found` is told of what is heavier than it may be."""
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))  # the driver marks what it is given

    def check(address: str) -> None:
        sizes = {"stylesheet": 0, "script": 0}
        for response in loaded:
            kind = response.request.resource_type
            if kind in sizes and response.ok:
                sizes[kind] += zipped(response.url)
        script = SCRIPT_AT_MOST if who == "stranger" else SCRIPT_INSIDE_AT_MOST
        if sizes["stylesheet"] > CSS_AT_MOST or sizes["script"] > script or len(loaded) > REQUESTS_AT_MOST:
            found.append(f"{address} is heavy: {sizes}, {len(loaded)} requests")
        loaded.clear()

    return check


@pytest.mark.parametrize(("who", "language"), SAMPLED, ids=lambda value: str(value))
def test_a_page_has_no_barrier(server: Server, real_database: str, tmp_path: Path, who: str, language: str) -> None:
    print(f"CHAVEIRO_SEED={SEED}")
    look_at_all(server, real_database, tmp_path, who, language)


@pytest.mark.prove
@pytest.mark.parametrize(("who", "language"), ALL, ids=lambda value: str(value))
def test_no_page_has_a_barrier_for_anybody(
    server: Server, real_database: str, tmp_path: Path, who: str, language: str
) -> None:
    look_at_all(server, real_database, tmp_path, who, language)


def look_at_all(server: Server, database: str, folder: Path, who: str, language: str) -> None:
    """Look at one sample of each page that this person can reach."""
    start, keys = starts(who)
    with serving(server, database, folder) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(locale=language, viewport=WIDE, reduced_motion="reduce").new_page()
        page.set_default_timeout(15_000)
        here = enter(page, address, start)
        looking = Looking(page, language)
        weighed = weigh(who, page, looking.found)

        weighed("")

        def ask(path: str) -> Answer:
            if path.partition("?")[0].endswith((".json", ".jws", ".pdf", ".ics", ".csv", ".svg")) or "/export" in path:
                return Answer(200)
            response = page.goto(f"{address}{path}")
            assert response is not None
            weighed(path)
            if shows_a_key(page, keys):
                looking.found.append(f"{path} shows a whole key")
            if response.status < 400:
                looking(f"{who}{path.partition('?')[0].replace('/', '-')}"[:80], keyboard=True)
            return Answer(response.status, "", page.content())

        found = crawl(ask, [here], samples=1)
        browser.close()
    assert not looking.found, "\n".join(looking.found)
    assert not found.dead, "\n".join(found.dead)
    assert len(looking.seen) > 5


def test_a_whole_key_on_a_page_is_seen() -> None:
    class Planted:
        url = "http://localhost/"

        def content(self) -> str:
            return "<td>12345-abcde-67890-fghjk-12345</td>"

    key = "12345-ABCDE-67890-FGHJK-12345"
    assert shows_a_key(Planted(), [key])  # type: ignore[arg-type]
    assert not shows_a_key(Planted(), [key.replace("A", "B")])  # type: ignore[arg-type]
