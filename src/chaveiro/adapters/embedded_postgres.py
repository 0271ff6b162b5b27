"""The embedded PostgreSQL server: one folder, one private socket, no port, no step to take by hand.

    absent ──make──▶ stopped ──launch──▶ running ──stop──▶ stopped
                        ▲                   │
                        └───── kill -9 ─────┘      (the next start ends what was left, and recovers)

In the folder: `pgdata` (the cluster), `secrets` (passwords), `socket`, `postgres.log`, and two lock files. Any number
of processes may start the same cluster: the first one launches it, the others attach. It outlives whoever launched it,
a kill -9 and a closed terminal included, until `stop`, or until the last user's `leave`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

from chaveiro.adapters import embedded_folder as own
from chaveiro.adapters import embedded_processes as processes
from chaveiro.adapters.embedded_account import Account
from chaveiro.adapters.embedded_binaries import Binaries, find, within_reach
from chaveiro.adapters.embedded_refusals import (
    CouldNotMake,
    DidNotStart,
    NotDurable,
    NotOurFolder,
    NotReadyYet,
    PasswordLost,
)
from chaveiro.adapters.embedded_settings import PORT, SUPERUSER, TUNING, at_launch, traits

LOG_BYTES = 10_000_000
LAST_LINES = 8


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where its socket is, whether this call launched it or found it, and how long that took."""

    socket_folder: str
    port: int
    pid: int
    launched: bool
    seconds: float


