"""`chaveiro init`, `migrate`, `stop`: an installation made, brought up to date, and put to rest.

init is safe at any time, and twice: it makes what is missing and leaves what is there. In order: secrets, server,
roles and database, schema, the vendor, and, until somebody has signed in as operator, a link for the first one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import click
import psycopg
from django.conf import settings
from django.core.management import call_command
from psycopg.conninfo import make_conninfo

from chaveiro.adapters import clock
from chaveiro.adapters.provision import provision
from chaveiro.console import output, secrets, startup
from chaveiro.console.refusals import DatabaseUnreachable, NotEmbedded

Made = TypeVar("Made")

# One init at a time for each server, whatever machine it runs on. "init" in ASCII.
INIT_LOCK = 0x696E6974


@dataclass(frozen=True, slots=True)
class Initialised:
    """What init found and made. `link` is None once somebody has signed in as operator."""

    data: str
    embedded: bool
    secrets_made: list[str]
    migrations_applied: list[str]
    link: str | None
    link_expires_at: str | None


@click.command("init")
@click.option("--operator-email", default="", help="Address of the first operator; may be changed later.")
@click.option("--vendor-country", default="PT", show_default=True, help="The vendor's country, two capital letters.")
@click.option("--no-input", is_flag=True, help="Ask nothing. Nothing is asked anyway.")
@click.option("--dry-run", is_flag=True, help="Say what is missing and make nothing.")
@output.json_option
def init(operator_email: str, vendor_country: str, no_input: bool, dry_run: bool, as_json: bool) -> None:
    """Make roles, secrets and schema, and print one operator link, valid for an hour, while no operator exists.

    Where CHAVEIRO_DATABASE_URL names a server, its user needs the right to make roles and databases.
    """
    del no_input
    if dry_run:
        missing = secrets.missing(startup.data_folder(), os.environ)
        exists = startup.database_exists() if startup.is_embedded() else None
        told: dict[str, Any] = {"data": str(startup.data_folder()), "secrets": missing, "database_exists": exists}
        output.write_json(told) if as_json else output.write("\n".join(f"{name}: {told[name]}" for name in told))
        return
    made = initialise(operator_email, vendor_country)
    if as_json:
        output.write_json(asdict(made))
        return
    for name in made.secrets_made:
        output.say(f"made the secret {secrets.file_of(startup.data_folder(), name)}: keep a copy apart from the data")
    output.say(f"{len(made.migrations_applied)} steps brought the schema up to date")
    if made.link is None:
        output.say("An operator has signed in before: no link is made any more.")
    else:
        output.say(f"The first operator signs in here, once, until {made.link_expires_at}:")
        output.write(made.link)


def initialise(operator_email: str = "", vendor_country: str = "PT") -> Initialised:
    """All of init; afterwards this process is `system`. Raises the refusals of secrets, server and settings."""
    data = startup.data_folder()
    if startup.is_embedded():
        secrets_made = secrets.make(data, os.environ, clock.random_bytes, database_exists=startup.database_exists())
    else:
        missing = secrets.missing(data, os.environ)
        there = bool(missing) and _has_our_schema()
        secrets_made = secrets.make(data, os.environ, clock.random_bytes, database_exists=there)
    secrets.lead_in(data, os.environ)
    applied = make_database(bring_up_to_date)
    startup.become("system")
    founded = import_module("chaveiro.console.founding").found(operator_email, vendor_country, bool(secrets_made))
    link = f"{settings.BASE_URL}{founded.path}" if founded.path else None
    ends = founded.expires_at.isoformat(timespec="seconds") if founded.expires_at else None
    return Initialised(str(data), startup.is_embedded(), secrets_made, applied, link, ends)


def make_database(schema: Callable[[], Made]) -> Made:
    """Start the server, make roles and database, and let `schema` do the rest as the owner; answers what it answers.

    Nobody else makes a database there meanwhile.
    """
    startup.join_server()
    with _administering() as server:
        provision(
            server,
            database=database_name(),
            roles=startup.setting("DATABASE_ROLES"),
            secret=startup.setting("SECRET_KEY"),
        )
        startup.prepare("owner")
        startup.become("owner")
        return schema()


def database_name() -> str:
    """The name of our database on its server."""
    url = startup.setting("DATABASE_URL")
    return unquote(urlsplit(url).path.lstrip("/")) or startup.setting("DATABASE_NAME")


@contextmanager
def _administering() -> Iterator[str]:
    """The server's address as a user who may make roles, while no other init works there."""
    address = _server_address()
    with _connected(address) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (INIT_LOCK,))
        yield address


def _connected(address: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection as the user in an address. Raises DatabaseUnreachable."""
    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.Error as fault:
        raise DatabaseUnreachable(
            said=str(fault).strip(), cure="CHAVEIRO_DATABASE_URL with a user who may make roles and databases"
        ) from fault


def _server_address() -> str:
    if startup.is_embedded():
        return startup.cluster().dsn()
    url = startup.setting("DATABASE_URL")
    try:
        maintenance = make_conninfo(url, dbname="postgres")
        psycopg.connect(maintenance, connect_timeout=10).close()
    except psycopg.Error:
        # Some servers let a user into their own database only, which then exists already.
        return url
    return maintenance


def _has_our_schema() -> bool:
    """Whether the external database was made by an installation before, with secrets that we do not see.

    Raises DatabaseUnreachable: who cannot look must not take it for new.
    """
    with _connected(_server_address()) as server:
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database_name(),)).fetchone() is None:
            return False
    with _connected(startup.setting("DATABASE_URL")) as database:
        row = database.execute("SELECT to_regclass('public.keys_key') IS NOT NULL").fetchone()
        return row is not None and bool(row[0])


def bring_up_to_date() -> list[str]:
    """Apply the migrations that are missing, as the owner; answers their names in order."""
    applied: list[str] = import_module("chaveiro.console.readiness").pending_migrations()
    call_command("migrate", verbosity=0, interactive=False)
    return applied


@click.command()
@click.option("--dry-run", is_flag=True, help="Name the steps and take none.")
@output.json_option
def migrate(dry_run: bool, as_json: bool) -> None:
    """Bring the database's schema up to this version, in the owner's role. Rooms keep serving meanwhile."""
    startup.enter("owner")
    applied = import_module("chaveiro.console.readiness").pending_migrations() if dry_run else bring_up_to_date()
    if as_json:
        output.write_json({"dry_run": dry_run, "migrations": applied})
        return
    output.say("Nothing was missing." if not applied else "Missing:" if dry_run else "Applied:")
    for name in applied:
        output.write(name)


@click.command()
@output.json_option
def stop(as_json: bool) -> None:
    """Stop the embedded database server, whoever uses it. It starts again with the next command."""
    if not startup.is_embedded():
        raise NotEmbedded()
    server = startup.cluster()
    was_running = server.is_running()
    server.stop()
    if as_json:
        output.write_json({"stopped": was_running})
    else:
        output.say("The database server is stopped." if was_running else "The database server was not running.")
