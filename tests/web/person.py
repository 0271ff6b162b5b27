"""Somebody at a browser, who reads: buttons, links and fields are found by their visible words, in either language.

A step is written once, with the words of the catalogues' keys; whoever renames a button renames it here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from playwright.sync_api import Locator, Page, expect

PASTE = """(target, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    target.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass(frozen=True, slots=True)
class Person:
    """A page, and the language in which its reader reads it."""

    page: Page
    language: str

    def said(self, words: str, **facts: Any) -> str:
        """Words of ours in this language, with what stands in them, as they are read. Raises LookupError."""
        with translation.override("pt-pt"):
            if translation.gettext(words) == words:
                raise LookupError(f"no catalogue has {words!r}")
        with translation.override(self.language.lower()):
            found = translation.gettext(words)
        return re.sub("<[^>]+>", "", found) % facts if facts else found

    def said_of(self, one: str, many: str, number: int, **facts: Any) -> str:
        """The same for words that a number decides."""
        with translation.override(self.language.lower()):
            return translation.ngettext(one, many, number) % facts

    def button(self, words: str, **facts: Any) -> Locator:
        return self.page.get_by_role("button", name=self.said(words, **facts), exact=True).first

    def press(self, words: str, **facts: Any) -> None:
        self.button(words, **facts).click()
        self.page.wait_for_load_state()

    def link(self, words: str, **facts: Any) -> Locator:
        return self.page.get_by_role("link", name=self.said(words, **facts), exact=True).first

    def follow(self, words: str, **facts: Any) -> None:
        self.link(words, **facts).click()
        self.page.wait_for_load_state()

    def field(self, words: str, **facts: Any) -> Locator:
        """The field that a label names; its hint is none of its name."""
        return self.page.get_by_label(re.compile(f"^{re.escape(self.said(words, **facts))}")).first

    def fill(self, words: str, text: str, **facts: Any) -> None:
        self.field(words, **facts).fill(text)

    def tick(self, words: str, **facts: Any) -> None:
        self.field(words, **facts).check()

    def stands_at(self, words: str, **facts: Any) -> None:
        """The heading of the page that is open."""
        expect(self.page.locator("h1")).to_have_text(self.said(words, **facts))

    def paste(self, text: str) -> None:
        """Paste into the first field, as a person does where there is script."""
        self.page.locator("#key-1").evaluate(PASTE, text)

    def confirm_if_asked(self) -> bool:
        """Where five minutes have gone by since the last time, the passkey says again who this is."""
        if not self.button("Confirm with a passkey").is_visible():
            return False
        with self.page.expect_navigation():
            self.button("Confirm with a passkey").click()
        return True

    def reads(self, words: str, **facts: Any) -> None:
        expect(self.page.locator("main")).to_contain_text(self.said(words, **facts))


def with_passkeys(page: Page) -> None:
    """This browser stands on a device with a passkey store, whose person is always verified."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
