"""Files with keys, whatever wrote them: read, judged like what is typed, and kept nowhere."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chaveiro.apps.keys.models import Hold
from chaveiro.rules.errors import Malformed
from chaveiro.web.redeem.uploads import BYTES_AT_MOST, decoded
from tests.cast import World, make_keys
from tests.web.conftest import text_of
from tests.web.journey import begin, leads_to, problems_of, send_keys, typo

pytestmark = [pytest.mark.django_db, pytest.mark.money]
CODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def file_of(content: bytes, name: str = "chaves.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/csv")


@pytest.mark.parametrize("coding", CODINGS)
def test_a_file_is_read_however_it_was_saved(world: World, pt: Client, coding: str) -> None:
    keys = make_keys(world, 5)
    text = "Número;Chave;Observação\r\n" + "".join(f"{row};{key};não usada\r\n" for row, key in enumerate(keys))
    begin(pt)
    assert leads_to(send_keys(pt, "", file=file_of(text.encode(coding)))) == "check"
    assert Hold.objects.count() == 5


@pytest.mark.parametrize("coding", CODINGS)
def test_decoding_gives_the_same_text_back(coding: str) -> None:
    text = "Chave; Observação\r\n84G7Z-WYRD6-Z1RV0-WHE6M-14GA6; não usada\r\n"
    assert decoded(text.encode(coding)) == text


def test_a_mistyped_key_of_a_file_stands_in_a_field_to_be_mended(world: World, pt: Client) -> None:
    good, wrong = make_keys(world, 2)
    begin(pt)
    page = send_keys(pt, "", file=file_of(f"{good}\n{typo(wrong)}\n".encode()))
    assert page.status_code == 422
    assert f'value="{typo(wrong)}"' in text_of(page)
    assert Hold.objects.count() == 1


@pytest.mark.parametrize(
    "content", [b"nada\nde nada", bytes(range(256)) * 10, b"x" * (BYTES_AT_MOST + 1)], ids=["words", "picture", "large"]
)
def test_a_file_without_keys_or_too_large_is_told_and_what_was_typed_stays(
    world: World, pt: Client, content: bytes
) -> None:
    begin(pt)
    page = send_keys(pt, "ABC", file=file_of(content))
    assert page.status_code == 422
    assert problems_of(page) == [("#file", "O ficheiro não é um ficheiro de texto até 1 MB com chaves de produto.")]
    assert 'value="ABC"' in text_of(page)


def test_a_file_with_more_keys_than_a_basket_takes_is_refused_with_the_limit(world: World, pt: Client) -> None:
    begin(pt)
    page = send_keys(pt, "", file=file_of("\n".join(make_keys(world, 201)).encode()))
    assert "podem ser resgatadas no máximo 200 de cada vez" in problems_of(page)[0][1]
    assert Hold.objects.count() == 0


def test_what_is_no_text_is_said_to_be_none() -> None:
    with pytest.raises(Malformed):
        decoded(b"abc\x00def and a long text besides, so that few are nought" * 3)
