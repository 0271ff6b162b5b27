"""Alive, ready, measured: the three answers for machines, asked without a session and naming nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import ANONYMOUS
from chaveiro.web import health
from tests.cast import build_world, make_keys, open_customer


def get(view: Any, method: str = "get") -> HttpResponse:
    request: HttpRequest = getattr(RequestFactory(), method)("/")
    response: HttpResponse = view(request)
    return response


def codes() -> list[str]:
    response = get(health.readyz)
    found = [reason["code"] for reason in json.loads(response.content)["reasons"]]
    assert response.status_code == (503 if found else 200)
    return found


@pytest.fixture
def as_web(db: None) -> Iterator[None]:
    """The process has the role that a web process has."""
    with acting(ANONYMOUS):
        yield


def test_a_process_that_answers_is_alive_whatever_the_database_does() -> None:
    response = get(health.livez)
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "alive"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("view", [health.livez, health.readyz, health.metrics])
def test_only_reading_is_answered(view: Any) -> None:
    assert get(view, "post").status_code == 405


def test_a_sound_installation_is_ready(as_web: None) -> None:
    assert codes() == []


@pytest.mark.django_db
def test_a_role_that_no_wall_holds_is_not_ready() -> None:
    # The tests' own connection is a superuser's.
    assert codes() == ["walls_open"]


@pytest.mark.django_db
def test_a_table_without_its_wall_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY")
    with acting(ANONYMOUS):
        assert codes() == ["walls_open"]


@pytest.mark.django_db
def test_a_missing_migration_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'keys' AND name = '0002_walls'")
    with acting(ANONYMOUS):
        assert codes() == ["migrations_missing"]
        assert health.migrations_missing() == [("keys", "0002_walls")]


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("KEY_PEPPERS", "", "peppers_missing"),
        ("KEY_PEPPERS", "1:!!!", "peppers_missing"),
        ("SIGNING_KEYS", "", "signing_keys_missing"),
        ("EMAIL_URL", "", "mail_address_missing"),
    ],
)
def test_each_missing_secret_has_its_code(as_web: None, settings: Any, setting: str, value: str, code: str) -> None:
    setattr(settings, setting, value)
    assert codes() == [code]


@pytest.mark.django_db
def test_peppers_that_live_keys_were_not_made_under_are_found(settings: Any) -> None:
    make_keys(build_world(), 1)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO keys_pepper (version, fingerprint, first_used_at) VALUES (1, 'another', now())")
    with acting(ANONYMOUS):
        assert codes() == ["peppers_wrong"]


def test_all_reasons_are_told_at_once(as_web: None, settings: Any) -> None:
    settings.KEY_PEPPERS = settings.SIGNING_KEYS = ""
    assert codes() == ["peppers_missing", "signing_keys_missing"]
    said = get(health.readyz).content.decode()
    assert all(health.REASONS[code] in said for code in codes())


@pytest.fixture
def no_database(real_database: str) -> Iterator[None]:
    """A database that does not answer any more."""
    facts = connections["default"].settings_dict
    before = facts["HOST"]
    connections["default"].close()
    facts["HOST"] = "/nowhere"
    yield
    connections["default"].close()
    facts["HOST"] = before


def test_a_dead_database_is_told_without_naming_it(no_database: None) -> None:
    assert codes() == ["database_unreachable"]
    assert "nowhere" not in get(health.readyz).content.decode()
    assert get(health.livez).status_code == 200
    assert figures() == {"chaveiro_database_up": {"": 0.0}}


def test_a_database_that_comes_back_is_ready_again(no_database: None, server: Any, real_database: str) -> None:
    assert "database_unreachable" in codes()
    connections["default"].settings_dict["HOST"] = server.socket_folder
    assert codes() == ["walls_open"]
    with psycopg.connect(server.superuser(real_database)) as connected:
        assert connected.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_the_server_cut_is_told_once_and_made_anew(real_database: str, server: Any) -> None:
    assert codes() == ["walls_open"]
    with psycopg.connect(server.superuser(), autocommit=True) as outside:
        outside.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (real_database,)
        )
    assert codes() == ["database_unreachable"]
    assert codes() == ["walls_open"]


# --- metrics -------------------------------------------------------------------------------------------------------


def figures() -> dict[str, dict[str, float]]:
    """Name → part → value."""
    response = get(health.metrics)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    return {
        family.name: {"".join(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(response.content.decode())
    }


@pytest.mark.django_db
def test_the_figures_are_those_of_the_whole_installation() -> None:
    world = build_world()
    open_customer(world, make_keys(world, 1))
    seen = figures()
    assert seen["chaveiro_database_up"] == {"": 1.0}
    assert seen["chaveiro_owed_effects"] == {"": 2.0}  # the link to take ownership, the receipt
    assert seen["chaveiro_jobs"] == {"todo": 0.0, "doing": 0.0, "failed": 0.0}
    assert set(seen) == {"chaveiro_database_up", *(f"chaveiro_{name}" for name in health.FIGURES)}
    assert all(family for family in seen.values())


@pytest.mark.django_db
def test_no_key_and_no_name_stands_in_the_figures() -> None:
    world = build_world()
    texts = make_keys(world, 1)
    open_customer(world, texts)
    said = get(health.metrics).content.decode()
    for word in (*texts, texts[0][-5:], "Padaria", "padariasol", "Bruno", "Ana", "Sol Inform", "office-basic"):
        assert word not in said
    labels = set(re.findall(r"\{(\w+)=", said))
    assert labels <= {"state"}
