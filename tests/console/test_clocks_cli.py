"""Test clocks at the command line, and a subscription's whole life as a diary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.redemption.actions import redeem
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.console import clock_days, clocks, year
from chaveiro.console.year import planned
from chaveiro.rules import identifiers
from chaveiro.rules.policies import Policy as PolicyNumbers
from tests.cast import World, make_keys, means, opening
from tests.console.conftest import login_of
from tests.console.desk import Desk
from tests.web.clock_desk import desk as letters


@pytest.fixture(autouse=True)
def sandbox(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SANDBOX = True
    for module in (clocks, year):
        monkeypatch.setattr(module, "desk", letters)


def test_a_clock_is_made_moved_read_and_ended(world: World, desk: Desk) -> None:
    made = desk.does("clocks", "make", "Ensaio", "--day", "2027-03-01", "--as", login_of(world.ana))
    assert (made["name"], made["day"], made["holder"]) == (
        "Ensaio",
        "2027-03-01",
        identifiers.write("partner", world.reseller),
    )
    order = replace(opening(make_keys(world)), is_test=True, clock=Clock.objects.get().id)
    redeem(actor=world.ana, order=order, means=means())
    moved = desk.does("clocks", "move", made["id"], "--to", "2028-03-01", "--as", login_of(world.ana))
    assert (moved["day"], moved["moving_to"]) == ("2028-03-01", None)
    told = desk.does("clocks", "diary", made["id"])
    assert [(one["day"], one["what"]) for one in told] == [
        ("2027-03-01", "ledger:open"),
        ("2028-01-01", "notice:ends-60"),
        ("2028-01-31", "notice:ends-30"),
        ("2028-02-23", "notice:ends-7"),
        ("2028-02-29", "notice:ends-1"),
        ("2028-03-01", "grace"),
        ("2028-03-01", "notice:ended"),
    ]
    assert told[1]["facts"]["accepted"] == told[1]["facts"]["addresses"] > 0
    assert "Padaria Sol" in desk.plainly("clocks", "diary", made["id"]).out
    assert desk.does("clocks", "end", made["id"])["ended_at"] is not None
    assert [one["id"] for one in desk.does("clocks", "list")] == [made["id"]]


def test_a_dry_run_leaves_nothing(world: World, desk: Desk) -> None:
    assert desk.does("clocks", "make", "Ensaio", "--dry-run")["dry_run"]
    assert not Clock.objects.exists()
    made = desk.does("clocks", "make", "Ensaio")
    assert desk.does("clocks", "move", made["id"], "--days", "40", "--dry-run")["moving_to"] == "2027-01-01"
    clock = Clock.objects.get()
    assert (clock.day, clock.moving_to) == (date(2026, 11, 22), None)


def test_what_the_rules_refuse_ends_with_four_and_what_nobody_has_with_three(world: World, desk: Desk) -> None:
    made = desk.does("clocks", "make", "Ensaio", "--day", "2027-03-01")
    assert desk("clocks", "move", made["id"], "--to", "2027-02-01").code == 4
    assert desk("clocks", "move", made["id"]).code == 2
    assert desk("clocks", "move", "clk_" + "0" * 32, "--days", "1").code == 3


def test_a_test_customer_is_put_onto_a_clock(world: World, desk: Desk) -> None:
    customer = redeem(actor=world.ana, order=replace(opening(make_keys(world)), is_test=True), means=means()).customer
    made = desk.does("clocks", "make", "Ensaio", "--day", "2027-03-01")
    desk.does("clocks", "attach", made["id"], identifiers.write("customer", customer))
    assert Subscription.objects.get().clock_id == Clock.objects.get().id


def test_a_move_that_was_killed_goes_on_and_does_nothing_twice(world: World, desk: Desk, monkeypatch: Any) -> None:
    made = desk.does("clocks", "make", "Ensaio", "--day", "2027-03-01", "--as", login_of(world.ana))
    redeem(
        actor=world.ana,
        order=replace(opening(make_keys(world, months=1)), is_test=True, clock=Clock.objects.get().id),
        means=means(),
    )
    lived: list[date] = []
    real = clock_days.live

    def dies(*told: Any, **named: Any) -> None:
        real(*told, **named)
        lived.append(named["day"])
        if named["day"] == date(2027, 3, 31) and lived.count(date(2027, 3, 31)) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(clock_days, "live", dies)
    assert desk("clocks", "move", made["id"], "--to", "2027-04-02").code > 0
    assert Clock.objects.get().day == date(2027, 3, 31)
    assert desk("clocks", "move", made["id"], "--to", "2027-04-05").code == 4  # on its way to another day
    desk.does("clocks", "move", made["id"], "--to", "2027-04-02")
    assert lived == [
        *(date(2027, 3, day) for day in range(1, 32)),
        date(2027, 3, 31),
        date(2027, 4, 1),
        date(2027, 4, 2),
    ]
    told = desk.does("clocks", "diary", made["id"])
    assert [(one["day"], one["what"]) for one in told] == [
        ("2027-03-01", "ledger:open"),
        ("2027-03-25", "notice:ends-7"),
        ("2027-03-31", "notice:ends-1"),
        ("2027-04-01", "grace"),
        ("2027-04-01", "notice:ended"),
    ]


LIFE = [
    ("2026-11-22", 0, "ledger:open"),
    ("2027-07-24", 244, "notice:ends-60"),
    ("2027-08-23", 274, "notice:ends-30"),
    ("2027-09-15", 297, "notice:ends-7"),
    ("2027-09-21", 303, "notice:ends-1"),
    ("2027-09-22", 304, "grace"),
    ("2027-09-22", 304, "notice:ended"),
    ("2027-10-22", 334, "retained"),
    ("2027-10-22", 334, "notice:access_stopped"),
    ("2027-12-21", 394, "notice:erasure-30"),
    ("2028-01-13", 417, "notice:erasure-7"),
    ("2028-01-20", 424, "erased"),
    ("2028-01-20", 424, "notice:erased"),
    ("2028-01-20", 424, "ledger:forfeit"),
]


def test_a_year_is_lived_from_the_redemption_to_the_day_after_the_erasure(world: World, desk: Desk) -> None:
    told = desk.does("year", "--product", "office-basic", "--language", "en")
    assert [(one["day"], one["number"], one["what"]) for one in told] == LIFE
    assert told[-3]["text"] == "The data were erased."
    assert Clock.objects.get().day == date(2028, 1, 21)
    assert Clock.objects.get().ended_at is not None
    assert Customer.objects.get().is_test


def test_the_plan_says_the_same_and_touches_nothing(world: World, desk: Desk, settings: Any) -> None:
    settings.SANDBOX = False
    told = desk.does("year", "--plan")
    assert [(one["day"], one["number"], one["what"]) for one in told] == LIFE
    assert not Clock.objects.exists()
    assert "chave" in desk.plainly("year", "--plan", "--language", "pt").out


def test_a_year_is_not_lived_among_real_customers(world: World, desk: Desk, settings: Any) -> None:
    settings.SANDBOX = settings.DEMO = False
    assert desk("year").code == 4
    assert not Clock.objects.exists()


def test_the_plan_of_a_policy_goes_by_its_numbers() -> None:
    policy = PolicyNumbers(grace_days=10, retention_days=40, notice_days=(20,))
    found = [(line.day, line.what) for line in planned(date(2027, 1, 1), 2, policy, 425)]
    assert found == [
        (date(2027, 1, 1), "ledger:open"),
        (date(2027, 2, 9), "notice:ends-20"),
        (date(2027, 3, 1), "grace"),
        (date(2027, 3, 1), "notice:ended"),
        (date(2027, 3, 11), "retained"),
        (date(2027, 3, 11), "notice:access_stopped"),
        (date(2027, 3, 11), "notice:erasure-30"),
        (date(2027, 4, 3), "notice:erasure-7"),
        (date(2027, 4, 10), "erased"),
        (date(2027, 4, 10), "notice:erased"),
        (date(2027, 4, 10), "ledger:forfeit"),
    ]
