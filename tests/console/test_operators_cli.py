"""Operators at the command line: a second one is what large batches wait for."""

from __future__ import annotations

from chaveiro.apps.identity.actions import digest_of, sessions
from chaveiro.apps.identity.actions.sessions import Arrival
from chaveiro.apps.identity.models import Account, Passkey
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.sessions import How
from tests.apps import stock
from tests.cast import World, means
from tests.console.conftest import login_of
from tests.console.desk import Desk

FILIPA = ("operators", "add", "--email", "filipa@vendor.example", "--given-name", "Filipa", "--family-name", "Reis")


def test_an_operator_is_added_and_signs_in_once_by_the_link(world: World, desk: Desk) -> None:
    told = desk.does(*FILIPA)
    assert told["login"] == "filipa@vendor.example"
    secret = told["link"].rpartition("/")[2]
    found, _session = sessions.by_link(
        secret=secret, arrival=Arrival(digest_of("a browser"), None, How.LINK), means=means()
    )
    assert found.actor.organisation == world.vendor
    assert desk.refuses(*FILIPA)[1]["code"] == "login_name_taken"


def test_who_was_added_is_a_second_person_and_who_was_removed_is_nobody(world: World, desk: Desk) -> None:
    batch = str(stock.planned(actor=world.duarte, quantity=1_001).number)
    assert desk.refuses("batches", "approve", batch, "--as", login_of(world.duarte))[0] == 4
    desk.does(*FILIPA)
    assert desk.does("batches", "approve", batch, "--as", "filipa@vendor.example")["stage"] == "planned"
    another = str(stock.planned(actor=world.duarte, quantity=1_001).number)
    assert desk.does("operators", "remove", "filipa@vendor.example", "--dry-run")["closed"] is False
    desk.does("operators", "remove", "filipa@vendor.example")
    assert desk.refuses("batches", "approve", another, "--as", "filipa@vendor.example")[0] == 3


def test_a_dry_run_opens_no_account_and_prints_no_link(world: World, desk: Desk) -> None:
    before = Account.objects.count()
    assert "link" not in desk.does(*FILIPA, "--dry-run")
    assert Account.objects.count() == before


def test_only_operators_are_removed_here(world: World, desk: Desk) -> None:
    assert desk.refuses("operators", "remove", login_of(world.ana))[0] == 3
    assert Account.objects.get(id=world.ana.account).closed_at is None


def test_who_lost_telephone_and_codes_is_let_in_by_a_link_and_told(world: World, desk: Desk) -> None:
    assert world.ana.account is not None
    now = means()
    Passkey.objects.create(
        id=now.new_id(), account_id=world.ana.account, name="lost", credential_id=b"c", public_key=b"k", sign_count=0,
        synced=False, transports=[], created_at=now.now,
    )  # fmt: skip
    assert "link" not in desk.does("accounts", "recover", login_of(world.ana), "--dry-run")
    assert Passkey.objects.count() == 1
    told = desk.does("accounts", "recover", login_of(world.ana))
    assert "/sign-in/" in told["link"]
    assert not Passkey.objects.exists()
    assert Owed.objects.get(kind="security").facts["what"] == "factors_forgotten"
    assert desk.refuses("accounts", "recover", "nobody@example.test")[0] == 3
