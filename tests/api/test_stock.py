"""Single keys through the API: looked at, revoked, replaced; releases of some serials, recalls with a reason."""

from __future__ import annotations

from typing import Any

import pyrage
import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.keys import actions
from chaveiro.apps.keys.models import Batch, Key
from chaveiro.apps.operations.models import Operation
from chaveiro.rules import identifiers, serials
from chaveiro.rules.batches import House
from tests.api.door import Caller
from tests.cast import World, make_keys, means, open_customer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def serials_apart(db: None) -> None:
    """Serials of orders begin beyond those that the cast's own keys have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('keys_serial_number', 20000000000)")


LOCK = {"passphrase": "correct horse battery staple"}


@pytest.fixture(autouse=True)
def vault(settings: Any) -> None:
    settings.VAULT_KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def serial_of(place: int = 0) -> str:
    return serials.write(Key.objects.order_by("number")[place].number)


def batch_path() -> str:
    return f"/batches/{identifiers.write('batch', Batch.objects.order_by('number')[0].id)}"


def test_a_key_is_replaced_once_and_its_export_leaves_once(world: World, duarte: Caller) -> None:
    make_keys(world, 2, seats=7)
    path = f"/keys/{serial_of()}/replace"
    dry = duarte.post(f"{path}?validate_only=true", LOCK, Idempotency_Key=None)
    assert (dry.status, Batch.objects.count(), Key.objects.filter(state="revoked").count()) == (200, 1, 0)
    begun = duarte.post(path, LOCK, Idempotency_Key="once")
    again = duarte.post(path, LOCK, Idempotency_Key="once")
    assert (begun.status, again.body, again.headers["Idempotency-Replayed"]) == (202, begun.body, "true")
    work = Operation.objects.get()
    assert actions.run_mint(operation=work.id, vault=wiring.vault(), locksmith=wiring.locksmith(), means=means())
    export = duarte.get(f"/batches/{begun.body['batch']}/export")
    text = pyrage.passphrase.decrypt(export.raw, LOCK["passphrase"]).decode().splitlines()
    assert len(text) == 2
    old = duarte.get(f"/keys/{serial_of()}").body
    assert (old["state"], old["replaced_by"]) == ("revoked", text[1].split(",")[0])
    refused = duarte.post(path, LOCK, Idempotency_Key="another")
    assert (refused.status, refused.body["code"]) == (422, "key_replaced")


def test_asked_again_while_it_waits_the_same_work_is_answered(world: World, duarte: Caller) -> None:
    make_keys(world)
    path = f"/keys/{serial_of()}/replace"
    first, second = (duarte.post(path, LOCK, Idempotency_Key=name) for name in ("one", "two"))
    assert first.body["id"] == second.body["id"]
    assert Operation.objects.count() == 1


def test_a_redeemed_key_is_neither_revoked_nor_replaced(world: World, duarte: Caller) -> None:
    open_customer(world, make_keys(world))
    for act, body in (("revoke", None), ("replace", LOCK)):
        refused = duarte.post(f"/keys/{serial_of()}/{act}", body)
        assert (refused.status, refused.body["code"]) == (422, "key_redeemed"), act


def test_a_key_is_revoked_after_a_rehearsal(world: World, duarte: Caller) -> None:
    make_keys(world)
    dry = duarte.post(f"/keys/{serial_of()}/revoke?validate_only=true", Idempotency_Key=None)
    assert (dry.body["state"], Key.objects.get().state) == ("revoked", "released")
    assert duarte.post(f"/keys/{serial_of()}/revoke").body["state"] == "revoked"


def test_keys_of_the_stock_are_the_operators(world: World, duarte: Caller, ana: Caller) -> None:
    make_keys(world)
    assert ana.get(f"/keys/{serial_of()}").status == 403
    assert ana.post(f"/keys/{serial_of()}/revoke").status == 403
    assert duarte.get("/keys/nonsense").status == 404
    assert duarte.get("/keys/900000000007").status == 404


def test_some_serials_are_released(world: World, duarte: Caller) -> None:
    make_keys(world, 3, state="minted")
    Batch.objects.update(released_at=None)
    span = {"serials": f"{serial_of(0)}-{serial_of(1)}"}
    dry = duarte.post(f"{batch_path()}/release?validate_only=true", span, Idempotency_Key=None)
    assert dry.body["keys"] == {"released": 2, "minted": 1}
    done = duarte.post(f"{batch_path()}/release", span)
    assert (done.status, done.body["keys"]) == (200, {"released": 2, "minted": 1})
    foreign = duarte.post(f"{batch_path()}/release", {"serials": "900000000007"})
    assert (foreign.status, foreign.body["code"]) == (422, "malformed")


def test_a_step_is_told_nothing_that_it_would_not_do(world: World, duarte: Caller) -> None:
    make_keys(world)
    refused = duarte.post(f"{batch_path()}/recall", {"serials": serial_of()})
    assert refused.status == 422
    assert set(Key.objects.values_list("state", flat=True)) == {"released"}
    assert duarte.post(f"{batch_path()}/release", {"why": "because"}).status == 422


def test_a_recall_of_many_waits_for_a_second_person(
    world: World, duarte: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "house", House)
    make_keys(world, 1_001)
    asked = duarte.post(f"{batch_path()}/recall", {"reason": "furto"})
    assert (asked.status, asked.body["stage"], asked.body["recall_reason"]) == (200, "released", "furto")
    alone = duarte.post(f"{batch_path()}/recall")
    assert (alone.status, alone.body["code"]) == (422, "second_person_needed")
