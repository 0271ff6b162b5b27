"""How the tests come through the API's door: a caller with a token, a language, and nothing else."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from chaveiro.rules import identifiers
from tests.cast import BRUNO, administrator_of, token_for

ROOT = "/api/v1"
PROBLEM = "application/problem+json"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Any
    raw: bytes = field(repr=False)

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(error["pointer"], error["code"]) for error in self.body["errors"]]


class Caller:
    """Somebody who calls with a token, in a language."""

    def __init__(self, token: str | None, language: str = "en") -> None:
        self.token, self.language = token, language
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """One call. Headers by name with `_` for `-`; None leaves out one that is sent otherwise."""
        sent = {"Accept-Language": self.language, "Authorization": f"Bearer {self.token}" if self.token else None}
        if method == "POST":
            sent["Idempotency-Key"] = f"key-{next(_numbers)}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.client.generic(
            method,
            ROOT + path,
            content,
            content_type=sent.pop("Content-Type", None) or "application/json",
            headers={name: value for name, value in sent.items() if value is not None},
        )
        raw = b"".join(response.streaming_content) if response.streaming else response.content
        is_json = response.get("Content-Type", "").startswith(("application/json", PROBLEM))
        return Answer(response.status_code, json.loads(raw) if is_json and raw else None, response.headers, raw)

    def get(self, path: str, **headers: str | None) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str | None) -> Answer:
        return self("POST", path, body, **headers)

    def in_(self, language: str) -> Caller:
        return Caller(self.token, language)


def opening_body(keys: list[str], prefix: str = "padariasol", **changes: Any) -> dict[str, Any]:
    """The body that opens Padaria Sol with Bruno as administrator."""
    return {
        "purpose": "open",
        "keys": keys,
        "customer": {"name": "Padaria Sol, Lda.", "country": "PT", "language": "pt-PT", "domain_prefix": prefix},
        "administrator": {
            "given_name": BRUNO.given_name,
            "family_name": BRUNO.family_name,
            "email": BRUNO.email,
        },
        "attestation": True,
        **changes,
    }


def act_body(purpose: str, keys: list[str], subscription: str, **changes: Any) -> dict[str, Any]:
    """The body that extends a subscription, or adds to it."""
    return {"purpose": purpose, "keys": keys, "subscription": subscription, "attestation": True, **changes}


def bruno_of(answer: Answer) -> Caller:
    """The administrator of the customer that a redemption opened."""
    return Caller(token_for(administrator_of(identifiers.read("customer", answer.body["customer"]))))


def subscription_of(answer: Answer) -> str:
    return str(answer.body["subscriptions"][0]["id"])
