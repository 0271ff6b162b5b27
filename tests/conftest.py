"""Real PostgreSQL always: one embedded server for each test process, the schema made by the owner's migrations.

A test signs in to the database as its superuser, so that it can arrange and look; every action and query of the project
takes the role of its actor (`identity.actions.acting`) and stands behind row-level security like in production.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from chaveiro.adapters.database_roles import role_name, role_password
from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.adapters.provision import provision
from chaveiro.adapters.signing import new_rsa_key

SECRET = "only for tests: nothing outside them is signed with this"
TEMPLATE = "chaveiro_template"


# What is sampled is sampled alike in all processes of a run: the first of them chooses, the others inherit.
SEED = os.environ.setdefault("CHAVEIRO_SEED", str(random.SystemRandom().randrange(1, 10**6)))


def pytest_report_header() -> str:
    """The seed by which this run sampled; `CHAVEIRO_SEED=…` repeats it."""
    return f"sampled by CHAVEIRO_SEED={SEED}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--one-in N`: every N-th test, which of them by the run's seed; other seeds run the others."""
    parser.addoption("--one-in", type=int, default=1, help="run one test in so many, chosen by CHAVEIRO_SEED")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the seed leaves out, alike in all processes of a run."""
    share = config.getoption("--one-in")
    left_out = [item for item in items if (zlib.crc32(item.nodeid.encode()) + int(SEED)) % share]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        out = set(left_out)
        items[:] = [item for item in items if item not in out]


def pytest_configure() -> None:
    """Settings that a test process has instead of an environment."""
    settings.SECRET_KEY = SECRET
    settings.KEY_PEPPERS = "1:" + base64.b64encode(b"a pepper that only tests ever use").decode()
    settings.VAULT_KEYS = "1:" + base64.b64encode(b"thirty-two bytes, only for tests").decode()
    key = Ed25519PrivateKey.generate()
    settings.SIGNING_KEYS = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings.DATA_KEYS_FOLDER = Path(tempfile.mkdtemp(prefix="chaveiro-data-keys-"))
    settings.OPENID_KEYS = new_rsa_key()
    settings.EMAIL_URL = "memory:"
    settings.INITIAL_DOMAIN = "example.test"
    settings.SECOND_FACTOR_AFTER_LINKS = False  # tests sign in by links; what links need is a test of its own
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_unconfigure() -> None:
    """The data keys that tests made go with them."""
    shutil.rmtree(settings.DATA_KEYS_FOLDER, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Server:
    """The test process's PostgreSQL server."""

    cluster: Cluster
    socket_folder: str
    port: int

    def superuser(self, database: str = "postgres") -> str:
        return self.cluster.dsn("postgres", database)

    def dsn(self, role: str, database: str) -> str:
        """A connection string for one of the five roles."""
        user = role_name(settings.DATABASE_ROLES, role)
        password = role_password(SECRET, settings.DATABASE_ROLES, role)
        return f"host={self.socket_folder} port={self.port} dbname={database} user={user} password='{password}'"

    def environment(self, database: str, process: str = "system") -> dict[str, str]:
        """The environment for a process of the project that shall use this server."""
        return {
            "CHAVEIRO_DATABASE_URL": f"postgresql:///{database}?host={self.socket_folder}&port={self.port}",
            "CHAVEIRO_SECRET_KEY": SECRET,
            "CHAVEIRO_KEY_PEPPERS": settings.KEY_PEPPERS,
            "CHAVEIRO_VAULT_KEYS": settings.VAULT_KEYS,
            "CHAVEIRO_SIGNING_KEYS": settings.SIGNING_KEYS,
            "CHAVEIRO_OPENID_KEYS": settings.OPENID_KEYS,
            "CHAVEIRO_DATA_KEYS": str(settings.DATA_KEYS_FOLDER),
            "CHAVEIRO_EMAIL_URL": "memory:",
            "CHAVEIRO_INITIAL_DOMAIN": settings.INITIAL_DOMAIN,
            "CHAVEIRO_PROCESS": process,
        }


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server of this test process's own, without fsync: nothing here claims to survive a power cut."""
    folder = Path(tempfile.mkdtemp(prefix="chaveiro-tests-"))
    cluster = Cluster(folder, durable=False)
    running = cluster.start()
    try:
        yield Server(cluster, running.socket_folder, running.port)
    finally:
        connections.close_all()
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def connect_as_superuser(server: Server, database: str) -> None:
    """Point Django's connection to a database of the test server, as the superuser."""
    connections["default"].close()
    connections["default"].settings_dict.update(
        NAME=database,
        HOST=server.socket_folder,
        PORT=str(server.port),
        USER="postgres",
        PASSWORD=conninfo_to_dict(server.superuser())["password"],
    )


@pytest.fixture(scope="session")
def schema(server: Server, django_db_blocker: pytest.FixtureRequest) -> str:
    """The name of a database with the whole schema and no rows, made by the owner's role as `init` makes it."""
    provision(server.superuser(), database=TEMPLATE, roles=settings.DATABASE_ROLES, secret=SECRET)
    connections["default"].settings_dict.update(
        NAME=TEMPLATE,
        HOST=server.socket_folder,
        PORT=str(server.port),
        USER=role_name(settings.DATABASE_ROLES, "owner"),
        PASSWORD=role_password(SECRET, settings.DATABASE_ROLES, "owner"),
    )
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connections["default"].close()
    return TEMPLATE


def copy_of(server: Server, template: str, name: str) -> None:
    """A database with the rows and the schema of another, which nobody may be using."""
    with psycopg.connect(server.superuser(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {settings.DATABASE_ROLES}_owner')


@pytest.fixture(scope="session")
def django_db_setup(server: Server, schema: str, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """pytest-django's hook: tests marked `django_db` roll back in a database of their own."""
    copy_of(server, schema, "chaveiro_test")
    connect_as_superuser(server, "chaveiro_test")
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture
def real_database(
    server: Server, schema: str, django_db_blocker: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A database of this test's own, where commits are real: for races, faults, and other processes. Its name."""
    name = "chaveiro_real"
    before = dict(connections["default"].settings_dict)
    copy_of(server, schema, name)
    connect_as_superuser(server, name)
    with django_db_blocker.unblock():
        yield name
        connections.close_all()
    connections["default"].settings_dict.update(before)
    with psycopg.connect(server.superuser(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
