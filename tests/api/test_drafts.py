"""Drafts through the API: a basket that waits, its keys held for whoever shows the resume code."""

from __future__ import annotations

from typing import Any

import pytest

from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.operations.models import Answer as StoredAnswer
from chaveiro.apps.redemption.models import Draft, DraftKey, Redemption
from tests.api.door import Answer, Caller, opening_body
from tests.cast import World, make_keys, token_for

pytestmark = [pytest.mark.django_db, pytest.mark.money]


class Desk:
    """A draft as its holder handles it."""

    def __init__(self, caller: Caller, opened: Answer) -> None:
        self.caller, self.opened = caller, opened
        self.code: str = opened.body["resume_code"]
        self.path: str = f"/redemptions/drafts/{opened.body['id']}"

    def put(self, keys: list[str], query: str = "", **sent: Any) -> Answer:
        return self.caller("PUT", f"{self.path}/keys{query}", {"keys": keys, **sent}, Resume_Code=self.code)

    def get(self) -> Answer:
        return self.caller.get(self.path, Resume_Code=self.code)

    def commit(self, keys: None = None, **sent: Any) -> Answer:
        body = opening_body([], draft=self.opened.body["id"]) | {"keys": keys}
        return self.caller.post("/redemptions", body, **{"Resume_Code": self.code, **sent})


@pytest.fixture
def desk(ana: Caller) -> Desk:
    opened = ana.post("/redemptions/drafts")
    assert opened.status == 201, opened.body
    return Desk(ana, opened)


def test_a_draft_is_opened_with_a_code_that_is_told_once(desk: Desk) -> None:
    body = desk.opened.body
    assert (body["state"], body["results"], body["redemption"]) == ("open", [], None)
    assert body["ends_at"] == "2026-12-06T12:00:00Z"
    assert len(desk.code) == 24
    assert desk.get().body["resume_code"] is None
    assert desk.code not in str(Draft.objects.values())


def test_good_keys_are_held_and_a_mistyped_one_comes_back_as_it_was_typed(world: World, desk: Desk) -> None:
    [good, other] = make_keys(world, 2)
    typed = other[:-1] + ("0" if other[-1] != "0" else "1")
    put = desk.put([good, "", typed])
    assert [result["verdict"] for result in put.body["results"]] == ["ok", "key_checksum"]
    assert Hold.objects.count() == 1
    assert typed not in str(DraftKey.objects.values())
    got = desk.get().body["results"]
    assert [(result["verdict"], result["typed"]) for result in got] == [("ok", None), ("key_checksum", typed)]
    assert got[1]["repair"] == other
    assert got[0]["serial"] == put.body["results"][0]["serial"]


def test_a_draft_is_committed_once_and_then_gives_the_same_receipt_under_any_key(world: World, desk: Desk) -> None:
    desk.put(make_keys(world, 2))
    first = desk.commit(Idempotency_Key="one")
    assert first.status == 201, first.body
    again = desk.commit(Idempotency_Key="one")
    other = desk.commit(Idempotency_Key="two")
    for replay in (again, other, desk.commit(Idempotency_Key="two")):
        assert (replay.status, replay.body, replay.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    assert Redemption.objects.count() == 1
    got = desk.get().body
    assert (got["state"], got["redemption"]) == ("committed", first.body["id"])


def test_the_code_of_another_draft_and_no_code_open_nothing(world: World, ana: Caller, desk: Desk) -> None:
    other = Desk(ana, ana.post("/redemptions/drafts"))
    assert ana.get(desk.path, Resume_Code=other.code).status == 404
    assert ana.get(desk.path, Resume_Code="0" * 20).status == 404
    assert ana.get(desk.path).codes == [("/Resume-Code", "missing")]
    assert ana.get(desk.path, Resume_Code="abc").codes == [("/code", "malformed")]
    assert desk.commit(Resume_Code=other.code).status == 404


def test_whoever_presents_all_of_a_drafts_keys_may_start_over(world: World, ana: Caller, desk: Desk) -> None:
    keys = make_keys(world, 2)
    desk.put(keys)
    other = Desk(ana, ana.post("/redemptions/drafts"))
    [some] = other.put(keys[:1]).body["results"]
    assert (some["verdict"], some["facts"]["until"]) == ("key_held", "2026-11-25T12:00:00Z")
    whole = ana.post("/redemptions", opening_body(keys))
    assert [error["facts"]["whole"] for error in whole.body["errors"]] == [True, True]
    assert [result["verdict"] for result in other.put(keys, start_over=True).body["results"]] == ["ok", "ok"]
    assert desk.get().body["state"] == "abandoned"
    assert ana.post("/redemptions", opening_body(keys, start_over=True)).status == 201


def test_a_dry_run_of_a_basket_holds_nothing(world: World, desk: Desk) -> None:
    [key] = make_keys(world)
    dry = desk.put([key], "?validate_only=true")
    assert [result["verdict"] for result in dry.body["results"]] == ["ok"]
    assert Hold.objects.count() == DraftKey.objects.count() == 0


def test_a_draft_given_up_lets_its_keys_go(world: World, ana: Caller, desk: Desk) -> None:
    desk.put(make_keys(world))
    assert ana("DELETE", f"{desk.path}?validate_only=true", Resume_Code=desk.code).status == 200
    assert Hold.objects.count() == 1
    assert ana("DELETE", desk.path, Resume_Code=desk.code).status == 204
    assert Hold.objects.count() == 0
    assert ana("DELETE", desk.path, Resume_Code=desk.code).status == 404
    assert desk.put(make_keys(world)).status == 404
    assert desk.get().body["state"] == "abandoned"


def test_the_same_idempotency_key_leads_to_the_same_draft_and_no_code_is_kept(world: World, ana: Caller) -> None:
    first = ana.post("/redemptions/drafts", Idempotency_Key="mine")
    again = ana.post("/redemptions/drafts", Idempotency_Key="mine")
    assert again.body == first.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert StoredAnswer.objects.count() == 0
    rui = Caller(token_for(world.rui)).post("/redemptions/drafts", Idempotency_Key="mine")
    unnamed = [ana.post("/redemptions/drafts", Idempotency_Key=None) for _ in range(2)]
    assert len({answer.body["id"] for answer in (first, rui, *unnamed)}) == 4
    assert len({answer.body["resume_code"] for answer in (first, rui, *unnamed)}) == 4


def test_keys_in_the_draft_and_in_the_order_contradict_each_other(world: World, desk: Desk) -> None:
    body = opening_body(make_keys(world), draft=desk.opened.body["id"])
    answer = desk.caller.post("/redemptions", body, Resume_Code=desk.code)
    assert answer.codes == [("/keys", "malformed")]
    assert Key.objects.get().state == "released"


def test_an_empty_draft_redeems_nothing(desk: Desk) -> None:
    assert ("/keys", "key_empty") in desk.commit().codes
