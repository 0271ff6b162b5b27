"""Passkeys in a real Chromium with a virtual authenticator: ownership, signing in, confirming; and without script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.models import Account, Passkey, Session
from chaveiro.rules.tokens import Purpose
from tests.cast import build_world, make_keys, open_customer
from tests.conftest import Server
from tests.web.browser import aside, chromium, serving
from tests.web.looking import WIDE, Looking
from tests.web.walk import path_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PASSWORD = "broa de milho e manteiga"


@contextmanager
def ownership(server: Server, database: str, data: Path, **context: Any) -> Iterator[tuple[Page, str, UUID]]:
    """Bruno's browser before the page on which he takes ownership; anything that the page's policy forbids fails."""
    world = build_world()
    account = open_customer(world, make_keys(world))[0].account
    assert account is not None
    path = path_for(account, Purpose.OWNERSHIP)
    with serving(server, database, data, host="localhost") as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(viewport=WIDE, reduced_motion="reduce", **context).new_page()
        page.set_default_timeout(10_000)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(address + path)
        yield page, address, account
        browser.close()
        assert not [each for each in said if "Content Security Policy" in each]


def authenticator(page: Page) -> Callable[[bool], None]:
    """A device with a passkey store, whose person is always verified; answers what makes them touch it, or not."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )

    def touch(always: bool) -> None:
        told = {"authenticatorId": made["authenticatorId"], "enabled": always}
        session.send("WebAuthn.setAutomaticPresenceSimulation", told)

    return touch


@pytest.mark.parametrize("language", ["pt-PT", "en"])
def test_ownership_is_taken_with_a_passkey_which_then_signs_in_and_confirms(
    server: Server, real_database: str, tmp_path: Path, language: str
) -> None:
    words = {
        "pt-PT": ("Criar uma chave de acesso e assumir a conta", "Iniciar sessão com uma chave de acesso"),
        "en": ("Create a passkey and take ownership", "Sign in with a passkey"),
    }[language]
    with ownership(server, real_database, tmp_path, locale=language) as (page, address, account):
        page.context.add_cookies([{"name": "language", "value": language.lower(), "url": address}])
        touch = authenticator(page)
        looking = Looking(page, language)
        looking("ownership")
        page.get_by_role("button", name=words[0]).click()
        expect(page.locator("#partner-confirm-error")).to_be_visible()
        looking("ownership-undecided")
        page.locator("#partner-confirm").check()
        page.get_by_role("button", name=words[0]).click()
        page.wait_for_url(re.compile(r"/a/[0-9a-f]{12}/home$"))
        assert aside(lambda: PartnerOfRecord.objects.get().state) == "confirmed"
        at = re.sub("/home$", "", page.url)
        page.goto(f"{at}/settings/security")
        looking("security")
        assert aside(lambda: Passkey.objects.get().account_id) == account
        for path in ("", "/name", "/language", "/email", "/alternate-email", "/security/password"):
            page.goto(f"{at}/settings{path}")
            looking(f"settings{path.replace('/', '-')}")
        page.goto(f"{at}/settings/security/second-step")
        looking("second-step")
        page.locator("button[value=begin]").click()
        looking("second-step-seed")
        assert page.evaluate("document.querySelector('.tile').naturalWidth") > 100, "the QR code is there to be seen"
        aside(lambda: Session.objects.update(confirmed_at=None))
        page.goto(f"{at}/settings/security/passkeys/new")
        looking("confirm")
        page.locator("[data-passkey]").click()
        page.wait_for_url(f"{at}/settings/security/passkeys/new")
        looking("passkey-new")
        page.locator("[data-passkey]").click()
        expect(page.locator("[data-passkey-said]")).not_to_be_empty()  # this device has one already
        page.context.clear_cookies(name="session")
        touch(False)
        page.goto(f"{address}/sign-in?next=/settings")
        looking("sign-in")
        # A virtual authenticator looks whether it is touched when it is asked, and never again: a question that came
        # before the touch would wait for ever. The click has ended the browser's own offer and asks the server first.
        page.route("**/sign-in/passkey/options", lambda route: (touch(True), route.continue_()))
        page.get_by_role("button", name=words[1]).click()
        page.wait_for_url(f"{at}/settings")
        page.unroute("**/sign-in/passkey/options")
        page.context.clear_cookies(name="session")
        page.goto(f"{address}/sign-in?next=/settings/name")
        page.wait_for_url(f"{at}/settings/name")  # the browser offers its passkeys by itself
        assert aside(lambda: Passkey.objects.get().sign_count) > 1
        assert not looking.found, "\n".join(looking.found)


def test_without_script_ownership_is_taken_with_a_password_and_the_page_says_why(
    server: Server, real_database: str, tmp_path: Path
) -> None:
    with ownership(server, real_database, tmp_path, locale="en", java_script_enabled=False) as (
        page,
        _address,
        account,
    ):
        expect(page.locator("[data-passkey]")).to_be_hidden()
        expect(page.locator("[data-passkey-without]")).to_be_visible()
        page.locator("#partner-decline").check()
        page.locator("#password").fill(PASSWORD)
        page.locator("#again").fill(PASSWORD)
        page.get_by_role("button", name="Take ownership with the password").click()
        page.wait_for_url(re.compile(r"/a/[0-9a-f]{12}/home$"))
        assert aside(lambda: Account.objects.get(id=account).owned_at) is not None
