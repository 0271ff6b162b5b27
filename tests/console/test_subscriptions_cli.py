"""Subscriptions at the command line: as they stand on a day, listed by what is asked, with the ledger behind them."""

from __future__ import annotations

from datetime import date

import pytest

from chaveiro.apps.redemption.actions import redeem
from chaveiro.rules import identifiers
from tests import cast
from tests.cast import World, make_keys, open_customer
from tests.console.desk import Desk


@pytest.fixture
def opened(world: World) -> str:
    """Padaria Sol's subscription: five seats for a year from 22 November 2026."""
    _, outcome = open_customer(world, make_keys(world))
    return written(outcome.effects[0].subscription)


def written(subscription: object) -> str:
    return identifiers.write("subscription", subscription)  # type: ignore[arg-type]


def test_a_subscription_is_shown_with_every_field_of_the_contract(world: World, desk: Desk, opened: str) -> None:
    told = desk.does("subscriptions", "show", opened)
    assert told.pop("customer").startswith("cus_")
    assert told == {
        "id": opened,
        "product": "office-basic",
        "seats": 5,
        "assigned": 1,
        "ends_on": "2027-11-22",
        "last_day": "2027-11-21",
        "credit": 0,
        "stage": "active",
        "next_change": {"stage": "grace", "day": "2027-11-22"},
        "paid_by": "key",
        "partner_of_record": {
            "registration_number": "1234567",
            "name": "Sol Informática, Lda.",
            "state": "proposed",
        },
        "blocks": [],
        "opened_at": "2026-11-22T12:00:00.000Z",
        "closed_at": None,
    }


@pytest.mark.parametrize(
    ("day", "stage", "following"),
    [
        ("2027-11-21", "active", "2027-11-22"),
        ("2027-11-22", "grace", "2027-12-22"),
        ("2027-12-22", "retained", "2028-03-21"),
    ],
)
def test_the_stage_is_derived_for_the_day_that_is_asked(
    world: World, desk: Desk, opened: str, day: str, stage: str, following: str
) -> None:
    told = desk.does("subscriptions", "show", opened, "--on", day)
    assert (told["stage"], told["next_change"]["day"]) == (stage, following)
    assert desk.does("subscriptions", "list", "--on", day)[0]["stage"] == stage


def test_what_is_no_day_or_no_subscription_is_said(world: World, desk: Desk, opened: str) -> None:
    assert desk.refuses("subscriptions", "show", opened, "--on", "hoje")[0] == 2
    for nothing in ("sub_" + "0" * 32, "cus_" + "0" * 32, "subscrição"):
        assert desk.refuses("subscriptions", "show", nothing)[0] == 3
        assert desk.refuses("subscriptions", "ledger", nothing)[0] == 3


def test_a_list_is_narrowed_by_customer_stage_and_end(world: World, desk: Desk, opened: str) -> None:
    _, other = open_customer(world, make_keys(world, months=1), prefix="outra")
    short = written(other.effects[0].subscription)
    listed = [one["id"] for one in desk.does("subscriptions", "list")]
    assert listed == [short, opened]

    def found(*options: str) -> list[str]:
        return [one["id"] for one in desk.does("subscriptions", "list", *options)]

    assert found("--customer", identifiers.write("customer", other.customer)) == [short]
    assert found("--customer", "cus_" + "0" * 32) == []
    assert found("--ends-before", "2026-12-22") == []
    assert found("--ends-before", "2026-12-23") == [short]
    assert found("--stage", "grace", "--on", "2026-12-22") == [short]
    assert found("--stage", "active", "--on", "2026-12-22") == [opened]
    assert found("--limit", "1") == [short]
    assert desk("subscriptions", "list", "--stage", "asleep").code == 2


def test_a_long_list_is_read_page_by_page(
    world: World, desk: Desk, opened: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaveiro.console.subscriptions.PAGE", 1)
    _, other = open_customer(world, make_keys(world), prefix="outra")
    assert [one["id"] for one in desk.does("subscriptions", "list")] == [written(other.effects[0].subscription), opened]
    bruno = cast.administrator_of(other.customer)
    extend(bruno, world, other.effects[0].subscription)
    rows = desk.does("subscriptions", "ledger", written(other.effects[0].subscription))
    assert [row["number"] for row in rows] == [1, 2]


def test_the_ledger_tells_every_change_with_its_keys_the_oldest_first(world: World, desk: Desk) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    subscription = outcome.effects[0].subscription
    extend(bruno, world, subscription)
    first, second = desk.does("subscriptions", "ledger", written(subscription))
    assert (first["kind"], first["before"], first["after"]["ends_on"]) == ("open", None, "2027-11-22")
    assert (second["kind"], second["before"], second["after"]["ends_on"]) == ("extend", first["after"], "2028-11-22")
    assert first["redemption"] == identifiers.write("redemption", outcome.id)
    assert [len(row["keys"]) for row in (first, second)] == [1, 1]
    assert first["keys"] != second["keys"]
    lines = desk.plainly("subscriptions", "ledger", written(subscription)).out.splitlines()
    assert (lines[0].split()[:2], len(lines)) == (["ROW", "DAY"], 3)


def extend(bruno: object, world: World, subscription: object) -> None:
    order = cast.Order(
        purpose="extend",
        items=cast.items(make_keys(world)),
        subscription=subscription,  # type: ignore[arg-type]
        attestation=cast.ATTESTATION,
        countries=cast.COUNTRIES,
    )
    redeem(actor=bruno, order=order, means=cast.means(date(2026, 11, 23)))  # type: ignore[arg-type]


def test_people_read_a_card_and_a_table(world: World, desk: Desk, opened: str) -> None:
    card = desk.plainly("subscriptions", "show", opened).out.splitlines()
    assert any(line.split() == ["last_day", "2027-11-21"] for line in card)
    headings, row = desk.plainly("subscriptions", "list").out.splitlines()
    assert (headings.split()[0], row.split()[0]) == ("SUBSCRIPTION", opened)
