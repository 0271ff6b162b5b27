"""A partner's pages: its customers by end, a customer's page, what it redeemed, and taking a mistake back."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.delegation import queries
from chaveiro.apps.delegation.actions import choose_partner_of_record
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.models import Key
from chaveiro.apps.redemption.actions import Outcome, redeem
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.policies import Policy
from chaveiro.rules.renewals import Bucket, bucket_on
from chaveiro.web import step_up
from tests.cast import DAY, World, make_keys, means, open_customer, opening, padaria
from tests.cast import _member as member
from tests.web.conftest import signed_in, text_of, where

pytestmark = pytest.mark.django_db


@pytest.fixture
def confirmed_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever acts has just confirmed that it is them."""
    monkeypatch.setattr(step_up.confirming, "is_fresh", lambda _request: True)


def customer_ending_in(world: World, days_left: int, name: str, redeemer: Actor | None = None) -> Outcome:
    """A customer whose one subscription ends in so many days (or ended so many days ago)."""
    prefix = re.sub("[^a-z]", "", name.lower()) + "x" * 3
    order = opening(make_keys(world), customer=padaria(prefix, name=name))
    outcome = redeem(actor=redeemer or world.ana, order=order, means=means())
    ends_on = DAY + timedelta(days=days_left)
    Subscription.objects.filter(customer_id=outcome.customer).update(ends_on=ends_on)
    return outcome


def names_on(page: str) -> list[str]:
    return re.findall(r'/customers/cus_[0-9a-f]{32}">([^<]*)</a>', page)


SPREAD = {"Later": 200, "Sixty": 45, "Thirty": 20, "Seven": 5, "One": 1, "Grace": -3, "Disabled": -40}


def test_the_home_counts_customers_and_what_ends_when_and_shows_the_registration_number(
    world: World, pt: Client
) -> None:
    for name, days_left in SPREAD.items():
        customer_ending_in(world, days_left, name)
    page = text_of(signed_in(pt, world.ana).get("/home"))
    numbers = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page)
    assert ("Clientes", "7") in numbers
    assert ("Subscrições", "7") in numbers
    assert ("Terminam dentro de 60 dias", "4") in numbers
    assert ("Terminadas, recuperáveis", "2") in numbers
    assert '<p class="reference">1234567</p>' in page
    assert "7 clientes ainda não decidiram" in page
    for bucket in ("60", "30", "7", "1", "grace", "retained"):
        assert f"/renewals?bucket={bucket}" in page


def test_customers_stand_in_the_order_of_their_end_and_a_filter_leaves_one_bucket(world: World, pt: Client) -> None:
    for name, days_left in SPREAD.items():
        customer_ending_in(world, days_left, name)
    client = signed_in(pt, world.ana)
    assert names_on(text_of(client.get("/customers"))) == [*reversed(SPREAD)]
    for bucket, name in (("60", "Sixty"), ("30", "Thirty"), ("7", "Seven"), ("1", "One"), ("grace", "Grace")):
        assert names_on(text_of(client.get(f"/customers?bucket={bucket}"))) == [name]
    assert names_on(text_of(client.get("/customers?bucket=nonsense"))) == [*reversed(SPREAD)]
    assert "Nenhum dos seus clientes" in text_of(client.get("/customers?bucket=deleted"))


def test_a_search_does_not_mind_case_and_accents(world: World, pt: Client) -> None:
    customer_ending_in(world, 50, "Óptica São João, Lda.")
    customer_ending_in(world, 60, "100% Sol_")
    client = signed_in(pt, world.ana)
    assert names_on(text_of(client.get("/customers?name=optica+sao"))) == ["Óptica São João, Lda."]
    assert names_on(text_of(client.get("/customers?name=ÓPTICA"))) == ["Óptica São João, Lda."]
    assert names_on(text_of(client.get("/customers?name=%25+sol_"))) == ["100% Sol_"]
    assert names_on(text_of(client.get("/customers?name=_"))) == ["100% Sol_"]


