"""A form that waits for a confirmation: its fields, signed, for ten minutes, bound to the session and its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core import signing

from chaveiro.rules.factors import may_be_carried
from chaveiro.rules.keys import scrub

SALT = "chaveiro.capsule"
CAPSULE_SECONDS = 10 * 60
CAPSULE_LENGTH_AT_MOST = 60_000


@dataclass(frozen=True, slots=True)
class Form:
    """A form that waits for the confirmation: where it goes, and its fields."""

    path: str
    fields: tuple[tuple[str, str], ...]


def pack(request: Any) -> str:
    """The capsule of the form that was sent; "" where it cannot be carried."""
    fields = [(name, value) for name, values in request.POST.lists() for value in values]
    fields = [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"]
    secret = not may_be_carried([name for name, _value in fields]) or any(scrub(value) != value for _n, value in fields)
    if secret or request.FILES:
        return ""
    capsule = signing.dumps({"path": request.get_full_path(), "fields": fields}, salt=_salt(request), compress=True)
    return capsule if len(capsule) <= CAPSULE_LENGTH_AT_MOST else ""


def unpack(request: Any, capsule: str) -> Form | None:
    """The form in a capsule of this very session; None for anything else."""
    try:
        told = signing.loads(capsule[:CAPSULE_LENGTH_AT_MOST], salt=_salt(request), max_age=CAPSULE_SECONDS)
    except signing.BadSignature:
        return None
    return Form(told["path"], tuple((name, value) for name, value in told["fields"]))


def _salt(request: Any) -> str:
    return f"{SALT}.{request.sign_in.session}"
