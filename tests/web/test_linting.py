"""The linter of the words sees what it looks for, and lets right words pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from chaveiro.wording import flagged, linting
from tests.console.shell import chaveiro


def faults(original: Any, string: Any, language: str = "pt-pt", **more: Any) -> set[str]:
    """What the linter finds in one sentence."""
    catalogue = Catalog(locale="pt_PT" if language == "pt-pt" else "en")
    catalogue.add(original, string, **more)
    return {finding.fault for finding in linting.of_catalogue(catalogue, language)}


PLANTED = [
    ("Enter the password.", "Introduza a senha.", "forbidden"),
    ("The user", "O usuário", "forbidden"),
    ("Select", "Clique aqui", "forbidden"),
    ("Save", "Salvar", "forbidden"),
    ("Loading", "Carregando", "forbidden"),
    ("Register", "O registro", "forbidden"),
    ("Choose", "Você escolhe", "forbidden"),
    ("Wait", "Aguarde, por favor", "forbidden"),
    ("Invoices", "As facturas", "spelling"),
    ("The fact", "O fato", "spelling"),
    ("Characters", "Os caracteres", "spelling"),
    ("It is done.", "Já está!", "exclamation"),
    ("Be patient", "A verificar  tudo", "double_space"),
    ("Wait", "A verificar...", "three_dots"),
    ("Choose it", "Escolha “isto”", "quotes"),
    ("Choose it", "Escolha « isto »", "quotes"),
    ("A subscription to %(product)s", "Uma subscrição de%(product)s", "glued_name"),
    ("For %(product)s now", "Para %(product)sagora", "glued_name"),
    ("%(count)s keys", "Chaves", "placeholder"),
    ("Keys", "%(count)s chaves", "placeholder"),
    ("The keys of", "As chaves de", "fragment"),
    ("Keys and", "Chaves e", "fragment"),
    ("and the keys", "e as chaves", "fragment"),
    ("The keys ", "As chaves ", "fragment"),
    ("It is done.", "Está feito", "punctuation"),
    ("Was it useful?", "Foi útil", "punctuation"),
    ("Nothing was redeemed here", "Nothing was redeemed here", "untranslated"),
    ("Nothing", "", "untranslated"),
]


@pytest.mark.parametrize(("original", "string", "fault"), PLANTED, ids=[f"{row[2]}: {row[1]}" for row in PLANTED])
def test_a_planted_fault_is_seen(original: str, string: str, fault: str) -> None:
    assert fault in faults(original, string)


def test_a_sentence_in_doubt_is_seen() -> None:
    assert faults("Keys", "Chaves", flags=["fuzzy"]) == {"fuzzy"}


def test_a_plural_that_lost_its_number_is_seen() -> None:
    right = ("%(n)s chave", "%(n)s chaves")
    assert faults(("%(n)s key", "%(n)s keys"), right) == set()
    assert faults(("%(n)s key", "%(n)s keys"), ("Uma chave", "%(n)s chaves")) == set()
    assert faults(("%(n)s key", "%(n)s keys"), ("%(n)s chave", "chaves")) == {"placeholder"}


RIGHT = [
    ("Hello %(given_name)s,", "Olá, %(given_name)s,"),
    ("Sign in", "Iniciar sessão"),
    ("%(product)s's seats", "Licenças de %(product)s"),
    ("Activate before", "Ativar antes de"),
    ("The partner of record", "O parceiro de registo"),
    ("valid until %(day)s (inclusive)", "válida até %(day)s (inclusive)"),
    ("%(share)s %% used", "%(share)s %% usado"),
    ("Menu", "Menu"),
]


@pytest.mark.parametrize(("original", "string"), RIGHT)
def test_right_words_pass(original: str, string: str) -> None:
    assert faults(original, string) == set()


def test_english_is_not_measured_by_portuguese() -> None:
    assert faults("The “box”", "The “box”", "en") == set()


@pytest.mark.parametrize(
    ("line", "fault"), [("Abra o arquivo.", "forbidden"), ("Guarde  tudo.", "double_space"), ("A acção", "spelling")]
)
def test_an_article_is_held_to_the_same(line: str, fault: str) -> None:
    assert [finding.fault for finding in linting.of_text(line, "pt-pt", "an article")] == [fault]


def test_the_command_finds_nothing_and_needs_no_database() -> None:
    ended = chaveiro("translations", "check", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, [])


# ── what readers flag ──


@pytest.fixture
def catalogue() -> Catalog:
    made = Catalog(locale="pt_PT")
    made.add("Enter a product key.", "Introduza uma chave de produto.")
    made.add("The keys are reserved for you until %(at)s.", "As chaves ficam reservadas para si até %(at)s.")
    made.add(("%(n)s key", "%(n)s keys"), ("%(n)s chave", "%(n)s chaves"))
    return made


@pytest.mark.parametrize(
    ("quote", "original"),
    [
        ("Introduza uma chave de produto.", "Enter a product key."),
        ("introduza  uma\nchave de produto", "Enter a product key."),
        ("uma chave de prod", "Enter a product key."),
        ("As chaves ficam reservadas para si até 3 de maio.", "The keys are reserved for you until %(at)s."),
        (
            "Nota: As chaves ficam reservadas para si até 3 de maio. Bom dia",
            "The keys are reserved for you until %(at)s.",
        ),
        ("3 chaves", "%(n)s key"),
    ],
)
def test_a_flagged_text_finds_the_sentence_that_it_shows(catalogue: Catalog, quote: str, original: str) -> None:
    assert [linting.ids_of(each)[0] for each in flagged.meant(catalogue, quote)] == [original]


@pytest.mark.parametrize("quote", ["", "abc", "Nada disto está aqui"])
def test_a_text_that_is_none_of_ours_finds_nothing(catalogue: Catalog, quote: str) -> None:
    assert flagged.meant(catalogue, quote) == []
