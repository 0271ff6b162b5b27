"""`chaveiro demo`: the whole product on this machine, with a made-up channel in it, from nothing, in under a minute.

    folder ──init──▶ installation ──build (once)──▶ channel ──serve + worker──▶ ready ──Ctrl-C──▶ stopped, data kept

At every start: three fresh keys, four one-time sign-in links, and new tokens. What only a demo may have (`/demo/…`
pages, links on the screen) hangs on CHAVEIRO_DEMO, which this command sets.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from chaveiro.adapters.embedded_postgres import Cluster
from chaveiro.console import output
from chaveiro.rules.errors import Refusal

KEYS = 3
TOKEN_NAME = "demo"  # noqa: S105 what the tokens are called
READY_SECONDS = 60
STOP_SECONDS = 15
PEOPLE = ("operator", "distributor", "partner", "customer")
TOKENS_FOR = ("operator", "partner", "customer")


class NotADemo(Refusal):
    """The folder holds an installation that no demo made; it is not touched. Facts: folder, cure."""

    code = "not_a_demo"


class DemoDidNotStart(Refusal):
    """A part of the demo ended, or did not answer in time. Facts: what, log."""

    code = "demo_did_not_start"


@dataclass(frozen=True, slots=True)
class Ready:
    """What is printed when everything answers."""

    url: str
    links: Mapping[str, str]
    keys: list[str]
    token: str
    tokens: Mapping[str, str]
    mail: str
    service: str
    clocks: str
    seconds: float


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", default="data/demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--reset", is_flag=True, help="Throw the demo's data away and begin anew.")
@output.json_option
def demo(port: int, data: Path, reset: bool, as_json: bool) -> None:
    """Serve a demonstration on http://localhost:PORT, with made-up data; stop it with Ctrl-C."""
    began = time.monotonic()
    data = data.resolve()
    _settle(data, reset)
    _environment(data, port)
    installation = import_module("chaveiro.console.installation")
    installation.initialise("gerente@tagussoftware.example", "PT")
    people = _people(data)
    parts = _start(data, port)
    stopping = _Stopping()
    try:
        facts = _facts(data, people)
        facts["service"] = _start_service(parts, data, port)
        _wait(parts, data, port)
        ready = Ready(url=f"http://localhost:{port}", seconds=round(time.monotonic() - began, 1), **facts)
        _tell(ready, as_json)
        while not stopping.asked and all(part.poll() is None for part in parts.values()):
            time.sleep(0.2)
        _require_running(parts, data, stopping)
    finally:
        _stop(parts)


class _Stopping:
    """Ctrl-C, or a polite end by whoever started us."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def _settle(data: Path, reset: bool) -> None:
    """A folder that is a demo's, or empty. A folder of anything else is left as it is."""
    mark = data / "demo.json"
    started = data / "demo.begun"
    if data.exists() and any(data.iterdir()) and not mark.exists() and not started.exists():
        raise NotADemo(folder=str(data), cure="name another folder with --data")
    if data.exists() and (reset or not mark.exists()):
        # A demo that was killed while it was made is made anew: nothing in it is worth anything.
        _stop_server(data)
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        started.touch()


def _stop_server(data: Path) -> None:
    if (data / "postgres").exists():
        Cluster(data / "postgres").stop()


def _environment(data: Path, port: int) -> None:
    secret = ("SECRET_KEY", "KEY_PEPPERS", "VAULT_KEYS", "SIGNING_KEYS", "OPENID_KEYS")
    for name in ("DATABASE_URL", "DATABASE_SOCKET", *secret):
        os.environ.pop(f"CHAVEIRO_{name}", None)
    os.environ.update(
        CHAVEIRO_DATA=str(data),
        CHAVEIRO_DEMO="1",
        CHAVEIRO_SANDBOX="1",
        CHAVEIRO_BASE_URL=f"http://localhost:{port}",
        CHAVEIRO_EMAIL_URL=f"folder:{data / 'mail'}",
        CHAVEIRO_VENDOR_NAME="Tagus Software",
        CHAVEIRO_INITIAL_DOMAIN="tagus.example",
    )


