"""Blocks and policies through the API: put and lifted by their side, drafted, weighed, published, followed."""

from __future__ import annotations

import pytest

from chaveiro.apps.catalog.models import Policy, PolicyDraft
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Kind
from tests.api.door import Caller
from tests.cast import DAY, World, _member, make_keys, open_customer, token_for

pytestmark = pytest.mark.django_db
BODY = {"kind": "unpaid", "reason": "Falta pagar a encomenda"}


@pytest.fixture
def duarte(world: World) -> Caller:
    return Caller(token_for(world.duarte))


def opened(world: World) -> tuple[str, Caller]:
    bruno, outcome = open_customer(world, make_keys(world))
    one = Subscription.objects.get(customer_id=outcome.customer)
    return identifiers.write("subscription", one.id), Caller(token_for(bruno))


def test_a_block_is_put_shown_and_lifted_by_its_own_side_only(world: World, ana: Caller, duarte: Caller) -> None:
    subscription, bruno = opened(world)
    path = f"/subscriptions/{subscription}/blocks"
    looked = ana.post(f"{path}?validate_only=true", BODY)
    assert (looked.status, Block.objects.count()) == (200, 0)
    put = ana.post(path, BODY, Idempotency_Key="once")
    again = ana.post(path, BODY, Idempotency_Key="once")
    assert (put.status, again.body) == (201, put.body)
    assert (put.body["holder"], put.body["lifted_by"], put.body["put_on"]) == ("channel", "partner", str(DAY))
    [shown] = bruno.get(f"/subscriptions/{subscription}").body["blocks"]
    assert shown == put.body
    one = f"{path}/{put.body['id']}"
    refused = duarte("DELETE", one)
    assert (refused.status, refused.body["code"]) == (422, "not_your_block")
    assert bruno("DELETE", one).status == 403
    assert ana("DELETE", f"{one}?validate_only=true").status == 200
    assert Block.objects.filter(lifted_at=None).count() == 1
    assert ana("DELETE", one).body["lifted_on"] == str(DAY)
    settled = ana("DELETE", one)
    assert (settled.status, settled.body["code"]) == (422, "block_lifted")
    assert bruno.get(f"/subscriptions/{subscription}").body["blocks"] == []
    assert len(bruno.get(f"{path}?lifted=true").body["items"]) == 1


def test_as_of_an_earlier_day_the_blocks_of_that_day_are_told(world: World, duarte: Caller) -> None:
    subscription, _bruno = opened(world)
    put = duarte.post(f"/subscriptions/{subscription}/blocks", {"kind": "abuse", "reason": "x"}).body
    duarte("DELETE", f"/subscriptions/{subscription}/blocks/{put['id']}")
    Block.objects.update(put_on="2026-10-01", lifted_on="2026-10-20")
    for day, count in (("2026-09-30", 0), ("2026-10-01", 1), ("2026-10-19", 1), ("2026-10-20", 0)):
        assert len(duarte.get(f"/subscriptions/{subscription}?on={day}").body["blocks"]) == count, day


def test_a_partner_puts_no_other_kind_and_a_narrow_token_none(world: World, ana: Caller) -> None:
    subscription, bruno = opened(world)
    path = f"/subscriptions/{subscription}/blocks"
    assert ana.post(path, {"kind": "legal_hold", "reason": "x"}).status == 403
    assert bruno.post(path, BODY).status == 403
    assert Caller(token_for(world.duarte, "subscriptions:read")).post(path, BODY).status == 403
    assert Caller(token_for(world.rui)).post(path, BODY).status == 404
    empty = ana.post(path, {"kind": "unpaid", "reason": " "})
    assert (empty.status, empty.codes) == (422, [("/reason", "malformed")])
    assert ana.post(path, {"kind": "bad_mood", "reason": "x"}).status == 422
    assert not Block.objects.exists()


def test_a_policy_is_drafted_weighed_published_and_followed(world: World, duarte: Caller) -> None:
    opened(world)
    dry = duarte("PUT", "/policies/standard/draft?validate_only=true", {"retention_days": 150})
    assert (dry.status, PolicyDraft.objects.count()) == (200, 0)
    draft = duarte("PUT", "/policies/standard/draft", {"retention_days": 150, "notice_days": [90, 30]})
    assert (draft.status, draft.body["typed"]["notice_days"], draft.body["base"]) == (200, "90, 30", 1)
    counted = duarte.get("/policies/standard/what-if").body
    assert (counted["changed"], counted["erased"], counted["takes_nothing_away"]) == (
        1,
        {"earlier": 0, "later": 1},
        True,
    )
    [row] = duarte.get("/policies/standard/what-if/subscriptions").body["items"]
    assert row["erases_on"] == {"before": "2028-03-21", "after": "2028-04-20"}
    assert duarte.get("/policies/standard/what-if/subscriptions?wanted=earlier").body["items"] == []
    stale = duarte.post("/policies/standard/publish", {"version": 7})
    assert (stale.status, stale.body["code"]) == (409, "draft_changed")
    assert duarte.post("/policies/standard/publish?validate_only=true", {}).body["version"] == 2
    assert Policy.objects.count() == 1
    done = duarte.post("/policies/standard/publish", {"version": draft.body["version"]})
    assert (done.status, done.body["version"]) == (201, 2)
    proposed = duarte.post("/policies/standard/adoptions")
    assert (proposed.status, proposed.body["state"], proposed.body["wanted"]) == (201, "proposed", 1)
    path = f"/policies/standard/adoptions/{proposed.body['id']}"
    alone = duarte.post(f"{path}/approve")
    assert (alone.status, alone.body["code"]) == (422, "second_operator_needed")
    olga = Caller(token_for(_member(world.vendor, "Olga", "operator", Kind.OPERATOR)))
    assert olga.post(f"{path}/approve").body["state"] == "approved"
    whole = olga.get("/policies/standard").body
    assert ([each["version"] for each in whole["versions"]], whole["draft"]) == ([2, 1], None)
    assert [each["version"] for each in olga.get("/policies").body["items"]] == [2]


def test_numbers_that_do_not_fit_are_told_at_their_fields_and_nothing_is_kept(world: World, duarte: Caller) -> None:
    refused = duarte("PUT", "/policies/standard/draft", {"grace_days": 0, "notice_days": [7, 60]})
    assert refused.status == 422
    assert refused.codes == [("/grace_days", "malformed"), ("/notice_days", "malformed")]
    assert not PolicyDraft.objects.exists()


def test_whoever_is_no_operator_or_has_no_scope_for_it_is_turned_away(world: World, ana: Caller) -> None:
    narrow = Caller(token_for(world.duarte, "batches:write"))
    _subscription, bruno = opened(world)
    for caller in (ana, bruno, narrow):
        for method, path in (
            ("GET", "/policies"),
            ("GET", "/policies/standard"),
            ("GET", "/policies/standard/what-if"),
            ("POST", "/policies/standard/publish"),
            ("POST", "/policies/standard/adoptions"),
        ):
            body = {} if path.endswith("publish") else None
            assert caller(method, path, body).status == 403, (method, path)
