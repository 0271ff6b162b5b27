"""The door as it is in production: signed in to the database as the web's role, with real commits and at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pyrage
import pytest
from django.conf import settings
from django.db import connections

from chaveiro import wiring
from chaveiro.adapters.database_roles import role_name, role_password
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import actions as journal
from chaveiro.apps.keys import actions as stock
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM
from tests.api.door import Answer, Caller, opening_body
from tests.cast import World, build_world, make_keys, means, token_for
from tests.conftest import SECRET

pytestmark = pytest.mark.money

CLIENTS = 8


@pytest.fixture
def world(real_database: str) -> World:
    return build_world()


def signed_in_as(role: str) -> None:
    """The next statement of this thread is the role's."""
    connections["default"].close()
    connections["default"].settings_dict.update(
        USER=role_name(settings.DATABASE_ROLES, role), PASSWORD=role_password(SECRET, settings.DATABASE_ROLES, role)
    )


@pytest.fixture
def as_web(world: World) -> Iterator[None]:
    before = {name: connections["default"].settings_dict[name] for name in ("USER", "PASSWORD")}
    yield
    connections["default"].close()
    connections["default"].settings_dict.update(before)


def test_every_call_works_for_the_webs_role_and_reaches_no_further(
    world: World, ana: Caller, duarte: Caller, as_web: None
) -> None:
    rui, [key, spare] = Caller(token_for(world.rui)), make_keys(world, 2)
    signed_in_as("web")
    assert ana.post("/key-checks", {"keys": [key]}).body["results"][0]["verdict"] == "ok"
    draft = ana.post("/redemptions/drafts")
    path, code = f"/redemptions/drafts/{draft.body['id']}", draft.body["resume_code"]
    assert ana("PUT", f"{path}/keys", {"keys": [key]}, Resume_Code=code).status == 200
    body = opening_body([], draft=draft.body["id"]) | {"keys": None}
    opened = ana.post("/redemptions", body, Resume_Code=code, Idempotency_Key="once")
    assert opened.status == 201, opened.body
    again = ana.post("/redemptions", body, Resume_Code=code, Idempotency_Key="once")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (opened.body, "true")
    red, [sub] = opened.body["id"], opened.body["subscriptions"]
    for call in (f"/redemptions/{red}", f"/redemptions/{red}/receipt", f"/subscriptions/{sub['id']}/ledger"):
        assert ana.get(call).status == 200, call
        assert rui.get(call).status == 404, call
    assert ana.get(f"/subscriptions/{sub['id']}").body["partner_of_record"]["state"] == "proposed"
    assert [len(caller.get("/subscriptions").body["items"]) for caller in (ana, rui, duarte)] == [1, 0, 1]
    assert ana.post(f"/redemptions/{red}/reverse", {"reason": "wrong customer"}).status == 200
    assert ana.post("/redemptions", opening_body([spare], "another")).status == 201
    assert ana.get("/journal").status == 200


def test_a_batch_goes_its_way_for_the_webs_role_with_the_worker_beside_it(
    world: World, duarte: Caller, as_web: None, settings: object
) -> None:
    settings.VAULT_KEYS = "1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # type: ignore[attr-defined]
    signed_in_as("web")
    order = {"product": "office-basic", "seats": 5, "months": 12, "count": 2, "passphrase": "a long passphrase"}
    begun = duarte.post("/batches", order)
    assert begun.status == 202, begun.body
    signed_in_as("system")
    operation = identifiers.read("operation", begun.body["id"])
    stock.run_mint(operation=operation, vault=wiring.vault(), locksmith=wiring.locksmith(), means=means())
    with acting(SYSTEM):
        journal.seal()
    signed_in_as("web")
    batch = f"/batches/{begun.body['batch']}"
    export = duarte.get(f"{batch}/export")
    assert pyrage.passphrase.decrypt(export.raw, "a long passphrase").startswith(b"serial,key")
    assert duarte.post(f"{batch}/release").body["keys"] == {"released": 2}
    assert duarte.post(f"{batch}/recall").body["keys"] == {"revoked": 2}
    assert duarte.get("/batches").body["items"][0]["stage"] == "recalled"
    minted = duarte.get("/journal?tag=batch:minted").body["items"]
    assert [entry["subject"]["id"] for entry in minted] == [begun.body["batch"]]
    assert duarte.get(f"/journal/proof/{minted[0]['id']}").status == 200


def at_once(calls: list[Caller], body: dict[str, object], key: str | None = None) -> list[Answer]:
    """The same order by all of them in one moment."""
    gate, answers = threading.Barrier(len(calls)), []

    def call(caller: Caller) -> None:
        try:
            gate.wait()
            sent = {} if key is None else {"Idempotency_Key": key}
            answers.append(caller.post("/redemptions", body, **sent))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=(caller,)) for caller in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_one_request_sent_many_times_at_once_is_done_once_and_answered_alike(world: World, ana: Caller) -> None:
    body = opening_body(make_keys(world, 3))
    answers = at_once([Caller(ana.token) for _ in range(CLIENTS)], body, key="once")
    outcomes = Counter(answer.status for answer in answers)
    assert set(outcomes) <= {201, 409}
    assert {answer.body["code"] for answer in answers if answer.status == 409} <= {"still_running"}
    [receipt] = {answer.body["reference"] for answer in answers if answer.status == 201}
    again = ana.post("/redemptions", body, Idempotency_Key="once")
    assert (again.status, again.body["reference"]) == (201, receipt)
    assert len(ana.get("/redemptions").body["items"]) == 1


def test_of_many_who_present_the_same_key_one_wins_and_the_others_are_told(world: World, ana: Caller) -> None:
    [key] = make_keys(world)
    rui = token_for(world.rui)
    callers = [Caller(ana.token if number % 2 else rui) for number in range(CLIENTS)]
    answers = at_once(callers, opening_body([key]))
    assert Counter(answer.status for answer in answers)[201] == 1
    refused = [answer for answer in answers if answer.status != 201]
    assert {answer.status for answer in refused} == {422}
    assert all(("/keys/0", "key_redeemed") in answer.codes for answer in refused)


def test_a_reversal_sent_twice_at_once_is_done_once(world: World, ana: Caller) -> None:
    opened = ana.post("/redemptions", opening_body(make_keys(world)))
    path, gate, answers = f"/redemptions/{opened.body['id']}/reverse", threading.Barrier(CLIENTS), []

    def call() -> None:
        try:
            gate.wait()
            caller = Caller(ana.token)
            answers.append(caller.post(path, {"reason": "wrong customer"}, Idempotency_Key="back"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({str(answer.body) for answer in answers if answer.status == 200}) == 1
    receipt = ana.get(f"/redemptions/{opened.body['id']}").body
    assert receipt["reversed_at"] is not None