def _people(data: Path) -> dict[str, UUID]:
    """The accounts of the four; the channel is built the first time."""
    mark = data / "demo.json"
    if not mark.exists():
        world = import_module("chaveiro.console.demo_world")
        people = {name: str(account) for name, account in asdict(world.build(data)).items()}
        half = mark.with_suffix(".half")
        half.write_text(json.dumps(people), encoding="utf-8")
        half.replace(mark)
        (data / "demo.begun").unlink(missing_ok=True)
    return {name: UUID(account) for name, account in json.loads(mark.read_text(encoding="utf-8")).items()}


def _start(data: Path, port: int) -> dict[str, subprocess.Popen[bytes]]:
    """Web and worker, each a process of its own with its own role; what they say goes to files in the folder."""
    parts = {}
    for name, words in {"web": ["serve", "--port", str(port)], "worker": ["worker"]}.items():
        with (data / f"{name}.log").open("ab") as log:
            parts[name] = subprocess.Popen(
                [sys.executable, "-m", "chaveiro.console.main", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    return parts


def _start_service(parts: dict[str, subprocess.Popen[bytes]], data: Path, port: int) -> str:
    """The sample service beside the rest, where the checkout has it; answers its address."""
    service = import_module("chaveiro.console.demo_service")
    if not service.is_there():
        return ""
    address = str(service.register(data, os.environ["CHAVEIRO_BASE_URL"], port))
    parts["service"] = service.start(data)
    return address


def _facts(data: Path, people: Mapping[str, UUID]) -> dict[str, Any]:
    """Fresh keys, links and tokens; the tokens of the last start stop working."""
    world = import_module("chaveiro.console.demo_world")
    base = os.environ["CHAVEIRO_BASE_URL"]
    tokens = {name: world.fresh_token(people[name], TOKEN_NAME) for name in TOKENS_FOR}
    return {
        "links": {name: base + world.sign_in_path(people[name]) for name in PEOPLE},
        "keys": world.fresh_keys(data, KEYS),
        "token": tokens["partner"],
        "tokens": tokens,
        "mail": f"{base}/demo/mail",
        "clocks": f"{base}/clocks",
    }


def _wait(parts: Mapping[str, subprocess.Popen[bytes]], data: Path, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for name, part in parts.items():
            if part.poll() is not None:
                raise DemoDidNotStart(what=name, log=str(data / f"{name}.log"))
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise DemoDidNotStart(what="web", log=str(data / "web.log"))


def _require_running(parts: Mapping[str, subprocess.Popen[bytes]], data: Path, stopping: _Stopping) -> None:
    if stopping.asked:
        return
    ended = next(name for name, part in parts.items() if part.poll() is not None)
    raise DemoDidNotStart(what=ended, log=str(data / f"{ended}.log"))


def _stop(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for part in parts.values():
        if part.poll() is None:
            part.terminate()
    for part in parts.values():
        try:
            part.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()


def _tell(ready: Ready, as_json: bool) -> None:
    if as_json:
        output.write_json(asdict(ready))
        sys.stdout.flush()
        return
    output.write(f"Chaveiro is ready at {ready.url} after {ready.seconds} s. Ctrl-C stops it; the data stay.")
    output.write("\nSign in, once each:")
    for name, link in ready.links.items():
        output.write(f"  {name:12}{link}")
    output.write("\nProduct keys to redeem:")
    for key in ready.keys:
        output.write(f"  {key}")
    output.write("\nAPI tokens:")
    for name, token in ready.tokens.items():
        output.write(f"  {name:12}{token}")
    output.write(f"\nOutgoing mail: {ready.mail}")
    output.write(f"A test clock with a customer on it, for the partner: {ready.clocks}")
    if ready.service:
        output.write(f"A service to sign in to: {ready.service}")
    sys.stdout.flush()
