"""The words: one sentence for every refusal in both languages, complete catalogues, figures as people write them."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from django.template import engines
from django.template.base import Node, Template
from django.template.defaulttags import CommentNode
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

import chaveiro
from chaveiro import rules
from chaveiro.console import translations
from chaveiro.rules.errors import HorizonExceeded, Malformed, NotAllowed, NotFound, Refusal, SeatsNotAllowed
from chaveiro.rules.limits import TooMany
from chaveiro.rules.offers import FewerKeys, FurtherKeys, SeatsAsGiven, SeatsBetween, Wait
from chaveiro.rules.openings import Missing
from chaveiro.rules.seat_time import Grant
from chaveiro.rules.verdicts import (
    CountryNotServed,
    Fault,
    KeyChecksum,
    KeyDuplicate,
    KeyHeld,
    KeyLength,
    KeySymbol,
    KeyWrongCountry,
    Refusals,
)
from chaveiro.wording import (
    articles,
    country_codes,
    figures,
    linting,
    problem_title,
    said,
    sentence,
    time_zone_of,
    what_to_do,
)
from chaveiro.wording.sentences import SENTENCES

PACKAGE = Path(chaveiro.__file__).parent
TEMPLATES = PACKAGE / "web" / "templates"
LANGUAGES = ("pt-pt", "en")


def every_refusal() -> list[type[Refusal]]:
    for module in pkgutil.walk_packages(rules.__path__, "chaveiro.rules."):
        import_module(module.name)
    found, waiting = [], [Refusal]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("chaveiro.rules.") or kind.__module__.startswith("chaveiro.apps."):
            found.append(kind)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_of_the_rules_has_a_sentence_and_what_to_do(language: str) -> None:
    missing = [kind.__name__ for kind in every_refusal() if kind.code not in SENTENCES]
    assert missing == []
    assert len(every_refusal()) > 40


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_each_sentence_is_whole_in_both_languages(code: str) -> None:
    words = {language: (said(code, language), problem_title(code, language)) for language in LANGUAGES}
    for what, title in words.values():
        assert what.endswith(".")
        assert what[0].isupper() or not what[0].isalpha()
        assert not title.endswith(".")
    assert words["pt-pt"][0] != words["en"][0], "untranslated"
    assert words["pt-pt"][1] != words["en"][1], "untranslated"


SAID = [
    (
        KeyLength(symbols=24),
        "Esta chave tem 24 carateres; deve ter 25.",
        "This key has 24 characters; it must have 25.",
    ),
    (KeyLength(symbols=1), "Esta chave tem 1 caráter; deve ter 25.", "This key has 1 character; it must have 25."),
    (
        KeySymbol(positions=[13], repair=None),
        "Nenhuma chave tem o caráter que está na posição 13 (grupo 3) desta.",
        "No key has the character at position 13 (group 3) of this one.",
    ),
    (
        KeyChecksum(positions=[3, 12], repair="X" * 25),
        "Verifique os carateres nas posições 3 (grupo 1) e 12 (grupo 3) desta chave.",
        "Check the characters at positions 3 (group 1) and 12 (group 3) of this key.",
    ),
    (
        KeyChecksum(positions=[], repair=None),
        "Esta chave tem mais de dois carateres errados.",
        "This key has more than two wrong characters.",
    ),
    (
        KeyDuplicate(first=0),
        "Já introduziu esta chave: é a chave 1.",
        "You entered this key already: it is key 1.",
    ),
    (
        KeyWrongCountry(country="DE", countries=["PT", "ES", "BR"]),
        "Esta chave destina-se a estes países ou regiões: Portugal, Espanha e Brasil. "
        "O da organização é outro: Alemanha.",
        "This key is for these countries or regions: Portugal, Spain and Brazil. "
        "The organisation's is another: Germany.",
    ),
    (
        CountryNotServed(country="KP", product="office-basic"),
        "O produto office-basic não está disponível no país ou região da organização: Coreia do Norte.",
        "The product office-basic is not available in the country or region of the organisation: North Korea.",
    ),
    (
        HorizonExceeded(ends_on=date(2032, 1, 1), horizon=date(2031, 11, 23), instead=()),
        "A subscrição seria válida até 31 de dezembro de 2031; "
        "hoje pode ser válida no máximo até 22 de novembro de 2031.",
        "The subscription would be valid until 31 December 2031; "
        "today it may be valid until 22 November 2031 at the latest.",
    ),
    (
        Malformed(field="email", reason="is not an e-mail address"),
        "O endereço de e-mail do administrador não está completo.",
        "The e-mail address of the administrator is not complete.",
    ),
    (Missing(field="name"), "Introduza o nome da organização.", "Enter the name of the organisation."),
    (
        NotFound(what="draft"),
        "Não encontrámos nenhum resgate por concluir com este código.",
        "We did not find an unfinished redemption with this code.",
    ),
    (
        NotAllowed(needs="administrator"),
        "Não tem a função que isto exige.",
        "You do not have the role that this needs.",
    ),
    (
        TooMany(limit="key_checks", retry_after=2),
        "Chegaram daí demasiados pedidos em pouco tempo.",
        "Too many requests came from you in a short time.",
    ),
]


@pytest.mark.parametrize(("refusal", "portuguese", "english"), SAID, ids=lambda value: getattr(value, "code", ""))
def test_a_sentence_names_the_facts(refusal: Refusal, portuguese: str, english: str) -> None:
    assert sentence(refusal, "pt-pt") == portuguese
    assert sentence(refusal, "en") == english


def test_no_sentence_repeats_the_key_that_was_probably_meant() -> None:
    repair = "K7Q2M" * 5
    for refusal in (KeyChecksum(positions=[1], repair=repair), KeySymbol(positions=[1], repair=repair)):
        for language in LANGUAGES:
            assert repair not in sentence(refusal, language) + what_to_do(refusal, language)


def test_several_faults_are_said_by_their_first() -> None:
    faults = (Fault("/keys/1", KeyDuplicate(first=0)), Fault("/attestation", KeyLength(symbols=3)))
    assert sentence(Refusals(faults), "en") == "You entered this key already: it is key 1."
    assert sentence(faults[1], "en") == "This key has 3 characters; it must have 25."


def test_a_hold_that_may_be_taken_up_says_so() -> None:
    until = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert "introduziu aqui todas as chaves" in sentence(KeyHeld(until=until, whole=True), "pt-pt")
    assert "25 de novembro de 2026, 12:00 UTC" in sentence(KeyHeld(until=until), "pt-pt")
    assert "start over" in what_to_do(KeyHeld(until=until, whole=True), "en")
    assert "wait" in what_to_do(KeyHeld(until=until, whole=False), "en")


OFFERS = [
    (FurtherKeys(1, Grant(5, 12)), "Bastaria mais uma chave com as mesmas licenças (5) e os mesmos meses (12)."),
    (
        FurtherKeys(3, Grant(5, 12)),
        "Bastariam mais 3 chaves com as mesmas licenças (5) e os mesmos meses (12) cada uma.",
    ),
    (FewerKeys(1), "Só cabe a primeira chave; guarde as outras para mais tarde."),
    (FewerKeys(4), "Só cabem as primeiras 4 chaves; guarde as outras para mais tarde."),
    (SeatsBetween(2, 1500), "Escolha entre 2 e 1\u00a0500 licenças."),
    (SeatsAsGiven(1), "Sem escolher, ficaria 1 licença, e isso serve."),
    (Wait(date(2027, 2, 1)), "A partir de 1 de fevereiro de 2027 estas chaves cabem; até lá nada para."),
]


@pytest.mark.parametrize(("offer", "words"), OFFERS, ids=lambda value: getattr(value, "act", ""))
def test_what_to_do_offers_the_acts_that_would_do(offer: object, words: str) -> None:
    refusal = SeatsNotAllowed(seats=3, reason="too_few", instead=(offer,))
    assert what_to_do(refusal, "pt-pt") == words
    assert what_to_do(refusal, "en") != words


def test_an_unknown_code_is_said_without_failing() -> None:
    class New(Refusal):
        """Something that has no words yet."""

        code = "brand_new"

    assert sentence(New(), "pt-pt") == "As regras não o permitem."


def test_figures_are_written_as_in_each_language() -> None:
    pt, en = figures("pt-pt"), figures("en")
    assert pt.day(date(2026, 11, 22)) == "22 de novembro de 2026"
    assert en.day(date(2026, 11, 22)) == "22 November 2026"
    assert pt.last_day(date(2027, 1, 1)) == "31 de dezembro de 2026"
    assert pt.number(1234567) == "1\u00a0234\u00a0567"
    assert en.number(1234567) == "1,234,567"
    assert pt.instant(datetime(2026, 7, 1, 12, tzinfo=UTC), "Europe/Lisbon") == "1 de julho de 2026, 13:00 WEST"


def test_countries_stand_in_the_order_of_the_language() -> None:
    names = [name for _, name in figures("pt-pt").countries()]
    assert names.index("África do Sul") < names.index("Albânia") < names.index("Alemanha")
    assert "PT" in country_codes()
    assert not {"EU", "ZZ", "UN"} & country_codes()
    assert len(country_codes()) > 240
    assert time_zone_of("PT") == "Europe/Lisbon"
    assert time_zone_of("AO") == "Africa/Luanda"


def test_the_words_hold_what_the_linter_asks_of_them() -> None:
    assert linting.told(translations.findings()) == []


def test_the_linter_has_read_what_there_is_to_read() -> None:
    assert all(len(translations.catalogue(language)) > 600 for language in LANGUAGES)
    assert all(len(articles.articles(language)) >= 10 for language in LANGUAGES)


def in_templates() -> Iterator[str]:
    engine = engines["django"].engine
    for file in sorted(TEMPLATES.rglob("*.*")):
        template: Template = engine.get_template(str(file.relative_to(TEMPLATES)))
        for node in template.nodelist.get_nodes_by_type(Node):
            if isinstance(node, CommentNode):
                continue
            if isinstance(node, TranslateNode):
                yield str(node.filter_expression.var.literal)
            if isinstance(node, BlockTranslateNode):
                text, _ = node.render_token_list(node.singular)
                yield " ".join(text.split()) if node.trimmed else text


def in_code() -> Iterator[str]:
    keywords = {"_": None, "gettext": None, "gettext_lazy": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2)}
    for folder in ("web", "wording", "console"):
        for file in sorted((PACKAGE / folder).rglob("*.py")):
            for _, ids, _, _ in extract_from_file("python", str(file), keywords=keywords):
                yield ids if isinstance(ids, str) else ids[0]


def test_every_word_that_pages_letters_and_refusals_say_is_in_the_catalogues() -> None:
    said_somewhere = {*in_templates(), *in_code()}
    assert len(said_somewhere) > 400
    for language in LANGUAGES:
        known = {linting.ids_of(message)[0] for message in translations.catalogue(language) if message.id}
        assert sorted(said_somewhere - known) == []
