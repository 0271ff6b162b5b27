"""`script/shots`: a picture of every page that somebody can reach and of the states that no link leads to, in both
languages, light and dark, wide and narrow, with an index to look through. It starts a demo of its own and stops it.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error, Page, StorageState, sync_playwright

from chaveiro.console import catalogues
from tests.web import states, states_inside
from tests.web.browser import chromium
from tests.web.crawl import Answer, crawl
from tests.web.looking import NARROW, WIDE
from tests.web.standing import Standing, demo
from tests.web.states import Scene, keys_for

LANGUAGES = ("pt-PT", "en")
SCHEMES, SIZES = ("light", "dark"), {"1280": WIDE, "320": NARROW}
PEOPLE = ("customer", "partner", "distributor", "operator")
WALKS: tuple[Callable[[Scene], None], ...] = (
    states.strangers,
    states.doors,
    states.faults,
    states_inside.customers,
    states_inside.partners,
    states_inside.distributors,
    states_inside.operators,
)
FILES = (".json", ".jsonl", ".jws", ".pdf", ".ics", ".csv", ".svg")
INDEX = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Pages and states</title>
<style>body{{font:15px/1.4 system-ui,sans-serif;margin:24px}}h2{{margin:32px 0 8px;font-size:17px}}
ul{{display:flex;flex-wrap:wrap;gap:12px;list-style:none;padding:0;align-items:start}}
img{{width:300px;max-height:420px;object-fit:cover;object-position:top;border:1px solid #bbb}}
li.narrow img{{width:110px}}small{{display:block}}</style>
<h1>{count} pages and states, {pictures} pictures</h1>{body}</html>
"""


@dataclass
class Album:
    """The pictures that were taken, by name."""

    folder: Path
    only: str = ""
    taken: dict[str, list[str]] = field(default_factory=dict)

    def take(self, page: Page, name: str, language: str) -> None:
        """One page, as it stands: light and dark, wide and narrow."""
        if self.only not in name:
            return
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width, size in SIZES.items():
                page.set_viewport_size(size)
                file = f"{name}-{language}-{scheme}-{width}.png"
                page.screenshot(path=self.folder / file, full_page=True)
                self.taken.setdefault(name, []).append(file)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(WIDE)

    def write_index(self) -> int:
        """The page to look through; answers how many pictures it shows."""
        parts = []
        for name, files in sorted(self.taken.items()):
            shown = "".join(
                f'<li{" class=narrow" if file.endswith("-320.png") else ""}><a href="{file}">'
                f'<img loading="lazy" src="{file}" alt="{html.escape(file)}"></a>'
                f"<small>{html.escape(file.removeprefix(name).strip('-').removesuffix('.png'))}</small></li>"
                for file in files
            )
            parts.append(f'<h2 id="{name}">{html.escape(name)}</h2><ul>{shown}</ul>')
        pictures = sum(map(len, self.taken.values()))
        text = INDEX.format(count=len(self.taken), pictures=pictures, body="\n".join(parts))
        (self.folder / "index.html").write_text(text, encoding="utf-8")
        return pictures


def name_of(who: str, route: str) -> str:
    """A page's name in the album, from its route."""
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", lambda found: found[1] or found[2] or "", route)
    return f"page-{who}-" + (re.sub(r"[^a-z0-9.]+", "-", plain.lower()).strip("-") or "start")


def pages(album: Album, scene: Scene, who: str) -> None:
    """One sample of each page that somebody can reach by links, in both languages."""
    if who == "stranger":
        person, at = scene.person(), ""
        scene.go(person, "/")
    else:
        person, at = scene.signed_in(who)
    page, url = person.page, scene.standing.url

    def ask(path: str) -> Answer:
        if path.partition("?")[0].endswith(FILES) or "/export" in path:
            return Answer(200)
        response = page.goto(f"{url}{path}")
        assert response is not None
        return Answer(response.status, "", page.content())

    found = crawl(ask, [f"{at}/home" if at else "/"], samples=1)
    for route, (address, *_others) in found.pages.items():
        name = name_of(who, route)
        if album.only not in name or address.partition("?")[0].endswith(FILES) or "/export" in address:
            continue
        for language in LANGUAGES:
            page.context.add_cookies([{"name": "language", "value": language.lower(), "url": url}])
            page.goto(f"{url}{address}")
            album.take(page, name, language)
    page.context.close()


def walked(album: Album, standing: Standing, data: Path) -> list[str]:
    """Everything, one walk after the other; answers what went wrong on the way."""
    wrong: list[str] = []
    sessions: dict[str, tuple[StorageState, str]] = {}
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        for language in LANGUAGES:

            def look(page: Page, name: str, language: str = language) -> None:
                album.take(page, f"state-{name}", language)

            keys = keys_for(standing, data)
            options = {"viewport": WIDE, "reduced_motion": "reduce"}
            scene = Scene(standing, browser, language, look, keys, options, sessions)
            for walk in WALKS if "page-" not in album.only else ():
                attempt(wrong, f"{walk.__name__} {language}", lambda walk=walk, scene=scene: walk(scene))
        for who in ("stranger", *PEOPLE) if "state-" not in album.only else ():
            attempt(wrong, f"pages of a {who}", lambda who=who, scene=scene: pages(album, scene, who))
        browser.close()
    return wrong


def attempt(wrong: list[str], what: str, act: Callable[[], None]) -> None:
    """One walk; where it stumbles, the others still go."""
    began = time.monotonic()
    try:
        act()
    except (Error, AssertionError, LookupError, StopIteration) as fault:
        wrong.append(f"{what}: {str(fault).splitlines()[0] if str(fault) else fault!r}")
        traceback.print_exc(limit=-4)
    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/shots", description=__doc__)
    parser.add_argument("folder", nargs="?", default="data/shots", type=Path, help="where the pictures go")
    parser.add_argument("--only", default="", metavar="NAME", help="only what has this in its name")
    given = parser.parse_args()
    catalogues.compile_stale()
    given.folder.mkdir(parents=True, exist_ok=True)
    album = Album(given.folder, given.only)
    data = Path(tempfile.mkdtemp(prefix="chv-"))
    try:
        with demo(data) as standing:
            wrong = walked(album, standing, data)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    pictures = album.write_index()
    print(f"{len(album.taken)} pages and states, {pictures} pictures: {given.folder / 'index.html'}")
    for each in wrong:
        print(f"stumbled: {each}", file=sys.stderr)
    return 1 if wrong else 0
