"""What makes two requests the same, and what is kept of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from chaveiro.rules.errors import Malformed
from chaveiro.rules.idempotency import KEY_LENGTH_AT_MOST, Request, answer_row, request, worth_keeping

ANA = UUID(int=1)
CARLA = UUID(int=2)
SECRET = b"thirty-two bytes, only for tests"
PRODUCT_KEY = "7G2QX-4M9TB-KZ3W8-P5HND-RC6VJ"


def asked(**changes: Any) -> Request:
    fields: dict[str, Any] = {
        "actor": ANA,
        "method": "POST",
        "path": "/api/v1/redemptions",
        "key": "one",
        "body": {"purpose": "open", "keys": [PRODUCT_KEY]},
        "secret": SECRET,
    }
    return request(**{**fields, **changes})


def test_the_same_body_in_another_order_is_the_same_request() -> None:
    assert asked() == asked(method="post", body={"keys": [PRODUCT_KEY], "purpose": "open"})


@pytest.mark.parametrize(
    "changes",
    [{"actor": CARLA}, {"method": "PUT"}, {"path": "/api/v1/batches"}, {"key": "two"}],
)
def test_actor_method_path_and_key_are_the_scope(changes: dict[str, Any]) -> None:
    assert asked(**changes).lock() != asked().lock()


def test_another_body_stays_in_the_scope_and_is_told_apart() -> None:
    other = asked(body={"purpose": "open", "keys": []})
    assert other.lock() == asked().lock()
    assert other.body_digest != asked().body_digest


def test_nothing_of_key_and_body_can_be_read_or_tried_without_the_secret() -> None:
    kept = str(answer_row(asked(key=PRODUCT_KEY), 201, {}))
    assert PRODUCT_KEY not in kept
    assert asked(secret=b"another secret of thirty-two byt").body_digest != asked().body_digest
    assert asked(secret=b"another secret of thirty-two byt").key != asked().key


def test_a_lock_fits_the_database() -> None:
    locks = [asked(key=str(number)).lock() for number in range(100)]
    assert all(-(2**63) <= lock < 2**63 for lock in locks)
    assert len(set(locks)) == 100


@pytest.mark.parametrize("key", ["", "a b", "chave-ç", "a\n", "a" * (KEY_LENGTH_AT_MOST + 1)])
def test_a_key_is_visible_ascii_of_a_bounded_length(key: str) -> None:
    with pytest.raises(Malformed):
        asked(key=key)
    assert asked(key="a" * KEY_LENGTH_AT_MOST)


def test_a_lone_surrogate_in_a_body_is_compared_and_not_stumbled_over() -> None:
    assert asked(body={"name": "\ud800"}).body_digest != asked(body={"name": "\ud801"}).body_digest


def test_dry_runs_and_our_own_faults_are_not_kept() -> None:
    assert worth_keeping(201, dry_run=False)
    assert worth_keeping(422, dry_run=False)
    assert not worth_keeping(200, dry_run=True)
    assert not worth_keeping(500, dry_run=False)
    assert not worth_keeping(503, dry_run=False)


def test_an_answers_row_has_what_the_database_function_reads() -> None:
    row = answer_row(asked(), 201, {"id": "red_1"})
    assert row == {
        "actor": str(ANA),
        "method": "POST",
        "path": "/api/v1/redemptions",
        "key": asked().key,
        "body_digest": asked().body_digest.hex(),
        "status": 201,
        "body": {"id": "red_1"},
    }
