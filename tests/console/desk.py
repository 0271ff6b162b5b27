"""The command line run in this very process, on the test's own rows and at its hour; ended as other people see it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from chaveiro import wiring
from chaveiro.console import main, startup
from tests import cast
from tests.console.shell import Ended

LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Desk:
    """Whoever sits at the machine: `desk("batches", "list")` runs `chaveiro batches list --json`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capture = monkeypatch, capture
        for name in ("prepare", "enter"):
            monkeypatch.setattr(startup, name, lambda _process: None)
        monkeypatch.setattr(startup, "leave", lambda: None)
        for name in LOCALES:
            monkeypatch.delenv(name, raising=False)
        self.on(cast.DAY)

    def on(self, day: date) -> None:
        """From now on it is noon of that day."""
        self._monkeypatch.setattr(wiring, "means", lambda: cast.means(day))
        self._monkeypatch.setattr(wiring, "now", lambda: cast.means(day).now)

    def speaks(self, locale: str) -> None:
        """From now on the terminal has that locale."""
        self._monkeypatch.setenv("LANG", locale)

    def __call__(self, *arguments: str, stdin: str | bytes = "") -> Ended:
        """A command with `--json`."""
        return self.plainly(*arguments, "--json", stdin=stdin)

    def plainly(self, *arguments: str, stdin: str | bytes = "") -> Ended:
        """A command as people run it."""
        self._capture.readouterr()
        with _reading(stdin.encode() if isinstance(stdin, str) else stdin):
            code = main.run([str(argument) for argument in arguments])
        told = self._capture.readouterr()
        return Ended(int(code), told.out, told.err)

    def does(self, *arguments: str, stdin: str | bytes = "") -> Any:
        """The data of a command that is done."""
        ended = self(*arguments, stdin=stdin)
        assert ended.code == 0, ended.err
        return ended.json()

    def refuses(self, *arguments: str, stdin: str | bytes = "") -> tuple[int, dict[str, Any]]:
        """Exit code and refusal of a command that is refused, which prints no data."""
        ended = self(*arguments, stdin=stdin)
        assert ended.out == ""
        return ended.code, ended.refusal()


@contextmanager
def _reading(given: bytes) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def opening_body(keys: list[str], prefix: str = "padariasol", **changes: Any) -> str:
    """What opens Padaria Sol with Bruno as administrator, as the command line is given it."""
    body = {
        "purpose": "open",
        "keys": keys,
        "customer": {"name": "Padaria Sol, Lda.", "country": "PT", "language": "pt-PT", "domain_prefix": prefix},
        "administrator": {"given_name": "Bruno", "family_name": "Costa", "email": "bruno@padariasol.example"},
        "attestation": True,
        **changes,
    }
    return json.dumps({name: value for name, value in body.items() if value is not ...})


def acting_body(purpose: str, keys: list[str], subscription: str, **changes: Any) -> str:
    """What adds keys to a subscription, or extends it."""
    return json.dumps({"purpose": purpose, "keys": keys, "subscription": subscription, "attestation": True, **changes})
