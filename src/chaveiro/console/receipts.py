"""`chaveiro redemptions verify`: whether a receipt is ours, offline. No database, no installation, no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from chaveiro.adapters.signing import PublicKeys, SigningKeysUnusable
from chaveiro.console import output
from chaveiro.rules.errors import Malformed
from chaveiro.rules.receipts import RECEIPT_KIND

BYTES_AT_MOST = 4 * 1024 * 1024
STDIN = "-"


@click.command("verify")
@click.argument("file")
@click.option("--keys", required=True, help="The published keys: a file with the installation's JWK set.")
@output.json_option
def verify_receipt(file: str, keys: str, as_json: bool) -> None:
    """Check a signed receipt (FILE, - for stdin) and print what it says; exit 1 when it is not valid.

    A good signature proves that the receipt was issued and not changed, not that nothing was reversed since.
    """
    public = _keys(_text(keys, "keys"))
    claims = public.read(_compact(_text(file, "receipt")), RECEIPT_KIND)
    if as_json:
        output.write_json({"valid": True, "claims": claims})
        return
    customer = claims.get("customer") or {}
    told = {name: claims.get(name) for name in ("iss", "reference", "day", "at", "purpose", "id")}
    spent = [f"{key['serial']} …{key['last_five']}" for key in claims.get("keys", ())]
    output.write(
        output.card({**told, "customer": customer.get("name"), "country": customer.get("country"), "keys": spent})
    )
    output.say("The signature is good: this receipt was issued so.")


def _text(file: str, what: str) -> str:
    try:
        given = sys.stdin.buffer.read(BYTES_AT_MOST + 1) if file == STDIN else _read(Path(file))
        if len(given) > BYTES_AT_MOST:
            raise Malformed(field=what, reason=f"is longer than {BYTES_AT_MOST} bytes")
        return given.decode()
    except OSError as fault:
        raise Malformed(field=what, reason=f"cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise Malformed(field=what, reason="is not UTF-8") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(BYTES_AT_MOST + 1)


def _keys(text: str) -> PublicKeys:
    try:
        return PublicKeys.from_jwks(_object(text, "keys"))
    except SigningKeysUnusable as fault:
        raise Malformed(field="keys", reason=str(fault)) from None


def _compact(text: str) -> str:
    """The one-line form of a receipt, which may come as the flattened JSON form too (RFC 7515)."""
    text = text.strip()
    if not text.startswith("{"):
        return text
    parts = _object(text, "receipt")
    return ".".join(str(parts.get(name, "")) for name in ("protected", "payload", "signature"))


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(field=what, reason="must be JSON") from None
    if not isinstance(found, dict):
        raise Malformed(field=what, reason="must be an object")
    return found
