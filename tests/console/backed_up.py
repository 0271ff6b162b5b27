"""An installation with one backup of it, and what tests of backups ask of both."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from chaveiro import wiring
from chaveiro.adapters.backup_file import KeyedSeal
from chaveiro.adapters.datakeys import FolderOfDataKeys
from chaveiro.apps.closing.actions import backing_up
from chaveiro.apps.feedback.models import HelpRequest
from chaveiro.rules.backups import (
    LEFT_OUT,
    Manifest,
    is_backed_up,
)
from chaveiro.rules.peppers import fingerprint
from tests.cast import NOON, digesters, means
from tests.conftest import Server, connect_as_superuser
from tests.console.shell import Ended, chaveiro, environment

SOURCE, ELSEWHERE = "chaveiro_backed", "chaveiro_elsewhere"
PASSPHRASE = "cavalo bateria agrafo correto"
# Rows that a restore writes itself.
ITS_OWN = {"journal_entry", "clocks_platform"}
NEW_ENTRIES = ["installation:restored 1", "clock:quiet 1"]


@dataclass(frozen=True, slots=True)
class House:
    """An installation with two sides, a folder with its data keys, and one backup of it."""

    server: Server
    data: Path
    file: Path
    ours: UUID
    subscription: UUID
    theirs: UUID
    blocker: Any

    @contextmanager
    def inside(self, database: str) -> Iterator[None]:
        """This very process in a database, as its superuser: that takes less time than a process for each command."""
        before = dict(connections["default"].settings_dict)
        connect_as_superuser(self.server, database)
        try:
            with self.blocker.unblock():
                yield
                connections.close_all()
        finally:
            connections["default"].settings_dict.update(before)

    def write(self, file: Path, data: Path) -> Manifest:
        """A backup with the data keys in a folder."""
        keys = keys_in(data)
        with self.inside(SOURCE), wiring.backup_writer(file, None) as writer:
            return backing_up.create(
                writer=writer,
                seal=KeyedSeal(keys, os.urandom),
                signer=wiring.keyring(),
                data_keys=keys.fingerprint(),
                origin="https://keys.example.test",
                means=means(),
                told=lambda _table, _rows: None,
            )

    def bring_back(self, file: Path, data: Path, into: str = ELSEWHERE) -> backing_up.Restored:
        """The rows, into a database that has the schema already."""
        with wiring.backup_reader(file, None) as reader, self.inside(into):
            return backing_up.restore(
                reader=reader,
                manifest=manifest_of(file),
                seal=KeyedSeal(keys_in(data), os.urandom),
                means=means(),
                told=lambda _table, _rows: None,
            )

    def run(self, *arguments: str, database: str = SOURCE, data: Path | None = None, **settings: str) -> Ended:
        env = environment(DATA=str(data or self.data), BASE_URL="https://keys.example.test")
        env |= self.server.environment(database, "check")
        env["CHAVEIRO_DATA_KEYS"] = str((data or self.data) / "data-keys")
        env |= {f"CHAVEIRO_{name}": text for name, text in settings.items()}
        return chaveiro("backup", *arguments, "--json", env=env)

    def restore(
        self, file: Path, *arguments: str, into: str = ELSEWHERE, data: Path | None = None, **settings: str
    ) -> Ended:
        """Into another database of the same server, as its superuser, who may make it."""
        asked = conninfo_to_dict(self.server.superuser())
        url = f"postgresql://postgres:{asked['password']}@/{into}?host={asked['host']}&port={asked['port']}"
        return self.run("restore", str(file), *arguments, data=data, **{"DATABASE_URL": url, **settings})


def keys_in(data: Path) -> FolderOfDataKeys:
    return FolderOfDataKeys(data / "data-keys", os.urandom)


def drop(server: Server, database: str) -> None:
    with psycopg.connect(server.superuser(), autocommit=True) as superuser:
        superuser.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def more_rows(customer: UUID, account: UUID | None) -> None:
    """Words of people's in tables that the two sides leave empty."""
    HelpRequest.objects.create(
        id=wiring.new_id(), at=NOON, receiver="operator", account_id=account, customer_id=customer, language="pt-pt",
        page="/home", name="Bruno Canário", email="canario@padariasol.example", message="Tab\there, \\N, e uma\nlinha",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_customer SET contact_email = 'contacto@canario.example' WHERE id = %s", [customer]
        )
        cursor.execute(
            "INSERT INTO subscriptions_block (id, customer_id, subscription_id, kind, holder, put_on, put_at, reason,"
            " lifted_by) SELECT gen_random_uuid(), customer_id, id, 'legal', 'operator', '2026-11-22', now(),"
            " 'processo do canário', NULL FROM subscriptions_subscription WHERE customer_id = %s",
            [customer],
        )
        cursor.execute("INSERT INTO keys_pepper VALUES (1, %s, now())", [fingerprint(digesters()[0])])
        cursor.execute(
            "INSERT INTO notices_owed (kind, facts, created_at, relayed_at) VALUES ('letter', '{}', now(), now())"
            " RETURNING id"
        )
        [owed] = cursor.fetchone()
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('short', 'effect', %s)",
            [json.dumps({"owed": owed})],
        )


def rows(server: Server, database: str) -> dict[str, list[str]]:
    """Every row of every table that a backup has, as text."""
    with psycopg.connect(server.superuser(database)) as superuser:
        names = [
            name
            for (name,) in superuser.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            )
        ]
        return {
            name: sorted(
                text for (text,) in superuser.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            )
            for name in names
            if is_backed_up(name) or name in LEFT_OUT
        }


def one(server: Server, database: str, statement: str) -> Any:
    with psycopg.connect(server.superuser(database)) as superuser:
        row = superuser.execute(statement).fetchone()
        return row and row[0]


def opened(file: Path) -> bytes:
    """Everything that a plain backup lets anybody read."""
    with tarfile.open(file) as tar:
        parts = [tar.extractfile(member) for member in tar if member.name.endswith(".gz")]
        return b"".join(zlib.decompress(part.read(), wbits=31) for part in parts if part)


def manifest_of(file: Path) -> Manifest:
    with tarfile.open(file) as tar:
        found = tar.extractfile("manifest.jws")
        assert found
        return Manifest.from_claims(wiring.keyring().read(found.read().decode(), "chaveiro-backup+jws"))


def rewrite(file: Path, to: Path, instead: dict[str, bytes]) -> None:
    """The same backup with other parts, signed again by somebody who has the key."""
    manifest = manifest_of(file).claims()
    for table in manifest["tables"]:
        table["parts"] = [
            part | {"bytes": len(instead[part["name"]]), "sha256": hashlib.sha256(instead[part["name"]]).hexdigest()}
            if part["name"] in instead
            else part
            for part in table["parts"]
        ]
    signed = wiring.keyring().sign(manifest, "chaveiro-backup+jws").encode()
    with tarfile.open(file) as old, tarfile.open(to, "w") as new:
        for member in old:
            found = old.extractfile(member)
            assert found
            content = {**instead, "manifest.jws": signed}.get(member.name) or found.read()
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))


def exists(server: Server, database: str) -> bool:
    with psycopg.connect(server.superuser()) as superuser:
        return superuser.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is not None


def rows_in(server: Server, database: str) -> int:
    return sum(len(lines) for lines in rows(server, database).values())


def in_database(server: Server, database: str) -> str:
    return "\n".join(line for found in rows(server, database).values() for line in found)
