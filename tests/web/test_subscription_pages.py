"""A subscription's page: what it has, how it came to be, what comes next; for whom it is, and for nobody else."""

from __future__ import annotations

import csv
import re
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.delegation.actions import choose_partner_of_record
from chaveiro.apps.redemption.actions import Order, Outcome, redeem
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.wording import figures
from tests.adapters.test_calendar_file import lines_of
from tests.cast import ATTESTATION, COUNTRIES, World, items, make_keys, means, open_customer
from tests.cast import _member as member
from tests.web.conftest import signed_in, text_of

pytestmark = pytest.mark.django_db
FORMS = ("", ".ics", ".csv")


def path_of(outcome: Outcome, form: str = "") -> str:
    subscription = outcome.effects[0].subscription
    assert subscription is not None
    return f"/subscriptions/{identifiers.write('subscription', subscription)}{form}"


def add(actor: Actor, outcome: Outcome, keys: list[str], purpose: str = "add", day: date = date(2026, 11, 22)) -> None:
    subscription = outcome.effects[0].subscription
    order = Order(purpose, items(keys), subscription=subscription, attestation=ATTESTATION, countries=COUNTRIES)
    redeem(actor=actor, order=order, means=means(day))


def in_english(client: Client, actor: Actor) -> Client:
    signed_in(client, actor)
    client.post("/language", {"switch_to": "en", "next": "/"})
    return client


def test_the_page_tells_what_there_is_until_when_and_what_comes_next(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    page = text_of(signed_in(pt, bruno).get(path_of(outcome)))
    assert "1 de 10 licenças atribuídas" in page
    assert "válida até 21 de novembro de 2027 (inclusive)" in page
    assert "entra em período de tolerância em 22 de novembro de 2027" in page
    assert "até 21 de dezembro de 2027" in page
    assert f'href="{pt.at}{path_of(outcome)}/renew"' in page  # type: ignore[attr-defined]
    assert "purpose=add" in page
    assert "uma chave de 10 licenças por 12 meses prolongaria a subscrição até 21 de novembro de 2028" in page


def test_each_row_of_the_ledger_opens_its_sum_and_the_sum_adds_up(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 1, months=12))
    add(bruno, outcome, make_keys(world, 1, months=1))
    page = text_of(signed_in(pt, bruno).get(path_of(outcome)))
    # 5 licences for 365 days were there; 5 for 30 days came; together 1,975 days for 10.
    one, two = (figures("pt-pt").number(number) for number in (1825, 1975))
    assert f"5 licenças × 365 dias restantes + 0 de crédito = {one} dias de licença" in page
    assert f"{two} ÷ 10 licenças = 197 dias, e sobram 5 de crédito" in page
    assert page.count("<details><summary>O cálculo") == 2


def test_keys_are_told_by_serial_and_last_five_and_never_whole(world: World, pt: Client) -> None:
    keys = make_keys(world, 2)
    bruno, outcome = open_customer(world, keys)
    client = signed_in(pt, bruno)
    for form in FORMS:
        page = text_of(client.get(path_of(outcome, form)))
        for key in keys:
            assert key not in page
            assert key.replace("-", "") not in page
            assert form or f"…{key[-5:]}" in page


def test_a_foreign_subscription_answers_like_one_that_is_not_there(world: World) -> None:
    _bruno, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    absent = f"/subscriptions/{identifiers.write('subscription', means().new_id())}"
    for actor in (carla, world.rui, world.dalila):
        client = signed_in(Client(), actor)
        for form in FORMS:
            foreign, missing, nonsense = (
                client.get(path) for path in (path_of(outcome, form), absent + form, f"/subscriptions/sub_1{form}")
            )
            assert {foreign.status_code, missing.status_code, nonsense.status_code} == {404}
            assert plain(foreign) == plain(missing) == plain(nonsense)


def plain(response: Any) -> str:
    """A page without what differs between any two: the request's number, the nonce and token, its own address."""
    text = re.sub(r'(nonce|value|name)="[^"]*"|[0-9a-f]{32}|sub_1\b|sub_', "", text_of(response))
    return re.sub(r"\?(page|next)=[^\"]*", "", text)


