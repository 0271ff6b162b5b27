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
    "partner_of_record": "",
}
ORGANISATION = ("name", "country", "tax_number", "tax_number_again", "language", "time_zone", "domain_prefix")
ADMINISTRATOR = ("given_name", "family_name", "email", "alternate_email")


def begin(client: Client, acting_for: str = "own") -> str:
    """Open a draft and attest; answers its code. From here on `path` knows the draft of this browser."""
    answer = client.post("/redeem")
    assert answer.status_code == 303, text_of(answer)
    client.draft = re.sub(r"^/a/\w+", "", answer["Location"]).removesuffix("/attest")  # type: ignore[attr-defined]
    code = re.search(r'<strong class="code">([0-9A-Z-]+)<', text_of(client.get(path(client, "attest"))))[1]  # type: ignore[index]
    answer = client.post(path(client, "attest"), {"acting_for": acting_for, "attestation": "yes"})
    assert leads_to(answer) == "keys", problems_of(answer)
    return code


def path(client: Client, page: str) -> str:
    """The address of a page of this browser's draft."""
    return f"{client.draft}/{page}"  # type: ignore[attr-defined]


def leads_to(answer: Any) -> str:
    """The page of a draft to which an answer leads, without the draft; "" where it leads nowhere."""
    return re.sub(r"^(/a/\w+)?/redeem/[0-9a-f]{12}/", "", answer.get("Location", ""))


def send_keys(client: Client, *texts: str, do: str = "next", **fields: Any) -> Any:
    return client.post(path(client, "keys"), {"key": list(texts), "do": do, **fields})


def keys_are_right(client: Client) -> Any:
    """Say on the page that checks them that the keys are right."""
    return client.post(path(client, "check"), {"do": "next"})


def send_organisation(client: Client, **changes: str) -> Any:
    """The three pages of a new organisation, up to the first that finds a fault; answers the last answer."""
    form = {**PADARIA, **changes}
    for page, names in (("organisation", ORGANISATION), ("administrator", ADMINISTRATOR)):
        answer = client.post(path(client, page), {name: form[name] for name in names if name in form})
        if answer.status_code != 303:
            return answer
    return client.post(path(client, "partner"), {"partner_of_record": form["partner_of_record"]})


def to_organisation(client: Client, *keys: str) -> None:
    """Everything up to the page of the organisation."""
    begin(client)
    assert leads_to(send_keys(client, *keys)) == "check"
    assert leads_to(keys_are_right(client)) == "purpose"
    assert leads_to(client.post(path(client, "purpose"), {"target": "open"})) == "organisation"


def to_confirm(client: Client, *keys: str, **changes: str) -> str:
    """Everything up to the last page; answers its fingerprint."""
    to_organisation(client, *keys)
    answer = send_organisation(client, **changes)
    assert leads_to(answer) == "confirm", problems_of(answer)
    return fingerprint_of(client.get(path(client, "confirm")))


def fingerprint_of(page: Any) -> str:
    return re.search(r'name="fingerprint" value="(\w+)"', text_of(page))[1]  # type: ignore[index]


def confirm_it(client: Client, fingerprint: str, **changes: str) -> Any:
    return client.post(path(client, "confirm"), {"fingerprint": fingerprint, **changes})


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
