"""A receipt tells the same facts on its page, on paper, and signed; and whether it was undone since."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Any

import pypdfium2
import pytest
from django.test import Client

from chaveiro.adapters.receipt_pdf import receipt_pdf
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.documents import Document, Facts, Heading, Paragraph, Table
from chaveiro.wording import papers
from tests.cast import World, make_keys, means, open_customer
from tests.web.conftest import signed_in, text_of

pytestmark = pytest.mark.django_db


def paper_of(content: bytes) -> Any:
    return pypdfium2.PdfDocument(content)


def text_on(content: bytes) -> str:
    """All that can be read on a paper, its lines joined."""
    document = paper_of(content)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return squeezed(" ".join(pages))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def words_on(page: str) -> str:
    """What a page says, without its marks."""
    return squeezed(html.unescape(re.sub(r"<[^>]*>", " ", page)))


def told_by(document: Any) -> list[str]:
    """Every single text of a document."""
    found = [document.title, document.code]
    for part in document.parts:
        match part:
            case Heading(text) | Paragraph(text, _):
                found.append(text)
            case Facts(rows):
                found += [text for row in rows for text in row]
            case Table(headings, rows):
                found += [*headings, *(cell for row in rows for cell in row)]
    return found


@pytest.mark.parametrize("language", ["pt-pt", "en"])
def test_paper_and_page_tell_the_same_facts_in_the_readers_language(world: World, language: str) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2) + make_keys(world, product="office-plus"))
    client = signed_in(Client(), bruno)
    client.post("/language", {"switch_to": language, "next": "/"})
    source = text_of(client.get(f"/receipts/{outcome.reference}"))
    page = words_on(source)
    paper = text_on(client.get(f"/receipts/{outcome.reference}.pdf").content)
    with acting(SYSTEM):
        facts = queries.facts_of(outcome.id)
    reader = papers.Reader(language, "Europe/Lisbon", "Chaveiro", "http://localhost:8000")
    told = told_by(papers.receipt(facts, reader))
    assert len(told) > 30
    proof = told[-1]
    for text in told:
        assert squeezed(text) in paper, text
        assert text == proof or squeezed(text) in page, text
    rows = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", source, re.S)
    assert len(rows) > 10
    for term, value in rows:
        assert words_on(term) + words_on(value) in paper, (term, value)


def test_the_paper_says_what_it_is_and_whose(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    answer = signed_in(pt, bruno).get(f"/receipts/{outcome.reference}.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="{outcome.reference}.pdf"'
    assert answer["Cache-Control"] == "no-store"
    document = paper_of(answer.content)
    told = document.get_metadata_dict()
    size = document[0].get_size()
    document.close()
    assert told["Title"] == "1 chave resgatada para Padaria Sol, Lda."
    assert told["Subject"] == f"Recibo {outcome.reference}"
    assert told["Author"]
    assert (round(size[0]), round(size[1])) == (595, 842)
    assert b"/Lang" in answer.content


def test_the_same_receipt_is_the_same_file(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    path = f"/receipts/{outcome.reference}.pdf"
    assert client.get(path).content == client.get(path).content


def test_no_form_of_a_receipt_holds_a_whole_key(world: World, pt: Client) -> None:
    keys = make_keys(world, 3)
    bruno, outcome = open_customer(world, keys)
    client = signed_in(pt, bruno)
    forms = [client.get(f"/receipts/{outcome.reference}{form}") for form in ("", ".json", ".jws")]
    texts = [squeezed(text_of(form)) for form in forms]
    texts.append(text_on(client.get(f"/receipts/{outcome.reference}.pdf").content))
    for key in keys:
        for text in texts:
            assert key not in text
            assert key.replace("-", "") not in text
        assert f"…{key[-5:]}" in texts[-1]


def test_an_undone_redemption_says_so_on_every_form(world: World, pt: Client) -> None:
    _bruno, outcome = open_customer(world, make_keys(world))
    reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    client = signed_in(pt, world.ana)
    words = squeezed("Este resgate foi revertido em 22 de novembro de 2026")
    assert words in squeezed(text_of(client.get(f"/receipts/{outcome.reference}")))
    assert words in text_on(client.get(f"/receipts/{outcome.reference}.pdf").content)
    signed = json.loads(client.get(f"/receipts/{outcome.reference}.json").content)
    payload = signed["payload"]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["reversed_at"].startswith("2026-11-22T12:00:00")


def test_two_hundred_keys_fill_several_pages_that_count_themselves(world: World, en: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 200, seats=1))
    client = signed_in(en, bruno)
    client.post("/language", {"switch_to": "en", "next": "/"})
    content = client.get(f"/receipts/{outcome.reference}.pdf").content
    document = paper_of(content)
    count = len(document)
    document.close()
    assert count > 3
    assert squeezed(f"Page 1 of {count}") in text_on(content)
    assert squeezed(f"Page {count} of {count}") in text_on(content)


def test_a_name_in_letters_that_the_face_lacks_is_still_a_name(world: World, pt: Client) -> None:
    document = Document("Łódź & Σ <b>", "R-1", "Ź", "Recibo", "pt-pt", "%(page)s/%(pages)s", (Paragraph("Źdźbło"),))
    assert squeezed("Łódz & ? <b>") in text_on(receipt_pdf(document))
    assert "Zdzbło" in text_on(receipt_pdf(document))
