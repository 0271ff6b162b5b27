"""Looks at a page as a careful person would: with axe, narrow, by its targets, at what has the focus."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page

# All of axe in light; in dark what changes with it.
RULES = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "dark": {"type": "rule", "values": ["color-contrast"]},
}
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1280, "height": 900}
TARGET = 24  # CSS pixels, WCAG 2.5.8

# Links within a sentence are excepted (WCAG 2.5.8, inline); what is hidden has no size.
SMALL_TARGETS = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter((each) => {
    const box = each.getBoundingClientRect();
    const style = getComputedStyle(each);
    if (!box.width || style.visibility === 'hidden' || each.closest('.aside, .skip')) return false;
    const inline = each.tagName === 'A' && style.display === 'inline'
      && each.parentElement.closest('p, li, td, dd, span, h2, h3, th');
    return !inline && (box.height < %d || box.width < %d);
  }).map((each) => each.outerHTML.slice(0, 120))""" % (TARGET, TARGET)  # noqa: UP031 - braces are the script's

WIDER = """() => [...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1
    && !each.closest('.wide, .aside, .skip')).map((each) => each.outerHTML.slice(0, 120)).slice(0, 3)"""

# Walks by keyboard; an element that has the focus must be seen: nothing may lie over its beginning. A link that is
# broken over two lines begins at the end of the first.
COVERED = """() => { const at = document.activeElement; if (!at || at === document.body) return '';
  const box = at.getClientRects()[0]; if (!box || !box.width) return '';
  const over = document.elementFromPoint(
    box.left + Math.min(box.width, 40) / 2, box.top + Math.min(box.height, 24) / 2);
  return !over || at.contains(over) || over.contains(at) || over.closest('label')
    ? '' : at.outerHTML.slice(0, 120); }"""

# Two frames later the other colours are drawn, also on a machine that is busy.
DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


class Looking:
    """What is wrong with the pages that were looked at, in `found`; what was looked at, in `seen`."""

    def __init__(self, page: Page, language: str) -> None:
        self.page, self.language = page, language
        self.seen: list[str] = []
        self.found: list[str] = []
        page.on("console", self._heard)

    def __call__(self, name: str, *, keyboard: bool = False) -> None:
        """Look at the page that is open, and remember it as `name`."""
        self.seen.append(name)
        if self.page.locator("h1").count() != 1:
            self.found.append(f"{name} has {self.page.locator('h1').count()} first headings")
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            self.page.evaluate(DRAWN)
            results = Axe().run(self.page, options={"runOnly": RULES[scheme]})
            self.found += [
                f"{name} {scheme} {violation['id']}: {node['html'][:160]}"
                for violation in results.response["violations"]
                for node in violation["nodes"][:3]
            ]
        self.page.emulate_media(color_scheme="light")
        if keyboard:
            self._by_keyboard(name)
        self._narrow(name)

    def _narrow(self, name: str) -> None:
        self.page.set_viewport_size(NARROW)
        if self.page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]:
            wide = self.page.evaluate(WIDER)
            self.found.append(f"{name} is wider than {NARROW['width']} pixels: {wide}")
        self.found += [f"{name} has a small target: {each}" for each in self.page.evaluate(SMALL_TARGETS)[:3]]
        self.page.set_viewport_size(WIDE)

    def _by_keyboard(self, name: str) -> None:
        stops = min(60, self.page.locator("a[href], button, input, select, textarea, summary").count())
        for _stop in range(stops):
            self.page.keyboard.press("Tab")
            covered = self.page.evaluate(COVERED)
            if covered:
                self.found.append(f"{name} covers what has the focus: {covered}")
                return

    def _heard(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.found.append(f"{self.page.url} broke the policy: {message.text[:160]}")
