"""`chaveiro check` as a process of its own, on rows that were really committed."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from chaveiro import wiring
from chaveiro.apps.closing.queries import snapshot
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import checkpoint, seal
from chaveiro.rules.actors import SYSTEM
from tests.apps.house_of_cards import Cards, build, do
from tests.cast import NOON
from tests.conftest import Server
from tests.console.shell import Ended, chaveiro, environment


@pytest.fixture
def cards(real_database: str) -> Cards:
    return build()


def check(server: Server, database: str, data: Path, *arguments: str) -> Ended:
    env = environment(DATA=str(data)) | server.environment(database, "check")
    return chaveiro("check", *arguments, env=env)


def test_true_rows_are_clean_and_said_to_be(server: Server, real_database: str, cards: Cards, tmp_path: Path) -> None:
    ended = check(server, real_database, tmp_path)
    assert ended.code == 0, ended.err
    assert {line[0] for line in ended.out.splitlines()} == {"✓"}


def test_what_is_broken_is_named_and_the_command_fails(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    do("UPDATE subscriptions_subscription SET ends_on = ends_on + 30")
    ended = check(server, real_database, tmp_path, "--json")
    assert (ended.code, ended.json()["clean"]) == (1, False)
    (violation,) = ended.json()["violations"]
    assert (violation["invariant"], violation["assertion"]) == ("L2", "subscription_is_its_replay")
    assert "seats to 2027-12-22" in violation["facts"]["reason"]
    lines = check(server, real_database, tmp_path).out.splitlines()
    assert [line for line in lines if line.startswith("✗")] == [
        "✗ L2 Seats, end and credit of a subscription equal the replay of its ledger."
    ]


def test_one_invariant_can_be_asked_alone(server: Server, real_database: str, cards: Cards, tmp_path: Path) -> None:
    do("UPDATE subscriptions_subscription SET ends_on = ends_on + 30")
    assert check(server, real_database, tmp_path, "--only", "K1").code == 0
    assert check(server, real_database, tmp_path, "--only", "L2").code == 1
    assert check(server, real_database, tmp_path, "--only", "Z9").code == 2


def test_a_changed_journal_row_is_found_and_named(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    seal_all()
    do("ALTER TABLE journal_entry DISABLE TRIGGER ALL")
    do("UPDATE journal_entry SET at = at + interval '1 day' WHERE id = (SELECT min(id) FROM journal_entry)")
    ended = check(server, real_database, tmp_path, "--json", "--only", "H1")
    assert ended.code == 1
    assert [(one["facts"]["code"], one["facts"]["first"]) for one in ended.json()["violations"]] == [
        ("entry_changed", 1)
    ]


def test_a_rolled_back_database_is_found_by_a_checkpoint_kept_outside(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    seal_all()
    with acting(SYSTEM):
        signed = checkpoint(now=NOON, signer=wiring.keyring(), origin="http://localhost:8000")
    assert signed is not None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "000000000000001.jws").write_text(signed.signature + "\n")
    assert check(server, real_database, tmp_path, "--only", "H1").code == 0
    do("ALTER TABLE journal_checkpoint DISABLE TRIGGER ALL")
    do("ALTER TABLE journal_seal DISABLE TRIGGER ALL")
    do("DELETE FROM journal_checkpoint")
    do("DELETE FROM journal_seal WHERE number = (SELECT max(number) FROM journal_seal)")
    ended = check(server, real_database, tmp_path, "--json", "--only", "H1")
    assert ended.code == 1
    assert "tail_removed" in {one["facts"]["code"] for one in ended.json()["violations"]}


def test_a_checkpoint_outside_that_we_did_not_sign_is_told(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "000000000000001.jws").write_text("a.b.c\n")
    (violation,) = check(server, real_database, tmp_path, "--json", "--only", "H1").json()["violations"]
    assert violation["facts"]["checkpoint_outside"] == 1


def seal_all() -> None:
    # Nobody else writes, so everything that was committed is final.
    with acting(SYSTEM):
        assert seal() > 0


def test_a_table_that_check_may_not_read_is_no_clean_table(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    do(f"REVOKE SELECT ON procrastinate_jobs FROM {settings.DATABASE_ROLES}_check")
    ended = check(server, real_database, tmp_path, "--json", "--only", "S1")
    assert ended.code == 1
    assert [one["facts"]["table"] for one in ended.json()["violations"]] == ["procrastinate_jobs"]


def test_a_key_that_leaked_is_told_without_being_repeated(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    do("UPDATE customers_customer SET name = %s", cards.keys[3])
    for arguments in ((), ("--json",)):
        ended = check(server, real_database, tmp_path, *arguments)
        assert ended.code == 1
        assert cards.keys[3] not in ended.out + ended.err
        assert "customers_customer" in ended.out


def test_a_pepper_in_the_database_is_found_by_the_setting_s_name(
    server: Server, real_database: str, cards: Cards, tmp_path: Path
) -> None:
    pepper = server.environment(real_database)["CHAVEIRO_KEY_PEPPERS"]
    do("UPDATE redemption_redemption SET attestation = %s", json.dumps({"agent": f"peppers={pepper}"}))
    (violation,) = check(server, real_database, tmp_path, "--json", "--only", "S1").json()["violations"]
    assert violation["facts"]["what"] == "the secret CHAVEIRO_KEY_PEPPERS"


def test_the_role_of_check_cannot_write(server: Server, real_database: str) -> None:
    with psycopg.connect(server.dsn("check", real_database), autocommit=True) as check_role:
        for table in ("keys_key", "journal_entry", "procrastinate_jobs", "identity_account", "django_session"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                check_role.execute(f"DELETE FROM {table}")


def test_a_snapshot_is_one_moment_and_read_only(server: Server, real_database: str) -> None:
    with snapshot():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM catalog_product")
            before = cursor.fetchone()
            with psycopg.connect(server.superuser(real_database), autocommit=True) as other:
                other.execute("INSERT INTO catalog_product (code, created_at) VALUES ('late', now())")
            cursor.execute("SELECT count(*) FROM catalog_product")
            assert cursor.fetchone() == before
        with pytest.raises(Exception, match="read-only transaction"), transaction.atomic():
            do("DELETE FROM catalog_product")
