"""How long until somebody sees a page: the largest contentful paint in a real Chromium, on loopback, of the main pages.

The server is the production one, on the same large channel as the server side of `pages`; the browser starts with an
empty cache for each person, and every page is opened several times.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROUNDS = 5
AT_MOST_MS = 600
MAIN: Mapping[str, tuple[str, ...]] = {
    "stranger": ("/", "/redeem", "/sign-in", "/help"),
    "customer": ("/home", "/receipts", "/history"),
    "partner": ("/home", "/customers", "/receipts"),
    "operator": ("/home", "/desk/redemptions", "/desk/batches", "/desk/customers"),
}
PAINT = """() => new Promise((tell) => new PerformanceObserver((list) => tell(list.getEntries().at(-1).startTime))
  .observe({type: 'largest-contentful-paint', buffered: true}))"""


class Served:
    """What a process of the project needs to use the bench's server; the rest stands in the environment already."""

    def environment(self, _database: str, process: str) -> dict[str, str]:
        return {"CHAVEIRO_PROCESS": process}


def run(links: Mapping[str, str]) -> dict[str, Any]:
    """The median and the slowest paint of each page in milliseconds. `links` sign in whoever is to look."""
    from playwright.sync_api import sync_playwright
    from tests.web.browser import chromium, serving

    paints: dict[str, list[float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Served(), "", Path(folder)) as address,  # type: ignore[arg-type]
        sync_playwright() as playwright,
    ):
        browser = chromium(playwright)
        for who, paths in MAIN.items():
            page = browser.new_context(locale="pt-PT", viewport={"width": 1280, "height": 900}).new_page()
            at = _enter(page, address, links[who])
            for path in paths:
                paints[f"{who} {path}"] = [_painted(page, f"{address}{at}{path}") for _ in range(ROUNDS)]
        browser.close()
    middle = {name: statistics.median(laps) for name, laps in paints.items()}
    return {
        "slowest page, median paint ms": round(max(middle.values())),
        "slowest paint of all ms": round(max(max(laps) for laps in paints.values())),
        f"pages over {AT_MOST_MS} ms": [name for name, lap in middle.items() if lap > AT_MOST_MS],
        "median paint ms": {name: round(lap) for name, lap in middle.items()},
    }


def _enter(page: Any, address: str, link: str) -> str:
    if not link:
        return ""
    page.goto(address + link)
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    return "/".join(page.url.removeprefix(address).split("/")[:3])


def _painted(page: Any, address: str) -> float:
    page.goto(address, wait_until="load")
    return float(page.evaluate(PAINT))
