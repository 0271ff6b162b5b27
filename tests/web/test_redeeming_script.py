"""What the script adds to the pages of a redemption, in a real Chromium; everything works without it too."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from chaveiro.apps.keys.models import Hold
from tests.cast import build_world, make_keys
from tests.conftest import Server
from tests.web.browser import aside, chromium, serving
from tests.web.journey import typo

STATIC = Path(__file__).parents[2] / "src" / "chaveiro" / "web" / "static" / "chaveiro"
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
BUDGET_BYTES = 8 * 1024
MINUTE = 60 * 1000  # in the browser's milliseconds


def test_the_scripts_of_the_public_pages_are_small() -> None:
    whole = b"".join((STATIC / name).read_bytes() for name in ("keycheck.js", "redeem.js"))
    assert len(gzip.compress(whole, 9)) <= BUDGET_BYTES


@dataclass
class Scene:
    """A browser before a server; whatever its console says is a fault, but for pages that say 422."""

    address: str
    context: BrowserContext
    keys: list[str]
    faults: list[str] = field(default_factory=list)

    def at_keys(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(f"{self.address}/redeem")
        page.locator("main form button.act").click()
        page.locator("#acting_for").check()
        page.locator("#attestation").check()
        page.locator("button[value=next]:visible").click()
        page.wait_for_selector("#key-1")
        return page

    def paste(self, page: Page, selector: str, text: str) -> None:
        """Paste as a person does: the event carries the text."""
        page.locator(selector).evaluate(
            """(target, text) => {
                const data = new DataTransfer();
                data.setData("text/plain", text);
                const options = {clipboardData: data, bubbles: true, cancelable: true};
                target.dispatchEvent(new ClipboardEvent("paste", options));
            }""",
            text,
        )


@pytest.fixture
def scene(server: Server, real_database: str, tmp_path: Path) -> Iterator[Scene]:
    keys = make_keys(build_world(), 8)
    with serving(server, real_database, tmp_path) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        scene = Scene(address, browser.new_context(locale="pt-PT"), keys)
        yield scene
        browser.close()
    assert [fault for fault in scene.faults if "422" not in fault] == []


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_typing_a_key_is_helped_and_never_disturbed(scene: Scene) -> None:
    page, key = scene.at_keys(), scene.keys[0]
    first = page.locator("#key-1")
    first.press_sequentially(key.replace("-", "").lower()[:18])
    expect(first).to_have_value(key[:21])
    expect(page.locator(".told").first).to_contain_text("18 de 25 carateres")
    first.press("Backspace")
    first.press("Backspace")
    first.press("Backspace")
    expect(first).to_have_value(key[:18])
    first.press("Backspace")
    expect(first).to_have_value(key[:16], timeout=5_000)
    first.fill("")
    first.press_sequentially(key.replace("-", "").lower())
    expect(first).to_have_value(key)
    expect(page.locator(".told").first).to_contain_text("25 de 25 carateres, sem erro de escrita")
    assert page.locator(".told .chips span").count() == 5

    first.evaluate("field => field.setSelectionRange(3, 3)")
    first.press("x")
    assert first.input_value() == key[:3] + "x" + key[3:], "in the middle nothing is rewritten"
    assert first.evaluate("field => field.selectionStart") == 4

    first.fill(typo(key))
    expect(page.locator(".told").first).to_contain_text(
        "Verifique os carateres nas posições 3 (grupo 1) e 12 (grupo 3)."
    )
    assert page.locator(".told .chips b").count() == 2
    page.get_by_role("button", name="Sim, usar esta").click()
    expect(first).to_have_value(key)
    results = Axe().run(page, options=AXE)
    assert [violation["id"] for violation in results.response["violations"]] == []

    first.press("Enter")
    assert page.evaluate("document.activeElement.id") == "key-2", "a scanner's Enter goes on to the next field"
    page.locator("#key-3").fill(scene.keys[1])
    page.locator("#key-3").press("Enter")
    assert page.evaluate("document.activeElement.id") == "key-4", "and makes one where there is none"
    page.locator("#key-4").fill("ABC")
    page.locator("#key-4").press("Enter")
    page.wait_for_selector("ol.held")
    expect(page.locator("h1")).to_have_text("Introduza as chaves de produto")
    assert aside(Hold.objects.count) == 2


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_pasted_mail_becomes_rows_with_a_summary_and_a_way_back(scene: Scene) -> None:
    page, keys = scene.at_keys(), scene.keys
    page.locator("#key-2").fill(keys[0])
    mail = f"Bom dia,\nseguem as chaves:\n1) {keys[0]}\n2) {keys[1].lower()}\n3) {keys[2]}\n4) {typo(keys[3])}\nAna"
    scene.paste(page, "#key-1", mail)
    told = page.locator("#pasted")
    expect(told).to_contain_text(
        "Chaves reconhecidas: 2. Repetidas e deixadas de fora: 1. Incompletas ou com erros: 1."
    )
    values = [box.input_value() for box in page.locator("input.key").all()]
    assert values == [keys[1], keys[0], keys[2], typo(keys[3])]
    told.get_by_role("button", name="Anular").click()
    assert [box.input_value() for box in page.locator("input.key").all()] == ["", keys[0], ""]
    scene.paste(page, "body", f"{keys[4]}\n{keys[5]}")
    assert [box.input_value() for box in page.locator("input.key").all()] == [keys[4], keys[0], keys[5]]
    scene.paste(page, "#key-1", "olá")
    assert page.locator("#key-1").input_value() == keys[4], "a text without keys is the browser's own to paste"
    page.locator("button[value=next]:visible").click()
    expect(page.locator("h1")).to_have_text("Verifique as chaves")


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_what_stands_behind_the_hash_goes_into_the_field_and_out_of_the_address(scene: Scene) -> None:
    page, key = scene.at_keys(), scene.keys[0]
    code = page.locator("aside .code").inner_text()
    page.goto(f"{scene.address}/r#{key}")
    expect(page.locator("#key")).to_have_value(key)
    assert page.url == f"{scene.address}/r"
    assert aside(Hold.objects.count) == 0, "nothing is sent by itself"
    page.locator("main button.act").click()
    expect(page.locator("ol.held")).to_contain_text(key[-5:])
    page.goto(f"{scene.address}/redeem/resume#{code}")
    expect(page.locator("#code")).to_have_value(code)
    assert page.url == f"{scene.address}/redeem/resume"


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_before_a_reservation_ends_the_page_says_so_and_makes_it_longer(scene: Scene) -> None:
    page = scene.at_keys()
    page.clock.install()
    page.locator("#key-1").fill(scene.keys[0])
    page.locator("button[value=next]:visible").click()
    expect(page.locator("h1")).to_have_text("Verifique as chaves")
    page.clock.fast_forward((71 * 60 + 50) * MINUTE)
    assert page.locator(".note.warn").count() == 0
    page.clock.fast_forward(6 * MINUTE)
    warning = page.locator(".note.warn")
    expect(warning).to_contain_text("Dentro de cinco minutos, as chaves deixam de estar reservadas para si.")
    warning.get_by_role("button", name="Manter a reserva").click()
    expect(warning).to_have_text("As chaves continuam reservadas para si.")
