"""An installation made by one command, made again, looked at, checked, stopped; on the embedded server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader

from chaveiro.adapters.embedded_postgres import Cluster
from tests.console.shell import Installation, Made, chaveiro

LINK = re.compile(r"http://localhost:8000/sign-in/[a-z2-7]{32}")


def test_the_first_init_makes_everything_and_prints_one_link(made: Made, installation: Installation) -> None:
    assert made.ended.code == 0, made.ended.err
    told = made.ended.json()
    assert told["secrets_made"] == ["SECRET_KEY", "KEY_PEPPERS", "VAULT_KEYS", "SIGNING_KEYS", "OPENID_KEYS"]
    assert "redemption.0002_walls" in told["migrations_applied"]
    assert LINK.fullmatch(told["link"])
    people = installation.sql(
        "SELECT a.email, m.role, o.kind FROM identity_account a JOIN channel_member m ON m.account_id = a.id"
        " JOIN channel_organisation o ON o.id = m.organisation_id"
    )
    assert people == [("duarte@vendor.example", "operator", "vendor")]
    tags = [tag for (tag,) in installation.sql("SELECT tag FROM journal_entry ORDER BY id")]
    assert tags.count("installation:initialised") == 1
    assert "link:made" in tags


def test_a_command_leaves_the_server_as_it_found_it(made: Made, installation: Installation) -> None:
    assert not made.left_running
    assert installation("doctor").code == 0
    assert installation.cluster.is_running()


def test_the_link_lives_for_an_hour(installation: Installation) -> None:
    lives = installation.sql("SELECT DISTINCT expires_at - created_at = interval '1 hour' FROM identity_link")
    assert lives == [(True,)]


def test_a_second_init_changes_nothing_and_gives_a_new_link_while_nobody_has_come(installation: Installation) -> None:
    before = {file: file.read_bytes() for file in (installation.folder / "secrets").iterdir()}
    told = installation("init", "--json").json()
    assert (told["secrets_made"], told["migrations_applied"]) == ([], [])
    assert LINK.fullmatch(told["link"])
    assert {file: file.read_bytes() for file in (installation.folder / "secrets").iterdir()} == before
    assert installation.sql("SELECT count(*) FROM identity_account") == [(1,)]


def test_no_link_is_made_once_an_operator_has_signed_in(installation: Installation) -> None:
    last = "(SELECT max(created_at) FROM identity_link)"
    installation.sql(f"UPDATE identity_link SET used_at = now() WHERE created_at = {last}")
    try:
        assert installation("init", "--json").json()["link"] is None
        assert installation("init").out == ""
    finally:
        installation.sql("UPDATE identity_link SET used_at = NULL")


def test_two_inits_at_once_do_no_harm() -> None:
    folder = Path(tempfile.mkdtemp(prefix="chv-"))
    installation = Installation(folder)
    command = [sys.executable, "-m", "chaveiro.console.main", "init", "--json"]
    try:
        both = [
            subprocess.Popen(command, env=installation.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        ended = [process.communicate(timeout=90) for process in both]
        assert [process.returncode for process in both] == [0, 0], ended
        assert installation.sql("SELECT count(*) FROM identity_account") == [(1,)]
        assert installation("check").code == 0
    finally:
        installation.cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_dry_run_of_init_makes_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "none")
    assert installation("init", "--dry-run", "--json").json()["secrets"][0] == "SECRET_KEY"
    assert not (tmp_path / "none").exists()


def test_a_command_before_init_says_what_to_run(tmp_path: Path) -> None:
    ended = Installation(tmp_path / "none")("check", "--json")
    assert (ended.code, ended.refusal()["code"]) == (1, "not_initialised")
    assert "chaveiro init" in ended.refusal()["cure"]
    assert not (tmp_path / "none").exists()


def test_help_of_a_database_command_needs_no_database(tmp_path: Path) -> None:
    ended = Installation(tmp_path / "none")("check", "--help")
    assert (ended.code, ended.out.splitlines()[0]) == (0, "Usage: chaveiro check [OPTIONS]")


def test_a_lost_pepper_stops_init_and_everything_else(installation: Installation) -> None:
    pepper = installation.folder / "secrets" / "key_peppers"
    text = pepper.read_bytes()
    pepper.unlink()
    try:
        ended = installation("init", "--json")
        assert (ended.code, ended.refusal()["code"]) == (1, "secrets_lost")
        assert not pepper.exists()
        for command in ("check", "serve", "worker", "daily"):
            ended = installation(command, "--json")
            assert (ended.code, ended.refusal()["missing"]) == (1, ["KEY_PEPPERS"])
    finally:
        pepper.write_bytes(text)
        pepper.chmod(0o600)


def test_a_pepper_that_others_can_read_stops_everything(installation: Installation) -> None:
    pepper = installation.folder / "secrets" / "key_peppers"
    pepper.chmod(0o644)
    try:
        ended = installation("check", "--json")
        assert (ended.code, ended.refusal()["code"]) == (1, "secrets_unsafe")
    finally:
        pepper.chmod(0o600)


def test_another_pepper_than_the_keys_were_digested_under_refuses_to_serve(installation: Installation) -> None:
    installation.sql("INSERT INTO keys_pepper (version, fingerprint, first_used_at) VALUES (1, repeat('0', 16), now())")
    try:
        for command in ("serve", "worker"):
            ended = installation(command, "--json")
            assert (ended.code, ended.refusal()["code"]) == (1, "not_ready")
            (fault,) = ended.refusal()["faults"]
            assert fault["name"] == "peppers of keys"
            assert "pepper" in fault["cure"]
    finally:
        installation.sql("DELETE FROM keys_pepper")


def test_a_schema_behind_this_version_refuses_to_serve_until_migrate(installation: Installation) -> None:
    graph = MigrationLoader(None).graph
    [(room, step)] = graph.leaf_nodes("closing")  # the last step of the highest room
    name = f"{room}.{step}"
    for operation in reversed(graph.nodes[room, step].operations):
        assert isinstance(operation, RunSQL)
        installation.sql(str(operation.reverse_sql))
    installation.sql(f"DELETE FROM django_migrations WHERE app = '{room}' AND name = '{step}'")
    ended = installation("serve", "--json")
    assert (ended.code, [fault["name"] for fault in ended.refusal()["faults"]]) == (1, ["schema"])
    assert installation("migrate", "--dry-run", "--json").json() == {"dry_run": True, "migrations": [name]}
    assert installation("migrate", "--json").json() == {"dry_run": False, "migrations": [name]}
    assert installation("migrate", "--json").json()["migrations"] == []


def test_a_schema_of_a_newer_version_refuses_to_serve(installation: Installation) -> None:
    installation.sql("INSERT INTO django_migrations (app, name, applied) VALUES ('keys', '0999_later', now())")
    try:
        (fault,) = installation("serve", "--json").refusal()["faults"]
        assert (fault["name"], "keys.0999_later" in fault["said"]) == ("schema", True)
    finally:
        installation.sql("DELETE FROM django_migrations WHERE name = '0999_later'")


def test_a_table_outside_the_wall_refuses_to_serve(installation: Installation) -> None:
    installation.sql("ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY")
    try:
        (fault,) = installation("serve", "--json").refusal()["faults"]
        assert (fault["name"], "keys_key" in fault["said"]) == ("walls", True)
    finally:
        installation.sql("ALTER TABLE keys_key FORCE ROW LEVEL SECURITY")


@pytest.mark.parametrize(
    ("setting", "value", "finding"),
    [
        ("SECRET_KEY", "changeme", "secret key"),
        ("BASE_URL", "http://keys.vendor.example", "base URL"),
        ("EMAIL_URL", "", "mail"),
        ("EMAIL_URL", "memory:", "mail"),
        ("EMAIL_URL", "pigeon://loft", "mail"),
        ("TIME_ZONE", "Europe/Atlantis", "time zone"),
        ("VAULT_KEYS", "one", "vault keys"),
        ("SIGNING_KEYS", "no key", "signing keys"),
    ],
)
def test_an_unsafe_setting_is_found_with_its_cure(
    installation: Installation, setting: str, value: str, finding: str
) -> None:
    env = installation.environment() | {f"CHAVEIRO_{setting}": value}
    ended = chaveiro("doctor", "--json", env=env)
    failed = {one["name"]: one["cure"] for one in ended.json()["findings"] if one["level"] == "fail"}
    assert ended.code == 1
    assert failed[finding]


def test_doctor_is_content_with_a_whole_installation(installation: Installation) -> None:
    ended = installation("doctor", "--json")
    assert ended.code == 0
    assert ended.json()["healthy"] is True
    names = [finding["name"] for finding in ended.json()["findings"]]
    assert {"python", "disk", "installation", "walls", "schema", "peppers of keys"} <= set(names)


def test_check_is_clean_and_prints_every_invariant(installation: Installation) -> None:
    ended = installation("check", "--json")
    assert (ended.code, ended.json()["clean"]) == (0, True)
    ids = {assertion["id"] for assertion in ended.json()["assertions"]}
    assert ids == {"K1", "K2", "K3", "K4", "K5", "L1", "L2", "A1", "H1", "S1", "N1", "N2", "P1", "P2", "P3"}


def test_daily_plays_no_day_after_today_outside_a_sandbox(installation: Installation) -> None:
    ended = installation("daily", "--day", "9000-01-01", "--json")
    assert (ended.code, ended.refusal()["code"]) == (4, "day_not_yet")
    assert installation("daily", "--day", "9000-01-01", "--dry-run", SANDBOX="1").code == 0
    assert installation("daily", "--day", "soon").code == 2
    told = installation("daily", "--json").json()
    assert (told["drafts_ended"], told["exports_dropped"]) == (0, 0)


def test_daily_refuses_a_day_before_one_that_was_begun_until_somebody_says_that_the_clock_was_wrong(
    installation: Installation,
) -> None:
    assert installation("daily", "--day", "2099-01-01", SANDBOX="1").code == 0
    ended = installation("daily", "--json")
    assert (ended.code, ended.refusal()["code"]) == (4, "day_went_back")
    ended = installation("daily", "--clock-was-wrong", "--json")
    assert ended.code == 0
    told = ended.json()
    assert (told["quiet_why"], told["notices_owed"], told["erased"]) == ("wound_back", 0, 0)
    assert told["quiet_until"] > told["day"]
    assert installation("daily").code == 0


def test_stop_ends_the_server_whoever_uses_it(installation: Installation) -> None:
    assert installation.cluster.is_running()
    assert installation("stop", "--json").json() == {"stopped": True}
    assert not installation.cluster.is_running()
    assert installation("stop", "--json").json() == {"stopped": False}


def test_an_external_database_is_made_by_a_user_who_may_and_never_stopped(made: Made) -> None:
    """The same server, reached by its address as if somebody else ran it; other roles and another database."""
    server = Cluster(made.installation.folder / "postgres")
    running = server.start()
    folder = Path(tempfile.mkdtemp(prefix="chv-"))
    url = server.dsn(database="other")
    settings = {"DATABASE_URL": url, "DATABASE_ROLES": "other"}
    installation = Installation(folder)
    try:
        told = installation("init", "--json", **settings)
        assert told.code == 0, told.err
        assert (told.json()["embedded"], bool(told.json()["link"])) == (False, True)
        # Processes need no rights of the user in the address: each signs in under its own role.
        plain = settings | {"DATABASE_URL": f"postgresql:///other?host={running.socket_folder}&port={running.port}"}
        assert installation("check", **plain).code == 0
        assert installation("init", "--json", **plain).refusal()["code"] == "database_unreachable"
        assert installation("stop", "--json", **plain).refusal()["code"] == "not_embedded"
        os.unlink(folder / "secrets" / "key_peppers")
        assert installation("init", "--json", **settings).refusal()["code"] == "secrets_lost"
        # Who cannot look does not take the database for a new one.
        assert installation("init", "--json", **plain).refusal()["code"] == "database_unreachable"
        assert not (folder / "secrets" / "key_peppers").exists()
        assert not (folder / "postgres").exists()
    finally:
        server.leave()
        shutil.rmtree(folder, ignore_errors=True)
