"""Receipts read and signed, redemptions listed, and redemptions taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chaveiro.apps.keys.models import Key
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.receipts import RECEIPT_KIND
from tests.api.conftest import Calendar
from tests.api.door import Caller, act_body, bruno_of, opening_body, subscription_of
from tests.cast import DAY, World, make_keys, open_customer, token_for

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def test_the_receipt_tells_the_same_for_ever_to_seller_customer_and_operator(
    world: World, ana: Caller, duarte: Caller
) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world, 2) + make_keys(world, product="office-plus")))
    for caller in (ana, bruno_of(opened), duarte):
        receipt = caller.get(f"/redemptions/{opened.body['id']}")
        assert receipt.status == 200, receipt.body
        for name in ("id", "reference", "customer", "subscriptions", "effects", "fingerprint", "reversed_at"):
            assert receipt.body[name] == opened.body[name], name
        assert len(receipt.body["keys"]) == 3
        assert receipt.body["administrator"]["user_name"] == "bruno.costa"
        assert receipt.body["partner"]["registration_number"] == "1234567"


def test_the_signed_receipt_is_checked_offline_with_a_published_key(world: World, ana: Caller) -> None:
    from chaveiro.adapters.signing import PublicKeys

    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    signed = ana.get(f"/redemptions/{opened.body['id']}/receipt")
    assert (signed.status, signed.headers["Content-Type"]) == (200, "application/jose")
    assert ana.get(f"/redemptions/{opened.body['id']}/receipt").raw == signed.raw
    published = ana.client.get("/.well-known/jwks.json")
    assert published["Content-Type"] == "application/jwk-set+json"
    told = PublicKeys.from_jwks(published.json()).read(signed.raw.decode(), RECEIPT_KIND)
    assert (told["id"], told["reference"]) == (opened.body["id"], opened.body["reference"])
    assert told["effects"][0]["sum"] == opened.body["effects"][0]["sum"]
    assert told["keys"][0]["last_five"] == Key.objects.get(state="redeemed").last_five


def test_redemptions_are_listed_page_by_page_for_who_made_them(world: World, ana: Caller) -> None:
    made = [ana.post("/redemptions", opening_body(make_keys(world), f"customer{n}")).body["id"] for n in range(5)]
    Caller(token_for(world.rui)).post("/redemptions", opening_body(make_keys(world), "another"))
    first = ana.get("/redemptions?limit=2")
    second = ana.get(f"/redemptions?limit=2&cursor={first.body['next_cursor']}")
    third = ana.get(f"/redemptions?limit=2&cursor={second.body['next_cursor']}")
    pages = [first.body, second.body, third.body]
    assert [item["id"] for page in pages for item in page["items"]] == made[::-1]
    assert [page["has_more"] for page in pages] == [True, True, False]
    assert third.body["next_cursor"] is None


def test_a_redemption_is_taken_back_once_and_replays_and_receipts_say_so(world: World, ana: Caller) -> None:
    body = opening_body(make_keys(world, 2))
    opened = ana.post("/redemptions", body, Idempotency_Key="once")
    path = f"/redemptions/{opened.body['id']}/reverse"
    dry = ana.post(f"{path}?validate_only=true", {"reason": "wrong customer"}, Idempotency_Key=None)
    assert (dry.status, Redemption.objects.get().reversed_at) == (200, None)
    done = ana.post(path, {"reason": "wrong customer"}, Idempotency_Key="back")
    assert done.status == 200
    assert done.body == dry.body
    assert done.body["customer_closed"] is True
    assert len(done.body["keys"]) == 2
    assert Key.objects.filter(state="released").count() == 2
    again = ana.post(path, {"reason": "wrong customer"}, Idempotency_Key="back")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, done.body, "true")
    replayed = ana.post("/redemptions", body, Idempotency_Key="once")
    assert replayed.body["reversed_at"] == "2026-11-22T12:00:00Z"
    receipt = ana.get(f"/redemptions/{opened.body['id']}").body
    assert (receipt["reversed_at"], receipt["reversal_reason"]) == ("2026-11-22T12:00:00Z", "wrong customer")
    other = ana.post(path, {"reason": "wrong customer"})
    assert (other.status, other.body["code"]) == (422, "already_reversed")


def test_a_reversal_needs_a_reason_a_right_and_its_days(
    world: World, ana: Caller, duarte: Caller, calendar: Calendar
) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    path = f"/redemptions/{opened.body['id']}/reverse"
    assert ana.post(path, {"reason": " "}).codes == [("/reason", "malformed")]
    assert ana.post(path, {}).codes == [("/reason", "missing")]
    assert ana.post(path, {"reason": "x"}, Idempotency_Key=None).body["code"] == "idempotency_key_needed"
    assert bruno_of(opened).post(path, {"reason": "x"}).body["code"] == "role_required"
    calendar.day = DAY + timedelta(days=4)
    late = ana.post(path, {"reason": "wrong customer"})
    assert (late.status, late.body["code"], late.body["facts"]) == (422, "reversal_too_late", {"until": "2026-11-25"})
    assert duarte.post(path, {"reason": "wrong customer"}).status == 200


def test_a_reversal_is_blocked_by_what_was_built_on_it(world: World, ana: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    bruno_of(opened).post("/redemptions", act_body("add", make_keys(world), subscription_of(opened)))
    blocked = ana.post(f"/redemptions/{opened.body['id']}/reverse", {"reason": "wrong customer"})
    assert (blocked.status, blocked.body["code"]) == (422, "reversal_blocked")
    assert blocked.body["facts"]["what"] == "later_changes"


def test_the_seller_reads_what_it_redeemed_and_another_partner_does_not(world: World, ana: Caller) -> None:
    _, outcome = open_customer(world, make_keys(world))
    subscription = Subscription.objects.get(customer_id=outcome.customer)
    path = f"/subscriptions/{identifiers.write('subscription', subscription.id)}"
    assert ana.get(path).status == 200
    assert Caller(token_for(world.rui)).get(path).status == 404
