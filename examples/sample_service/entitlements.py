"""What a person may use: asked at every request, answered from what is known while the platform says that it holds."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS_AT_MOST = 5
BYTES_AT_MOST = 256 * 1024
KNOWN_AT_MOST = 10_000


@dataclass(frozen=True)
class Answer:
    """Whether somebody is let in; if not, a code, what to tell them, and who can lift it."""

    allowed: bool
    code: str = ""
    detail: str = ""
    advice: str = ""
    lifted_by: tuple[str, ...] = ()
    until: str | None = None
    product: str = ""
    status: int = 403


class Entitlements:
    """The platform's `GET /api/v1/entitlements`, with the service's own token."""

    def __init__(self, issuer: str, token: str, products: Collection[str] = ()) -> None:
        self._address = f"{issuer}/api/v1/entitlements"
        self._token, self._products = token, frozenset(products)
        # By question and language: the answer's name, and the answer. The oldest goes first.
        self._known: OrderedDict[tuple[str, str], tuple[str, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, *, language: str, person: str = "", email: str = "") -> Answer:
        """Whether a person is let in now. Whoever cannot be asked about is not."""
        asked = urllib.parse.urlencode({"person": person} if person else {"email": email})
        try:
            return self._read(self._ask(asked, language))
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code in (404, 422):
                    return Answer(False, "person_unknown")
            return Answer(False, "cannot_tell", status=503)
        except (OSError, ValueError):
            return Answer(False, "cannot_tell", status=503)

    def _ask(self, asked: str, language: str) -> Mapping[str, Any]:
        with self._lock:
            name, known = self._known.get((asked, language), ("", {}))
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Language": language}
        if name:
            headers["If-None-Match"] = name
        request = urllib.request.Request(f"{self._address}?{asked}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_AT_MOST) as answer:
                name, known = answer.headers.get("ETag", ""), json.loads(answer.read(BYTES_AT_MOST))
        except urllib.error.HTTPError as fault:
            if fault.code != 304:
                raise
            fault.close()
        with self._lock:
            self._known[asked, language] = name, known
            self._known.move_to_end((asked, language))
            if len(self._known) > KNOWN_AT_MOST:
                self._known.popitem(last=False)
        return known

    def _read(self, told: Mapping[str, Any]) -> Answer:
        """Any of our products that may be used lets in; else the first of them says why not."""
        ours = [one for one in told["entitlements"] if not self._products or one["product"] in self._products]
        for one in ours:
            if one["may_use"]:
                return Answer(True, until=one["until"], product=one["product"], status=200)
        for one in ours:
            first = one["reasons"][0]
            return Answer(
                False, first["code"], one["detail"], one["advice"], tuple(first["lifted_by"]), product=one["product"]
            )
        return Answer(False, "no_subscription")
