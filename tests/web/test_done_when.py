"""What must work before a version goes out, as people do it: from the printed link of the demo to the receipt, in
Portuguese on a telephone and in English on a dark wide screen without script; and a vendor who has `chaveiro init`.

Real processes (web and worker), a real browser, letters read from files.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pyrage
import pytest
import zxingcpp
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.browser import chromium
from tests.web.journey import typo
from tests.web.person import Person, with_passkeys
from tests.web.standing import Standing, demo, founded

pytestmark = [pytest.mark.browser, pytest.mark.prove, pytest.mark.timeout(600)]

PHONE = {"width": 390, "height": 844}
DARK_AND_WIDE = {"width": 1600, "height": 1000}
PARTNER = "Sol Informática, Lda."
PASSWORD = "broa de milho e manteiga"
AUTHORISED = "I confirm that I am authorised to redeem these keys on behalf of the organisation"
REVERSED = "Redemption %(reference)s for %(organisation)s was reversed. What it had given was taken back."
NAME, EMAIL, PREFIX = "Alfarrabista Ribeiro, Lda.", "bruno@alfarrabista.example", "alfarrabista"


@pytest.fixture
def standing() -> Iterator[Standing]:
    with demo() as running:
        yield running


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
        person.tick('Yes, the key on the card is <span class="code" translate="no">%(repair)s</span>', repair=right)
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
    number = standing.use_up(used)

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


# --- a vendor who has only `chaveiro init` ---------------------------------------------------------------------------


@pytest.fixture
def vendor() -> Iterator[Standing]:
    folder = Path(tempfile.mkdtemp(prefix="chv-"))
    try:
        with founded(folder, VENDOR_NAME="Tagus Software", INITIAL_DOMAIN="tagus.example") as (standing, _installation):
            yield standing
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settle_in(standing: Standing, duarte: Person) -> str:
    """The first operator signs in by the printed link, and makes a passkey. Where the pages of the account begin."""
    duarte.page.goto(standing.told["link"])
    duarte.press("Sign in")
    at = re.sub(r"(/a/[0-9a-f]{12})/.*", r"\1", duarte.page.url)
    # Whoever signs in reads in the language of the account, which is the vendor's; this operator chooses another.
    chosen = {"name": "language", "value": duarte.language.lower(), "url": standing.url}
    duarte.page.context.add_cookies([chosen])  # type: ignore[list-item]
    duarte.page.goto(f"{at}/settings/security/passkeys/new")
    duarte.button("Add a passkey").click()
    duarte.page.wait_for_url(f"{at}/settings/security?done=passkey")
    return at


def publish(duarte: Person, at: str) -> None:
    duarte.page.goto(f"{at}/desk/products")
    duarte.follow("Add a product")
    duarte.fill("Code", "office-basic")
    duarte.fill("Name in Portuguese", "Escritório Essencial")
    duarte.fill("Name in English", "Office Essentials")
    duarte.fill("Most licences of a subscription", "300")
    duarte.page.locator("input[name=markets][value=PT]").check()
    duarte.press("Check before publishing")
    duarte.press("Publish the product")


def order_and_download(duarte: Person, at: str, into: Path) -> tuple[list[str], bytes]:
    """Four keys with cards; answers the keys of the table, and the PDF."""
    duarte.page.goto(f"{at}/desk/batches/new?product=office-basic")
    duarte.fill("How many keys", "4")
    duarte.fill("Licences that each key carries", "5")
    duarte.fill("Months that each key carries", "12")
    duarte.tick("Make cards to print, too")
    duarte.press("Check the order")
    duarte.tick("A passphrase of your own")
    duarte.fill("Your passphrase (only if you chose one of your own)", PASSWORD)
    duarte.fill("The same passphrase again", PASSWORD)
    order = duarte.said_of("Order %(shown)s key", "Order %(shown)s keys", 4, shown="4")
    duarte.page.get_by_role("button", name=order, exact=True).click()
    duarte.link("Go to the export").click(timeout=90_000)
    duarte.press("Download the export, once")
    assert duarte.confirm_if_asked(), "keys leave only for somebody who has just proved to be there"
    with duarte.page.expect_download() as download:
        duarte.button("Go on").click()
    download.value.save_as(into)
    archive = zipfile.ZipFile(io.BytesIO(pyrage.passphrase.decrypt(into.read_bytes(), PASSWORD)))
    lines = archive.read("keys.csv").decode().splitlines()
    assert lines[0] == "serial,key"
    return [line.partition(",")[2] for line in lines[1:]], archive.read("cards.pdf")


def release(duarte: Person, at: str) -> None:
    duarte.page.goto(f"{at}/desk/batches")
    duarte.page.locator("main table a").first.click()
    duarte.follow("Release for sale")
    duarte.press("See what is released")
    name = duarte.said_of("Release %(shown)s key for sale", "Release %(shown)s keys for sale", 4, shown="4")
    duarte.page.get_by_role("button", name=name, exact=True).click()
    duarte.page.wait_for_load_state()


def redeem_by_card(bruno: Person, address: str, name: str = NAME) -> str:
    """The printed code is read with a telephone; answers the reference of the receipt."""
    bruno.page.goto(address)
    expect(bruno.page.locator("#key")).not_to_be_empty()
    bruno.press("Continue")
    bruno.tick("My organisation")
    bruno.tick(AUTHORISED)
    bruno.press("Continue")
    for _page in ("keys", "check"):
        bruno.page.locator("button[value=next]:visible").click()
        bruno.page.wait_for_load_state()
        if bruno.page.url.endswith("/purpose"):
            break
    bruno.tick("Open a new organisation with its subscription")
    bruno.press("Continue")
    bruno.fill("Name of the organisation", name)
    bruno.field("Country or region").select_option("PT")
    bruno.press("Continue")
    bruno.fill("Given name", "Bruno")
    bruno.fill("Family name", "Ribeiro")
    bruno.fill("E-mail address", EMAIL)
    bruno.press("Continue")
    bruno.press("Continue")
    bruno.page.locator("main button[value=redeem]").click()
    return bruno.page.locator(".reference").inner_text()


def find_and_reverse(duarte: Person, at: str, key: str, reference: str) -> None:
    """Support knows the last five symbols alone."""
    duarte.page.goto(f"{at}/desk/search")
    duarte.page.locator("main #q").fill(key[-5:])
    duarte.page.locator("main").get_by_role("button", name=duarte.said("Search"), exact=True).click()
    duarte.page.get_by_role("link", name=reference, exact=True).first.click()
    duarte.follow("Reverse")
    duarte.fill("Reason", "Cliente errado")
    duarte.press("Reverse the redemption for %(customer)s", customer=NAME)
    if duarte.confirm_if_asked():
        duarte.press("Go on")
    duarte.reads("Reason: %(reason)s", reason="Cliente errado")
    duarte.page.goto(f"{at}/desk/search")
    assert key not in duarte.page.content()


@pytest.mark.parametrize("language", ["pt-PT", "en"])
def test_a_vendor_mints_prints_releases_finds_and_reverses(vendor: Standing, tmp_path: Path, language: str) -> None:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(locale=language, accept_downloads=True).new_page()
        page.set_default_timeout(20_000)
        with_passkeys(page)
        duarte = Person(page, language)
        at = settle_in(vendor, duarte)
        publish(duarte, at)
        keys, cards = order_and_download(duarte, at, tmp_path / "export.age")
        sheet = pypdfium2.PdfDocument(cards)[0].render(scale=3).to_pil()
        codes = {code.text for code in zxingcpp.read_barcodes(sheet)}
        assert codes == {f"{vendor.url}/r#{key}" for key in keys}
        release(duarte, at)
        bruno = Person(browser.new_context(locale=language).new_page(), language)
        bruno.page.set_default_timeout(20_000)
        reference = redeem_by_card(bruno, f"{vendor.url}/r#{keys[0]}")
        vendor.letters.wait_for(EMAIL, reference)
        find_and_reverse(duarte, at, keys[0], reference)
        vendor.letters.wait_for(EMAIL, duarte.said(REVERSED, reference=reference, organisation=NAME))
        again = Person(browser.new_context(locale=language).new_page(), language)
        redeem_by_card(again, f"{vendor.url}/r#{keys[0]}", "Padaria Lua, Lda.")
        browser.close()
