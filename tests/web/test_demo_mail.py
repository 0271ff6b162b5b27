"""The demonstration's mail: listed, read as text and as HTML in a frame that may do nothing, its files fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from chaveiro.adapters.mail import FolderPostOffice, Writer
from chaveiro.console import letter_samples
from chaveiro.rules.outbox import Attachment, Message
from tests.cast import World, new_id
from tests.web.conftest import text_of


@pytest.fixture
def mail(settings: Any, tmp_path: Path) -> FolderPostOffice:
    """The folder that the demonstration's letters go to."""
    settings.DEMO, settings.DATA_FOLDER, settings.BASE_URL = True, tmp_path, letter_samples.BASE
    return FolderPostOffice(tmp_path / "mail", Writer(sender="Tagus <no-reply@tagus.example>", host="tagus.example"))


def letter(name: str, language: str = "pt-pt", **changes: Any) -> Message:
    """One of the samples, as a letter of its own."""
    message = dict(letter_samples.letters(language))[name]
    facts = {field: getattr(message, field) for field in message.__dataclass_fields__}
    return Message(**{**facts, "letter": new_id(), **changes})


def page_of(message: Message) -> str:
    return f"/demo/mail/{message.letter}.eml"


def test_the_newest_letter_stands_first_with_to_subject_and_date(
    world: World, mail: FolderPostOffice, pt: Client
) -> None:
    for name in ("ownership", "receipt"):
        mail.post(letter(name))
    listed = text_of(pt.get("/demo/mail"))
    assert listed.index("Recibo R-7K2M-9Q4D") < listed.index("Assumir a conta de Padaria Sol, Lda.")
    assert "bruno@padariasol.example" in listed
    assert "2026" in listed


def test_the_list_can_be_narrowed_to_one_address(world: World, mail: FolderPostOffice, en: Client) -> None:
    mail.post(letter("receipt", to="ana@example.test"))
    mail.post(letter("ownership"))
    listed = text_of(en.get("/demo/mail?to=ANA@"))
    assert "Recibo" in listed
    assert "Assumir" not in listed


def test_a_letter_s_link_leads_to_this_installation(world: World, mail: FolderPostOffice, en: Client) -> None:
    message = letter("ownership")
    mail.post(message)
    assert 'href="/ownership/abcdefghijklmnopqrstuvwxyz234567"' in text_of(en.get(page_of(message)))


def test_the_html_stands_in_a_frame_that_may_do_nothing(world: World, mail: FolderPostOffice, en: Client) -> None:
    message = letter("receipt")
    mail.post(message)
    page = en.get(page_of(message))
    frame = re.search(r'<iframe[^>]* src="([^"]*)" sandbox="([^"]*)"', text_of(page))
    assert frame is not None
    assert "allow-scripts" not in frame[2]
    assert "allow-same-origin" not in frame[2]
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    inside = en.get(frame[1])
    policy = inside["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert inside["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_top">' in text_of(inside)
    assert "frame-src" not in en.get("/demo/mail")["Content-Security-Policy"]


def test_a_letter_s_files_are_fetched_under_a_plain_name(world: World, mail: FolderPostOffice, en: Client) -> None:
    files = (
        Attachment('recibo "1".pdf', "application/pdf", b"%PDF-1"),
        Attachment("r.json", "application/json", b"{}"),
    )
    message = letter("receipt", attachments=files)
    mail.post(message)
    page = page_of(message)
    assert f'href="{page}/0"' in text_of(en.get(page))
    fetched = en.get(f"{page}/0")
    assert fetched.content == b"%PDF-1"
    assert fetched["Content-Disposition"] == 'attachment; filename="recibo__1_.pdf"'
    assert en.get(f"{page}/1").content == b"{}"
    assert en.get(f"{page}/2").status_code == 404


def test_the_headers_are_shown(world: World, mail: FolderPostOffice, en: Client) -> None:
    message = letter("help-request", "en", reply_to="carla@example.test")
    mail.post(message)
    page = text_of(en.get(page_of(message)))
    for header in ("Auto-Submitted", "Message-ID", "Reply-To", "Content-Language"):
        assert f'<th scope="row">{header}</th>' in page


@pytest.mark.parametrize("path", ["", "/html", "/0"])
def test_what_is_no_letter_is_not_found(world: World, mail: FolderPostOffice, en: Client, path: str) -> None:
    assert en.get(f"/demo/mail/nothing.eml{path}").status_code == 404
    assert en.get(f"/demo/mail/..%2fdemo.json{path}").status_code == 404


@pytest.mark.parametrize("path", ["/demo/mail", "/demo/mail/x.eml", "/demo/mail/x.eml/html", "/demo/mail/x.eml/0"])
def test_without_the_demo_flag_there_is_no_such_page(world: World, en: Client, settings: Any, path: str) -> None:
    settings.DEMO = False
    assert en.get(path).status_code == 404
