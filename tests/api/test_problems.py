"""Every failure is one kind of document, in the caller's language, with the request's number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from chaveiro.api import keys
from chaveiro.api.documentation import codes
from chaveiro.apps.identity.actions import tokens
from chaveiro.rules.verdicts import VERDICTS
from tests.api.door import PROBLEM, Answer, Caller
from tests.cast import World, make_keys, means, token_for

pytestmark = pytest.mark.django_db

MEBIBYTE = 1024 * 1024
FIELDS = {"type", "title", "status", "detail", "code", "advice", "request_id", "errors", "facts"}


def check_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.body["code"]) == (status, code), answer.body
    assert answer.headers["Content-Type"] == PROBLEM
    assert set(answer.body) == FIELDS
    assert answer.body["status"] == status
    assert answer.body["type"] == f"http://localhost:8000/api/v1/docs#{code}"
    assert answer.body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(isinstance(answer.body[name], str) and answer.body[name] for name in ("title", "detail", "advice"))


def test_without_a_good_token_nothing_is_answered(world: World, ana: Caller) -> None:
    made = tokens.create_token(
        actor=world.ana, account=world.ana.account, name="gone", scopes=["keys:check"], means=means()
    )
    tokens.revoke_token(actor=world.ana, token=made.id, now=means().now)
    for token in (None, "", "chv_", "chv_" + "a" * 32, made.text, "x" * 1000):
        answer = Caller(token).post("/key-checks", {"keys": ["x"]})
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    basic = ana.post("/key-checks", {"keys": ["x"]}, Authorization=f"Basic {ana.token}")
    check_problem(basic, 401, "unauthenticated")


def test_what_no_call_answers_is_not_found(ana: Caller) -> None:
    for path in ("/", "/nothing", "/redemptions/", "/subscriptions/%00", "/journal/proof/x", "/operations/op_1"):
        check_problem(ana.get(path), 404, "not_found")


def test_a_method_that_is_not_taken_says_which_are(ana: Caller) -> None:
    answer = ana("DELETE", "/redemptions")
    check_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "POST"}
    check_problem(ana("POST", "/openapi.json"), 405, "method_not_allowed")


def test_too_much_is_refused_before_it_is_read(ana: Caller) -> None:
    check_problem(ana.post("/key-checks", b" " * (MEBIBYTE + 1)), 413, "too_large")
    announced = ana.post("/key-checks", b"{}", Content_Length=str(MEBIBYTE + 1))
    check_problem(announced, 413, "too_large")


def test_what_is_not_json_is_not_taken(ana: Caller) -> None:
    answer = ana.post("/key-checks", b"keys=x", Content_Type="application/x-www-form-urlencoded")
    check_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"keys": NaN}',
        b'{"keys": ["a"], "keys": ["b"]}',
        b"[" * 100_000,
        rb'{"keys": ["\u0000"]}',
        rb'{"keys": ["\ud800"]}',
        rb'{"\u0000": 1}',
    ],
)
def test_json_that_cannot_be_read_is_a_bad_request(ana: Caller, body: bytes) -> None:
    check_problem(ana.post("/key-checks", body), 400, "bad_request")


def test_json_of_another_shape_is_told_field_by_field(ana: Caller) -> None:
    for body in (b"[]", b"null", b'"keys"', b"1"):
        answer = ana.post("/key-checks", body)
        check_problem(answer, 422, answer.body["code"])
        assert answer.body["code"] in {"malformed", "missing"}
    answer = ana.post("/redemptions", {"purpose": "give", "keys": [1, "x", None], "seats_after": {"a": "b"}, "x": 1})
    assert set(answer.codes) == {
        ("/purpose", "malformed"),
        ("/keys/0", "malformed"),
        ("/keys/2", "malformed"),
        ("/seats_after/a", "malformed"),
        ("/x", "malformed"),
    }


def test_an_option_of_a_write_that_does_not_exist_is_refused_and_nothing_is_done(world: World, ana: Caller) -> None:
    answer = ana.post("/redemptions?validateonly=true", {"purpose": "open", "keys": make_keys(world)})
    check_problem(answer, 422, "malformed")
    assert answer.codes == [("/query/validateonly", "malformed")]


def test_parameters_out_of_bounds_are_named(ana: Caller) -> None:
    for query, pointer in (
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("limit=ten", "/query/limit"),
        ("cursor=%F0%9F%94%91", "/cursor"),
        ("cursor=bm90IGEgdXVpZA", "/cursor"),
    ):
        answer = ana.get(f"/redemptions?{query}")
        check_problem(answer, 422, "malformed")
        assert answer.codes == [(pointer, "malformed")]
    check_problem(ana.get("/redemptions?cursor=a%00b"), 400, "bad_request")


def test_what_should_never_fail_says_nothing_of_itself(
    ana: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(keys, "_judged", broken)
    answer = ana.post("/key-checks", {"keys": ["x"]})
    check_problem(answer, 500, "server_error")
    assert "secret" not in json.dumps(answer.body)


def test_a_database_out_of_reach_is_asked_again(ana: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(keys, "_judged", gone)
    answer = ana.post("/key-checks", {"keys": ["x"]})
    check_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_the_number_of_a_request_is_taken_over_and_echoed(ana: Caller) -> None:
    number = "0123456789abcdef0123456789abcdef"
    assert ana.get("/nothing", X_Request_Id=number).body["request_id"] == number
    unfit = ana.get("/nothing", X_Request_Id="7ABCD-EFGHJ-KMNPQ-RSTVW-XYZ01")
    assert unfit.body["request_id"] != "7ABCD-EFGHJ-KMNPQ-RSTVW-XYZ01"
    assert unfit.body["request_id"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("pt-PT", "pt-PT"),
        ("pt-BR", "pt-PT"),
        ("en-US,en;q=0.8", "en"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0.1, pt;q=0.9", "pt-PT"),
        ("fr", "pt-PT"),
        (None, "pt-PT"),
    ],
)
def test_the_language_is_the_first_asked_for_that_there_is(ana: Caller, asked: str | None, told: str) -> None:
    answer = ana.get("/redemptions/red_1", Accept_Language=asked)
    assert answer.headers["Content-Language"] == told
    assert {"Accept-Language", "Authorization"} <= set(answer.headers["Vary"].split(", "))


def test_no_scope_is_wider_than_its_calls(world: World) -> None:
    calls: list[tuple[str, str, Any, str]] = [
        ("POST", "/key-checks", {"keys": ["x"]}, "keys:check"),
        ("POST", "/redemptions", {"purpose": "open"}, "redemptions:write"),
        ("POST", "/redemptions/drafts", None, "redemptions:write"),
        ("POST", "/redemptions/red_" + "0" * 32 + "/reverse", {"reason": "x"}, "redemptions:write"),
        ("GET", "/redemptions", None, "redemptions:write | subscriptions:read"),
        ("GET", "/subscriptions", None, "subscriptions:read | redemptions:write"),
        ("GET", "/journal", None, "journal:read"),
        ("GET", "/journal/proof/1", None, "journal:read"),
        ("GET", "/batches", None, "batches:write"),
        ("GET", "/batches/bat_" + "0" * 32 + "/export", None, "batches:write"),
        ("POST", "/batches", {"product": "office-basic", "seats": 1, "months": 1, "count": 1}, "batches:write"),
        ("POST", "/batches/bat_" + "0" * 32 + "/release", None, "batches:write"),
    ]
    narrow = Caller(token_for(world.duarte, "events:read"))
    for method, path, body, needs in calls:
        answer = narrow(method, path, body)
        assert (answer.status, answer.body["code"], answer.body["facts"]["needs"]) == (403, "role_required", needs), (
            path
        )


def test_the_list_of_codes_has_every_verdict_of_the_rules() -> None:
    told = {one.code: one for one in codes()}
    of_the_rules = {verdict.code for verdict in VERDICTS} | {
        "seats_over_maximum",
        "seats_below_licences",
        "term_too_short",
        "horizon_exceeded",
        "country_not_served",
        "subscription_deleted",
        "paid_directly",
        "role_required",
        "try_later",
    }
    assert of_the_rules <= set(told)
    assert all(one.meaning for one in told.values())
