"""Batches through the API: ordered, minted, fetched once, released, redeemed, recalled."""

from __future__ import annotations

from typing import Any

import pyrage
import pytest

from chaveiro import wiring
from chaveiro.apps.identity.actions import accounts
from chaveiro.apps.keys import actions
from chaveiro.apps.keys.models import Batch, Export, Key
from chaveiro.apps.operations.models import Answer as StoredAnswer
from chaveiro.apps.operations.models import Operation
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from tests.api.conftest import Calendar
from tests.api.door import Answer, Caller, opening_body
from tests.cast import DAY, World, means, token_for

pytestmark = pytest.mark.django_db

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def vault(settings: Any) -> None:
    settings.VAULT_KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def order(**changes: Any) -> dict[str, Any]:
    body = {"product": "office-basic", "seats": 5, "months": 12, "count": 3, "passphrase": PASSPHRASE}
    return {**body, **changes}


def carried_out(answer: Answer) -> None:
    """The worker's part."""
    operation = identifiers.read("operation", answer.body["id"])
    assert actions.run_mint(operation=operation, vault=wiring.vault(), locksmith=wiring.locksmith(), means=means())


def test_a_batch_is_ordered_minted_fetched_once_released_and_redeemed(
    world: World, duarte: Caller, ana: Caller
) -> None:
    begun = duarte.post("/batches", order(holder="7000001", countries=["pt", "PT"]))
    assert begun.status == 202, begun.body
    assert begun.headers["Location"] == f"/api/v1/operations/{begun.body['id']}"
    assert (begun.body["state"], begun.body["left"], begun.body["export"]) == ("queued", 3, None)
    carried_out(begun)
    done = duarte.get(f"/operations/{begun.body['id']}").body
    assert (done["state"], done["done"], done["failed"], done["left"]) == ("done", 3, 0, 0)
    batch = f"/batches/{done['batch']}"
    assert done["export"] == f"/api/v1{batch}/export"
    export = duarte.get(f"{batch}/export")
    assert (export.status, export.headers["Cache-Control"]) == (200, "no-store")
    lines = pyrage.passphrase.decrypt(export.raw, PASSPHRASE).decode().splitlines()
    assert lines[0] == "serial,key"
    assert len(lines) == 4
    assert duarte.get(f"{batch}/export").status == 404
    assert Export.objects.count() == 0
    keys = [line.split(",")[1] for line in lines[1:]]
    assert ana.post("/redemptions", opening_body(keys)).codes[0] == ("/keys/0", "key_not_released")
    released = duarte.post(f"{batch}/release")
    assert (released.status, released.body["stage"], released.body["keys"]) == (200, "released", {"released": 3})
    assert ana.post("/redemptions", opening_body(keys[:1])).status == 201
    recalled = duarte.post(f"{batch}/recall")
    assert recalled.body["keys"] == {"redeemed": 1, "revoked": 2}
    got = duarte.get(batch).body
    assert (got["count"], got["minted"], got["countries"], got["holder_name"]) == (
        3,
        3,
        ["PT"],
        "Norte Distribuição, Lda.",
    )


def test_an_order_is_carried_out_once_and_keeps_no_passphrase(world: World, duarte: Caller) -> None:
    first = duarte.post("/batches", order(), Idempotency_Key="once")
    again = duarte.post("/batches", order(), Idempotency_Key="once")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (202, first.body, "true")
    assert Batch.objects.count() == Operation.objects.count() == 1
    assert PASSPHRASE not in str(StoredAnswer.objects.values()) + str(Operation.objects.values())
    other = duarte.post("/batches", order(passphrase="another one, also long"), Idempotency_Key="once")
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")
    assert duarte.post("/batches", order(), Idempotency_Key=None).body["code"] == "idempotency_key_needed"


def test_a_dry_run_orders_nothing(world: World, duarte: Caller) -> None:
    dry = duarte.post("/batches?validate_only=true", order(), Idempotency_Key=None)
    assert (dry.status, dry.body["stage"], dry.body["keys"]) == (200, "planned", {})
    assert Batch.objects.count() == Operation.objects.count() == 0


