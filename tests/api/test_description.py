"""The API describes itself, and answers as it says: fuzzed from its own description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chaveiro.api.documentation import codes, described
from chaveiro.config.wsgi import application
from chaveiro.rules import limits
from chaveiro.rules.limits import Rate, Side
from tests.api.door import Caller, opening_body
from tests.cast import World, make_keys, token_for

pytestmark = pytest.mark.django_db

EXAMPLES = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def test_the_description_is_openapi_3_1_and_every_failure_is_a_problem(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            failures = {status for status in call["responses"] if int(status) >= 400}
            assert {"401", "403", "404", "422", "429", "500", "503"} <= failures, path
            if method != "get":
                assert {"400", "409", "413", "415"} <= failures, path
            for status in failures:
                assert list(call["responses"][status]["content"]) == ["application/problem+json"]
            assert call["security"] == [{"BearerToken": []}]
            assert call["operationId"] != call.get("description", "")
            assert call["description"]


def test_every_call_of_this_issue_is_described(document: dict[str, Any]) -> None:
    assert {
        "/api/v1/key-checks",
        "/api/v1/batches",
        "/api/v1/batches/{batch}/approve",
        "/api/v1/batches/{batch}/release",
        "/api/v1/batches/{batch}/recall",
        "/api/v1/batches/{batch}/export",
        "/api/v1/redemptions",
        "/api/v1/redemptions/{redemption}",
        "/api/v1/redemptions/{redemption}/receipt",
        "/api/v1/redemptions/{redemption}/reverse",
        "/api/v1/redemptions/drafts",
        "/api/v1/subscriptions",
        "/api/v1/subscriptions/{subscription}",
        "/api/v1/subscriptions/{subscription}/ledger",
        "/api/v1/journal",
        "/api/v1/journal/proof/{entry}",
        "/api/v1/operations/{operation}",
    } <= set(document["paths"])


def test_the_pages_show_every_call_and_every_code_with_nothing_from_elsewhere(client: Client) -> None:
    response = client.get("/api/v1/docs")
    page = response.content.decode()
    assert response["Content-Type"].startswith("text/html")
    for path, calls in described()["paths"].items():
        for method, call in calls.items():
            assert f"{method.upper()} {path}" in page
            assert f'id="{call["operationId"]}"' in page
    assert all(f'id="{one.code}"' in page for one in codes())
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "<script" not in page
    assert " style=" not in page
    assert "default-src 'none'" in response["Content-Security-Policy"]


def _operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(described())
    schema.app = application
    return {found.ok().label: found.ok() for found in schema.get_all_operations()}


OPERATIONS = _operations()


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """A request would close the connection in whose transaction the test stands; Django's own client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("kept_connection")
@pytest.mark.parametrize("who", ["duarte", "ana"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_is_sent_is_answered_as_described(
    world: World, monkeypatch: pytest.MonkeyPatch, label: str, who: str
) -> None:
    without_end = Rate(timedelta(microseconds=1), 10**9)
    unlimited = {name: {**sides, Side.TOKEN: without_end} for name, sides in limits.LIMITS.items()}
    monkeypatch.setattr(limits, "LIMITS", unlimited)
    headers = {"Authorization": f"Bearer {token_for(getattr(world, who))}", "Host": "localhost"}

    @given(case=OPERATIONS[label].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def holds(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    holds()


def test_an_answer_of_every_kind_is_as_described(world: World, ana: Caller, document: dict[str, Any]) -> None:
    answer = ana.post("/redemptions", opening_body(make_keys(world)))
    told = document["components"]["schemas"]["Redeemed"]
    assert set(told["properties"]) == set(answer.body)
