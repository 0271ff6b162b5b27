"""Services at the command line: secrets told once, renewed with an overlap, ended at once."""

from __future__ import annotations

from chaveiro.apps.identity.actions import grants
from chaveiro.rules import identifiers
from tests.cast import NOON, World
from tests.console.desk import Desk

ADD = ("services", "add", "--name", "Escritório", "--return", "https://office.example/callback")


def test_a_service_is_registered_and_its_secrets_are_printed_once(world: World, desk: Desk) -> None:
    told = desk.does(*ADD, "--leave", "https://office.example/")
    service = identifiers.read("service", told["client_id"])
    assert grants.is_secret_of(service, told["client_secret"], NOON)
    (listed,) = desk.does("services", "list")
    assert (listed["client_id"], listed["name"], listed["removed_at"]) == (told["client_id"], "Escritório", None)
    shown = desk.plainly("services", "list").out
    assert told["client_secret"] not in shown
    assert told["token"] not in shown


def test_a_rehearsal_registers_nothing(world: World, desk: Desk) -> None:
    told = desk.does(*ADD, "--dry-run")
    assert told["client_id"] is None
    assert "token" not in told
    assert desk.does("services", "list") == []


def test_a_service_without_a_secret_has_only_a_token(world: World, desk: Desk) -> None:
    told = desk.does(*ADD, "--public")
    assert told["client_secret"] is None
    assert told["token"].startswith("chv_")


def test_secrets_are_renewed_and_services_removed(world: World, desk: Desk) -> None:
    told = desk.does(*ADD)
    service = identifiers.read("service", told["client_id"])
    new = desk.does("services", "rotate", told["client_id"], "--overlap-hours", "0")
    assert not grants.is_secret_of(service, told["client_secret"], NOON)
    assert grants.is_secret_of(service, new["client_secret"], NOON)
    assert desk.does("services", "remove", told["client_id"], "--dry-run")["removed"] is False
    for _ in range(2):
        assert desk.does("services", "remove", told["client_id"])["removed"] is True
    assert grants.service_named(service) is None
    assert desk.refuses("services", "rotate", told["client_id"])[0] == 3


def test_addresses_that_nobody_may_be_sent_to_are_refused(world: World, desk: Desk) -> None:
    for address in ("http://office.example/", "https://office.example/#x", "https://u@office.example/", "office"):
        code, refusal = desk.refuses("services", "add", "--name", "X", "--return", address)
        assert (code, refusal["code"]) == (2, "malformed") or code == 4
    assert desk.refuses("services", "add", "--name", " ", "--return", "https://x.example/")[0] in (2, 4)
