"""Whole installations that a test starts as people do, and stops again: the demo, and one made by `chaveiro init`.

Web and worker are processes of their own; letters are files in a folder, read as a mail program would.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError

from tests.console.shell import ROOT, Installation, environment

SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_FOR_A_LETTER = 180, 30, 60


@dataclass(frozen=True, slots=True)
class Letters:
    """The folder into which an installation posts its letters."""

    folder: Path

    def to(self, address: str) -> list[EmailMessage]:
        """What somebody was sent, the oldest first."""
        files = sorted(self.folder.glob("*.eml"))
        letters = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [cast(EmailMessage, letter) for letter in letters if address in str(letter["To"])]

    def link(self, address: str, path: str) -> str:
        """The newest link below `path` that somebody was sent; waited for, since the worker posts it."""
        ends = time.monotonic() + SECONDS_FOR_A_LETTER
        while time.monotonic() < ends:
            for letter in reversed(self.to(address)):
                found = re.search(rf"http://localhost:\d+{path}[a-z2-7]+", text_of(letter))
                if found:
                    return found[0]
            time.sleep(0.2)
        raise AssertionError(f"no letter to {address} leads to {path}")

    def wait_for(self, address: str, words: str) -> EmailMessage:
        """The first letter to somebody that says this; waited for."""
        ends = time.monotonic() + SECONDS_FOR_A_LETTER
        while time.monotonic() < ends:
            for letter in self.to(address):
                if words in " ".join(text_of(letter).split()):
                    return letter
            time.sleep(0.2)
        raise AssertionError(f"no letter to {address} says {words!r}")


def text_of(letter: EmailMessage) -> str:
    """The plain words of a letter."""
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@dataclass(frozen=True, slots=True)
class Standing:
    """An installation that answers at `url`; `told` is what its command printed."""

    url: str
    told: Mapping[str, Any]
    letters: Letters

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call of its API, as the partner of the demo."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.told['token']}", "Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def use_up(self, key: str) -> str:
        """A key is redeemed for somebody else, by the partner's program; answers the partner's registration number."""
        prefix = "p" + key.replace("-", "").lower()[:12]
        done = self.ask(
            "POST",
            "/redemptions",
            {
                "purpose": "open",
                "keys": [key],
                "attestation": True,
                "customer": {"name": "Papelaria Alfa", "country": "PT", "language": "pt-PT", "domain_prefix": prefix},
                "administrator": {"given_name": "Rita", "family_name": "Melo", "email": f"rita@{prefix}.example"},
            },
            **{"Idempotency-Key": prefix},
        )
        told = self.ask("GET", f"/redemptions/{done['id']}")
        return str(told["partner"]["registration_number"])


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def demo(folder: Path | None = None) -> Iterator[Standing]:
    """`script/demo`, from nothing until Ctrl-C, in a folder that is thrown away unless one is named."""
    data, port = folder or Path(tempfile.mkdtemp(prefix="chv-")), free_port()
    log = tempfile.TemporaryFile()  # noqa: SIM115 closed below, after its process
    process = subprocess.Popen(
        [str(ROOT / "script" / "demo"), "--port", str(port), "--data", str(data), "--json"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            log.seek(0)
            raise AssertionError(f"the demo did not start: {log.read().decode(errors='replace')[-3000:]}")
        told = json.loads(line)
        yield Standing(told["url"], told, Letters(data / "mail"))
    finally:
        process.terminate()
        process.wait(SECONDS_TO_STOP)
        if process.stdout is not None:
            process.stdout.close()
        log.close()
        Installation(data).cluster.stop()
        if folder is None:
            shutil.rmtree(data, ignore_errors=True)


@contextmanager
def founded(folder: Path, **settings: str) -> Iterator[tuple[Standing, Installation]]:
    """An installation made by `chaveiro init` and no more, served, with its worker at work."""
    port = free_port()
    named = {"BASE_URL": f"http://localhost:{port}", **settings}
    installation = _Configured(folder, named)
    made = installation("init", "--operator-email", "duarte@vendor.example", "--json")
    assert made.code == 0, made.err
    with ExitStack() as stack:
        stack.callback(installation.cluster.stop)
        for words in (["serve", "--port", str(port)], ["worker"]):
            stack.enter_context(_running(words, installation))
        _wait(f"http://localhost:{port}/readyz")
        yield Standing(named["BASE_URL"], made.json(), Letters(folder / "mail")), installation


class _Configured(Installation):
    """An installation whose commands all get the same settings."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.settings = settings

    def environment(self, **settings: str) -> dict[str, str]:
        return super().environment(**{**self.settings, **settings})


@contextmanager
def _running(words: list[str], installation: Installation) -> Iterator[None]:
    log = (installation.folder / f"{words[0]}.log").open("ab")
    command = [sys.executable, "-m", "chaveiro.console.main", *words]
    process = subprocess.Popen(
        command, env=installation.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(SECONDS_TO_STOP)
        log.close()


def _wait(url: str) -> None:
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")
