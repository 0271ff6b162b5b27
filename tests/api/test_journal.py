"""Reading the journal through the API, and proving it. Sealing waits for commits, so that these are real."""

from __future__ import annotations

import hashlib

import pytest

from chaveiro import wiring
from chaveiro.adapters.signing import PublicKeys
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import actions as journal
from chaveiro.apps.journal.models import Entry
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.journal import CHECKPOINT_KIND
from chaveiro.rules.merkle import leaf_hash, verify_inclusion
from tests.api.door import Answer, Caller, bruno_of, opening_body
from tests.cast import World, build_world, make_keys, means


@pytest.fixture
def world(real_database: str) -> World:
    return build_world()


@pytest.fixture
def opened(world: World, ana: Caller) -> Answer:
    return ana.post("/redemptions", opening_body(make_keys(world, seats=25)))


def sealed() -> None:
    with acting(SYSTEM):
        journal.seal()


def test_the_journal_tells_each_what_is_theirs(
    world: World, ana: Caller, duarte: Caller, carla: Caller, opened: Answer
) -> None:
    sealed()

    def subjects(caller: Caller, query: str) -> set[str]:
        return {item["subject"]["id"] for item in caller.get(f"/journal{query}").body["items"]}

    committed = "?tag=redemption:committed"
    assert opened.body["id"] in subjects(duarte, committed)
    assert opened.body["id"] in subjects(ana, committed)
    assert subjects(bruno_of(opened), committed) == {opened.body["id"]}
    assert opened.body["id"] not in subjects(carla, committed)
    assert subjects(duarte, f"?subject={opened.body['id']}") == {opened.body["id"]}
    assert subjects(duarte, f"?customer={opened.body['customer']}&tag=customer:opened") == {opened.body["customer"]}
    assert subjects(duarte, "?since=2026-11-23T00:00:00Z") == set()
    assert duarte.get("/journal?since=yesterday").codes == [("/query/since", "malformed")]


def test_the_journal_is_read_on_without_a_gap(world: World, duarte: Caller, opened: Answer) -> None:
    sealed()
    numbers, cursor = [], ""
    while True:
        page = duarte.get(f"/journal?order=oldest&limit=2{cursor}").body
        numbers += [item["number"] for item in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert numbers == list(range(1, Entry.objects.count() + 1))
    newest = duarte.get("/journal").body["items"]
    assert [item["number"] for item in newest] == numbers[::-1]


def test_an_entry_is_proven_to_anybody_with_the_published_keys(
    world: World, ana: Caller, duarte: Caller, carla: Caller, opened: Answer
) -> None:
    sealed()
    with acting(SYSTEM):
        journal.checkpoint(now=means().now, signer=wiring.keyring(), origin="http://localhost:8000")
    [entry] = ana.get(f"/journal?subject={opened.body['id']}").body["items"]
    proof = ana.get(f"/journal/proof/{entry['id']}").body
    leaf = leaf_hash(proof["entry"].encode())
    assert leaf == hashlib.sha256(b"\x00" + proof["entry"].encode()).digest()
    path, root = [bytes.fromhex(one) for one in proof["path"]], bytes.fromhex(proof["root"])
    assert verify_inclusion(leaf, proof["number"] - 1, proof["size"], path, root)
    told = PublicKeys.from_jwks(ana.client.get("/.well-known/jwks.json").json()).read(
        proof["checkpoint"], CHECKPOINT_KIND
    )
    assert proof["root"] in str(told)
    assert carla.get(f"/journal/proof/{entry['id']}").status == 404
    assert duarte.get(f"/journal/proof/{'9' * 30}").status == 404


def test_an_entry_that_is_not_sealed_yet_is_asked_for_again(world: World, duarte: Caller, opened: Answer) -> None:
    waiting = Entry.objects.order_by("-id").values_list("id", flat=True)[0]
    answer = duarte.get(f"/journal/proof/{waiting}")
    assert (answer.status, answer.body["code"]) == (409, "try_later")
    assert int(answer.headers["Retry-After"]) > 0
