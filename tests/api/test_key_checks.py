"""Checking keys: a verdict for each, nothing spent, nothing held, in a handful of statements."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.operations.models import Answer as StoredAnswer
from chaveiro.rules import serials
from tests.api.door import Caller
from tests.cast import World, make_keys, token_for

pytestmark = pytest.mark.django_db


def test_a_good_key_tells_what_it_carries(world: World, ana: Caller) -> None:
    [key] = make_keys(world, seats=25, months=6)
    answer = ana.post("/key-checks", {"keys": [key]})
    assert answer.status == 200
    assert answer.body["results"] == [
        {
            "index": 0,
            "verdict": "ok",
            "detail": None,
            "product": "office-basic",
            "seats": 25,
            "months": 6,
            "serial": serials.write(Key.objects.get().number),
            "last_five": key[-5:],
            "positions": [],
            "repair": None,
            "facts": {},
        }
    ]


def test_two_wrong_symbols_are_located_and_a_repair_is_offered(world: World, ana: Caller) -> None:
    [key] = make_keys(world)
    typed = key[:3] + ("2" if key[3] != "2" else "3") + key[4:28] + ("4" if key[28] != "4" else "5")
    [result] = ana.post("/key-checks", {"keys": [typed]}).body["results"]
    assert (result["verdict"], result["positions"], result["repair"]) == ("key_checksum", [4, 25], key)
    assert result["serial"] is None


def test_nothing_is_spent_held_or_remembered(world: World, ana: Caller) -> None:
    keys = make_keys(world, 3)
    for _ in range(2):
        ana.post("/key-checks", {"keys": keys}, Idempotency_Key="same")
    assert set(Key.objects.values_list("state", flat=True)) == {"released"}
    assert Hold.objects.count() == StoredAnswer.objects.count() == 0


def test_a_basket_of_fifty_is_checked_in_three_statements(
    world: World, ana: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    original = psycopg.Cursor.execute

    def counting(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(str(query))
        return original(cursor, query, *args, **kwargs)

    basket = {"keys": make_keys(world, 50)}
    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    answer = ana.post("/key-checks", basket)
    assert {result["verdict"] for result in answer.body["results"]} == {"ok"}
    # The tests stand in a transaction of their own, so that acts are savepoints, and end by leaving their scope.
    of_ours = [one for one in statements if "SAVEPOINT" not in one and "set_config" not in one]
    assert [one.split("(")[0].split()[-1] for one in of_ours] == ["identity_by_token", "operations_take", "keys_find"]
    scopes = [one for one in statements if "set_config" in one]
    assert len(scopes) == 2 * 2  # the token's look-up and the check; each sets its scope, and here leaves it


def test_a_basket_has_its_limits(world: World, ana: Caller) -> None:
    assert ana.post("/key-checks", {"keys": []}).codes == [("/keys", "malformed")]
    assert ana.post("/key-checks", {"keys": ["x"] * 201}).codes == [("/keys", "malformed")]
    assert ana.post("/key-checks", {}).codes == [("/keys", "missing")]
    assert ana.post("/key-checks", {"keys": ["x" * 100_000]}).body["results"][0]["verdict"] == "key_length"


def test_a_token_without_the_scope_checks_nothing(world: World) -> None:
    answer = Caller(token_for(world.ana, "journal:read")).post("/key-checks", {"keys": make_keys(world)})
    assert (answer.status, answer.body["code"], answer.body["facts"]) == (
        403,
        "role_required",
        {"needs": "keys:check"},
    )


def test_a_subscription_that_is_not_yours_tells_nothing(world: World, ana: Caller, carla: Caller) -> None:
    body = {"keys": make_keys(world), "subscription": "sub_" + "0" * 32}
    assert carla.post("/key-checks", body).status == 404
