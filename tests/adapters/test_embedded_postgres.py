"""The embedded server, seen from outside: who may reach it, what it keeps, and who shares it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chaveiro.adapters import embedded_binaries
from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.adapters.embedded_refusals import (
    DidNotStart,
    NoServerFound,
    NotDurable,
    NotOurFolder,
    PasswordLost,
    WrongServerVersion,
)
from tests.adapters.launchers import (
    NOBODY,
    as_root,
    ask,
    copy_of_the_programs,
    in_another_process,
    linux,
    mode,
    setting,
    start_another_process,
)

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "data")
    yield made
    made.stop()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, as `/srv` is."""
    folder = Path(tempfile.mkdtemp(prefix="chave-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


# ── a first start ──


def test_a_new_folder_becomes_a_durable_checksummed_database_in_utf8(cluster: Cluster) -> None:
    server = cluster.start()
    assert server.launched
    assert server.seconds < 20, "two seconds on a quiet machine"
    kept = {
        name: setting(cluster, name) for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
    }
    assert kept == dict.fromkeys(kept, "on")
    assert setting(cluster, "server_encoding") == "UTF8"
    assert ask(cluster, "SELECT upper('ção')") == "ÇÃO"
    assert ask(cluster, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['b','á','a','B']) x") == "Babá"


def test_without_durability_nothing_waits_for_the_disk(tmp_path: Path) -> None:
    forgetful = Cluster(tmp_path / "data", durable=False)
    forgetful.start()
    try:
        assert setting(forgetful, "fsync") == "off"
        with pytest.raises(NotDurable):
            Cluster(tmp_path / "data").start()
    finally:
        forgetful.stop()


def test_nobody_gets_in_without_the_password(cluster: Cluster) -> None:
    server = cluster.start()
    for attempt in ({}, {"password": "palavra-passe"}):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=server.socket_folder, user="postgres", dbname="postgres", passfile="", **attempt)
    methods = ask(cluster, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")
    assert methods == ["scram-sha-256"]
    assert str(ask(cluster, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")).startswith(
        "SCRAM-SHA-256$"
    )


@linux
def test_no_port_is_open(cluster: Cluster) -> None:
    server = cluster.start()
    ours = {os.readlink(entry) for entry in Path(f"/proc/{server.pid}/fd").iterdir()}
    tables = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    inodes = {f"socket:[{line.split()[9]}]" for lines in tables for line in lines}
    assert any(name.startswith("socket:") for name in ours), "the socket file's own is seen"
    assert not ours & inodes
    assert setting(cluster, "listen_addresses") == ""


def test_only_its_owner_reads_the_folder(cluster: Cluster) -> None:
    server = cluster.start()
    folders = (cluster.folder, cluster.data, cluster.folder / "secrets", Path(server.socket_folder))
    assert {path.name: oct(mode(path)) for path in folders} == {path.name: "0o700" for path in folders}
    files = [*(cluster.folder / "secrets").iterdir(), *cluster.folder.glob("*.lock"), cluster.log]
    assert len(files) == 4
    assert {path.name: oct(mode(path)) for path in files} == {path.name: "0o600" for path in files}


def test_the_folders_above_are_not_touched(cluster: Cluster) -> None:
    above = list(cluster.folder.parents)
    before = [(path, mode(path), path.stat().st_uid, path.stat().st_gid) for path in above]
    assert mode(above[0]) == 0o700
    cluster.start()
    cluster.stop()
    assert [(path, mode(path), path.stat().st_uid, path.stat().st_gid) for path in above] == before


@as_root
@linux
def test_for_root_the_server_runs_as_nobody(cluster: Cluster) -> None:
    server = cluster.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "Groups:\t \n" in status, "no group of root's is kept"
    assert "CapEff:\t0000000000000000" in status
    assert b"CHAVEIRO" not in Path(f"/proc/{server.pid}/environ").read_bytes()


@as_root
def test_somebody_who_is_not_root_can_start_one_too(open_folder: Path) -> None:
    home = open_folder / "casa da Ana"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    programs = copy_of_the_programs(open_folder)
    done = in_another_process(home / "data", "print(c.start().launched); c.stop()", programs, NOBODY)
    assert done.stdout == "True\n", done.stderr
    assert (home / "data" / "pgdata").stat().st_uid == NOBODY


@as_root
def test_what_belongs_to_somebody_else_is_refused(open_folder: Path) -> None:
    mine = Cluster(open_folder / "data")
    mine.start()
    mine.stop()
    done = in_another_process(open_folder / "data", "c.start()", None, NOBODY)
    assert "NotOurFolder" in done.stderr


def test_a_folder_with_a_long_and_awkward_name_is_served_through_a_short_one(tmp_path: Path) -> None:
    awkward = Cluster(tmp_path / ('a "pasta", da Ana nº 1 ' + "á" * 60) / "data")
    server = awkward.start()
    try:
        assert ask(awkward, "SELECT 1") == 1
        assert len(os.fsencode(server.socket_folder)) < 40
        assert mode(Path(server.socket_folder)) == 0o700
    finally:
        awkward.stop()
    assert not Path(server.socket_folder).exists()


def test_a_folder_that_is_open_keeps_its_socket_inside(open_folder: Path) -> None:
    plain = Cluster(open_folder / "a b")
    plain.folder.mkdir(mode=0o755)
    server = plain.start()
    try:
        assert Path(server.socket_folder).resolve() == plain.folder / "socket"
        assert setting(plain, "data_directory") == str(plain.data)
    finally:
        plain.stop()
    assert mode(plain.folder) == 0o755, "what stood there keeps its mode"


def test_the_log_holds_no_statement_no_parameter_and_no_row(cluster: Cluster) -> None:
    cluster.start()
    canary = "7QZKCANARY0XKEY"
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE k (key text UNIQUE, seats int)")
        connection.execute("INSERT INTO k VALUES (%s, 1)", (canary,))
        failing = (
            lambda: connection.execute(f"SELECT '{canary}' FROM nowhere".encode()),
            lambda: connection.execute("INSERT INTO k VALUES (%s, 2)", (canary,)),
            lambda: connection.execute("INSERT INTO k VALUES (%s, 1/(length(%s)-15))", ("x", canary)),
            lambda: copy_a_row(connection, f"{canary}x\tmany\n"),
        )
        for act in failing:
            with pytest.raises(psycopg.Error):
                act()
    log = cluster.log.read_text()
    assert log.count("ERROR") == len(failing)
    assert canary not in log


def copy_a_row(connection: psycopg.Connection[tuple[object, ...]], row: str) -> None:
    with connection.cursor().copy("COPY k FROM STDIN") as copy:
        copy.write(row)


def test_a_big_log_is_put_aside_at_the_next_start(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    with cluster.log.open("a") as log:
        log.truncate(10_000_001)
    cluster.start()
    assert cluster.log.stat().st_size < 10_000
    assert cluster.log.with_suffix(".log.1").exists()


# ── which programs ──


def test_without_any_server_the_refusal_says_what_to_do(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAVEIRO_POSTGRES_BIN", "/nowhere")
    with pytest.raises(NoServerFound, match="CHAVEIRO_DATABASE_URL"):
        cluster.start()
    assert not cluster.data.exists()


def test_data_of_another_major_version_are_refused_untouched(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(WrongServerVersion) as refused:
        cluster.start()
    assert refused.value.facts["made_by"] == 14
    (cluster.data / "PG_VERSION").write_text(f"{embedded_binaries.find(None).version[0]}\n")
    assert cluster.start().launched


@pytest.mark.skipif(not DEBIAN_15.is_dir(), reason="needs Debian's PostgreSQL 15")
def test_data_that_an_installed_server_made_find_it_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAVEIRO_POSTGRES_BIN", str(DEBIAN_15))
    cluster.start()
    cluster.stop()
    monkeypatch.delenv("CHAVEIRO_POSTGRES_BIN")
    cluster.start()
    assert str(setting(cluster, "server_version")).startswith("15.")
    assert ask(cluster, "SELECT upper('ção')") == "ÇÃO"


@as_root
def test_programs_in_a_closed_home_are_copied_once(
    cluster: Cluster, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "closed"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(embedded_binaries, "SHARED_COPIES", open_folder / "cache")
    monkeypatch.setenv("CHAVEIRO_POSTGRES_BIN", str(copy_of_the_programs(home)))
    cluster.start()
    copies = list((open_folder / "cache").iterdir())
    assert len(copies) == 1
    assert mode(home) == 0o700
    first = copies[0].stat().st_ctime_ns
    cluster.stop()
    assert cluster.start().launched
    assert [path.stat().st_ctime_ns for path in (open_folder / "cache").iterdir()] == [first]


# ── what it refuses ──


def test_a_lost_password_is_said_and_not_replaced(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    secret = cluster.folder / "secrets" / "database-superuser"
    kept = secret.read_text()
    secret.unlink()
    with pytest.raises(PasswordLost):
        cluster.start()
    assert not secret.exists()
    secret.write_text("another\n")
    with pytest.raises(PasswordLost):
        cluster.start()
    secret.write_text(kept)
    assert not cluster.start().launched, "the server that ran meanwhile is attached to"


def test_a_folder_with_something_else_in_it_is_left_alone(cluster: Cluster) -> None:
    cluster.data.mkdir(parents=True)
    (cluster.data / "contas.ods").write_text("números")
    with pytest.raises(NotOurFolder):
        cluster.start()
    assert [path.name for path in cluster.data.iterdir()] == ["contas.ods"]


def test_a_server_that_cannot_start_says_why(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    with (cluster.data / "postgresql.conf").open("a") as conf:
        conf.write("nonsense = 1\n")
    with pytest.raises(DidNotStart, match="nonsense"):
        cluster.start()


# ── several users, one server ──


def test_a_second_user_attaches_to_the_same_server(cluster: Cluster) -> None:
    first, second = cluster.start(), Cluster(cluster.folder).start()
    assert (first.launched, second.launched) == (True, False)
    assert first.pid == second.pid


def test_whoever_leaves_last_stops_the_server(cluster: Cluster) -> None:
    other = Cluster(cluster.folder)
    cluster.start()
    other.start()
    assert not cluster.leave()
    assert cluster.is_running()
    assert other.leave()
    assert not cluster.is_running()
    assert not other.leave(), "there is nothing left to leave"


def test_a_user_that_was_killed_counts_as_gone(cluster: Cluster) -> None:
    cluster.start()
    in_another_process(cluster.folder, "c.start(); os.kill(os.getpid(), 9)")
    assert cluster.leave()


def test_the_server_survives_its_launcher_and_a_closed_terminal(cluster: Cluster) -> None:
    done = in_another_process(cluster.folder, "print(c.start().pid, flush=True); os.kill(os.getpid(), 9)")
    assert done.returncode == -9
    server = cluster.start()
    assert (server.launched, server.pid) == (False, int(done.stdout))
    assert os.getsid(server.pid) not in (os.getsid(0), 0), "a signal of our terminal does not reach it"


def test_two_starts_at_once_make_one_server(cluster: Cluster) -> None:
    line = "s = c.start(); print(s.launched, s.pid)"
    both = [start_another_process(cluster.folder, line) for _ in range(2)]
    answers = sorted(process.communicate(timeout=60)[0].split() for process in both)
    assert [answer[0] for answer in answers] == ["False", "True"]
    assert answers[0][1] == answers[1][1]


def test_it_stops_cleanly(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.dsn()) as idle:
        idle.execute("CREATE TABLE unfinished ()")
        cluster.stop()
        idle.close()
    assert not cluster.is_running()
    assert "database system is shut down" in cluster.log.read_text().splitlines()[-1]
    assert not (cluster.data / "postmaster.pid").exists()
    assert not os.path.lexists(cluster.folder / "socket")
    cluster.start()
    assert "not properly shut down" not in cluster.log.read_text()
    cluster.stop()
    cluster.stop()
