"""The vendor's desk: products described, published in versions, retired and taken up again; policies in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.catalog.models import Product, ProductVersion
from chaveiro.apps.keys.models import Batch
from tests.cast import World, make_keys
from tests.web.conftest import text_of
from tests.web.desk import ORDER, at_desk, hidden

pytestmark = pytest.mark.django_db

NEW = {
    "code": "office-mail",
    "name_pt": "Escritório Correio",
    "name_en": "Office Mail",
    "services": "mailbox\ncalendar",
    "maximum_seats": "1 000",
    "price_class": "standard",
    "policy": "standard",
    "markets": ["PT", "AO"],
}


@pytest.fixture
def duarte(world: World) -> Client:
    return at_desk(world.duarte)


def test_a_product_is_described_checked_and_published(world: World, duarte: Client) -> None:
    assert "Países e regiões de língua portuguesa" in text_of(duarte.get("/desk/new-product"))
    checked = duarte.post("/desk/new-product", {**NEW, "do": "check"})
    page = text_of(checked)
    assert "Angola e Portugal" in page
    assert not Product.objects.filter(code="office-mail").exists()
    published = duarte.post("/desk/new-product", {**hidden(checked), "do": "publish"})
    assert published.status_code == 303
    row = ProductVersion.objects.get(product__code="office-mail")
    assert (row.names["en"], row.maximum_seats, row.markets, row.services) == (
        "Office Mail",
        1_000,
        ["PT", "AO"],
        ["mailbox", "calendar"],
    )
    assert "Escritório Correio" in text_of(duarte.get("/desk/products"))


def test_every_fault_of_a_product_is_told_at_its_field_in_the_readers_language(world: World, duarte: Client) -> None:
    wrong: dict[str, Any] = {**NEW, "code": "não", "name_en": "", "maximum_seats": "0", "markets": []}
    refused = duarte.post("/desk/new-product", {**wrong, "do": "check"})
    assert refused.status_code == 422
    page = text_of(refused)
    for field in ("code", "name_en", "maximum_seats", "markets"):
        assert f'id="{field}-error"' in page, field
    assert "Introduza o nome em inglês" in page
    taken = duarte.post("/desk/new-product", {**NEW, "code": "office-basic", "do": "check"})
    assert 'id="code-error"' in text_of(taken)


def test_a_new_version_shows_what_changes_and_what_was_ordered_keeps_the_old_one(world: World, duarte: Client) -> None:
    make_keys(world)
    before = Batch.objects.get().product_version_id
    form = {**NEW, "name_pt": "Office Basic", "name_en": "Office Basic", "services": "mailbox", "maximum_seats": "500"}
    form["markets"] = ["PT", "ES", "FR", "BR", "AO"]
    same = duarte.post("/desk/products/office-basic/version", {**form, "maximum_seats": "300", "do": "check"})
    assert "Nada é diferente da versão publicada" in text_of(same)
    checked = duarte.post("/desk/products/office-basic/version", {**form, "do": "check"})
    page = text_of(checked)
    assert "<td>300</td><td>500</td>" in page
    assert page.count('<tr><th scope="row">') == 1
    duarte.post("/desk/products/office-basic/version", {**hidden(checked), "do": "publish"})
    assert ProductVersion.objects.filter(product__code="office-basic").count() == 2
    assert Batch.objects.get().product_version_id == before
    page = text_of(duarte.get("/desk/products/office-basic"))
    assert "Versão 2" in page
    assert "30 dias depois do fim" in page


def test_a_retired_product_is_ordered_no_more_until_it_is_taken_up_again(world: World, duarte: Client) -> None:
    assert duarte.post("/desk/products/office-basic/retire").status_code == 303
    page = text_of(duarte.get("/desk/products/office-basic"))
    assert "retirado" in page
    refused = duarte.post("/desk/batches/new", {**ORDER, "do": "check"})
    assert "De que produto?" in text_of(refused)
    assert "office-basic" not in text_of(refused).partition("<main")[2]
    assert duarte.post("/desk/products/office-basic/restore").status_code == 303
    assert "Encomendar 3 chaves" in text_of(duarte.post("/desk/batches/new", {**ORDER, "do": "check"}))


def test_policies_are_told_in_words(world: World, duarte: Client) -> None:
    page = text_of(duarte.get("/desk/policies"))
    assert "120 dias depois do fim" in page
    assert "60, 30, 7 e 1 dias antes do fim" in page
    assert "retention_days" not in page


def test_switching_the_language_of_a_form_loses_nothing_that_was_typed(world: World, duarte: Client) -> None:
    switched = duarte.post("/desk/new-product", {**NEW, "name_pt": "Ateliê", "switch_to": "en"})
    page = text_of(switched)
    assert '<html lang="en">' in page or 'lang="en"' in page
    assert 'value="Ateliê"' in page
    assert 'id="markets-AO" name="markets" value="AO" checked' in page


def test_a_product_that_is_not_there_is_absent(world: World, duarte: Client) -> None:
    assert duarte.get("/desk/products/nothing").status_code == 404
    assert duarte.post("/desk/products/nothing/retire").status_code == 404
