"""What goes wrong is said in the reader's language, with the request's number, and without a trace of the program."""

from __future__ import annotations

import gzip
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from chaveiro.web import homes
from chaveiro.web.redeem import start
from tests.cast import World
from tests.web.conftest import ENGLISH, PORTUGUESE, signed_in, text_of
from tests.web.journey import heading

pytestmark = pytest.mark.django_db


def failing(fault: Exception) -> Any:
    def fail(*_arguments: Any, **_named: Any) -> None:
        raise fault

    return fail


def test_an_address_that_is_none_says_so_in_both_languages(pt: Client, en: Client) -> None:
    page = pt.get("/nada-aqui")
    assert page.status_code == 404
    assert heading(page) == "Não encontrado"
    assert page["X-Request-Id"] in text_of(page)
    assert page["Content-Language"] == "pt-PT"
    assert heading(en.get("/nada-aqui")) == "Not found"


def test_a_way_that_an_address_does_not_take_names_those_that_it_takes(pt: Client) -> None:
    page = pt.get("/redeem/0123456789ab/leave")
    assert page.status_code == 405
    assert heading(page) == "Não desta forma"
    assert page["Allow"] == "POST"


def test_a_failure_of_ours_tells_nothing_but_its_number(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(headers=PORTUGUESE, raise_request_exception=False)
    monkeypatch.setattr(start, "unfinished", failing(ZeroDivisionError("secret detail")))
    page = client.get("/")
    assert page.status_code == 500
    assert heading(page) == "Algo correu mal do nosso lado"
    assert "secret detail" not in text_of(page)
    assert "Traceback" not in text_of(page)
    assert page["X-Request-Id"] in text_of(page)


def test_a_database_out_of_reach_is_a_moment_and_not_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(headers=ENGLISH, raise_request_exception=False)
    monkeypatch.setattr(start, "unfinished", failing(OperationalError("gone")))
    page = client.get("/")
    assert page.status_code == 503
    assert page["Retry-After"] == "30"
    assert heading(page) == "Not reachable for the moment"


def test_a_database_out_of_reach_while_asking_who_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(Client(headers=ENGLISH, raise_request_exception=False), world.duarte)
    monkeypatch.setattr("chaveiro.web.sessions.who", failing(OperationalError("gone")))
    assert client.get("/home").status_code == 503


def test_a_form_from_elsewhere_is_refused_kindly() -> None:
    client = Client(enforce_csrf_checks=True, headers=PORTUGUESE)
    page = client.post("/redeem")
    assert page.status_code == 403
    assert heading(page) == "A página esteve aberta demasiado tempo"


def test_more_than_a_request_takes_is_413(pt: Client) -> None:
    page = pt.post("/redeem/resume", {"code": "x" * (1024 * 1024 + 1)})
    assert page.status_code == 413
    assert heading(page) == "Demasiado grande"


def test_a_request_that_cannot_be_read_is_400(pt: Client) -> None:
    page = pt.get("/", headers={"Host": "elsewhere.example"})
    assert page.status_code == 400
    assert heading(page) == "Pedido não compreendido"


@pytest.mark.parametrize("sent", ["0123456789abcdef0123", "K7Q2M-K7Q2M-K7Q2M-K7Q2M-K7Q2M", "<script>", "x" * 200])
def test_a_request_number_is_taken_over_only_in_its_own_form(pt: Client, sent: str) -> None:
    given = pt.get("/nada-aqui", headers={"X-Request-Id": sent})["X-Request-Id"]
    assert (given == sent) == (sent == "0123456789abcdef0123")


@pytest.mark.parametrize("path", ["/", "/redeem", "/sign-in", "/redeem/resume", "/nada-aqui"])
def test_every_page_is_strict_with_what_it_loads_and_holds_nothing_inline(pt: Client, path: str) -> None:
    page = pt.get(path)
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page["X-Frame-Options"] == "DENY"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["Referrer-Policy"] == "same-origin"
    assert (
        re.findall(r"<script(?! src=\"/static/chaveiro/\w+\.js\" nonce=\"[^\"]+\" defer></script>)", text_of(page))
        == []
    )
    for inline in ("<style", " style=", " onclick=", "javascript:", "http://", "https://"):
        assert inline not in text_of(page).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "Accept-Language" in page["Vary"]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "believed"),
    [(0, "203.0.113.7", "127.0.0.1"), (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"), (1, "", "127.0.0.1")],
)
def test_only_our_own_proxies_are_believed_about_an_address(
    world: World, monkeypatch: pytest.MonkeyPatch, settings: Any, proxies: int, forwarded: str, believed: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    seen: list[str] = []
    monkeypatch.setattr(start, "count", lambda request, _limit: seen.append(request.address))
    Client(headers={"X-Forwarded-For": forwarded}).post("/redeem")
    assert seen == [believed]


def test_a_language_switch_leads_back_only_to_a_page_of_ours(pt: Client) -> None:
    for path, leads_to in (("/redeem", "/redeem"), ("//evil.example", "/"), ("https://evil.example", "/"), ("", "/")):
        answer = pt.post("/language", {"switch_to": "en", "next": path})
        assert (answer.status_code, answer["Location"]) == (303, leads_to)
        assert answer.cookies["language"].value == "en"
    assert "language" not in pt.post("/language", {"switch_to": "xx"}).cookies


def test_the_demonstrations_mail_is_read_under_its_flag_only(pt: Client, settings: Any, tmp_path: Path) -> None:
    settings.DATA_FOLDER, settings.DEMO = tmp_path, True
    settings.BASE_URL = "http://localhost:8000"
    assert "Ainda não há cartas" in text_of(pt.get("/demo/mail"))
    letter = EmailMessage()
    letter["Subject"], letter["To"] = "Assumir a conta de Padaria Sol, Lda.", "bruno@padariasol.example"
    letter.set_content("Siga:\nhttp://localhost:8000/ownership/abc\ne não http://elsewhere.example/x <b>")
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "one.eml").write_bytes(bytes(letter))
    (tmp_path / "secret.eml").write_bytes(bytes(letter))
    assert "Assumir a conta de Padaria Sol" in text_of(pt.get("/demo/mail"))
    page = text_of(pt.get("/demo/mail/one.eml"))
    assert '<a href="/ownership/abc">http://localhost:8000/ownership/abc</a>' in page
    assert 'href="http://elsewhere' not in page
    assert "&lt;b&gt;" in page
    for name in ("..%2Fsecret.eml", "two.eml", ".one.eml"):
        assert pt.get(f"/demo/mail/{name}").status_code == 404
    settings.DEMO = False
    assert pt.get("/demo/mail").status_code == 404
    assert pt.get("/demo/mail/one.eml").status_code == 404


def test_every_kind_of_actor_that_signs_in_has_a_home() -> None:
    assert {kind.value for kind in homes.HOMES} == {"operator", "channel", "customer"}


def test_the_sheet_is_small_and_loads_nothing() -> None:
    sheet = (Path(homes.__file__).parent / "static" / "chaveiro" / "sheet.css").read_text(encoding="utf-8")
    assert len(gzip.compress(sheet.encode(), 9)) <= 12 * 1024
    for loads in ("@import", "@font-face", "://"):
        assert loads not in sheet
    assert set(re.findall(r"url\(([^)]*)\)", sheet)) == {"tiles.svg"}  # our own band of tiles, 400 bytes
