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
    person.tick("For my own organisation")
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
    person.press("Continue")


def open_the_organisation(person: Person, number: str) -> None:
    """From what the keys are for to the receipt."""
    person.stands_at("What are the keys for?")
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
