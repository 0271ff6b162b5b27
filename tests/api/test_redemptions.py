"""Redeeming through the API: the fields of the contract, once and for ever, for who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chaveiro import wiring
from chaveiro.api import redemptions
from chaveiro.apps.customers.models import Customer, Role
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.keys.models import Key
from chaveiro.apps.operations.models import Answer as StoredAnswer
from chaveiro.apps.redemption.models import Line, Redemption
from chaveiro.rules import identifiers
from chaveiro.rules.errors import Contention, OutcomeUnknown
from tests.api.conftest import Calendar
from tests.api.door import Caller, act_body, bruno_of, opening_body, subscription_of
from tests.cast import DAY, World, make_keys, token_for

pytestmark = [pytest.mark.django_db, pytest.mark.money]


# --- done ----------------------------------------------------------------------------------------------------------


def test_a_key_opens_a_subscription_with_every_field_of_the_contract(world: World, ana: Caller) -> None:
    answer = ana.post("/redemptions", opening_body(make_keys(world, seats=25)))
    assert answer.status == 201, answer.body
    [opened] = answer.body["subscriptions"]
    assert opened == {
        "id": opened["id"],
        "customer": answer.body["customer"],
        "product": "office-basic",
        "seats": 25,
        "ends_on": "2027-11-22",
        "last_day": "2027-11-21",
        "credit": 0,
        "stage": "active",
    }
    [effect] = answer.body["effects"]
    assert effect["subscription"] == opened["id"]
    assert effect["before"] is None
    assert effect["after"] == {"seats": 25, "ends_on": "2027-11-22", "last_day": "2027-11-21", "credit": 0}
    assert (effect["sum"]["pool"], effect["sum"]["seats"], effect["sum"]["days_after"]) == (9125, 25, 365)
    assert identifiers.read("redemption", answer.body["id"]) == Redemption.objects.get().id
    assert answer.body["reference"] == Redemption.objects.get().reference
    assert "Idempotency-Replayed" not in answer.headers


def test_a_customer_is_opened_as_it_was_sent(world: World, ana: Caller) -> None:
    body = opening_body(make_keys(world))
    body["customer"] |= {
        "tax_number": "PT 501 234 567",
        "country": "pt",
        "language": "en-GB",
        "time_zone": "Atlantic/Azores",
    }
    assert ana.post("/redemptions", body).status == 201
    customer = Customer.objects.get()
    assert (customer.country, customer.language, customer.time_zone) == ("PT", "en", "Atlantic/Azores")
    assert customer.tax_number == "PT 501 234 567"


def test_a_second_organisation_with_a_tax_number_is_opened_when_that_is_said_and_learns_nothing(
    world: World, ana: Caller
) -> None:
    first = opening_body(make_keys(world))
    first["customer"] |= {"tax_number": "501 234 567", "name": "Oficina Carla, Lda."}
    assert ana.post("/redemptions", first).status == 201
    body = opening_body(make_keys(world), "second")
    body["customer"]["tax_number"] = "PT501234567"
    rui = Caller(token_for(world.rui))
    refused = rui.post("/redemptions", body)
    assert (refused.status, refused.codes) == (422, [("/customer/tax_number", "tax_number_known")])
    assert refused.body["errors"][0]["facts"] == {}
    assert "Carla" not in refused.raw.decode()
    assert "501 234 567" not in refused.raw.decode()
    body["customer"]["tax_number_again"] = "yes"
    assert rui.post("/redemptions", body).status == 422
    body["customer"]["tax_number_again"] = True
    assert rui.post("/redemptions?validate_only=true", body).status == 200
    assert rui.post("/redemptions", body).status == 201
    assert Customer.objects.count() == 2


def test_the_attestation_is_kept_with_its_circumstances(world: World, ana: Caller) -> None:
    [key] = make_keys(world)
    [other] = make_keys(world)
    ana.post("/redemptions", opening_body([key]), User_Agent=f"a client {other}")
    kept = Redemption.objects.get().attestation
    assert (kept["wording"], kept["language"], kept["address"]) == ("2026-11", "en", "127.0.0.1")
    assert kept["agent"].startswith("a client")
    assert other not in kept["agent"]


def test_a_dry_run_tells_the_same_effects_and_writes_nothing(world: World, ana: Caller) -> None:
    keys = make_keys(world, 2) + make_keys(world, product="office-plus", seats=3)
    dry = ana.post("/redemptions?validate_only=true", opening_body(keys), Idempotency_Key=None)
    assert dry.status == 200
    assert (dry.body["id"], dry.body["reference"]) == (None, None)
    assert Redemption.objects.count() == StoredAnswer.objects.count() == Customer.objects.count() == 0
    done = ana.post("/redemptions", opening_body(keys, fingerprint=dry.body["fingerprint"]))
    assert done.status == 201

    def without_ids(body: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**effect, "subscription": None} for effect in body["effects"]]

    assert without_ids(dry.body) == without_ids(done.body)
    assert dry.body["fingerprint"] == done.body["fingerprint"]


def test_nobody_or_a_named_partner_is_proposed_as_partner_of_record_and_the_seller_by_itself(
    world: World, ana: Caller
) -> None:
    for prefix, sent, proposed in (
        ("first", {}, [world.reseller]),
        ("second", {"partner_of_record": None}, []),
        ("third", {"partner_of_record": "7654321"}, [world.rui.organisation]),
    ):
        answer = ana.post("/redemptions", opening_body(make_keys(world), prefix, **sent))
        customer = identifiers.read("customer", answer.body["customer"])
        found = PartnerOfRecord.objects.filter(customer_id=customer).values_list("organisation_id", flat=True)
        assert list(found) == proposed


def test_the_administrator_adds_and_extends_with_the_sums_of_the_vectors(world: World, ana: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world, seats=10)))
    bruno, subscription = bruno_of(opened), subscription_of(opened)
    added = bruno.post("/redemptions", act_body("add", make_keys(world, seats=5), subscription))
    assert added.status == 201
    assert added.body["effects"][0]["before"]["seats"] == 10
    assert added.body["effects"][0]["after"] == {
        "seats": 15,
        "ends_on": "2027-11-22",
        "last_day": "2027-11-21",
        "credit": 0,
    }
    extended = bruno.post(
        "/redemptions",
        act_body("extend", make_keys(world, seats=5), subscription, seats_after={"office-basic": 8}),
    )
    assert extended.status == 201, extended.body
    total = extended.body["effects"][0]["sum"]
    assert (total["chosen"], total["seats"]) == (True, 8)
    assert total["pool"] == 15 * 365 + 5 * 366  # the key's year holds 29 February 2028
    assert total["days_after"] * 8 + total["credit"] == total["pool"]


def test_keys_of_a_customer_redeemed_by_its_own_token_open_a_further_product(world: World, ana: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    answer = bruno_of(opened).post(
        "/redemptions",
        {"purpose": "open", "keys": make_keys(world, product="office-plus"), "attestation": True},
    )
    assert answer.status == 201, answer.body
    assert answer.body["customer"] == opened.body["customer"]


# --- again ---------------------------------------------------------------------------------------------------------


def test_the_same_request_again_gets_the_same_receipt_and_says_that_it_is_a_replay(world: World, ana: Caller) -> None:
    body = opening_body(make_keys(world, 3))
    first = ana.post("/redemptions", body, Idempotency_Key="once")
    again = ana.post("/redemptions", dict(reversed(body.items())), Idempotency_Key="once")
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Redemption.objects.count() == 1
    assert Line.objects.count() == 3


def test_another_body_under_the_same_key_is_refused_and_nothing_is_spent(world: World, ana: Caller) -> None:
    ana.post("/redemptions", opening_body(make_keys(world)), Idempotency_Key="once")
    other = ana.post("/redemptions", opening_body(make_keys(world), "other"), Idempotency_Key="once")
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")
    assert Redemption.objects.count() == 1


def test_a_commit_without_an_idempotency_key_is_refused(world: World, ana: Caller) -> None:
    answer = ana.post("/redemptions", opening_body(make_keys(world)), Idempotency_Key=None)
    assert (answer.status, answer.body["code"]) == (400, "idempotency_key_needed")
    for unfit in ("", "with a space", "k" * 256, "ção"):
        answer = ana.post("/redemptions", opening_body(make_keys(world)), Idempotency_Key=unfit)
        assert answer.codes == [("/header/Idempotency-Key", "malformed")]
    assert Redemption.objects.count() == 0


def test_a_refused_request_was_not_done_and_its_key_may_be_used_for_the_mended_one(world: World, ana: Caller) -> None:
    keys = make_keys(world)
    refused = ana.post("/redemptions", opening_body(keys, attestation=False), Idempotency_Key="mended")
    assert refused.codes == [("/attestation", "attestation_missing")]
    assert ana.post("/redemptions", opening_body(keys), Idempotency_Key="mended").status == 201


def test_two_callers_may_choose_the_same_idempotency_key(world: World, ana: Caller) -> None:
    rui = Caller(token_for(world.rui))
    assert ana.post("/redemptions", opening_body(make_keys(world), "first"), Idempotency_Key="one").status == 201
    assert rui.post("/redemptions", opening_body(make_keys(world), "second"), Idempotency_Key="one").status == 201


def test_a_replay_asks_for_the_same_right_as_the_act(world: World, ana: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    bruno, body = bruno_of(opened), act_body("add", make_keys(world), subscription_of(opened))
    assert bruno.post("/redemptions", body, Idempotency_Key="once").status == 201
    Role.objects.update(ended_at=wiring.means().now)
    again = bruno.post("/redemptions", body, Idempotency_Key="once")
    assert (again.status, again.body["code"]) == (403, "role_required")


def test_no_key_stands_in_a_stored_answer(world: World, ana: Caller) -> None:
    [key] = make_keys(world)
    ana.post("/redemptions", opening_body([key]))
    assert key not in str(StoredAnswer.objects.values())
    assert key.replace("-", "") not in str(StoredAnswer.objects.values())


# --- refused -------------------------------------------------------------------------------------------------------


def test_every_fault_is_told_at_once_with_its_place(world: World, ana: Caller) -> None:
    [good, spent] = make_keys(world, 2)
    ana.post("/redemptions", opening_body([spent]))
    body = opening_body([good, spent, "", "what"], attestation=False)
    body["customer"] |= {"country": "XX", "domain_prefix": "padariasol"}
    body["administrator"]["email"] = "nobody"
    refused = ana.post("/redemptions", body)
    assert refused.status == 422
    assert refused.body["code"] == refused.body["errors"][0]["code"] == "attestation_missing"
    assert refused.codes == [
        ("/attestation", "attestation_missing"),
        ("/customer/country", "malformed"),
        ("/administrator/email", "malformed"),
        ("/keys/1", "key_redeemed"),
        ("/keys/2", "key_empty"),
        ("/keys/3", "key_length"),
        ("/customer/domain_prefix", "prefix_taken"),
    ]
    assert Key.objects.get(last_five=good[-5:]).state == "released"
    dry = ana.post("/redemptions?validate_only=1", body)
    assert dry.codes == refused.codes


def test_a_changed_sum_is_a_conflict_that_names_the_new_one_and_spends_nothing(
    world: World, ana: Caller, calendar: Calendar
) -> None:
    body = opening_body(make_keys(world))
    shown = ana.post("/redemptions?validate_only=true", body).body["fingerprint"]
    calendar.day = DAY + timedelta(days=1)
    for path in ("/redemptions", "/redemptions?validate_only=true"):
        refused = ana.post(path, body | {"fingerprint": shown})
        assert (refused.status, refused.body["code"]) == (409, "sum_changed")
    assert Redemption.objects.count() == 0
    assert ana.post("/redemptions", body | {"fingerprint": refused.body["facts"]["fingerprint"]}).status == 201


def test_another_customer_learns_that_a_key_was_redeemed_and_its_own_customer_when(
    world: World, ana: Caller, carla: Caller
) -> None:
    keys = make_keys(world)
    opened = ana.post("/redemptions", opening_body(keys))
    stranger = carla.post("/redemptions", {"purpose": "open", "keys": keys, "attestation": True})
    assert stranger.codes == [("/keys/0", "key_redeemed")]
    assert stranger.body["errors"][0]["facts"] == {}
    own = bruno_of(opened).post("/redemptions", {"purpose": "open", "keys": keys, "attestation": True})
    assert own.codes == [("/keys/0", "key_redeemed_by_you")]
    assert own.body["errors"][0]["facts"] == {"at": "2026-11-22T12:00:00Z"}


def test_who_may_not_redeem_is_told_what_it_would_need(world: World, ana: Caller, duarte: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    narrow = Caller(token_for(world.ana, "keys:check"))
    for caller, body in (
        (duarte, opening_body(make_keys(world), "other")),
        (narrow, opening_body(make_keys(world), "other")),
        (ana, act_body("add", make_keys(world), subscription_of(opened))),
    ):
        answer = caller.post("/redemptions", body)
        assert (answer.status, answer.body["code"]) == (403, "role_required")
        assert answer.body["facts"]["needs"]


def test_foreign_and_absent_answer_alike(world: World, ana: Caller, carla: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    red, sub = opened.body["id"], subscription_of(opened)
    absent_red, absent_sub = "red_" + "0" * 32, "sub_" + "0" * 32
    reason = {"reason": "wrong customer"}
    for method, foreign, absent, body in (
        ("GET", f"/redemptions/{red}", f"/redemptions/{absent_red}", None),
        ("GET", f"/redemptions/{red}", "/redemptions/nonsense", None),
        ("GET", f"/redemptions/{red}/receipt", f"/redemptions/{absent_red}/receipt", None),
        ("POST", f"/redemptions/{red}/reverse", f"/redemptions/{absent_red}/reverse", reason),
        ("GET", f"/subscriptions/{sub}", f"/subscriptions/{absent_sub}", None),
        ("GET", f"/subscriptions/{sub}", "/subscriptions/nonsense", None),
        ("GET", f"/subscriptions/{sub}/ledger", f"/subscriptions/{absent_sub}/ledger", None),
    ):
        one, other = carla(method, foreign, body, Idempotency_Key="x"), carla(method, absent, body, Idempotency_Key="y")
        assert one.status == other.status == 404, foreign
        assert one.body | {"request_id": ""} == other.body | {"request_id": ""}
    acts = [carla.post("/redemptions", act_body("add", make_keys(world), one)) for one in (sub, absent_sub)]
    assert [act.status for act in acts] == [404, 404]
    assert acts[0].body | {"request_id": ""} == acts[1].body | {"request_id": ""}


@pytest.mark.parametrize(
    ("refusal", "status", "code", "wait"),
    [(Contention(what="keys"), 409, "try_later", "5"), (OutcomeUnknown(), 503, "outcome_unknown", "5")],
)
def test_what_the_commit_could_not_settle_is_asked_again(
    world: World, ana: Caller, monkeypatch: pytest.MonkeyPatch, refusal: Exception, status: int, code: str, wait: str
) -> None:
    def unsettled(**_: object) -> None:
        raise refusal

    monkeypatch.setattr(redemptions, "redeem", unsettled)
    answer = ana.post("/redemptions", opening_body(make_keys(world)))
    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (status, code, wait)


def test_more_keys_than_a_basket_takes_are_refused_before_anything_is_looked_up(world: World, ana: Caller) -> None:
    answer = ana.post("/redemptions", opening_body(make_keys(world) * 201))
    assert ("/keys", "basket_too_large") in answer.codes


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"purpose": "give"}, "/purpose"),
        ({"keys": "one"}, "/keys"),
        ({"keys": [1]}, "/keys/0"),
        ({"attestation": "yes"}, "/attestation"),
        ({"seats_after": {"office-basic": 0}}, "/seats_after/office-basic"),
        ({"seats_after": {"a/b": "3"}}, "/seats_after/a~1b"),
        ({"customer": {"nome": "Padaria"}}, "/customer/nome"),
        ({"customer": {"time_zone": "Mars/Olympus"}}, "/customer/time_zone"),
        ({"customer": "cus_1"}, "/customer"),
        ({"subscription": "sub_1"}, "/subscription"),
        ({"draft": "dra_1"}, "/keys"),
        ({"keyz": []}, "/keyz"),
    ],
)
def test_what_is_not_of_its_form_is_named_by_its_place(
    world: World, ana: Caller, change: dict[str, Any], pointer: str
) -> None:
    answer = ana.post("/redemptions", opening_body(make_keys(world)) | change)
    assert answer.codes == [(pointer, "malformed")]
    assert answer.status == 422