def test_the_database_and_the_rule_agree_on_every_bucket(world: World) -> None:
    outcome = customer_ending_in(world, 0, "Padaria")
    for days_left in [*range(-125, 70), 400]:
        ends_on = DAY + timedelta(days=days_left)
        Subscription.objects.filter(customer_id=outcome.customer).update(ends_on=ends_on)
        with acting(world.ana):
            steps = queries.business(day=DAY).steps
        found = [bucket for bucket, step in steps.items() if step.subscriptions]
        assert found == [bucket_on(DAY, ends_on, Policy())]
    Subscription.objects.filter(customer_id=outcome.customer).update(erased_on=DAY)
    with acting(world.ana):
        assert queries.business(day=DAY).steps[Bucket.DELETED].subscriptions == 1


def test_many_customers_are_read_in_pages_and_each_once(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaveiro.web.customers_of_partner.ROWS", 3)
    for number in range(8):
        customer_ending_in(world, 100 + number // 3, f"Loja {chr(97 + number)}")  # ends fall on the same day
    client, path, seen = signed_in(pt, world.ana), "/customers?name=loja", []
    for _ in range(3):
        page = text_of(client.get(path))
        seen += names_on(page)
        following = re.search(r'href="(\?[^"]*after=[^"]*)"', page)
        path = "/customers" + (following[1].replace("&amp;", "&") if following else "")
    assert sorted(seen) == [f"Loja {letter}" for letter in "abcdefgh"]
    assert following is None


def test_another_partners_customers_are_nowhere(world: World, pt: Client) -> None:
    outcome = customer_ending_in(world, 20, "Padaria Alheia")
    customer = f"/customers/{identifiers.write('customer', outcome.customer)}"
    client = signed_in(pt, world.rui)
    for path in ("/home", "/customers", "/customers.csv", "/receipts", "/receipts.csv", "/history"):
        assert "Padaria Alheia" not in text_of(client.get(path))
        assert outcome.reference not in text_of(client.get(path))
    absent = f"/customers/{identifiers.write('customer', means().new_id())}"
    assert {client.get(path).status_code for path in (customer, absent, "/customers/cus_1")} == {404}
    assert client.get(f"/receipts/{outcome.reference}/reverse").status_code == 404


def test_a_partners_own_customers_are_counted_and_paged_whatever_others_have(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaveiro.web.customers_of_partner.ROWS", 1)
    for number in range(3):
        customer_ending_in(world, 10 + number, f"Loja {chr(97 + number)}")
    customer_ending_in(world, 300, "Livraria", redeemer=world.rui)
    client = signed_in(pt, world.rui)
    page = text_of(client.get("/customers"))
    assert names_on(page) == ["Livraria"]
    assert "after=" not in page
    numbers = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", text_of(client.get("/home"))))
    assert (numbers["Clientes"], numbers["Subscrições"], numbers["Terminam dentro de 60 dias"]) == ("1", "1", "0")


@pytest.mark.parametrize("path", ["/customers", "/customers.csv", "/stock", "/receipts/R-0000-0000/reverse"])
def test_a_partners_pages_are_nobody_elses(world: World, path: str) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    for actor in (bruno, world.duarte):
        assert signed_in(Client(), actor).get(path).status_code == 404
    assert Client().get(path)["Location"].startswith("/sign-in")


def test_the_customers_page_says_how_the_partner_stands_to_it(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    path = f"/customers/{identifiers.write('customer', outcome.customer)}"
    client = signed_in(pt, world.ana)
    page = text_of(client.get(path))
    assert "proposto como parceiro de registo" in page
    assert "caduca ao fim de 90 dias" in page
    assert not re.search(r"sub_\w+/renew", page)
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    page = text_of(client.get(path))
    assert "parceiro de registo" in page
    assert re.search(r"sub_\w+/renew", page)
    assert outcome.reference in page
    assert "bruno" not in page.lower()  # its people are its own


def test_the_list_as_a_table_has_every_customer_and_runs_no_formula(world: World, pt: Client) -> None:
    customer_ending_in(world, 20, "=HYPERLINK(1)")
    answer = signed_in(pt, world.ana).get("/customers.csv")
    rows = list(csv.DictReader(StringIO(text_of(answer).removeprefix("\ufeff")), delimiter=";"))
    assert [(row["Cliente"], row["Último dia"]) for row in rows] == [("'=HYPERLINK(1)", "2026-12-11")]


def test_stock_is_counted_and_no_key_is_shown(world: World, pt: Client) -> None:
    keys = make_keys(world, 4, holder=world.distributor)
    Key.objects.filter(last_five=keys[0][-5:]).update(state="revoked")
    page = text_of(signed_in(pt, world.dalila).get("/stock"))
    assert '<td class="figure">3</td><td class="figure">0</td><td class="figure">1</td>' in page
    for key in keys:
        assert key[-5:] not in page
    assert "não detém nenhum lote" in text_of(signed_in(Client(), world.ana).get("/stock"))


def test_a_mistake_is_taken_back_after_what_it_does_was_shown(world: World, pt: Client, confirmed_lately: None) -> None:
    _bruno, outcome = open_customer(world, make_keys(world, 2))
    client = signed_in(pt, world.ana)
    receipt = f"/receipts/{outcome.reference}"
    assert f'{receipt}/reverse"' in text_of(client.get(receipt))
    page = text_of(client.get(f"{receipt}/reverse"))
    assert "2 chaves voltam a estar à venda" in page
    assert "Padaria Sol, Lda. foi aberta por este resgate e é encerrada" in page
    assert "Reverter 2 chaves de Padaria Sol, Lda." in page
    assert not Redemption.objects.filter(reversed_at__isnull=False).exists()
    answer = client.post(f"{receipt}/reverse", {"do": "reverse", "reason": "  "})
    assert answer.status_code == 422
    assert text_of(answer).count("Indique o motivo") == 2
    answer = client.post(f"{receipt}/reverse", {"do": "reverse", "reason": "Cliente errado"})
    assert where(answer) == receipt
    assert Redemption.objects.get(id=outcome.id).reversal_reason == "Cliente errado"
    page = text_of(client.get(receipt))
    assert "foi revertido" in page
    assert "/reverse" not in page


def test_taking_back_asks_first_that_it_is_really_you(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_up.confirming, "is_fresh", lambda _request: False)
    _bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, world.ana)
    client.post(f"/receipts/{outcome.reference}/reverse", {"do": "reverse", "reason": "Cliente errado"})
    assert Redemption.objects.get(id=outcome.id).reversed_at is None


def test_what_cannot_be_taken_back_says_why_and_offers_no_button(
    world: World, pt: Client, confirmed_lately: None
) -> None:
    _bruno, outcome = open_customer(world, make_keys(world), day=date(2026, 11, 10))
    client = signed_in(pt, world.ana)
    page = text_of(client.get(f"/receipts/{outcome.reference}/reverse"))
    assert "O parceiro podia reverter este resgate até 13 de novembro de 2026." in page
    assert 'name="reason"' not in page
    answer = client.post(f"/receipts/{outcome.reference}/reverse", {"reason": "Cliente errado"})
    assert answer.status_code == 422
    assert Redemption.objects.get(id=outcome.id).reversed_at is None


def test_a_member_who_only_reads_is_offered_no_reversal(world: World, pt: Client) -> None:
    _bruno, outcome = open_customer(world, make_keys(world))
    reader = member(world.reseller, "Rita", "reader", Kind.CHANNEL)
    assert "/reverse" not in text_of(signed_in(pt, reader).get(f"/receipts/{outcome.reference}"))


def test_redemptions_are_listed_the_newest_first_and_in_pages(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaveiro.web.redemptions_of_partner.ROWS", 2)
    made = [open_customer(world, make_keys(world), prefix=f"loja{letter}")[1].reference for letter in "abc"]
    client = signed_in(pt, world.ana)
    page = text_of(client.get("/receipts"))
    assert [made.index(reference) for reference in re.findall(r">(R-\w{4}-\w{4})<", page)] == [2, 1]
    following = re.search(r'href="(\?after=[^"]*)"', page)
    assert following is not None
    assert re.findall(r">(R-\w{4}-\w{4})<", text_of(client.get(f"/receipts{following[1]}"))) == [made[0]]
    rows = text_of(client.get("/receipts.csv")).splitlines()
    assert len(rows) == 4


@pytest.mark.parametrize("path", ["/home", "/customers", "/receipts", "/stock", "/history"])
def test_a_partners_pages_take_few_statements(
    world: World, pt: Client, path: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        customer_ending_in(world, 30 + number, f"Loja {chr(97 + number)}")
    make_keys(world, 3, holder=world.reseller)
    client = signed_in(pt, world.ana)
    with django_assert_max_num_queries(15):
        assert client.get(path).status_code == 200