def test_every_fault_of_an_order_is_told_at_once(world: World, duarte: Caller) -> None:
    refused = duarte.post(
        "/batches", order(seats=301, months=10_000, countries=["PT", "DE"], activate_before=DAY.isoformat())
    )
    assert refused.status == 422
    assert refused.codes == [
        ("/seats", "seats_over_maximum"),
        ("/months", "malformed"),
        ("/countries/1", "country_not_served"),
        ("/activate_before", "malformed"),
    ]
    assert duarte.post("/batches", order(product="nothing")).status == 404
    assert duarte.post("/batches", order(passphrase=None)).codes == [("/recipient", "malformed")]
    assert duarte.post("/batches", order(recipient="age1nonsense", passphrase=None)).codes[0][1] == "malformed"
    assert Batch.objects.count() == 0


def test_many_keys_wait_for_a_second_person(world: World, duarte: Caller) -> None:
    begun = duarte.post("/batches", order(count=1_001))
    batch = f"/batches/{begun.body['batch']}"
    assert duarte.get(batch).body["stage"] == "waiting"
    alone = duarte.post(f"{batch}/approve")
    assert (alone.status, alone.body["code"]) == (422, "second_person_needed")
    newcomer = accounts.Newcomer("dora@example.test", "Dora", "Lopes")
    second = accounts.open_operator(actor=SYSTEM, newcomer=newcomer, means=means(), organisation=world.vendor)
    dora = Caller(token_for(Actor(Kind.OPERATOR, second, world.vendor)))
    dry = dora.post(f"{batch}/approve?validate_only=true", Idempotency_Key=None)
    assert (dry.body["stage"], duarte.get(batch).body["stage"]) == ("planned", "waiting")
    assert dora.post(f"{batch}/approve").body["stage"] == "planned"


def test_steps_that_do_not_follow_are_refused(world: World, duarte: Caller) -> None:
    begun = duarte.post("/batches", order())
    batch = f"/batches/{begun.body['batch']}"
    refused = duarte.post(f"{batch}/release")
    assert (refused.status, refused.body["code"]) == (422, "batch_step_refused")
    assert refused.body["facts"] == {"stage": "planned", "step": "release"}
    assert duarte.get(f"{batch}/export").status == 404


def test_a_dry_run_of_a_release_changes_no_key_and_a_replay_says_what_was_said(world: World, duarte: Caller) -> None:
    begun = duarte.post("/batches", order())
    carried_out(begun)
    path = f"/batches/{begun.body['batch']}/release"
    dry = duarte.post(f"{path}?validate_only=true", Idempotency_Key=None)
    assert dry.body["keys"] == {"released": 3}
    assert set(Key.objects.values_list("state", flat=True)) == {"minted"}
    done = duarte.post(path, Idempotency_Key="once")
    Key.objects.filter(number=Key.objects.first().number).update(state="revoked")
    again = duarte.post(path, Idempotency_Key="once")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (done.body, "true")


def test_batches_are_the_operators(world: World, ana: Caller, duarte: Caller) -> None:
    begun = duarte.post("/batches", order())
    batch = f"/batches/{begun.body['batch']}"
    for method, path in (("GET", "/batches"), ("GET", batch), ("GET", f"{batch}/export"), ("POST", f"{batch}/release")):
        assert ana(method, path, Idempotency_Key="x").status == 403, path
    assert ana.get(f"/operations/{begun.body['id']}").status == 404


def test_batches_are_listed_page_by_page(world: World, duarte: Caller, calendar: Calendar) -> None:
    made = [duarte.post("/batches", order()).body["batch"] for _ in range(3)]
    first = duarte.get("/batches?limit=2").body
    second = duarte.get(f"/batches?limit=2&cursor={first['next_cursor']}").body
    assert [item["id"] for item in first["items"] + second["items"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
