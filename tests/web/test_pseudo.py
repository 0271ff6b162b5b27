"""Every page in a language that nobody speaks, half as long again: nothing is cut, nothing was left untranslated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.conftest import Server
from tests.web.browser import chromium, serving
from tests.web.crawl import Answer, crawl, route_of
from tests.web.looking import NARROW, WIDE
from tests.web.pseudo import build, pseudo
from tests.web.test_every_page import PEOPLE, SEED, enter, starts

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# What shows more than it has room for. A field scrolls by nature, and a table has a region of its own to scroll in.
CUT = """() => [...document.querySelectorAll('button, .button, th, h1, h2, h3, dt, label, legend, summary, .status'
  + ', .chips, .card-head, nav a')].filter((each) => each.clientWidth && !each.closest('.aside, .skip')
    && each.scrollWidth > each.clientWidth + 1)
  .map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 60)}`)"""

# The texts of a page without what is data: marked as code, as another language, or as an example of somebody's words.
TEXTS = """() => { const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const found = [];
  while (walk.nextNode()) { const each = walk.currentNode.parentElement;
    if (!each.closest('script, style, pre, iframe, select, .code, .reference, .articles, [translate=no]'
        + ', [lang]:not(html)'))
      found.push(walk.currentNode.data.trim()); }
  return found.filter((text) => text); }"""
ENGLISH = re.compile(
    r"\b(?:the|and|for|your|you|with|this|that|keys?|redeem\w*|select|until|page|help|sign|none|yes|no)\b",
    re.IGNORECASE,
)
# Written in the documents, in both languages, and not in the catalogues.
FILES = (".json", ".jws", ".pdf", ".ics", ".csv", ".svg")
DOCUMENTS = re.compile(r"^(?:help/<slug:slug>|accessibility|privacy)$")


def look(page: Page, route: str, found: list[str]) -> None:
    """Look at the page that is open, wide and narrow."""
    if not DOCUMENTS.match(route):
        left = [text for text in page.evaluate(TEXTS) if ENGLISH.search(text) and "[" not in text and "~" not in text]
        found += [f"{route} was left untranslated: {text[:80]}" for text in left]
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        found += [f"{route} cuts at {size['width']}: {each}" for each in page.evaluate(CUT)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > size["width"]:
            found.append(f"{route} is {wide} wide at {size['width']}")
    page.set_viewport_size(WIDE)


# One of them in each run, by the seed that the other looks at pages print; all of them in script/prove.
SAMPLED = PEOPLE[SEED % len(PEOPLE)]
OTHERS = [pytest.param(who, marks=pytest.mark.prove) for who in PEOPLE if who != SAMPLED]


@pytest.mark.parametrize("who", [SAMPLED, *OTHERS])
def test_no_page_cuts_a_text_that_is_longer_and_none_has_a_text_of_its_own(
    server: Server, real_database: str, tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSEUDO_LOCALE", str(build(tmp_path / "locale")))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.web.pseudo_settings")
    start, _keys = starts(who)
    found: list[str] = []
    with serving(server, real_database, tmp_path) as address, sync_playwright() as playwright:
        page = chromium(playwright).new_context(locale="en", viewport=WIDE, reduced_motion="reduce").new_page()
        page.set_default_timeout(10_000)
        begin = enter(page, address, start)

        def ask(path: str) -> Answer:
            if path.partition("?")[0].endswith(FILES):
                return Answer(200)
            response = page.goto(f"{address}{path}")
            assert response is not None
            if response.status < 400:
                look(page, str(route_of(path)), found)
            return Answer(response.status, "", page.content())

        pages = crawl(ask, [begin], samples=1).pages
    assert len(pages) > 5
    assert not found, "\n".join(dict.fromkeys(found))


def test_a_text_that_is_cut_or_untranslated_would_be_seen() -> None:
    with sync_playwright() as playwright:
        page = chromium(playwright).new_page()
        page.set_content(
            '<h1>[Ťíťľé ~~]</h1><p>Select your key</p><button style="width:40px;overflow:hidden;white-space:nowrap">'
            "[A long name ~~~~~~]</button>"
        )
        found: list[str] = []
        look(page, "planted", found)
    assert any("untranslated: Select your key" in each for each in found)
    assert any("cuts at 320: BUTTON" in each for each in found)


@pytest.mark.parametrize("text", ["Redeem %(shown)s keys", 'Read <a href="/x">its mail</a> &amp; go', "%(share)s %%"])
def test_what_is_put_in_stays(text: str) -> None:
    told = pseudo(text)
    kept: Any = re.findall(r"%\(\w+\)s|%%|<[^>]+>|&\w+;", text)
    assert re.findall(r"%\(\w+\)s|%%|<[^>]+>|&\w+;", told) == kept
    assert len(told) >= len(text) * 1.4
