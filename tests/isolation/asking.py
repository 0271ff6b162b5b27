"""How the matrix asks: a browser and a token for each role, what an answer tells, what the database holds."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.db import connection
from django.test import Client

from chaveiro.rules.actors import Actor
from chaveiro.rules.drafts import ResumeCode
from tests.cast import token_for
from tests.isolation.world import Ground, Thing
from tests.web.desk import at_desk

PORTUGUESE = {"Accept-Language": "pt-PT,pt;q=0.9"}
PARAMETER = re.compile(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>")
# What differs from one answer to the next whoever asks for what.
CHANGING = (
    re.compile(r'name="(?:csrfmiddlewaretoken|capsule|once|token)" value="[^"]+'),
    re.compile(r'nonce="[^"]+'),
    re.compile(r"nonce-[\w+/=-]+"),
)
CHANGING_HEADERS = {"X-Request-Id", "Content-Length"}
FOR_PROGRAMS = (
    *("/livez", "/readyz", "/metrics", "/.well-known/"),
    *("/oidc/token", "/oidc/userinfo", "/oidc/jwks.json"),
)
# The house's own counting, and what a mere look may write.
UNTOLD_TABLES = {"journal_entry", "journal_seal", "journal_node", "journal_checkpoint", "operations_bucket"}

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, without what changes by itself and without the names that the request itself brought."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


class Asker:
    """One role: at a browser of its own, and with a token of its own."""

    def __init__(self, role: str, actor: Actor | None) -> None:
        self.role, self.actor = role, actor
        self.browser = Client(headers=PORTUGUESE, raise_request_exception=False) if actor is None else at_desk(actor)
        self.browser.raise_request_exception = False
        self.token = None if actor is None else token_for(actor)
        self.codes: dict[str, str] = {}

    def begin_drafts(self, ground: Ground) -> None:
        """One on the pages, one through the API, for those who may redeem."""
        begun = self.browser.post("/redeem")
        if begun.status_code == 303 and "/attest" in begun["Location"]:
            tag = re.sub(r"^(/a/\w+)?/redeem/(\w+)/attest$", r"\2", begun["Location"])
            ground.add("draft", self.role, {"tag": tag}, account=self.actor and self.actor.account)
        opened = self("POST", "/api/v1/redemptions/drafts", {})
        if opened.status_code == 201:
            told = opened.json()
            self.codes[told["id"]] = told["resume_code"]
            ids = {"draft": told["id"]}
            assert self.actor is not None
            ground.add("api draft", self.role, ids, account=self.actor.account, marks=(told["id"],))

    def code_for(self, thing: Thing | None) -> str:
        """The resume code of a draft, where this role has it; else one of its own, or of nobody."""
        known = self.codes.get(thing.ids.get("draft", "")) if thing else None
        return known or next(iter(self.codes.values()), ResumeCode.made(bytes(range(15))).grouped())

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None, thing: Thing | None = None) -> Any:
        """One request, whose cookies leave no trace in the next."""
        if not path.startswith("/api/"):
            kept = copy.copy(self.browser.cookies)
            answer = self._of_page(method, path, body or {})
            self.browser.cookies = kept
            return answer
        headers = PORTUGUESE | {"Resume-Code": self.code_for(thing)}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            headers["Idempotency-Key"] = f"matrix-{next(_numbers)}"
        content = b"" if body is None or method == "GET" else json.dumps(body).encode()
        client = Client(raise_request_exception=False)
        return client.generic(method, path, content, content_type="application/json", headers=headers)

    def _of_page(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        if path.startswith(FOR_PROGRAMS):
            return Client.generic(self.browser, method, path)  # no account's address
        if method == "GET":
            return self.browser.get(path)
        assert method == "POST"
        return self.browser.post(path, dict(body))


def address(route: str, ids: Mapping[str, str]) -> str:
    """The path of a route, its parameters filled in."""
    path = PARAMETER.sub(lambda found: ids[found[1] or found[2]], route)
    return "/" + path.replace("^", "").replace("$", "").replace("\\.", ".")


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    """A body with the names of things in it: `{customer}`."""
    match body:
        case str():
            return body.format_map(ids)
        case dict():
            return {name: filled(value, ids) for name, value in body.items()}
        case list():
            return [filled(value, ids) for value in body]
    return body


def read(response: Any, ids: Mapping[str, str]) -> Answer:
    """What an answer tells."""
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    text = raw.decode("utf-8", "replace")
    request_id = response.headers.get("X-Request-Id", "")
    headers = [(name, value) for name, value in response.headers.items() if name not in CHANGING_HEADERS]
    headers += [("Set-Cookie", name) for name in sorted(response.cookies)]

    def plain(told: str) -> str:
        if request_id:
            told = told.replace(request_id, "«request»")
        for each in CHANGING:
            told = each.sub("«new»", told)
        for parameter, value in ids.items():
            for written in {value, quote(value, safe=""), quote(quote(value, safe=""), safe="")}:
                told = told.replace(written, f"«{parameter}»")
        return told

    return Answer(response.status_code, tuple(sorted((name, plain(value)) for name, value in headers)), plain(text))


def tables() -> list[str]:
    """Every table behind a wall."""
    found = connection.connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname !~ '^(django|auth|procrastinate)_' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in found]


class Rows:
    """Whether anything in the database changed."""

    def __init__(self) -> None:
        watched = [name for name in tables() if name not in UNTOLD_TABLES]
        self._watched = watched
        each = (
            f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t" for name in watched
        )
        self._sql = " UNION ALL ".join(each)

    def touched(self) -> int:
        """How often this transaction has written to any of them, what was taken back too."""
        row = connection.connection.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables WHERE relname = ANY (%s)",
            (self._watched,),
            prepare=True,
        ).fetchone()
        return int(row[0])

    def digest(self) -> tuple[str, ...]:
        """One number for each table."""
        return tuple(row[0] for row in connection.connection.execute(self._sql, prepare=True).fetchall())
