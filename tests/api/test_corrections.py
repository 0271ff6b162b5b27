"""Corrections through the API: proposed, looked at, approved by somebody else, once."""

from __future__ import annotations

import pytest

from chaveiro.apps.closing.models import Correction
from chaveiro.apps.redemption.models import Redemption
from chaveiro.rules import identifiers
from tests.api.door import Caller
from tests.cast import World, make_keys, open_customer, token_for

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def two(world: World) -> tuple[str, str]:
    """The wrong redemption and the right customer, by their public ids."""
    _, wrong = open_customer(world, make_keys(world))
    _, right = open_customer(world, make_keys(world), "talholua")
    return identifiers.write("redemption", wrong.id), identifiers.write("customer", right.customer)


def test_a_correction_is_proposed_by_the_partner_and_approved_by_the_operator_once(world: World, ana: Caller) -> None:
    redemption, customer = two(world)
    body = {"customer": customer, "reason": "Cliente errado"}
    looked = ana.post(f"/redemptions/{redemption}/correct?validate_only=true", body)
    assert (looked.status, looked.body["id"], Correction.objects.count()) == (200, None, 0)
    [move] = looked.body["moves"]
    assert (move["brought"], move["used"], move["moved"]) == (1825, 0, 1825)
    assert move["sum"]["moved"] == 1825
    proposed = ana.post(f"/redemptions/{redemption}/correct", body, Idempotency_Key="once")
    again = ana.post(f"/redemptions/{redemption}/correct", body, Idempotency_Key="once")
    assert (proposed.status, again.body) == (201, proposed.body)
    path = f"/corrections/{proposed.body['id']}/approve"
    assert ana.post(path, {}).status == 403
    duarte = Caller(token_for(world.duarte))
    rehearsed = duarte.post(f"{path}?validate_only=true", {})
    assert rehearsed.status == 200, rehearsed.body
    assert Redemption.objects.filter(corrects__isnull=False).count() == 0
    stale = duarte.post(path, {"fingerprint": "0" * 20})
    assert (stale.status, stale.body["code"]) == (409, "sum_changed")
    wanted = {"fingerprint": looked.body["fingerprint"]}
    done = duarte.post(path, wanted, Idempotency_Key="approve")
    replayed = duarte.post(path, wanted, Idempotency_Key="approve")
    assert (done.status, replayed.body) == (200, done.body), done.body
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert done.body["customer"] == customer
    made = duarte.get(f"/redemptions/{done.body['made']}").body
    assert made["corrects"] == duarte.get(f"/redemptions/{redemption}").body["reference"]
    assert duarte.get(f"/redemptions/{redemption}").body["corrected_to"] == done.body["reference"]
    refused = duarte.post(path, {})
    assert (refused.status, refused.body["code"]) == (422, "correction_settled")


def test_foreign_and_absent_redemptions_answer_alike(world: World, ana: Caller) -> None:
    redemption, customer = two(world)
    rui = Caller(token_for(world.rui))
    body = {"customer": customer, "reason": "Meu"}
    foreign = rui.post(f"/redemptions/{redemption}/correct", body)
    absent = rui.post(f"/redemptions/red_{'0' * 32}/correct", body)
    assert (foreign.status, foreign.body["code"]) == (absent.status, absent.body["code"]) == (404, "not_found")
    assert rui.get("/corrections").body["items"] == []


def test_every_reason_against_it_is_told_and_a_proposal_can_be_declined(world: World, ana: Caller) -> None:
    redemption, customer = two(world)
    own = ana.get(f"/redemptions/{redemption}").body["customer"]
    refused = ana.post(f"/redemptions/{redemption}/correct", {"customer": own, "reason": "x"})
    assert (refused.status, refused.codes) == (422, [("/customer", "correction_blocked")])
    proposed = ana.post(f"/redemptions/{redemption}/correct", {"customer": customer, "reason": "Engano"})
    duarte = Caller(token_for(world.duarte))
    [line] = duarte.get("/corrections").body["items"]
    assert (line["id"], line["state"], line["reason"]) == (proposed.body["id"], "proposed", "Engano")
    declined = duarte.post(f"/corrections/{line['id']}/decline", {"reason": "O cliente é o certo"})
    assert (declined.status, declined.body["state"]) == (200, "declined")
