"""The whole of a redemption by keyboard alone: Tab, Space, Enter and arrows, from the first page to the receipt.

What has the focus is always seen, and never covered; after a mistake the summary has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.cast import build_world, make_keys
from tests.conftest import Server
from tests.web.browser import chromium, serving
from tests.web.looking import COVERED, NARROW, WIDE
from tests.web.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STOPS_AT_MOST = 90
# What is drawn around what has the focus: an outline, or a border or shadow that others of its kind do not have.
SEEN = """() => { const at = document.activeElement; if (!at || at === document.body) return true;
  const box = at.getClientRects()[0]; const style = getComputedStyle(at);
  const marked = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  return !!box && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && marked; }"""
HAS = """(wanted) => { const at = document.activeElement; if (!at) return false;
  const name = (at.labels && at.labels[0] || at).textContent.trim().replace(/\\s+/g, ' ');
  return at.matches(wanted.kind) && name.startsWith(wanted.words); }"""
KINDS = {
    "link": "a[href]",
    "button": "button",
    "field": "input:not([type=radio]):not([type=checkbox]), select, textarea",
    "choice": "input[type=radio], input[type=checkbox]",
}


@dataclass
class Keyboard:
    """Somebody without a mouse."""

    person: Person
    faults: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.person.page

    def to(self, kind: str, words: str, **facts: object) -> None:
        """Go on with Tab until a control has the focus; each stop on the way is looked at."""
        wanted = {"kind": KINDS[kind], "words": self.person.said(words, **facts)}
        for _stop in range(STOPS_AT_MOST):
            self.page.keyboard.press("Tab")
            self.look()
            if self.page.evaluate(HAS, wanted):
                return
        raise AssertionError(f"{wanted['words']!r} cannot be reached by Tab at {self.page.url}")

    def look(self) -> None:
        covered = self.page.evaluate(COVERED)
        if covered:
            self.faults.append(f"{self.page.url} covers what has the focus: {covered}")
        if not self.page.evaluate(SEEN):
            found = self.page.evaluate("document.activeElement.outerHTML.slice(0, 160)")
            self.faults.append(f"{self.page.url} does not show what has the focus: {found}")

    def enter(self, kind: str, words: str, **facts: object) -> None:
        """Reach a link or a button, and press Enter."""
        self.to(kind, words, **facts)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, words: str, text: str, **facts: object) -> None:
        self.to("field", words, **facts)
        self.page.keyboard.type(text)

    def choose(self, words: str) -> None:
        self.to("choice", words)
        self.page.keyboard.press("Space")

    def is_told(self) -> None:
        """After a mistake the summary has the focus, and its first link leads to the field."""
        assert self.page.evaluate("document.activeElement.closest('.problems') !== null"), (
            f"{self.page.url} gives the focus to {self.page.evaluate('document.activeElement.outerHTML.slice(0, 160)')}"
        )
        self.page.keyboard.press("Tab")
        self.look()
        self.page.keyboard.press("Enter")
        wanted = self.page.url.partition("#")[2]
        assert wanted, self.page.url
        assert self.page.evaluate("document.activeElement.id") == wanted


@pytest.mark.prove
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("language", ["pt-PT", "en"])
def test_a_key_is_redeemed_by_keyboard_alone(
    server: Server, real_database: str, tmp_path: Path, language: str, size: dict[str, int]
) -> None:
    [key] = make_keys(build_world())
    with serving(server, real_database, tmp_path) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(locale=language, viewport=size, reduced_motion="reduce").new_page()
        page.set_default_timeout(10_000)
        page.goto(address)
        keyboard = Keyboard(Person(page, language))
        redeem(keyboard, key)
        expect(page.locator(".reference")).to_be_visible()
        browser.close()
    assert not keyboard.faults, "\n".join(keyboard.faults)


def redeem(keyboard: Keyboard, key: str) -> None:
    page = keyboard.page
    page.keyboard.press("Tab")
    keyboard.look()
    assert page.evaluate("document.activeElement.matches('.skip')"), "the first stop leads past the top"
    keyboard.enter("link", "Redeem product keys")
    keyboard.enter("button", "Start")
    keyboard.enter("button", "Continue")
    keyboard.is_told()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    keyboard.choose("I confirm that I am authorised to redeem these keys on behalf of the organisation")
    keyboard.enter("button", "Continue")
    keyboard.write("Key %(number)s", key.lower(), number="1")
    keyboard.enter("button", "Continue")
    keyboard.enter("button", "The keys are right, continue")
    keyboard.choose("Open a new organisation with its subscription")
    keyboard.enter("button", "Continue")
    keyboard.enter("button", "Continue")
    keyboard.is_told()
    page.keyboard.type("Padaria Sol, Lda.")
    keyboard.to("field", "Country or region")
    page.keyboard.type("Portugal")
    keyboard.enter("button", "Continue")
    person = (("Given name", "Bruno"), ("Family name", "Costa"), ("E-mail address", "bruno@padariasol.example"))
    for words, text in person:
        keyboard.write(words, text)
    keyboard.enter("button", "Continue")
    keyboard.enter("button", "Continue")
    _last_page(keyboard)


def _last_page(keyboard: Keyboard) -> None:
    for _stop in range(STOPS_AT_MOST):
        keyboard.page.keyboard.press("Tab")
        keyboard.look()
        if keyboard.page.evaluate("document.activeElement.value === 'redeem'"):
            with keyboard.page.expect_navigation():
                keyboard.page.keyboard.press("Enter")
            return
    raise AssertionError("the button that redeems cannot be reached by Tab")


PLANTED = {
    "": "<button>Continuar</button>",
    "does not show what has the focus": "<style>*{outline:none!important}</style><button>Continuar</button>",
    "covers what has the focus": "<button>Continuar</button><div style='position:fixed;inset:0'>por cima</div>",
    "cannot be reached by Tab": "<button tabindex=-1>Continuar</button>",
}


@pytest.mark.parametrize("fault", PLANTED)
def test_what_hides_the_focus_is_seen(fault: str) -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page()
        page.set_content(f"<style>:focus-visible{{outline:3px solid}}</style>{PLANTED[fault]}")
        keyboard = Keyboard(Person(page, "pt-PT"))
        try:
            keyboard.to("button", "Continue")
        except AssertionError as unreached:
            keyboard.faults.append(str(unreached))
        browser.close()
    assert fault in "\n".join(keyboard.faults)
    assert bool(keyboard.faults) == bool(fault)


def test_words_that_no_catalogue_has_are_refused() -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        person = Person(browser.new_page(), "en")
        with pytest.raises(LookupError):
            person.said("Press this button, which nobody has")
        assert person.said("Continue") == "Continue"
        assert Person(person.page, "pt-PT").said("Continue") == "Continuar"
        browser.close()
