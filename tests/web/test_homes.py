"""The first page of each: what is theirs, nothing of anybody else's."""

from __future__ import annotations

import pytest
from django.test import Client

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.redemption.actions import redeem
from chaveiro.rules.actors import Kind
from tests.cast import World, make_keys, means, open_customer, opening
from tests.cast import _member as member
from tests.web.conftest import ENGLISH, signed_in, text_of
from tests.web.journey import begin, keys_are_right, leads_to, path, send_keys

pytestmark = pytest.mark.django_db


def test_a_customer_sees_its_subscriptions_with_what_happens_when(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    page = text_of(signed_in(pt, bruno).get("/home"))
    assert "Padaria Sol, Lda." in page
    assert "Válida até 21 de novembro de 2027 (inclusive)" in page
    assert "Depois, em período de tolerância, com uso normal, até 21 de dezembro de 2027" in page
    assert "Depois, desativada, com os dados conservados pelo menos até 20 de março de 2028" in page
    assert "licenças atribuídas: 1 de 10" in page
    assert outcome.reference in page
    assert "bruno.costa@padariasol.example.test" in page


def test_whoever_signs_in_reads_their_accounts_language_unless_they_chose_another(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    english = Client(headers=ENGLISH)
    assert '<html lang="pt-PT">' in text_of(signed_in(english, bruno).get("/home"))
    chosen = Client(headers=ENGLISH)
    chosen.post("/language", {"switch_to": "en", "next": "/"})
    assert '<html lang="en">' in text_of(signed_in(chosen, bruno).get("/home"))


def test_a_stranger_is_led_to_sign_in(world: World, pt: Client) -> None:
    assert pt.get("/home")["Location"] == "/sign-in"


def test_a_partner_sees_its_customers_and_another_partner_does_not(world: World, pt: Client, en: Client) -> None:
    _, outcome = open_customer(world, make_keys(world))
    page = text_of(signed_in(pt, world.ana).get("/home"))
    assert "Sol Informática, Lda." in page
    assert "Padaria Sol, Lda." in page
    assert outcome.reference in page
    page = text_of(signed_in(en, world.rui).get("/home"))
    assert "Mar Sistemas, Lda." in page
    assert "Padaria Sol, Lda." not in page
    assert outcome.reference not in page


def test_the_operator_sees_what_is_for_sale_and_what_was_redeemed(world: World, pt: Client) -> None:
    keys = make_keys(world, 7)
    _, outcome = open_customer(world, keys[:3])
    page = text_of(signed_in(pt, world.duarte).get("/home"))
    assert outcome.reference in page
    assert "<dt>Chaves à venda</dt><dd>4</dd>" in page
    assert "<dt>Resgates em 30 dias</dt><dd>1</dd>" in page


def test_a_receipt_is_read_by_its_customer_its_partner_and_the_operator_and_nobody_else(
    world: World, pt: Client, en: Client
) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    path = f"/receipts/{outcome.reference}"
    for actor in (bruno, world.ana, world.duarte):
        assert outcome.reference in text_of(signed_in(Client(), actor).get(path))
        assert signed_in(Client(), actor).get(f"{path}.jws")["Content-Type"] == "application/jose"
    for actor in (carla, world.rui, world.dalila):
        assert signed_in(Client(), actor).get(path).status_code == 404
        assert signed_in(Client(), actor).get(f"{path}.json").status_code == 404
    assert pt.get(path)["Location"].startswith("/sign-in?next=%2Freceipts")
    assert en.get("/receipts/R-0000-0000")["Location"].startswith("/sign-in?next=%2Freceipts")


def test_a_member_who_only_reads_is_offered_nothing_to_redeem(world: World, pt: Client) -> None:
    reader = member(world.reseller, "Rita", "reader", Kind.CHANNEL)
    page = text_of(signed_in(pt, reader).get("/home"))
    assert "Resgatar chaves de produto" not in page


def test_a_confirmed_partner_of_record_may_extend_with_the_seats_as_they_are(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    customer = signed_in(Client(), bruno)
    proposal = text_of(customer.get("/home")).partition("/partners-of-record/")[2].partition('"')[0]
    assert customer.post(f"/partners-of-record/{proposal}", {"partner": "confirm"}).status_code == 303
    assert "Sol Informática, Lda. (número 1234567)" in text_of(customer.get("/home"))
    begin(signed_in(pt, world.ana))
    send_keys(pt, *make_keys(world))
    assert leads_to(keys_are_right(pt)) == "purpose"
    page = text_of(pt.get(path(pt, "purpose")))
    assert "extend:" in page
    assert "add:" not in page
    assert "seats_after" not in page
    target = "extend:" + page.partition('value="extend:')[2].partition('"')[0]
    assert leads_to(pt.post(path(pt, "purpose"), {"target": target})) == "confirm"
    assert "Resgatar 1 chave para Padaria Sol, Lda." in text_of(pt.get(path(pt, "confirm")))


def test_a_partner_that_only_sold_is_not_offered_to_extend(world: World, pt: Client) -> None:
    open_customer(world, make_keys(world))
    begin(signed_in(pt, world.ana))
    send_keys(pt, *make_keys(world))
    keys_are_right(pt)
    page = text_of(pt.get(path(pt, "purpose")))
    assert 'value="open"' in page
    assert "extend:" not in page
    assert "depois de o confirmarem como parceiro de registo" in page


def test_nobody_settles_another_customers_proposal(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    page = text_of(signed_in(Client(), bruno).get("/home"))
    proposal = page.partition("/partners-of-record/")[2].partition('"')[0]
    for actor, status in ((carla, 404), (world.ana, 403), (world.duarte, 403)):
        answer = signed_in(Client(), actor).post(f"/partners-of-record/{proposal}", {"partner": "confirm"})
        assert answer.status_code == status
    assert "/partners-of-record/" in text_of(signed_in(Client(), bruno).get("/home"))


def test_a_reversed_redemption_says_so_on_its_receipt(world: World, pt: Client) -> None:
    outcome = redeem(actor=world.ana, order=opening(make_keys(world)), means=means())
    reverse(actor=world.duarte, redemption=outcome.id, reason="wrong customer", means=means())
    page = text_of(signed_in(pt, world.duarte).get(f"/receipts/{outcome.reference}"))
    assert "Este resgate foi revertido em 22 de novembro de 2026" in page
