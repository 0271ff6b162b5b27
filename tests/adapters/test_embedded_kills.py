"""kill -9 of the embedded server, of everything in it, and of its launcher: what was committed is there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from chaveiro.adapters import embedded_processes as processes
from chaveiro.adapters.embedded_postgres import Cluster
from tests.adapters.launchers import ask, in_another_process, linux, start_another_process

pytestmark = linux


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "data")
    yield made
    made.stop()


def all_in(data: Path) -> list[int]:
    """Every process of the server; found without the code under test, whose faults must not choose what we kill."""
    with_folder = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.path.samestat((entry / "cwd").stat(), data.stat()) and (entry / "comm").read_text() == "postgres\n":
                with_folder.append(int(entry.name))
    return with_folder


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def write_two_rows(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """One row that is committed, and one that is not."""
    connection.execute("CREATE TABLE keys (serial int)")
    connection.execute("INSERT INTO keys VALUES (1)")
    connection.commit()
    connection.execute("INSERT INTO keys VALUES (2)")


def busy_backend(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """A backend that computes and does not look whether its postmaster lives."""
    pid = connection.info.backend_pid
    connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
    assert processes.until(lambda: cpu_ticks(pid) > 5, 20)
    return pid


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_killed_postmaster_is_replaced_though_a_backend_still_computes(cluster: Cluster) -> None:
    first = cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        write_two_rows(connection)
        orphan = busy_backend(connection)
        kill(first.pid)
        assert processes.until(lambda: not processes.exists(first.pid), 5)
        assert processes.lives_in(orphan, cluster.data), "it is still there: a new server may not start beside it"
        second = cluster.start()
        assert not processes.exists(orphan)
        connection.close()
    assert second.launched
    assert second.socket_folder == first.socket_folder, "clients that live on find the new server"
    assert ask(cluster, "SELECT array_agg(serial) FROM keys") == [1]


def test_clients_find_the_new_server_where_the_old_one_was_though_the_name_is_too_long(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / ("casa-" * 20) / "data")
    first = cluster.start()
    try:
        assert not first.socket_folder.startswith(str(tmp_path))
        kill(*all_in(cluster.data))
        assert processes.until(lambda: not all_in(cluster.data), 5)
        assert cluster.start().socket_folder == first.socket_folder
    finally:
        cluster.stop()


def test_after_kill_9_of_everything_at_once_the_committed_rows_are_there(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.dsn()) as connection:
        write_two_rows(connection)
        everything = all_in(cluster.data)
        assert len(everything) > 4
        kill(*everything)
        assert processes.until(lambda: not all_in(cluster.data), 5)
        connection.close()
    assert (cluster.data / "postmaster.pid").exists(), "it looks as if a server ran"
    assert not cluster.is_running()
    assert cluster.start().launched
    assert ask(cluster, "SELECT array_agg(serial) FROM keys") == [1]
    assert "not properly shut down" in cluster.log.read_text()


def test_twenty_kills_under_load_lose_no_acknowledged_row(cluster: Cluster) -> None:
    acknowledged = 0
    cluster.start()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE keys (serial int)")
    for kills in range(20):
        server = cluster.start()
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for _ in range(5 + kills):
                connection.execute("INSERT INTO keys VALUES (%s)", (acknowledged + 1,))
                acknowledged += 1
            kill(*([server.pid] if kills % 2 else all_in(cluster.data)))
            connection.close()
    began = time.monotonic()
    cluster.start()
    assert time.monotonic() - began < 10
    assert ask(cluster, "SELECT array[count(*), max(serial)] FROM keys") == [acknowledged, acknowledged]


def test_a_stale_lock_file_that_names_a_living_stranger_is_seen_through(cluster: Cluster) -> None:
    cluster.start()
    kill(*all_in(cluster.data))
    assert processes.until(lambda: not all_in(cluster.data), 5)
    lock = cluster.data / "postmaster.pid"
    # Of the server's own user, as after a restart of a container: PostgreSQL itself would refuse to start.
    with subprocess.Popen(["sleep", "60"], cwd="/", user=cluster.data.stat().st_uid) as stranger:
        try:
            lock.write_text("\n".join([str(stranger.pid), *lock.read_text().splitlines()[1:]]) + "\n")
            assert not cluster.is_running()
            assert cluster.start().launched
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_strangers_process_in_the_data_folder_is_not_killed(cluster: Cluster) -> None:
    cluster.start()
    with subprocess.Popen(["sleep", "60"], cwd=cluster.data, user=cluster.data.stat().st_uid) as visitor:
        try:
            kill(*all_in(cluster.data))
            cluster.start()
            assert visitor.poll() is None
        finally:
            visitor.kill()


@pytest.mark.parametrize("delay_seconds", [0.0, 0.05, 0.2, 0.4])
def test_a_launcher_killed_while_it_makes_the_database_leaves_nothing_half_made(
    cluster: Cluster, delay_seconds: float
) -> None:
    with start_another_process(cluster.folder, "c.start()") as launcher:
        assert processes.until(lambda: any(cluster.folder.glob(".making-*")), 20)
        time.sleep(delay_seconds)
        launcher.kill()
    assert not cluster.data.exists() or (cluster.data / "PG_VERSION").exists()
    cluster.start()
    assert ask(cluster, "SELECT 1") == 1
    assert not list(cluster.folder.glob(".making-*"))


def test_a_launcher_killed_while_the_server_starts_is_followed_by_one_that_attaches(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    for _ in range(5):
        with start_another_process(cluster.folder, "c.start()") as launcher:
            assert processes.until(cluster.is_running, 20)
            launcher.kill()
        assert not cluster.start().launched
        cluster.stop()


def test_a_server_that_is_ending_is_waited_for_and_started_again(cluster: Cluster) -> None:
    first = cluster.start()
    os.kill(first.pid, signal.SIGINT)
    second = cluster.start()
    assert second.launched
    assert second.pid != first.pid


def test_one_start_and_one_stop_at_the_same_time_do_no_harm(cluster: Cluster) -> None:
    cluster.start()
    with start_another_process(cluster.folder, "c.stop()") as stopper:
        cluster.start()
        assert stopper.wait(30) == 0
    cluster.start()
    assert ask(cluster, "SELECT 1") == 1
    assert in_another_process(cluster.folder, "print(c.is_running())").stdout == "True\n"
