"""What must work before a version goes out, as people do it: from the printed link of the demo to the receipt, in
Portuguese on a telephone and in English on a dark wide screen without script; and a vendor who has only `chaveiro init`.

Real processes (web and worker), a real browser, letters read from files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.browser import chromium
from tests.web.journey import typo
from tests.web.person import Person, with_passkeys
from tests.web.standing import Standing, demo

pytestmark = [pytest.mark.browser, pytest.mark.prove, pytest.mark.timeout(600)]

PHONE = {"width": 390, "height": 844}
DARK_AND_WIDE = {"width": 1600, "height": 1000}
PARTNER = "Sol Informática, Lda."
PASSWORD = "broa de milho e manteiga"
AUTHORISED = "I confirm that I am authorised to redeem these keys on behalf of the organisation"
NAME, EMAIL, PREFIX = "Alfarrabista Ribeiro, Lda.", "bruno@alfarrabista.example", "alfarrabista"


@pytest.fixture
def standing() -> Iterator[Standing]:
    with demo() as running:
        yield running


def use_up(standing: Standing, key: str) -> str:
    """A key is redeemed for somebody else, by the partner's program; answers the partner's registration number."""
    done = standing.ask(
        "POST",
        "/redemptions",
        {
            "purpose": "open",
            "keys": [key],
            "attestation": True,
            "customer": {"name": "Papelaria Alfa", "country": "PT", "language": "pt-PT", "domain_prefix": "alfapapel"},
            "administrator": {"given_name": "Rita", "family_name": "Melo", "email": "rita@papelaria.example"},
        },
        **{"Idempotency-Key": "used-up-beforehand"},
    )
    told = standing.ask("GET", f"/redemptions/{done['id']}")
    return str(told["partner"]["registration_number"])


def to_the_keys(person: Person) -> None:
    """From the first page to the page of the keys."""
    person.follow("Redeem product keys")
    person.press("Start")
    person.tick("My organisation")
    person.tick(AUTHORISED)
    person.press("Continue")
    person.stands_at("Enter the product keys")


def hand_in(person: Person, text: str, script: bool) -> None:
    """A whole mail, pasted: with script into the first field, without it into the box for many keys."""
    if script:
        person.paste(text)
    else:
        person.page.get_by_text(person.said("Many keys at once: paste them, or choose a file")).click()
        person.fill("Paste many keys", text)


def repair_and_leave_out(person: Person, right: str, script: bool) -> None:
    """The key with a typing error is repaired as it is proposed, the used one is left out, and two remain."""
    if script:
        person.press("Yes, use this one")
        person.press("Continue")
    else:
        person.press("Continue")
        expect(person.page.locator(".problems li")).to_have_count(2)
        person.tick("Yes, the key on the card is <span class=\"code\" translate=\"no\">%(repair)s</span>", repair=right)
        person.press("Continue")
    person.reads("This key has already been redeemed.")
    person.page.locator("li.wrong").get_by_role("button", name=person.said("Remove")).click()
    person.press("Continue")
    person.stands_at("Check the keys")
    person.press("The keys are right, continue")
    person.stands_at("What are the keys for?")


def open_the_organisation(person: Person, number: str) -> None:
    """From what the keys are for to the last page."""
    person.tick("Open a new organisation with its subscription")
    person.press("Continue")
    person.fill("Name of the organisation", NAME)
    person.field("Country or region").select_option("PT")
    person.fill("Beginning of the initial domain", PREFIX)
    person.press("Continue")
    person.fill("Given name", "Bruno")
    person.fill("Family name", "Ribeiro")
    person.fill("E-mail address", EMAIL)
    person.press("Continue")
    person.fill("Registration number of the partner of record (optional)", number)
    person.press("Continue")
    person.stands_at("Check before you redeem")
    expect(person.page.locator("main")).to_contain_text(f"{PREFIX}.tagus.example")


def redeem_both(person: Person) -> str:
    """The one button, and the receipt; answers its reference."""
    one, many = (f"Redeem %(shown)s {keys} for %(customer_name)s" for keys in ("key", "keys"))
    name = person.said_of(one, many, 2, shown="2", customer_name=NAME)
    person.page.get_by_role("button", name=name, exact=True).click()
    one, many = (f"%(shown)s {keys} redeemed for %(customer)s" for keys in ("key", "keys"))
    expect(person.page.locator("h1")).to_have_text(person.said_of(one, many, 2, shown="2", customer=NAME))
    return person.page.locator(".reference").inner_text()


def take_ownership(person: Person, partner: str, script: bool) -> None:
    """The link of the letter; with script by passkey, without it by password; the partner of record is confirmed."""
    person.stands_at("Take ownership of %(organisation)s", organisation=NAME)
    person.tick("Yes, %(name)s shall be our partner of record", name=partner)
    if script:
        person.press("Create a passkey and take ownership")
    else:
        person.fill("Password", PASSWORD)
        person.fill("The same password again", PASSWORD)
        person.press("Take ownership with the password")
    person.page.wait_for_url(re.compile(r"/a/[0-9a-f]{12}/home$"))


def from_the_link_to_the_tasks(standing: Standing, browser: Browser, language: str, script: bool, **looks: Any) -> None:
    """The whole journey, on two devices."""
    good, mistaken, used = standing.told["keys"]
    number = use_up(standing, used)

    def device() -> Person:
        page = browser.new_context(locale=language, java_script_enabled=script, **looks).new_page()
        page.set_default_timeout(20_000)
        page.goto(standing.url)
        return Person(page, language)

    first = device()
    to_the_keys(first)
    hand_in(first, f"Bom dia,\nseguem as chaves: {good}, {typo(mistaken)} e {used}.\nAna", script)
    repair_and_leave_out(first, mistaken, script)
    first.page.context.close()

    second = device()
    if script:
        with_passkeys(second.page)
    to_the_keys(second)
    hand_in(second, f"{good}\n{mistaken}\n", script)
    second.press("Continue")
    second.press("Go on with that redemption")
    second.stands_at("What are the keys for?")
    open_the_organisation(second, number)
    reference = redeem_both(second)
    second.reads("What happens now")
    second.reads("Now or later")
    second.page.goto(standing.letters.link(EMAIL, "/ownership/"))
    take_ownership(second, PARTNER, script)
    home = second.page.url
    expect(second.page.locator("main")).to_contain_text(NAME)
    assert second.page.locator("section[aria-labelledby=later] li").count() >= 1, "the next tasks are there"
    second.page.goto(re.sub("/home$", f"/receipts/{reference}", home))
    expect(second.page.locator(".reference")).to_have_text(reference)
    second.page.goto(re.sub("/home$", "/partner", home))
    expect(second.page.locator("main")).to_contain_text(f"{PARTNER} ({number})")
    standing.letters.wait_for(EMAIL, reference)
    for key in (good, mistaken):
        assert key not in second.page.content()
    second.page.context.close()


@pytest.mark.parametrize(
    ("language", "script", "looks"),
    [
        ("pt-PT", True, {"viewport": PHONE, "has_touch": True, "is_mobile": True}),
        ("en", False, {"viewport": DARK_AND_WIDE, "color_scheme": "dark"}),
    ],
    ids=["in Portuguese on a telephone", "in English, dark and wide, without script"],
)
def test_a_stranger_goes_from_the_printed_link_to_the_receipt_and_the_next_tasks(
    standing: Standing, language: str, script: bool, looks: dict[str, Any]
) -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        from_the_link_to_the_tasks(standing, browser, language, script, **looks)
        browser.close()
