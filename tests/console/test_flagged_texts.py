"""What readers flagged, as translators get it: beside the sentence that it belongs to, and never as a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from babel.messages.pofile import read_po

from chaveiro.apps.feedback import actions
from chaveiro.rules.actors import ANONYMOUS
from chaveiro.rules.feedback import Opinion
from tests.cast import NOON, build_world, means
from tests.console.desk import Desk

pytestmark = pytest.mark.django_db

SENTENCE, ORIGINAL = "Introduza uma chave de produto.", "Enter a product key."


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Desk:
    build_world()
    flag(SENTENCE, "Soa a máquina.")
    flag("Isto não está em lado nenhum.", "=1+1")
    flag("Enter a product key.", "Fine", "en")
    return Desk(monkeypatch, capsys)


def flag(quote: str, text: str, language: str = "pt-pt") -> None:
    page = actions.Page("redeem/<tag>/keys", language, "1.0.0")
    answer = actions.keep(actor=ANONYMOUS, page=page, useful=False, means=means())
    actions.tell(actor=ANONYMOUS, answer=answer, opinion=Opinion(2, ("words",), text, quote), now=NOON)


def test_a_flagged_sentence_is_found_in_the_catalogue(desk: Desk) -> None:
    rows = desk.does("translations", "export")
    assert [(row["quote"], row["sentences"]) for row in rows] == [
        ("Isto não está em lado nenhum.", []),
        (SENTENCE, [ORIGINAL]),
    ]


def test_the_catalogue_of_flagged_sentences_carries_what_was_said_as_comments(desk: Desk) -> None:
    written = desk.plainly("translations", "export").out
    assert written.startswith("# 2026-11-22T12:00:00+00:00 /redeem/<tag>/keys satisfaction 2 words")
    found = read_po(io.BytesIO(written.encode()), locale="pt_PT")
    [message] = [each for each in found if each.id]
    assert (message.id, message.string) == (ORIGINAL, SENTENCE)
    assert "Soa a máquina." in " ".join(message.user_comments)


def test_no_cell_of_the_table_is_run_as_a_formula(desk: Desk) -> None:
    rows = list(csv.DictReader(io.StringIO(desk.plainly("translations", "export", "--format", "csv").out)))
    assert [row["text"] for row in rows] == ["'=1+1", "Soa a máquina."]
    assert rows[1]["sentence"] == ORIGINAL


def test_each_language_has_its_own(desk: Desk) -> None:
    [row] = desk.does("translations", "export", "--language", "en")
    assert row["sentences"] == [ORIGINAL]
