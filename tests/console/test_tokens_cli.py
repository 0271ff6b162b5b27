"""Tokens at the command line: told once, never wider than their account, ended at once."""

from __future__ import annotations

from datetime import UTC, datetime

from chaveiro.apps.identity.actions import tokens
from chaveiro.apps.identity.models import Account, Token
from tests.cast import NOON, World
from tests.console.conftest import login_of
from tests.console.desk import Desk


def test_a_token_is_printed_once_and_opens_what_it_names(world: World, desk: Desk) -> None:
    words = ("--account", login_of(world.ana), "--name", "ligação", "--scope", "keys:check", "--scope", "events:read")
    told = desk.does("tokens", "create", *words)
    found = tokens.authenticate(told["token"], now=NOON)
    assert found is not None
    assert (found.actor.account, found.actor.scopes) == (world.ana.account, {"keys:check", "events:read"})
    (listed,) = desk.does("tokens", "list", "--account", login_of(world.ana))
    assert (listed["id"], listed["name"], listed["scopes"]) == (told["id"], "ligação", ["events:read", "keys:check"])
    assert told["token"] not in desk.plainly("tokens", "list", "--account", login_of(world.ana)).out


def test_people_get_the_token_alone_on_stdout(world: World, desk: Desk) -> None:
    ended = desk.plainly("tokens", "create", "--account", login_of(world.ana), "--scope", "keys:check")
    assert tokens.authenticate(ended.out.strip(), now=NOON) is not None
    assert ended.out.strip() not in ended.err


def test_an_account_is_named_by_its_address_too_while_only_one_has_it(world: World, desk: Desk) -> None:
    words = ("tokens", "create", "--scope", "keys:check", "--account")
    assert desk.does(*words, "ana@example.test")["token"]
    Account.objects.filter(id=world.rui.account).update(email="ana@example.test")
    assert desk.refuses(*words, "ana@example.test")[0] == 3
    assert desk.refuses(*words, "ninguem@example.test")[0] == 3


def test_a_token_is_never_wider_than_its_account(world: World, desk: Desk) -> None:
    words = ("tokens", "create", "--account", login_of(world.ana), "--scope")
    code, refusal = desk.refuses(*words, "batches:write")
    assert (code, refusal["code"]) == (6, "role_required")
    assert desk.refuses(*words, "everything")[0] == 2
    assert not Token.objects.exists()


def test_a_token_ends_on_its_day_and_when_it_is_revoked(world: World, desk: Desk) -> None:
    words = ("tokens", "create", "--account", login_of(world.ana), "--scope", "keys:check")
    dated = desk.does(*words, "--expires-on", "2026-11-24")
    assert tokens.authenticate(dated["token"], now=datetime(2026, 11, 23, 23, 59, tzinfo=UTC)) is not None
    assert tokens.authenticate(dated["token"], now=datetime(2026, 11, 24, tzinfo=UTC)) is None
    lasting = desk.does(*words)
    assert desk.does("tokens", "revoke", lasting["id"], "--dry-run")["revoked"] is False
    assert tokens.authenticate(lasting["token"], now=NOON) is not None
    for _ in range(2):
        assert desk.does("tokens", "revoke", lasting["id"])["revoked"] is True
    assert tokens.authenticate(lasting["token"], now=NOON) is None
    assert desk.refuses("tokens", "revoke", "tok_" + "0" * 32)[0] == 3


def test_a_dry_run_makes_no_token(world: World, desk: Desk) -> None:
    told = desk.does("tokens", "create", "--account", login_of(world.ana), "--scope", "keys:check", "--dry-run")
    assert (told["id"], "token" in told, Token.objects.count()) == (None, False, 0)
