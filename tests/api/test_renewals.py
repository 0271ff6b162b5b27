"""The pipeline and the renewal of one subscription through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from tests.api.door import Answer, Caller, act_body, bruno_of, opening_body, subscription_of
from tests.apps.test_renewals import spread
from tests.cast import DAY, World, make_keys, token_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(world: World, ana: Caller) -> Answer:
    return ana.post("/redemptions", opening_body(make_keys(world, seats=25)))


def test_the_pipeline_is_listed_by_its_own_days_with_every_field(world: World, ana: Caller) -> None:
    made = spread(world, ["30", "later"])
    answer = ana.get("/renewals")
    assert answer.status == 200
    (item,) = answer.body["items"]
    assert item.pop("customer").startswith("cus_")
    assert item == {
        "subscription": identifiers.write("subscription", made["30"]),
        "customer_name": "Padaria Sol, Lda.",
        "country": "PT",
        "product": "office-basic",
        "seats": 5,
        "assigned": 1,
        "ends_on": "2026-11-30",
        "last_day": "2026-11-29",
        "days_left": 8,
        "bucket": "30",
        "stage": "active",
        "paid_by": "key",
        "is_test": False,
    }


def test_it_is_read_on_with_its_cursor(world: World, ana: Caller) -> None:
    spread(world, ["60", "30", "7"])
    first = ana.get("/renewals?limit=2&sort=-end")
    second = ana.get(f"/renewals?limit=2&sort=-end&cursor={first.body['next_cursor']}")
    assert [item["bucket"] for item in [*first.body["items"], *second.body["items"]]] == ["60", "30", "7"]
    assert first.body["has_more"]
    assert not second.body["has_more"]


@pytest.mark.parametrize("query", ["bucket=90", "sort=name", "cursor=bm9uZQ", "paid_by=cash", "limit=0"])
def test_what_no_list_has_is_refused(ana: Caller, query: str) -> None:
    assert ana.get(f"/renewals?{query}").status == 422


def test_buckets_and_months_are_counted(world: World, ana: Caller) -> None:
    spread(world, ["60", "30"])
    body = ana.get("/renewals/summary").body
    assert {"bucket": "30", "subscriptions": 1, "seats": 5} in body["buckets"]
    assert len(body["months"]) == 13
    assert body["months"][0] == {"month": "2026-11", "subscriptions": 1, "seats": 5}


def test_a_stranger_s_pipeline_is_empty(world: World, ana: Caller) -> None:
    spread(world, ["30"])
    rui = Caller(token_for(world.rui, "subscriptions:read"))
    assert rui.get("/renewals").body["items"] == []


def test_the_renewal_says_what_is_worth_having_and_what_is_allowed(opened: Answer) -> None:
    answer = bruno_of(opened).get(f"/subscriptions/{subscription_of(opened)}/renewal")
    assert answer.status == 200
    assert answer.body == {
        "subscription": subscription_of(opened),
        "day": "2026-11-22",
        "stage": "active",
        "seats": 25,
        "assigned": 1,
        "proposal": {"seats": 1, "as_now": False},
        "limits": {
            "may_choose_seats": True,
            "lowest_seats": 1,
            "highest_seats": 300,
            "keys_start_on": "2027-11-22",
            "earliest_end": "2026-11-29",
            "earliest_end_with_other_seats": "2026-12-20",
            "latest_end": "2031-11-22",
        },
        "ways": [
            {"way": "key", "available": True, "why_not": None},
            {"way": "direct_billing", "available": False, "why_not": "not_offered"},
        ],
    }


def test_in_grace_keys_start_at_the_old_end(opened: Answer) -> None:
    Subscription.objects.update(ends_on=DAY - timedelta(days=3))
    limits = bruno_of(opened).get(f"/subscriptions/{subscription_of(opened)}/renewal").body["limits"]
    assert limits["keys_start_on"] == "2026-11-19"


def test_a_seller_reads_it_and_why_it_cannot(opened: Answer, ana: Caller) -> None:
    body = ana.get(f"/subscriptions/{subscription_of(opened)}/renewal").body
    assert body["ways"][0] == {"way": "key", "available": False, "why_not": "not_of_record"}
    assert body["limits"]["may_choose_seats"] is False


def test_once_erased_nothing_extends_it(opened: Answer) -> None:
    Subscription.objects.update(erased_on=DAY)
    body = bruno_of(opened).get(f"/subscriptions/{subscription_of(opened)}/renewal").body
    assert body["limits"] is None
    assert body["ways"][0]["why_not"] == "deleted"


def test_what_it_proposes_is_what_the_redemption_does(world: World, opened: Answer) -> None:
    bruno, wanted = bruno_of(opened), subscription_of(opened)
    keys = make_keys(world, seats=1)
    seats = bruno.get(f"/subscriptions/{wanted}/renewal").body["limits"]["lowest_seats"]
    body = act_body("extend", keys, wanted) | {"seats_after": {"office-basic": seats}}
    told = bruno.post("/redemptions?validate_only=true", body)
    assert told.status in (200, 422)
    if told.status == 422:
        assert told.body["code"] in ("seats_not_allowed", "horizon_exceeded")
