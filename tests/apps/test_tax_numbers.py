"""A second organisation with the same tax number: opened only by who confirms it, and the operator sees the pair."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.customers.queries import same_tax_number
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.keys.models import Key
from chaveiro.apps.redemption.actions import Order, preview, redeem
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.verdicts import Refusals
from tests.cast import World, administrator_of, build_world, make_keys, means, open_customer, opening, padaria

pytestmark = [pytest.mark.django_db, pytest.mark.money]

NUMBER = "501 234 567"
ASKED = [("/customer/tax_number", "tax_number_known")]


@pytest.fixture
def world() -> World:
    return build_world()


def order_of(world: World, prefix: str, number: str = NUMBER, again: bool = False, **changes: Any) -> Order:
    """An order that opens an organisation with a tax number."""
    customer = padaria(prefix, tax_number=number, **changes)
    return opening(make_keys(world), customer=customer, tax_number_again=again)


def opened(world: World, prefix: str, number: str = NUMBER, day: date = date(2026, 11, 22), **changes: Any) -> Any:
    order = order_of(world, prefix, number, again=True, **changes)
    return redeem(actor=world.ana, order=order, means=means(day))


def told(order: Order, actor: Actor = ANONYMOUS) -> list[tuple[str, str]]:
    """What stands against the order, by place and code."""
    weighed = preview(actor=actor, order=order, means=means())
    return [(fault.pointer, fault.refusal.code) for fault in weighed.faults]


def test_a_second_organisation_with_the_number_is_opened_only_after_it_was_confirmed(world: World) -> None:
    opened(world, "first")
    order = order_of(world, "second")
    assert told(order) == ASKED
    with pytest.raises(Refusals) as refused:
        redeem(actor=world.ana, order=order, means=means())
    assert [fault.pointer for fault in refused.value.faults] == ["/customer/tax_number"]
    assert Key.objects.filter(state="released").count() == 1
    confirmed = replace(order, tax_number_again=True)
    assert told(confirmed) == []
    redeem(actor=world.ana, order=confirmed, means=means())
    assert Customer.objects.count() == 2


def test_the_warning_tells_nothing_of_the_other_organisation(world: World) -> None:
    opened(world, "first", name="Oficina Carla, Lda.")
    weighed = preview(actor=ANONYMOUS, order=order_of(world, "second"), means=means())
    assert weighed.faults[0].refusal.facts == {}


@pytest.mark.parametrize(
    "written", ["501234567", "501.234.567", "501-234/567", "PT501234567", "pt 501 234 567", "PT-501.234.567"]
)
def test_a_number_is_the_same_however_it_is_written(world: World, written: str) -> None:
    opened(world, "first")
    assert told(order_of(world, "second", written)) == ASKED
    opened(world, "second", written)
    Customer.objects.filter(domain_prefix="first").update(closed_at=means().now)
    assert told(order_of(world, "third")) == ASKED


@pytest.mark.parametrize(
    ("written", "country"),
    [("501234568", "PT"), ("50123456", "PT"), ("P501234567", "PT"), (NUMBER, "ES"), ("PT", "PT")],
)
def test_another_number_or_another_country_is_not_asked_about(world: World, written: str, country: str) -> None:
    opened(world, "first")
    assert told(order_of(world, "second", written, country=country)) == []


def test_a_letter_counts_as_much_as_a_digit(world: World) -> None:
    opened(world, "first", "b-12345678", country="ES")
    assert told(order_of(world, "second", "B12345678", country="ES")) == ASKED
    assert told(order_of(world, "second", "A12345678", country="ES")) == []


def test_organisations_without_a_number_have_nothing_in_common(world: World) -> None:
    open_customer(world, make_keys(world), "first")
    assert told(opening(make_keys(world), "second")) == []
    open_customer(world, make_keys(world), "second")
    with acting(world.duarte):
        assert same_tax_number() == []


def test_an_organisation_that_was_closed_does_not_count(world: World) -> None:
    first = opened(world, "first")
    reverse(actor=world.duarte, redemption=first.id, reason="wrong customer", means=means())
    assert told(order_of(world, "second")) == []


def test_the_warning_is_told_together_with_all_other_faults(world: World) -> None:
    opened(world, "first")
    order = order_of(world, "first", name="")
    assert told(order) == [("/customer/name", "missing"), *ASKED, ("/customer/domain_prefix", "prefix_taken")]


@pytest.mark.parametrize("spoilt", [{"country": "\x00("}, {"number": "\x00(501"}])
def test_a_number_that_cannot_be_read_is_a_fault_of_its_own_form_alone(world: World, spoilt: dict[str, str]) -> None:
    assert [code for _, code in told(order_of(world, "second", **spoilt))] == ["malformed"]


def test_who_has_no_good_key_in_hand_is_told_nothing_of_any_number(world: World) -> None:
    opened(world, "first")
    order = order_of(world, "second")
    spent = make_keys(world)
    open_customer(world, spent, "other")
    for texts in ([], ["84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"], spent):
        items = opening(texts).items
        assert "tax_number_known" not in [code for _, code in told(replace(order, items=items))]
    assert told(replace(order, items=(*order.items, *opening(spent).items)))[-1:] == ASKED


def test_a_redemption_without_a_number_costs_no_statement_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(order: Order) -> int:
        statements: list[str] = []
        raw = connection.connection
        original = raw.execute
        with monkeypatch.context() as watched:
            watched.setattr(
                raw, "execute", lambda query, *a, **k: (statements.append(query), original(query, *a, **k))[1]
            )
            redeem(actor=world.ana, order=order, means=means())
        return len([query for query in statements if "tax_number" in query])

    assert asked(opening(make_keys(world), "first")) == 0
    assert asked(order_of(world, "second")) == 1


def test_the_journal_says_that_the_number_is_shared_and_does_not_repeat_it(world: World) -> None:
    first, second, third = opened(world, "first"), opened(world, "second"), opened(world, "third", "509999999")
    entries = {UUID(entry.subject_id): entry.facts for entry in Entry.objects.filter(tag="customer:opened")}
    assert entries[second.customer]["same_tax_number"] is True
    assert "same_tax_number" not in entries[first.customer]
    assert "same_tax_number" not in entries[third.customer]
    assert set(entries[second.customer]) == {"country", "person", "same_tax_number"}


def test_the_operator_sees_each_pair_the_latest_first_and_the_closed_are_gone(world: World) -> None:
    opened(world, "first", name="Padaria Sol, Lda.")
    opened(world, "ours", "B12345678", country="ES", day=date(2026, 11, 23))
    opened(world, "second", "PT501234567", name="Padaria Lua, Lda.", day=date(2026, 11, 24))
    twin = opened(world, "theirs", "b 1234 5678", country="ES", day=date(2026, 11, 25))
    opened(world, "alone", "509999999", day=date(2026, 11, 26))

    def seen(actor: Actor, **limits: int) -> list[list[tuple[str, str, str]]]:
        with acting(actor):
            return [[(one.name, one.country, one.tax_number) for one in group] for group in same_tax_number(**limits)]

    sol = [("Padaria Sol, Lda.", "PT", NUMBER), ("Padaria Lua, Lda.", "PT", "PT501234567")]
    spanish = [("Padaria Sol, Lda.", "ES", "B12345678"), ("Padaria Sol, Lda.", "ES", "b 1234 5678")]
    assert seen(world.duarte) == [spanish, sol]
    assert seen(world.duarte, limit=1) == [spanish]
    assert seen(world.rui) == []
    Customer.objects.filter(id=twin.customer).update(closed_at=means().now)
    assert seen(world.duarte) == [sol]


def test_adding_to_an_organisation_that_shares_its_number_asks_nothing(world: World) -> None:
    opened(world, "first")
    second = opened(world, "second")
    extend = opening(
        make_keys(world),
        purpose="extend",
        customer=None,
        administrator=None,
        subscription=second.effects[0].subscription,
    )
    assert told(extend, administrator_of(second.customer)) == []
