"""Reading subscriptions and their ledgers through the API."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from tests.api.conftest import Calendar
from tests.api.door import Answer, Caller, act_body, bruno_of, opening_body, subscription_of
from tests.cast import DAY, World, make_keys, token_for

pytestmark = pytest.mark.django_db

LIFE = json.loads((Path(__file__).parents[1] / "vectors" / "life.json").read_text(encoding="utf-8"))


@pytest.fixture
def opened(world: World, ana: Caller) -> Answer:
    return ana.post("/redemptions", opening_body(make_keys(world, seats=25)))


def test_a_subscription_has_every_field_of_the_contract(world: World, ana: Caller, opened: Answer) -> None:
    answer = bruno_of(opened).get(f"/subscriptions/{subscription_of(opened)}")
    assert answer.status == 200
    assert answer.body == {
        "id": subscription_of(opened),
        "customer": opened.body["customer"],
        "product": "office-basic",
        "seats": 25,
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
        "opened_at": "2026-11-22T12:00:00Z",
        "closed_at": None,
    }


@pytest.mark.parametrize("case", LIFE, ids=lambda case: case["day"])
def test_the_stage_of_any_day_is_that_of_the_vectors(opened: Answer, ana: Caller, case: dict[str, str]) -> None:
    Subscription.objects.update(ends_on=case["ends_on"])
    answer = ana.get(f"/subscriptions/{subscription_of(opened)}?on={case['day']}")
    if case["stage"] == "deleted":
        # No date deletes: without an erasure on record the data stand, whatever day it is.
        assert answer.body["stage"] == "retained"
    else:
        assert answer.body["stage"] == case["stage"]


def test_a_day_that_is_none_is_named(opened: Answer, ana: Caller) -> None:
    answer = ana.get(f"/subscriptions/{subscription_of(opened)}?on=tomorrow")
    assert answer.codes == [("/query/on", "malformed")]


def test_subscriptions_are_listed_for_who_may_read_them(
    world: World, ana: Caller, duarte: Caller, carla: Caller, opened: Answer
) -> None:
    other = Caller(token_for(world.rui)).post("/redemptions", opening_body(make_keys(world), "another"))
    ours, theirs = subscription_of(opened), subscription_of(other)

    def seen(caller: Caller, query: str = "") -> list[str]:
        return [item["id"] for item in caller.get(f"/subscriptions{query}").body["items"]]

    assert seen(bruno_of(opened)) == [ours]
    assert ours in seen(ana)
    assert theirs not in seen(ana)
    assert seen(carla)
    assert ours not in seen(carla)
    assert {ours, theirs} <= set(seen(duarte))
    assert seen(duarte, f"?customer={other.body['customer']}") == [theirs]
    assert duarte.get("/subscriptions?customer=nobody").codes == [("/customer", "malformed")]
    pages = duarte.get("/subscriptions?limit=1").body
    assert pages["has_more"] is True
    assert seen(duarte, f"?limit=1&cursor={pages['next_cursor']}") != [pages["items"][0]["id"]]


def test_a_list_takes_as_many_statements_for_ten_as_for_one(
    world: World, ana: Caller, django_assert_max_num_queries: object
) -> None:
    for number in range(10):
        ana.post("/redemptions", opening_body(make_keys(world), f"customer{number}"))
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        assert len(ana.get("/subscriptions").body["items"]) == 10


def test_the_ledger_tells_what_why_and_with_which_keys_the_oldest_first(
    world: World, ana: Caller, opened: Answer
) -> None:
    bruno, subscription = bruno_of(opened), subscription_of(opened)
    added = bruno.post("/redemptions", act_body("add", make_keys(world, 2), subscription))
    first, second = bruno.get(f"/subscriptions/{subscription}/ledger").body["items"]
    assert (first["number"], first["kind"], first["granted"], first["before"]) == (1, "open", 9125, None)
    assert first["redemption"] == opened.body["id"]
    assert (first["by"], first["organisation"]) == ("channel", identifiers.write("partner", world.reseller))
    assert (second["number"], second["kind"], second["term"]) == (2, "add", 2)
    assert second["before"] == first["after"]
    assert second["after"]["seats"] == 35
    assert second["redemption"] == added.body["id"]
    assert second["keys"] == [key["serial"] for key in bruno.get(f"/redemptions/{added.body['id']}").body["keys"]]
    assert (second["policy"], second["policy_version"]) == ("standard", 1)
    seller = ana.get(f"/subscriptions/{subscription}/ledger").body["items"]
    assert [len(row["keys"]) for row in seller] == [1, 0]
    page = bruno.get(f"/subscriptions/{subscription}/ledger?limit=1").body
    assert page["has_more"] is True
    onward = bruno.get(f"/subscriptions/{subscription}/ledger?limit=1&cursor={page['next_cursor']}").body
    assert [row["number"] for row in onward["items"]] == [2]


def test_a_reversal_is_a_row_and_closes_what_it_had_opened(world: World, ana: Caller, opened: Answer) -> None:
    ana.post(f"/redemptions/{opened.body['id']}/reverse", {"reason": "wrong customer"})
    path = f"/subscriptions/{subscription_of(opened)}"
    last = ana.get(f"{path}/ledger").body["items"][-1]
    assert (last["kind"], last["reverses"], last["after"], last["why"]) == ("reverse", 1, None, "wrong customer")
    assert ana.get(path).body["closed_at"] == "2026-11-22T12:00:00Z"


def test_a_day_later_the_stage_is_another(opened: Answer, ana: Caller, calendar: Calendar) -> None:
    calendar.day = DAY + timedelta(days=365)
    body = ana.get(f"/subscriptions/{subscription_of(opened)}").body
    assert (body["stage"], body["next_change"]) == ("grace", {"stage": "retained", "day": "2027-12-22"})
