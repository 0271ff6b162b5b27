"""How a command becomes a process of the installation: its settings, its secrets, its database, its role.

    prepare(process)   settings and secrets, no database: arguments can be parsed, pages of help printed
    enter(process)     the same, and the database: the embedded server is started, or joined where it runs
    leave()            lets go of it; the last one to leave stops the embedded server

The settings' module is named by text, as Django names it: what stands above the doors is never imported by one.
"""

from __future__ import annotations

import atexit
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import connections

from chaveiro.adapters.database_roles import connection_facts
from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.console import secrets
from chaveiro.console.refusals import NotInitialised, SettingUnusable

SETTINGS_MODULE = "chaveiro.config.settings"
ENVIRONMENT_MODULE = "chaveiro.config.environment"
PROCESSES = ("web", "system", "owner", "check")

_joined: list[Cluster] = []


def environment() -> Any:
    """The table of settings (`chaveiro.config.environment`)."""
    return import_module(ENVIRONMENT_MODULE)


def setting(name: str) -> str:
    """A setting's text before Django is set up. Raises SettingUnusable."""
    module = environment()
    try:
        return str(module.text(name))
    except module.SettingRefused as refused:
        raise SettingUnusable(reason=str(refused)) from refused


def data_folder() -> Path:
    """Where this installation keeps what is its own, absolute."""
    return Path(setting("DATA")).resolve()


def is_embedded() -> bool:
    """Whether the database is ours to start: no address of another is given."""
    return not setting("DATABASE_URL")


def cluster() -> Cluster:
    """The embedded server of this installation, started or not."""
    return Cluster(data_folder() / "postgres")


def database_exists() -> bool:
    """Whether an embedded database was made here already."""
    return is_embedded() and (data_folder() / "postgres" / "pgdata" / "PG_VERSION").is_file()


def prepare(process: str) -> None:
    """Read secrets and settings and set Django up for `process` (web, system, owner, check); no database is touched.

    Raises SettingUnusable, SecretsUnsafe.
    """
    assert process in PROCESSES
    secrets.lead_in(data_folder(), os.environ)
    os.environ["CHAVEIRO_PROCESS"] = process
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    if apps.ready:
        become(process)
        return
    try:
        django.setup()
    except environment().SettingRefused as refused:
        raise SettingUnusable(reason=str(refused)) from refused


def enter(process: str) -> None:
    """Be a process of the installation, signed in to its database under its own role.

    Raises what `prepare` raises, NotInitialised, and the embedded server's refusals.
    """
    missing = secrets.missing(data_folder(), os.environ)
    if missing or (is_embedded() and not database_exists()):
        raise NotInitialised(missing=missing or ["the database"], cure="run `chaveiro init` once")
    join_server()
    prepare(process)
    become(process)


def join_server() -> None:
    """Start the embedded server or join the one that runs; nothing where the database is somebody else's to run."""
    if _joined or not is_embedded() or setting("DATABASE_SOCKET"):
        return
    server = cluster()
    os.environ["CHAVEIRO_DATABASE_SOCKET"] = server.start().socket_folder
    _joined.append(server)
    atexit.register(leave)


def leave() -> None:
    """Close the connection and let go of the embedded server; it stops with the last process that uses it."""
    if apps.ready:
        connections.close_all()
    while _joined:
        _joined.pop().leave()
        os.environ.pop("CHAVEIRO_DATABASE_SOCKET", None)


def become(process: str) -> None:
    """Change this process's role in the database; the next statement signs in anew."""
    connections.close_all()
    os.environ["CHAVEIRO_PROCESS"] = process
    facts = connection_facts(
        url=setting("DATABASE_URL"),
        socket_folder=setting("DATABASE_SOCKET"),
        database=setting("DATABASE_NAME"),
        roles=settings.DATABASE_ROLES,
        process=process,
        secret=settings.SECRET_KEY,
    )
    connections["default"].settings_dict.update(facts)
    settings.PROCESS = process
