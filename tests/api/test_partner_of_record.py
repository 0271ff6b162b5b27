"""Choosing a subscription's partner of record through the API: by an administrator of the customer alone."""

from __future__ import annotations

import pytest

from chaveiro.apps.delegation.models import PartnerOfRecord
from tests.api.door import Answer, Caller, bruno_of, opening_body, subscription_of
from tests.cast import World, make_keys, token_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(world: World, ana: Caller) -> Answer:
    return ana.post("/redemptions", opening_body(make_keys(world)))


def put(caller: Caller, subscription: str, number: str | None, query: str = "") -> Answer:
    return caller("PUT", f"/subscriptions/{subscription}/partner-of-record{query}", {"registration_number": number})


def test_an_administrator_chooses_changes_and_ends_it(opened: Answer) -> None:
    bruno, subscription = bruno_of(opened), subscription_of(opened)
    answer = put(bruno, subscription, "7654321")
    assert answer.status == 200
    assert answer.body["partner_of_record"] == {
        "registration_number": "7654321",
        "name": "Mar Sistemas, Lda.",
        "state": "confirmed",
    }
    assert put(bruno, subscription, "1234567").body["partner_of_record"]["name"] == "Sol Informática, Lda."
    # Ended, what Ana's redemption proposed for the whole organisation is all that there is.
    assert put(bruno, subscription, None).body["partner_of_record"]["state"] == "proposed"


def test_validating_alone_answers_what_would_be_and_changes_nothing(opened: Answer) -> None:
    answer = put(bruno_of(opened), subscription_of(opened), "7654321", "?validate_only=true")
    assert answer.body["partner_of_record"]["name"] == "Mar Sistemas, Lda."
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()


def test_the_same_key_gives_the_same_answer_and_one_change(opened: Answer) -> None:
    bruno, path = bruno_of(opened), f"/subscriptions/{subscription_of(opened)}/partner-of-record"
    answers = [bruno("PUT", path, {"registration_number": "7654321"}, Idempotency_Key="once") for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert PartnerOfRecord.objects.filter(state="confirmed").count() == 1


@pytest.mark.parametrize(("number", "code"), [("123", "malformed"), ("9999999", "not_found")])
def test_a_number_that_nobody_has_is_refused(opened: Answer, number: str, code: str) -> None:
    answer = put(bruno_of(opened), subscription_of(opened), number)
    assert answer.status in (404, 422)
    assert answer.body["code"] == code


def test_a_partner_and_an_operator_choose_for_nobody(world: World, ana: Caller, opened: Answer) -> None:
    for caller in (ana, Caller(token_for(world.duarte))):
        assert put(caller, subscription_of(opened), "1234567").status == 403
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()


def test_another_customers_subscription_answers_like_one_that_is_not_there(
    world: World, ana: Caller, opened: Answer
) -> None:
    other = ana.post("/redemptions", opening_body(make_keys(world), prefix="carla"))
    bruno = bruno_of(opened)
    absent = "sub_" + "0" * 32
    for subscription in (subscription_of(other), absent):
        for number in ("7654321", None):
            answer = put(bruno, subscription, number)
            assert (answer.status, answer.body["code"]) == (404, "not_found")