class Cluster:
    """A PostgreSQL cluster in a folder of ours. `durable=False` is for tests that claim nothing about durability."""

    def __init__(self, folder: Path, durable: bool = True, patience_seconds: float = 60.0) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "pgdata"
        self.log = self.folder / "postgres.log"
        self._durable = durable
        self._patience = patience_seconds
        self._use: int | None = None

    def start(self) -> Server:
        """Launch the server, or attach to the one that runs; safe at any time, from any number of processes.

        Raises the refusals of `embedded_refusals`; none of them leaves anything half-made.
        """
        began = time.monotonic()
        with self._alone():
            found = self._live()
            running = found or self._launch()
            self._hold()
        socket_folder = own.way_in(self.folder, running.socket_folder)
        return Server(socket_folder, PORT, running.pid, found is None, time.monotonic() - began)

    def stop(self) -> None:
        """Stop the server cleanly, whoever else uses it; nothing happens if it does not run. Raises NotReadyYet."""
        if not self.data.is_dir():
            return
        with self._alone():
            self._stop()
            self._let_go()

    def leave(self) -> bool:
        """Let go of the server, and stop it if no other `Cluster` that started it is left; true if it was stopped.

        A user that was killed counts as gone: the kernel lets its lock go.
        """
        if self._use is None:
            return False
        with self._alone():
            last = own.locked(self._use)
            if last:
                self._stop()
            self._let_go()
        return last

    def is_running(self) -> bool:
        """Whether a live server has this folder, ready or not."""
        return processes.postmaster(self.data) is not None

    def dsn(self, role: str = SUPERUSER, database: str = "postgres", password: str | None = None) -> str:
        """The address of a database, the password included: never print it.

        We keep the superuser's password; whoever made another role knows its own. Raises NotReadyYet, PasswordLost.
        """
        running = processes.postmaster(self.data)
        if running is None:
            raise NotReadyYet(what="the server, which is not started", seconds=0)
        if password is None and role == SUPERUSER:
            password = self._superuser_password()
        who = quote(role, safe="") + (f":{quote(password, safe='')}" if password else "")
        where = urlencode({"host": own.way_in(self.folder, running.socket_folder), "port": PORT}, quote_via=quote)
        return f"postgresql://{who}@/{quote(database, safe='')}?{where}"

    def _superuser_password(self) -> str:
        """Made once, kept in the folder's secrets; one made anew would not open the data that are there."""
        file = self.folder / "secrets" / "database-superuser"
        if (self.data / "PG_VERSION").exists() and not file.exists():
            raise PasswordLost(file=str(file))
        return own.secret(file)

    # ── one launcher at a time ──

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the launcher's lock: starts, stops and leaves of one folder happen one after the other."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = own.open_lock(self.folder / "launcher.lock")
        try:
            if not processes.until(lambda: own.locked(lock), self._patience):
                raise NotReadyYet(what="another launcher's start or stop", seconds=self._patience)
            yield
        finally:
            os.close(lock)

    def _hold(self) -> None:
        if self._use is None:
            self._use = own.open_lock(self.folder / "users.lock")
            fcntl.flock(self._use, fcntl.LOCK_SH)

    def _let_go(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None

    # ── the server that runs ──

    def _live(self) -> processes.Postmaster | None:
        """The server that runs, once it has let us in; None if there is none, or if it was just ending."""
        deadline = time.monotonic() + self._patience
        while (running := processes.postmaster(self.data)) is not None:
            trouble = f"it is {running.status}" if running.status != "ready" else self._trouble()
            if not trouble:
                return running
            if time.monotonic() > deadline:
                raise NotReadyYet(what=f"the server: {trouble}; see {self.log}", seconds=self._patience)
            time.sleep(processes.TICK_SECONDS)
        return None

    def _trouble(self) -> str:
        """Sign in and look, so that a start that returns has been seen to work; what is in the way, or nothing.

        Raises PasswordLost, NotDurable: waiting helps against neither.
        """
        try:
            with psycopg.connect(self.dsn(), connect_timeout=10) as connection:
                fsync = connection.execute("SELECT current_setting('fsync')").fetchone()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PasswordLost(file=str(self.folder / "secrets")) from None
            return str(error)
        except NotReadyYet as error:
            return error.message()
        if self._durable and fsync != ("on",):
            raise NotDurable(folder=str(self.folder))
        return ""

    def _stop(self) -> None:
        running = processes.postmaster(self.data)
        if running is not None:
            processes.stop(running, self.data, self._patience)
        own.drop_socket_folder(self.folder)

    # ── the server that does not run yet ──

    def _launch(self) -> processes.Postmaster:
        account = Account.of(self.data)
        processes.clear_the_dead(self.data, self._patience)
        own.drop_unfinished(self.folder, self._patience)
        exists = self.data.is_dir() and any(self.data.iterdir())
        binaries = within_reach(find(self._major() if exists else None), account, self.folder)
        if not exists:
            self._make(binaries, account)
        self._serve(binaries, account)
        running = self._live()
        if running is None:
            raise DidNotStart(log=str(self.log), said=self._last_words())
        return running

    def _major(self) -> int:
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (OSError, ValueError) as error:
            raise NotOurFolder(folder=str(self.data), reason="it holds something that is no database") from error

    def _make(self, binaries: Binaries, account: Account) -> None:
        """Make the cluster beside its place, then rename it there: it is whole, or it is not."""
        password = self._superuser_password()
        making = account.private_folder(self.folder, ".making-")
        try:
            (making / "password").touch(mode=0o600)
            (making / "password").write_text(password)
            account.own(making / "password")
            with account.door(making) as (name, descriptors):
                command = [binaries.program("initdb"), f"--pgdata={name}/pgdata", f"--pwfile={name}/password"]
                command += traits(binaries.version[0], self._durable)
                done = account.run(command, descriptors, capture_output=True)
            if done.returncode != 0:
                raise CouldNotMake(folder=str(self.folder), said=f"{done.stdout}\n{done.stderr}"[-2000:])
            with (making / "pgdata" / "postgresql.conf").open("a") as conf:
                conf.writelines(f"{setting} = '{value}'\n" for setting, value in TUNING.items())
                conf.flush()
                os.fsync(conf.fileno())
            (making / "pgdata").rename(self.data)
            own.fsync_folder(self.folder)
            own.fsync_folder(self.folder.parent)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _serve(self, binaries: Binaries, account: Account) -> None:
        """Start the server in a session of its own, through a shell that ends at once, so that it is nobody's child."""
        socket_folder = own.make_socket_folder(self.folder, account)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with account.door(self.data) as (name, descriptors):
                server = [binaries.program("postgres"), "-D", name]
                lz4 = account.run(
                    [*server, "-C", "wal_compression", "--wal_compression=lz4"], descriptors, capture_output=True
                )
                server += at_launch(self._durable, str(socket_folder), "pglz" if lz4.returncode else "lz4")
                shell = ["/bin/sh", "-c", '{ exec "$@" >&2; } & echo $!', "sh", *server]
                started = account.run(shell, descriptors, stdout=subprocess.PIPE, stderr=log)
        finally:
            os.close(log)
        pid = int(started.stdout)
        processes.until(lambda: self.is_running() or not processes.exists(pid), self._patience)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])
