"""The redemption on its pages: every key judged at once, nothing typed lost, redeemed once."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from tests.cast import World, make_keys

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def test_smoke(world: World, pt: Client) -> None:
    r = pt.get("/")
    assert r.status_code == 200, r.content
    r = pt.post("/redeem")
    assert r.status_code == 303
    r = pt.get("/redeem/code")
    assert r.status_code == 200
    keys = make_keys(world, 2)
    wrong = keys[1][:3] + ("2" if keys[1][3] != "2" else "3") + keys[1][4:]
    r = pt.post("/redeem/keys", {"key": [keys[0], wrong, ""], "do": "next"})
    assert r.status_code == 422
    open("/tmp/r/keys.html", "wb").write(r.content)
    r = pt.post("/redeem/keys", {"key": [wrong, ""], "repair": ["0"], "do": "next"})
    assert r.status_code == 303, r.content.decode()
    assert r["Location"] == "/redeem/organisation"
    r = pt.get("/redeem/organisation")
    assert r.status_code == 200
    r = pt.post("/redeem/organisation", {"name": "Padaria Sol, Lda.", "country": "PT", "language": "pt-pt", "given_name": "Bruno", "family_name": "Costa", "email": "bruno@padariasol.example"})
    assert r.status_code == 303, r.content.decode()
    r = pt.get("/redeem/confirm")
    assert r.status_code == 200
    html = r.content.decode()
    open("/tmp/r/confirm.html", "w").write(html)
    fp = re.search(r'name="fingerprint" value="(\w+)"', html)[1]
    r = pt.post("/redeem/confirm", {"fingerprint": fp, "do": "redeem"})
    assert r.status_code == 422
    r = pt.post("/redeem/confirm", {"fingerprint": fp, "attestation": "yes", "do": "redeem"})
    assert r.status_code == 303, r.content.decode()
    r = pt.get("/redeem/receipt")
    assert r.status_code == 200
    open("/tmp/r/receipt.html", "w").write(r.content.decode())
    print(unescape(re.sub(r"<[^>]+>", " ", r.content.decode())))
