"""A known tax number on the pages: warned of, confirmed by a box, nothing typed lost; the operator sees the pair."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from chaveiro.apps.customers.models import Customer
from chaveiro.apps.redemption.actions import redeem
from tests.cast import World, make_keys, means, opening, padaria
from tests.web.conftest import signed_in, text_of
from tests.web.journey import (
    PADARIA,
    confirm_it,
    fingerprint_of,
    leads_to,
    path,
    problems_of,
    send_organisation,
    to_organisation,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]

LUA = {**PADARIA, "name": "Padaria Lua, Lda.", "tax_number": "PT501234567"}
BOX = "Abrir a organização mesmo que outra tenha este número fiscal"


@pytest.fixture
def first(world: World) -> None:
    """Oficina Carla stands, and has the number."""
    customer = padaria("oficinacarla", name="Oficina Carla, Lda.", tax_number="501 234 567")
    redeem(actor=world.ana, order=opening(make_keys(world), customer=customer), means=means())


def started(client: Client, world: World) -> None:
    to_organisation(client, make_keys(world)[0])


def box_of(page: str) -> tuple[str, bool] | None:
    """What the box about the tax number stands for, and whether it is selected; None when there is none."""
    found = re.search(r'name="tax_number_again" value="([^"]*)"( checked)?>', page)
    return None if found is None else (unescape(found[1]), found[2] is not None)


def test_a_known_tax_number_is_warned_of_and_opened_once_it_was_confirmed(
    world: World, pt: Client, first: None
) -> None:
    started(pt, world)
    assert box_of(text_of(pt.get(path(pt, "organisation")))) is None
    answer = send_organisation(pt, **LUA)
    page = text_of(answer)
    assert answer.status_code == 422
    assert problems_of(answer) == [
        ("#tax_number", "Pode já existir aqui uma organização com este número fiscal."),
    ]
    assert "Verifique se a organização já tinha sido aberta" in page
    assert BOX in page
    assert "Carla" not in page
    assert 'value="Padaria Lua, Lda."' in page
    assert box_of(page) == ("PT PT501234567", False)
    confirmed = send_organisation(pt, **{**LUA, "tax_number_again": "PT PT501234567"})
    assert leads_to(confirmed) == "confirm"
    assert box_of(text_of(pt.get(path(pt, "organisation")))) == ("PT PT501234567", True)
    assert leads_to(confirm_it(pt, fingerprint_of(pt.get(path(pt, "confirm"))))) == "receipt"
    assert Customer.objects.filter(tax_number="PT501234567").count() == 1


def test_the_warning_says_the_same_in_english(world: World, en: Client, first: None) -> None:
    started(en, world)
    answer = send_organisation(en, **LUA)
    assert problems_of(answer) == [("#tax_number", "An organisation with this tax number may exist here already.")]
    assert "Open the organisation even if another one has this tax number" in text_of(answer)
    assert "Make sure that the organisation was not opened before" in text_of(answer)


def test_another_number_is_asked_about_anew(world: World, pt: Client, first: None) -> None:
    customer = padaria("outra", tax_number="509 999 999")
    redeem(actor=world.ana, order=opening(make_keys(world), customer=customer), means=means())
    started(pt, world)
    changed = {**LUA, "tax_number": "509999999", "tax_number_again": "PT PT501234567"}
    answer = send_organisation(pt, **changed)
    assert [href for href, _ in problems_of(answer)] == ["#tax_number"]
    assert box_of(text_of(answer)) == ("PT 509999999", False)


def test_a_selected_box_stays_selected_while_something_else_is_corrected(world: World, pt: Client, first: None) -> None:
    started(pt, world)
    answer = send_organisation(pt, **{**LUA, "domain_prefix": "!", "tax_number_again": "PT PT501234567"})
    assert [href for href, _ in problems_of(answer)] == ["#domain_prefix"]
    assert box_of(text_of(answer)) == ("PT PT501234567", True)


def test_nothing_is_asked_about_a_number_that_nobody_has_or_about_none(world: World, pt: Client, first: None) -> None:
    for number in ("509999999", ""):
        started(pt, world)
        assert leads_to(send_organisation(pt, **{**LUA, "tax_number": number})) == "confirm"
        assert box_of(text_of(pt.get(path(pt, "organisation")))) is None


def test_the_last_page_leads_back_when_somebody_was_faster_with_the_number(world: World, pt: Client) -> None:
    started(pt, world)
    assert leads_to(send_organisation(pt, **LUA)) == "confirm"
    fingerprint = fingerprint_of(pt.get(path(pt, "confirm")))
    customer = padaria("oficinacarla", tax_number="501 234 567")
    redeem(actor=world.ana, order=opening(make_keys(world), customer=customer), means=means())
    answer = confirm_it(pt, fingerprint)
    assert answer.status_code == 422
    assert [href for href, _ in problems_of(answer)] == [path(pt, "organisation#tax_number")]
    assert Customer.objects.count() == 1


def test_the_operator_sees_the_pair_and_a_partner_does_not(world: World, pt: Client, en: Client, first: None) -> None:
    assert "Mesmo número fiscal" not in text_of(signed_in(pt, world.duarte).get("/home"))
    customer = padaria("padarialua", name="Padaria Lua, Lda.", tax_number="PT501234567")
    order = opening(make_keys(world), customer=customer, tax_number_again=True)
    redeem(actor=world.ana, order=order, means=means())
    page = text_of(pt.get("/home"))
    table = page.partition(">Mesmo número fiscal</h2>")[2].partition("</table>")[0]
    assert "Pode ser intencional" in table
    for words in (
        "Oficina Carla, Lda.",
        "501 234 567",
        "Padaria Lua, Lda.",
        "PT501234567",
        "Portugal",
        "22/11/2026",
    ):
        assert words in table
    assert table.index("Oficina Carla") < table.index("Padaria Lua")
    signed_in(en, world.duarte).post("/language", {"switch_to": "en", "next": "/home"})
    assert "These organisations have the same tax number" in text_of(en.get("/home"))
    assert "Mesmo número fiscal" not in text_of(signed_in(Client(), world.ana).get("/home"))
