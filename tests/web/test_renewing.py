"""Renewal on one page: keys pasted, licences chosen, the sum at once; who may, in which stage, and why not."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.delegation.actions import choose_partner_of_record
from chaveiro.apps.redemption.actions import Outcome
from chaveiro.apps.redemption.models import Draft, Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from tests.cast import World, make_keys, means, open_customer
from tests.cast import _member as member
from tests.web.conftest import signed_in, text_of, where

pytestmark = pytest.mark.django_db


def path_of(outcome: Outcome) -> str:
    subscription = outcome.effects[0].subscription
    assert subscription is not None
    return f"/subscriptions/{identifiers.write('subscription', subscription)}/renew"


def kept(outcome: Outcome) -> Subscription:
    return Subscription.objects.get(id=outcome.effects[0].subscription)


def calculate(client: Client, path: str, *keys: str, **more: Any) -> tuple[str, str]:
    """What the page says after keys were sent to be calculated, and the address that it then has."""
    answer = client.post(path, {"many": "\n".join(keys), "do": "calculate", **more})
    assert answer.status_code == 303, text_of(answer)
    there = where(answer).partition("#")[0]
    return text_of(client.get(there)), there


def confirm(client: Client, page: str, there: str, **more: Any) -> Any:
    told = re.search(r'name="fingerprint" value="([^"]+)"', page)
    form = {"fingerprint": told[1] if told else "", "attestation": "yes", "do": "redeem", **more}
    return client.post(there, form)


def test_looking_at_the_page_makes_nothing(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    page = text_of(signed_in(pt, bruno).get(path_of(outcome)))
    assert "Prolongar" in page
    assert "Comprou 10 licenças; em uso: 1." in page
    assert "As duas formas de renovar" in page
    assert not Draft.objects.filter(state="open").exists()


def test_the_sum_stands_there_at_once_and_the_button_names_act_and_organisation(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    page, _there = calculate(signed_in(pt, bruno), path_of(outcome), *make_keys(world, 1))
    # 5 licences for 365 days were there, 5 for 366 days came: 2028 has a 29 February.
    assert "válida até 21 de novembro de 2028 (inclusive)" in page
    assert "Prolongar com 1 chave para Padaria Sol, Lda." in page
    assert kept(outcome).ends_on == date(2027, 11, 22)


def test_what_was_shown_is_done_and_leads_to_the_receipt(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    page, there = calculate(client, path_of(outcome), *make_keys(world, 1))
    answer = confirm(client, page, there)
    assert answer.status_code == 303
    assert re.fullmatch(r"/redeem/[0-9a-f]{12}/receipt", where(answer))
    assert kept(outcome).ends_on == date(2028, 11, 22)
    # Sent once more, from the same page, it is not done again.
    again = confirm(client, page, there)
    assert where(again) == where(answer)
    assert Redemption.objects.count() == 2


def test_without_the_declaration_nothing_is_done_and_nothing_is_lost(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    page, there = calculate(client, path_of(outcome), *make_keys(world, 1))
    answer = confirm(client, page, there, attestation="")
    assert answer.status_code == 422
    assert 'href="#attestation"' in text_of(answer)
    assert "Prolongar com 1 chave" in text_of(answer)
    assert kept(outcome).ends_on == date(2027, 11, 22)


def test_keys_that_are_sent_with_the_last_button_are_shown_before_they_are_redeemed(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    first, second = make_keys(world, 2)
    page, there = calculate(client, path_of(outcome), first)
    answer = confirm(client, page, there, key=second)
    assert "receipt" not in where(answer)
    assert "Prolongar com 2 chaves" in text_of(client.get(where(answer).partition("#")[0]))
    assert Redemption.objects.count() == 1


def test_as_few_licences_as_are_in_use_are_proposed_with_their_date(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, seats=10))
    client = signed_in(pt, bruno)
    key = make_keys(world, 1, seats=10)[0]
    page, there = calculate(client, path_of(outcome), key, seats_choice="fit")
    # One is in use, but a renewal stretches the time added to twice the key's term at most (366 days from 2027-11-22):
    # (3,650 + 3,660) licence-days among S licences, S least with pool div S <= 365 + 732: 7,310 div 1,097 = 6.66, so 7.
    assert "7 licenças, o mínimo que estas chaves permitem" in page
    assert confirm(client, page, there, seats_choice="fit").status_code == 303
    assert kept(outcome).seats == 7
    # 7,310 div 7 = 1,044 days from 2026-11-22: 731 to 2028-11-22, and 313 more.
    assert kept(outcome).ends_on == date(2029, 10, 1)


def test_another_number_is_taken_within_its_limits_and_refused_outside_with_what_would_do(
    world: World, pt: Client
) -> None:
    bruno, outcome = open_customer(world, make_keys(world, seats=10))
    client = signed_in(pt, bruno)
    page, there = calculate(client, path_of(outcome), *make_keys(world, 1, seats=10), seats_after="2")
    assert "De 7 a 1" not in page
    assert 'href="#seats_after"' in page
    assert "entre 7 e" in page or "de 7 a" in page
    assert 'value="redeem"' not in page
    assert 'value="2"' in page
    page, there = calculate(client, there, seats_after="8")
    assert 'value="redeem"' in page
    confirm(client, page, there, seats_after="8")
    assert kept(outcome).seats == 8


def test_a_number_that_is_none_stays_in_its_field_with_the_keys(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    key = make_keys(world, 1)[0]
    answer = signed_in(pt, bruno).post(path_of(outcome), {"key": key, "seats_after": "muitas", "do": "calculate"})
    page = text_of(answer)
    assert answer.status_code == 422
    assert 'value="muitas"' in page
    assert f'value="{key}"' in page
    assert 'href="#seats_after"' in page


def test_nothing_typed_is_told_at_the_first_field(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    answer = signed_in(pt, bruno).post(path_of(outcome), {"do": "calculate"})
    assert answer.status_code == 422
    assert 'href="#key-1"' in text_of(answer)


def test_a_mistyped_key_is_marked_where_it_is_wrong_and_stays(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    key = make_keys(world, 1)[0]
    wrong = ("B" if key[0] != "B" else "C") + key[1:]
    page, there = calculate(signed_in(pt, bruno), path_of(outcome), wrong)
    assert wrong in page
    assert 'name="repair"' in page
    page, _ = calculate(pt, there, key=wrong, repair="0")
    assert "Prolongar com 1 chave" in page


@pytest.mark.parametrize(
    ("bought", "origin"),
    [
        (date(2025, 11, 19), date(2026, 11, 19)),  # in grace: from the old end
        (date(2025, 9, 1), date(2026, 11, 22)),  # disabled: from today
    ],
)
def test_after_the_end_it_is_brought_back(world: World, pt: Client, bought: date, origin: date) -> None:
    bruno, outcome = open_customer(world, make_keys(world), day=bought)
    client = signed_in(pt, bruno)
    page, there = calculate(client, path_of(outcome), *make_keys(world, 1))
    assert confirm(client, page, there).status_code == 303
    assert kept(outcome).ends_on == date(origin.year + 1, origin.month, origin.day)


def test_a_key_of_another_product_is_refused_at_the_key(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    page, _ = calculate(signed_in(pt, bruno), path_of(outcome), *make_keys(world, 1, "office-plus"))
    assert 'href="#key-1"' in page
    assert 'value="redeem"' not in page


def test_its_partner_of_record_extends_it_with_the_licences_as_they_are(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    client = signed_in(pt, world.ana)
    page, there = calculate(client, path_of(outcome), *make_keys(world, 1), seats_after="3")
    assert 'name="seats_after"' not in page
    assert "Como parceiro de registo" in page
    assert confirm(client, page, there).status_code == 303
    assert kept(outcome).seats == 10


def test_whoever_may_not_extend_reads_why_and_no_form_of_theirs_does(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    key = make_keys(world, 1)[0]
    reader = member(world.reseller, "Rita", "reader", Kind.CHANNEL)
    for actor, words in (
        (world.duarte, "Aqui vê o que eles veem"),
        (world.ana, "parceiro de registo"),
        (reader, "função"),
    ):
        client = signed_in(Client(headers={"Accept-Language": "pt-PT"}), actor)
        page = text_of(client.get(path_of(outcome)))
        assert "Porque não a pode prolongar aqui" in page
        assert words in page
        client.post(path_of(outcome), {"key": key, "do": "calculate"})
    assert not Draft.objects.filter(state="open").exists()
    assert bruno.account is not None


def test_a_stranger_finds_nothing(world: World) -> None:
    _bruno, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    for actor in (carla, world.rui):
        client = signed_in(Client(), actor)
        assert client.get(path_of(outcome)).status_code == 404
        assert client.post(path_of(outcome), {"key": make_keys(world)[0]}).status_code == 404


def test_a_draft_for_another_subscription_is_not_taken_for_this_one(world: World, pt: Client) -> None:
    bruno, first = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    _page, there = calculate(client, path_of(first), *make_keys(world, 1))
    second = second_of(world, bruno)
    page = text_of(client.get(f"{second}?{there.partition('?')[2]}"))
    assert 'value="redeem"' not in page


def second_of(world: World, bruno: Actor) -> str:
    from chaveiro.apps.redemption.actions import Order, redeem
    from tests.cast import ATTESTATION, COUNTRIES, items

    order = Order("open", items(make_keys(world)), attestation=ATTESTATION, countries=COUNTRIES)
    return path_of(redeem(actor=bruno, order=order, means=means()))


def test_another_language_keeps_what_was_typed(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    answer = client.post(path_of(outcome), {"key": make_keys(world, 1)[0], "switch_to": "en"})
    page = text_of(client.get(where(answer).partition("#")[0]))
    assert "Extend with 1 key for Padaria Sol, Lda." in page


def test_the_page_takes_few_statements(world: World, pt: Client, django_assert_max_num_queries: Any) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    client = signed_in(pt, bruno)
    _page, there = calculate(client, path_of(outcome), *make_keys(world, 3))
    with django_assert_max_num_queries(15):
        client.get(path_of(outcome))
    with django_assert_max_num_queries(20):
        client.get(there)
