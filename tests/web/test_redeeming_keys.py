"""The page of the keys: every key judged at once, nothing typed lost, no good key shown whole again."""

from __future__ import annotations

import os
import re

import pytest
from django.test import Client

from chaveiro.apps.keys.models import Hold
from chaveiro.rules.keys import group, mint
from tests.cast import World, make_keys, open_customer
from tests.web.conftest import PORTUGUESE, text_of
from tests.web.journey import (
    begin,
    confirm_it,
    keys_are_right,
    leads_to,
    path,
    problems_of,
    send_keys,
    to_confirm,
    typo,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def test_all_faults_of_a_basket_are_told_at_once_each_linked_to_its_key(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    unknown = group(mint(1, os.urandom)[0])
    redeemed = make_keys(world)[0]
    open_customer(world, [redeemed])
    begin(pt)
    page = send_keys(pt, good, typo(mistyped), "ABC", "", unknown, redeemed, good)
    assert page.status_code == 422
    assert "<title>Erro: Introduza as chaves de produto" in text_of(page)
    assert problems_of(page) == [
        ("#key-2", "Chave 2: Verifique os carateres nas posições 3 (grupo 1) e 12 (grupo 3) desta chave."),
        ("#key-3", "Chave 3: Esta chave tem 3 carateres; deve ter 25."),
        ("#key-4", "Chave 4: Não encontrámos esta chave."),
        ("#key-5", "Chave 5: Esta chave já foi resgatada."),
        ("#key-6", "Chave 6: Já introduziu esta chave: é a chave 1."),
    ]
    for number in range(1, 7):
        assert f'id="key-{number}"' in text_of(page)
    for _, words in problems_of(page):
        assert text_of(page).count(words.partition(": ")[2]) == 2, "the same words at the top and at the field"


def test_a_mistyped_key_stays_in_its_field_with_its_wrong_symbols_marked_and_a_repair(world: World, pt: Client) -> None:
    mistyped = make_keys(world)[0]
    begin(pt)
    page = text_of(send_keys(pt, typo(mistyped)))
    assert f'value="{typo(mistyped)}"' in page
    assert len(re.findall(r"<b>.</b>", page)) == 2
    assert f'Sim, a chave do cartão é <span class="code" translate="no">{mistyped}</span>' in page
    assert send_keys(pt, typo(mistyped))["Content-Type"].startswith("text/html"), "a repair is never applied in silence"
    assert leads_to(send_keys(pt, typo(mistyped), repair=["0"])) == "check"


def test_a_repair_is_of_what_stands_in_the_field_now(world: World, pt: Client) -> None:
    mistyped, other = make_keys(world, 2)
    begin(pt)
    send_keys(pt, typo(mistyped))
    send_keys(pt, typo(other), repair=["0"], do="check")
    assert Hold.objects.get().key.last_five == other[-5:]


def test_many_keys_are_found_in_a_pasted_mail(world: World, pt: Client) -> None:
    keys = make_keys(world, 12)
    begin(pt)
    mail = "Bom dia,\n\n" + "".join(f"{number}; {key.lower()}\r\n" for number, key in enumerate(keys)) + "\nAna"
    assert leads_to(send_keys(pt, "", many=mail)) == "check"
    assert Hold.objects.count() == 12


def test_several_keys_in_one_field_become_several(world: World, pt: Client) -> None:
    keys = make_keys(world, 3)
    begin(pt)
    send_keys(pt, " ".join(keys))
    assert Hold.objects.count() == 3


def test_a_paste_without_a_key_is_told_and_stays(world: World, pt: Client) -> None:
    begin(pt)
    page = send_keys(pt, "", many="nada\nde nada")
    assert problems_of(page) == [("#many", "Não encontrámos nenhuma chave de produto no texto que colou.")]
    assert "nada\nde nada" in text_of(page)


def test_no_key_at_all_is_told(world: World, pt: Client) -> None:
    begin(pt)
    assert problems_of(send_keys(pt, "", "")) == [("#key-1", "Chave 1: Introduza uma chave de produto.")]


def test_more_than_a_basket_takes_is_refused_with_the_limit(world: World, pt: Client) -> None:
    begin(pt)
    page = send_keys(pt, *["ABC"] * 201)
    assert page.status_code == 422
    assert problems_of(page)[0][1].endswith("Estão aqui 201 chaves; podem ser resgatadas no máximo 200 de cada vez.")


def test_a_good_key_is_never_shown_whole_again(world: World, pt: Client) -> None:
    keys = make_keys(world, 2)
    fingerprint = to_confirm(pt, *keys)
    confirm_it(pt, fingerprint)
    begin(other := Client(headers=PORTUGUESE))
    more = make_keys(world, 2)
    pages = [send_keys(other, *more, do="check"), other.get(path(other, "keys")), send_keys(other, "", do="add")]
    pages += [other.get(path(other, page)) for page in ("keys", "check", "later", "confirm")]
    pages += [keys_are_right(other), other.get(path(other, "purpose")), other.get("/redeem"), other.get("/r")]
    pages += [pt.get(path(pt, "receipt")), pt.get(path(pt, "receipt.json"))]
    for page in pages:
        for key in (*keys, *more):
            assert key not in text_of(page)
            assert key.replace("-", "") not in text_of(page)
            assert key not in page.get("Location", "")
        assert page["Cache-Control"] == "no-store"


def test_another_key_can_be_added_without_script_and_one_removed(world: World, pt: Client) -> None:
    first, second = make_keys(world, 2)
    begin(pt)
    send_keys(pt, first, "", "", do="add")
    page = text_of(pt.get(path(pt, "keys")))
    assert page.count('name="key"') == 3, "four fields, one of which became a received key"
    send_keys(pt, second, do="check")
    assert Hold.objects.count() == 2
    send_keys(pt, do="remove:0")
    assert Hold.objects.get().key.last_five == second[-5:]


def test_ones_own_forgotten_draft_can_be_started_over(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world, 2)
    begin(en)
    send_keys(en, *keys)
    begin(pt)
    page = send_keys(pt, *keys)
    assert "introduziu aqui todas as chaves desse resgate" in problems_of(page)[0][1]
    assert "Começar de novo com estas chaves" in text_of(page)
    send_keys(pt, "", do="start-over")
    assert problems_of(pt.get(path(pt, "keys"))) == []
    assert leads_to(send_keys(pt, "")) == "check"
    assert en.get(path(en, "keys"))["Location"] == "/redeem"


def test_somebody_elses_hold_is_told_without_an_offer(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world, 2)
    begin(en)
    send_keys(en, *keys)
    begin(pt)
    page = send_keys(pt, keys[0])
    assert "até 25 de novembro de 2026, 12:00 UTC." in problems_of(page)[0][1]
    assert "Começar de novo" not in text_of(page)


def test_too_many_keys_in_a_short_time_wait_and_stay_in_their_fields(world: World, pt: Client) -> None:
    begin(pt)
    for _ in range(2):
        send_keys(pt, *["ABC"] * 200)
    page = send_keys(pt, "ABC")
    assert page.status_code == 429
    assert int(page["Retry-After"]) >= 1
    assert 'value="ABC"' in text_of(page)
    assert "Chegaram daí demasiados pedidos" in problems_of(page)[0][1]
