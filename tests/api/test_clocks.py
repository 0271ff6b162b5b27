"""Test clocks through the API: made, moved, filled, read; and each subscription by its own day."""

from __future__ import annotations

from typing import Any

import pytest

from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.operations.models import Operation
from chaveiro.apps.subscriptions.models import Subscription
from tests.api.door import Caller, opening_body
from tests.cast import World, administrator_of, make_keys, token_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sandbox(settings: Any) -> None:
    settings.SANDBOX = True


def a_clock(caller: Caller) -> str:
    made = caller.post("/clocks", {"name": "Ensaio", "day": "2027-03-01"})
    assert made.status == 201
    return str(made.body["id"])


def test_a_clock_is_made_read_listed_and_ended(ana: Caller) -> None:
    clock = a_clock(ana)
    assert ana.get(f"/clocks/{clock}").body["day"] == "2027-03-01"
    assert [one["id"] for one in ana.get("/clocks").body["items"]] == [clock]
    assert ana("DELETE", f"/clocks/{clock}").body["ended_at"] is not None
    again = ana.post(f"/clocks/{clock}/move", {"days": 3})
    assert (again.status, again.body["code"]) == (422, "clock_ended")


def test_a_move_is_an_operation(ana: Caller) -> None:
    clock = a_clock(ana)
    moved = ana.post(f"/clocks/{clock}/move", {"days": 40})
    assert (moved.status, moved.body["total"], moved.body["kind"]) == (202, 40, "clock.move")
    assert moved.headers["Location"] == f"/api/v1/operations/{moved.body['id']}"
    assert ana.get(f"/operations/{moved.body['id']}").body["left"] == 40
    assert ana.get(f"/clocks/{clock}").body["moving_to"] == "2027-04-10"


def test_what_would_be_done_is_said_without_doing_it(ana: Caller) -> None:
    clock = a_clock(ana)
    told = ana.post(f"/clocks/{clock}/move?validate_only=true", {"day": "2027-03-05"})
    assert (told.status, told.body["total"]) == (200, 4)
    assert not Operation.objects.exists()
    assert ana.post("/clocks?validate_only=true", {"name": "Outro"}).status == 200
    assert Clock.objects.count() == 1


@pytest.mark.parametrize("body", [{}, {"day": "2027-03-05", "days": 4}, {"days": -1}])
def test_a_move_is_told_how_far_in_one_way(ana: Caller, body: dict[str, Any]) -> None:
    assert ana.post(f"/clocks/{a_clock(ana)}/move", body).status == 422


def test_a_customer_opened_on_a_clock_begins_on_its_day(world: World, ana: Caller, duarte: Caller) -> None:
    clock = a_clock(ana)
    opened = ana.post("/redemptions", opening_body(make_keys(world), clock=clock))
    assert opened.status == 201
    subscription = opened.body["subscriptions"][0]
    assert subscription["ends_on"] == "2028-03-01"
    Clock.objects.update(day="2028-03-11")
    bruno = Caller(token_for(administrator_of(Subscription.objects.get().customer_id)))
    for caller in (ana, duarte, bruno):
        assert caller.get(f"/subscriptions/{subscription['id']}").body["stage"] == "grace"
        assert [one["stage"] for one in caller.get("/subscriptions").body["items"]] == ["grace"]
        assert [one["stage"] for one in caller.get("/subscriptions?on=2028-04-01").body["items"]] == ["retained"]
    extended = bruno.post(
        "/redemptions",
        {"purpose": "extend", "keys": make_keys(world), "subscription": subscription["id"], "attestation": True},
    )
    assert extended.body["subscriptions"][0]["ends_on"] == "2029-03-01"
    told = ana.get(f"/clocks/{clock}/diary").body["items"]
    assert [(one["day"], one["what"]) for one in reversed(told)] == [
        ("2027-03-01", "ledger:open"),
        ("2028-03-01", "grace"),
        ("2028-03-11", "ledger:extend"),
    ]
    assert told[0]["text"] == "A key renewed the subscription: 5 licences, last day 28 February 2029."


def test_a_clock_of_somebody_else_is_no_clock(world: World, ana: Caller) -> None:
    clock = a_clock(Caller(token_for(world.rui)))
    assert ana.get(f"/clocks/{clock}").status == 404
    refused = ana.post("/redemptions", opening_body(make_keys(world), clock=clock))
    assert (refused.status, refused.codes) == (422, [("/clock", "malformed")])


def test_a_test_customer_is_attached_and_a_real_one_refused(world: World, ana: Caller, settings: Any) -> None:
    clock = a_clock(ana)
    settings.SANDBOX = False
    real = ana.post("/redemptions", opening_body(make_keys(world), "talholua"))
    settings.SANDBOX = True
    test = ana.post("/redemptions", opening_body(make_keys(world)))
    named = [one.body["subscriptions"][0]["customer"] for one in (real, test)]
    refused = ana.post(f"/clocks/{clock}/customers", {"customer": named[0]})
    assert (refused.status, refused.body["code"]) == (422, "not_a_test_customer")
    assert ana.post(f"/clocks/{clock}/customers", {"customer": named[1]}).status == 200
    assert Subscription.objects.filter(clock__isnull=False).count() == 1


def test_customers_have_no_clocks_and_partners_only_in_a_sandbox(carla: Caller, ana: Caller, settings: Any) -> None:
    assert carla.get("/clocks").status == 403
    settings.SANDBOX = settings.DEMO = False
    assert (ana.get("/clocks").status, ana.get("/clocks").body["code"]) == (422, "no_sandbox")
