"""Keys, codes and tokens planted through every flow are afterwards nowhere: not in the database, a log, a mail, a URL.

One house, everything done in it once, and then everything that it wrote or sent is searched (S1).
"""

from __future__ import annotations

import base64
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from chaveiro.adapters.embedded_binaries import find
from chaveiro.console.catalogues import compile_stale
from chaveiro.rules.keys import group, mint
from tests.conftest import Server
from tests.console import desk as console
from tests.faults.canaries import Canaries, folded
from tests.faults.canary_scene import Scene, everything_logged, live_everything, people_at_pages

pytestmark = pytest.mark.money


@pytest.fixture
def scene(
    real_database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: Any,
    tmp_path: Path,
) -> Iterator[Scene]:
    settings.STATIC_ROOT = tmp_path
    compile_stale()
    desk = console.Desk(monkeypatch, capsys)
    with everything_logged() as stream:
        scene = Scene(monkeypatch, desk, tmp_path)
        scene.log = stream
        yield scene


def dumped(server: Server, database: str) -> str:
    """The whole database as text, its bytes in hexadecimal."""
    facts = conninfo_to_dict(server.superuser(database))
    done = subprocess.run(
        [find(None).program("pg_dump"), "--no-owner", "--inserts", str(facts["dbname"])],
        env={
            **os.environ,
            "PGHOST": str(facts["host"]),
            "PGPORT": str(facts["port"]),
            "PGUSER": str(facts["user"]),
            "PGPASSWORD": str(facts["password"]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    for table in ("redemption_line", "redemption_draftkey", "journal_entry"):
        assert f"INSERT INTO public.{table}" in done.stdout
    return done.stdout


@pytest.mark.timeout(300)
def test_no_key_code_or_token_stands_in_anything_that_the_house_wrote_or_sent(
    scene: Scene, server: Server, real_database: str
) -> None:
    live_everything(scene)
    connection.close()
    dump = dumped(server, real_database)
    assert "INSERT INTO public.procrastinate_jobs" in dump, "arguments of jobs are in it too"
    found = {
        "database": scene.canaries.singing(dump),
        "log of the database": scene.canaries.singing(server.cluster.log.read_text()),
        "log": scene.canaries.singing(scene.log.getvalue()),
        "mail": scene.canaries.singing("\n".join(scene.written.letters)),
        "figures": scene.canaries.singing(scene.written.figures),
        "addresses": scene.canaries.singing("\n".join(scene.written.addresses)),
        # A draft's holder is shown its resume code, on every page of it.
        "answers": {
            name for name in scene.canaries.singing("\n".join(scene.written.answers)) if "resume code" not in name
        },
        "command line": scene.canaries.singing(scene.written.told),
        "checkpoints": scene.canaries.singing(
            "".join(file.read_text() for file in (scene.folder / "checkpoints").glob("*"))
        ),
    }
    assert len(scene.canaries.planted) > 40
    assert {where: names for where, names in found.items() if names} == {}


FORMS = {
    "grouped": lambda key: key,
    "ungrouped, small": lambda key: key.replace("-", "").lower(),
    "with look-alikes": lambda key: key.lower().replace("0", "o").replace("1", "l"),
    "spaced": lambda key: " ".join(key.replace("-", "")),
    "escaped": lambda key: key.replace("-", "\\u002d"),
    "percent-encoded": lambda key: "".join(f"%{ord(symbol):02x}" for symbol in key),
    "bytes of a dump": lambda key: "\\x" + key.encode().hex(),
    "base 64": lambda key: base64.b64encode(b"a" + key.encode()).decode(),
    "the first half": lambda key: key[:14],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_canary_is_heard_in_every_form(form: str) -> None:
    canaries = Canaries()
    key = canaries.key("planted", group(mint(1, os.urandom)[0]))
    other = canaries.key("not planted", group(mint(1, os.urandom)[0]))
    text = f"INSERT INTO somewhere VALUES (1, 'before {FORMS[form](key)} after');"
    assert canaries.singing(text) == {"planted"}
    assert folded(other)[:10] not in folded(text)


@pytest.mark.usefixtures("scene")
def test_a_leak_that_is_planted_is_heard_in_database_and_log(scene: Scene, server: Server, real_database: str) -> None:
    key = scene.key("planted")
    connection.ensure_connection()
    connection.connection.execute(
        "UPDATE channel_organisation SET name = %s WHERE kind = 'vendor'", (f"Tagus {key.lower()}",)
    )
    logging.getLogger("chaveiro.planted").warning("spent %s", key)
    people_at_pages(scene)
    connection.close()
    assert scene.canaries.singing(dumped(server, real_database)) == {"planted: a key"}
    assert scene.canaries.singing(f"raw {key}") == {"planted: a key"}
