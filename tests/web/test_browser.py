"""The pages in a real Chromium before a real server: without script, without barriers, on a narrow screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from chaveiro.apps.redemption.models import Redemption
from tests.cast import build_world, make_keys
from tests.conftest import Server
from tests.web.browser import aside, chromium, serving
from tests.web.journey import typo
from tests.web.looking import WIDE, Looking
from tests.web.walk import Walker, around, redeem

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize("language", ["pt-PT", "en"])
def test_no_page_has_a_barrier_and_none_scrolls_sideways(
    server: Server, real_database: str, tmp_path: Path, language: str
) -> None:
    world = build_world()
    with serving(server, real_database, tmp_path) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_context(locale=language, viewport=WIDE, reduced_motion="reduce").new_page()
        page.set_default_timeout(10_000)
        looking = Looking(page, language)
        walker = Walker(page, address, world, looking)
        redeem(walker, "padariasol")
        around(walker, aside(lambda: Redemption.objects.get().customer_id))
        browser.close()
    assert not looking.found, "\n".join(looking.found)
    assert len(looking.seen) > 25


@pytest.mark.money
def test_a_key_is_redeemed_in_portuguese_without_script(server: Server, real_database: str, tmp_path: Path) -> None:
    world = build_world()
    good, mistyped = make_keys(world, 2)
    with serving(server, real_database, tmp_path) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        context = {"locale": "pt-PT", "java_script_enabled": False}
        page = browser.new_context(**context).new_page()
        page.goto(address)
        code = _with_a_mistyped_key(page, good, mistyped)
        page.close()
        other = browser.new_context(**context).new_page()
        other.goto(f"{address}/redeem/resume")
        _resumed_and_repaired(other, code)
        _organisation(other)
        other.get_by_role("button", name="Resgatar 2 chaves para Padaria Sol, Lda.").click()
        assert other.locator("h1").inner_text() == "2 chaves resgatadas para Padaria Sol, Lda."
        reference = other.locator(".reference").inner_text()
        other.reload()
        assert other.locator(".reference").inner_text() == reference
        other.go_back()
        other.goto(f"{address}/redeem/keys")
        assert other.locator(".reference").inner_text() == reference
        for key in (good, mistyped):
            assert key not in other.content()
            assert key not in other.url
        browser.close()
    assert Redemption.objects.count() == 1
    assert Redemption.objects.get().reference == reference


def _with_a_mistyped_key(page: Page, good: str, mistyped: str) -> str:
    """From the start to the page of the keys, which locates the mistake; answers the code to resume."""
    page.get_by_role("link", name="Resgatar chaves de produto").click()
    page.get_by_role("button", name="Começar").click()
    code = page.locator("aside .code").inner_text()
    page.get_by_label("Da minha organização").check()
    page.get_by_label("Confirmo que estou autorizado").check()
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Chave 1").fill(good.lower())
    page.get_by_label("Chave 2").fill(typo(mistyped))
    page.get_by_role("button", name="Continuar").click()
    expect(page).to_have_title(re.compile("^Erro: Introduza as chaves de produto"))
    wrong = "Chave 2: Verifique os carateres nas posições 3 (grupo 1) e 12 (grupo 3) desta chave."
    page.get_by_role("link", name=wrong).click()
    assert page.url.endswith("/keys#key-2")
    return code


def _resumed_and_repaired(other: Page, code: str) -> None:
    other.get_by_label("Código para retomar").fill(code.lower())
    other.get_by_role("button", name="Retomar").click()
    other.get_by_label("Sim, a chave do cartão é").check()
    other.get_by_role("button", name="Continuar").click()
    assert other.locator("h1").inner_text() == "Verifique as chaves"
    other.get_by_role("button", name="As chaves estão certas, continuar").click()


def _organisation(other: Page) -> None:
    other.get_by_label("Abrir uma organização nova").check()
    other.get_by_role("button", name="Continuar").click()
    other.get_by_label("País ou região").select_option("Portugal")
    other.get_by_label("Nome da organização").fill("Padaria Sol, Lda.")
    other.get_by_role("button", name="Continuar").click()
    other.get_by_label("Nome próprio").fill("Bruno")
    other.get_by_label("Apelido").fill("Costa")
    other.get_by_label("Endereço de e-mail", exact=True).fill("bruno@padariasol.example")
    other.get_by_role("button", name="Continuar").click()
    assert other.locator("h1").inner_text() == "Parceiro de registo (opcional)"
    other.get_by_role("button", name="Continuar").click()
    assert "padariasol.example.test" in other.locator("main").inner_text()
