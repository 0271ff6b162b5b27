"""The sample verifier of the documents: offline, with PyJWT alone, and not to be fooled."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chaveiro import wiring
from chaveiro.adapters.signing import Keyring
from chaveiro.rules import entitlements
from chaveiro.rules.access import Block, BlockKind, Holder, Life
from chaveiro.rules.entitlements import DOCUMENT_KIND, Entitled, Held
from chaveiro.rules.policies import Policy
from tests.examples.sample import ROOT

SCRIPT = ROOT / "docs" / "verify_entitlements.py"
DAY, END = date(2026, 11, 22), date(2027, 11, 22)


def entitled(*, licensed: bool = True, blocks: tuple[Block, ...] = ()) -> Entitled:
    held = Held(UUID(int=1), "office-basic", Life(END, Policy()), licensed, blocks)
    return Entitled(UUID(int=2), "b@p.example", UUID(int=3), "Padaria Sol, Lda.", DAY, entitlements.of(DAY, [held]))


def claims(**changes: Any) -> dict[str, Any]:
    return dict(entitlements.document(entitled(**changes), issuer="https://p.example", now=wiring.now()))


def verify(folder: Path, document: str, day: date | None = None, jwks: Any = None) -> tuple[int, dict[str, Any]]:
    (folder / "jwks").write_text(json.dumps(jwks or wiring.keyring().jwks()), encoding="utf-8")
    (folder / "document").write_text(document, encoding="utf-8")
    words = [str(folder / "jwks"), str(folder / "document"), *([day.isoformat()] if day else [])]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), *words], capture_output=True, text=True, check=False, env={}
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("day", "allowed"),
    [(None, True), (END + timedelta(days=29), True), (END + timedelta(days=30), False), (date(2030, 1, 1), False)],
)
def test_the_dates_decide_on_any_day(tmp_path: Path, day: date | None, allowed: bool) -> None:
    code, told = verify(tmp_path, wiring.keyring().sign(claims(), DOCUMENT_KIND), day)
    assert (code, told["holds"], told["may_use"]) == (0, True, {"office-basic": allowed})


@pytest.mark.parametrize("changes", [{"licensed": False}, {"blocks": (Block(BlockKind.LEGAL, Holder.OPERATOR, DAY),)}])
def test_blocks_and_licences_decide_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    _code, told = verify(tmp_path, wiring.keyring().sign(claims(**changes), DOCUMENT_KIND))
    assert told["may_use"] == {"office-basic": False}


def test_what_does_not_hold_is_not_believed(tmp_path: Path) -> None:
    ring = wiring.keyring()
    stranger = Keyring(Ed25519PrivateKey.generate())
    good = ring.sign(claims(), DOCUMENT_KIND)
    head, body, signature = good.split(".")
    faults = {
        "another key": stranger.sign(claims(), DOCUMENT_KIND),
        "another kind": ring.sign(claims(), "chaveiro-receipt+jws"),
        "expired": ring.sign(claims() | {"exp": claims()["iat"] - 1}, DOCUMENT_KIND),
        "another version": ring.sign(claims() | {"version": 2}, DOCUMENT_KIND),
        "changed": f"{head}.{body[:-4]}{'A' * 4}.{signature}",
        "no text of ours": "x",
    }
    for what, document in faults.items():
        code, told = verify(tmp_path, document)
        assert (code, told["holds"]) == (1, False), what


def test_it_needs_one_library() -> None:
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(node.module)
    assert names - set(sys.stdlib_module_names) == {"jwt"}
