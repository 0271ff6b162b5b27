"""The steps of a redemption on its pages, for tests that begin in the middle."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from tests.web.conftest import text_of

PADARIA = {
    "name": "Padaria Sol, Lda.",
    "country": "PT",
    "language": "pt-pt",
    "given_name": "Bruno",
    "family_name": "Costa",
    "email": "bruno@padariasol.example",
}


def begin(client: Client) -> str:
    """Open a draft; answers its code."""
    assert client.post("/redeem")["Location"] == "/redeem/code"
    return re.search(r'class="reference">([0-9A-Z-]+)<', text_of(client.get("/redeem/code")))[1]  # type: ignore[index]


def send_keys(client: Client, *texts: str, do: str = "next", **fields: Any) -> Any:
    return client.post("/redeem/keys", {"key": list(texts), "do": do, **fields})


def to_confirm(client: Client, *keys: str, **changes: str) -> str:
    """Everything up to the last page; answers its fingerprint."""
    begin(client)
    assert send_keys(client, *keys)["Location"] == "/redeem/organisation"
    answer = client.post("/redeem/organisation", {**PADARIA, **changes})
    assert answer.status_code == 303, problems_of(answer)
    return fingerprint_of(client.get("/redeem/confirm"))


def fingerprint_of(page: Any) -> str:
    return re.search(r'name="fingerprint" value="(\w+)"', text_of(page))[1]  # type: ignore[index]


def confirm_it(client: Client, fingerprint: str, **changes: str) -> Any:
    return client.post("/redeem/confirm", {"attestation": "yes", "fingerprint": fingerprint, **changes})


def problems_of(page: Any) -> list[tuple[str, str]]:
    """The list at the top of a page: where each entry leads, and what it says."""
    listed = re.search(r'<div class="problems".*?</div>', text_of(page), re.DOTALL)
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', listed[0] if listed else "")
    return [(href, unescape(words)) for href, words in found]


def heading(page: Any) -> str:
    return unescape(re.sub(r"<[^>]+>", "", re.search(r"<h1>(.*?)</h1>", text_of(page), re.DOTALL)[1])).strip()  # type: ignore[index]


def typo(key: str) -> str:
    """The key with two wrong symbols."""
    symbols = list(key)
    for place in (2, 13):
        symbols[place] = "3" if symbols[place] != "3" else "4"
    return "".join(symbols)