def test_its_customer_its_seller_and_the_operator_read_it(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    for actor in (bruno, world.ana, world.duarte):
        assert signed_in(Client(), actor).get(path_of(outcome)).status_code == 200


def test_a_seller_is_told_why_it_cannot_extend_and_a_partner_of_record_can(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, world.ana)
    page = text_of(client.get(path_of(outcome)))
    assert not re.search(r"sub_\w+/renew", page)
    assert "Parceiro de registo" in page
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    page = text_of(client.get(path_of(outcome)))
    assert re.search(r"sub_\w+/renew", page)
    assert "purpose=add" not in page


def test_a_member_who_only_reads_is_told_that_it_takes_a_role(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    reader = member(world.reseller, "Rita", "reader", Kind.CHANNEL)
    page = text_of(signed_in(pt, reader).get(path_of(outcome)))
    assert not re.search(r"sub_\w+/renew", page)
    assert "é necessária a função" in page


@pytest.mark.parametrize(
    ("bought", "words"),
    [
        (date(2025, 11, 19), "Terminou em 18 de novembro de 2026 e ainda está em uso."),
        (date(2025, 9, 1), "O acesso foi desativado em 1 de outubro de 2026"),
    ],
)
def test_after_the_end_the_page_says_what_still_works(world: World, pt: Client, bought: date, words: str) -> None:
    bruno, outcome = open_customer(world, make_keys(world), day=bought)
    page = text_of(signed_in(pt, bruno).get(path_of(outcome)))
    assert words in page
    assert re.search(r"sub_\w+/renew", page)


def test_a_subscription_whose_opening_was_taken_back_says_so_and_offers_nothing(world: World, pt: Client) -> None:
    _bruno, outcome = open_customer(world, make_keys(world))
    reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    page = text_of(signed_in(pt, world.ana).get(path_of(outcome)))
    assert "Esta subscrição foi encerrada em 22 de novembro de 2026" in page
    assert "purpose=" not in page
    assert "Alteração 1 revertida" in page
    assert "Cliente errado" in page


def test_the_calendar_file_has_the_three_days_under_ids_that_stay_when_they_move(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    answer = client.get(path_of(outcome, ".ics"))
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    before = lines_of(text_of(answer))
    days = [value for name, value in before if name == "DTSTART;VALUE=DATE"]
    assert days == ["20271121", "20271222", "20280321"]
    assert ("TRIGGER", "-P60D") in before
    add(bruno, outcome, make_keys(world, 1), "extend")
    after = lines_of(text_of(client.get(path_of(outcome, ".ics"))))
    assert [value for name, value in after if name == "UID"] == [value for name, value in before if name == "UID"]
    assert ("DTSTART;VALUE=DATE", "20281121") in after
    sequences = [{value for name, value in told if name == "SEQUENCE"} for told in (before, after)]
    assert sequences == [{"1"}, {"2"}]


def test_the_ledger_as_a_table_replays_to_what_the_subscription_has(world: World, en: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    add(bruno, outcome, make_keys(world, 1), "extend")
    answer = in_english(en, bruno).get(path_of(outcome, ".csv"))
    rows = list(csv.DictReader(StringIO(text_of(answer).removeprefix("\ufeff"))))
    assert [row["Kind"] for row in rows] == ["open", "extend"]
    assert (rows[0]["Licences after"], rows[0]["Last day after"]) == ("5", "2027-11-21")
    assert (rows[1]["Last day before"], rows[1]["Last day after"]) == ("2027-11-21", "2028-11-21")
    assert rows[1]["Who"] == "Bruno Costa"
    assert rows[0]["Who"] == "Sol Informática, Lda."


def test_a_long_ledger_is_read_in_pages(world: World, en: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, months=1))
    for _ in range(22):
        add(bruno, outcome, make_keys(world, seats=1, months=1), "extend")
    client = in_english(en, bruno)
    first = text_of(client.get(path_of(outcome)))
    assert first.count("The sum") == 20
    assert "?before=4#ledger" in first
    second = text_of(client.get(path_of(outcome) + "?before=4"))
    assert second.count("The sum") == 3
    assert "Opened" in second
    assert "?before=" not in second


def test_the_page_takes_few_statements(world: World, pt: Client, django_assert_max_num_queries: Any) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    for _ in range(5):
        add(bruno, outcome, make_keys(world, seats=1, months=1), "extend")
    client = signed_in(pt, bruno)
    with django_assert_max_num_queries(15):
        client.get(path_of(outcome))
