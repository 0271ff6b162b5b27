"""What is wrong with the words: foreign or forbidden ones, glued fragments, lost placeholders, untranslated sentences.

Pure: texts and catalogues in, findings out. `chaveiro translations check` and the tests hold the catalogues, the help
articles and the letters against it. Source: experience, 2; glossary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from babel.messages.catalog import Catalog, Message

# Words of another Portuguese, of machines, or of the English underneath. *Registo* alone is right, *registro* never.
FORBIDDEN = re.compile(
    r"\b(usuári[oa]s?|senhas?|arquivos?|telas?|mouse|celular(?:es)?|salvar|salve|excluir|exclua|exclu[ií]d[oa]s?"
    r"|delet\w+|baixar|baixe|gerenci\w+|cadastr\w+|acessar|acesse|equipes?|contatos?|registros?|vocês?|inquilin[oa]s?"
    r"|assinaturas? (?:do|da|de) (?:office|produto|serviço)|azulejos?|bilhetes?|julgamentos?|personage[mn]s?|a granel"
    r"|clique|clicar|gravar|grave|logar|login|logue|redim\w+|cunha[rd]\w*|tenants?|assentos?|carências?|banid[oa]s?"
    r"|cobranças?|deslig[ue]\w*|por favor|ups|oops|carregando|verificando|processando|aguardando|enviando|abrindo"
    r")\b",
    re.IGNORECASE,
)
# What the reform of 1990 writes otherwise in Portugal, and what is only Brazilian.
SPELLING = re.compile(
    r"\b(actual\w*|activ\w+|direct[ao]s?|factur\w+|correct[ao]s?|caracter(?:es)?|fato|fatos|econômic\w*|gênero|idéia"
    r"|ônibus|trem|objectiv\w+|selecc\w+|acç\w+|protecç\w+|óptim\w+|excep\w+|recepç\w+|electr\w+)\b",
    re.IGNORECASE,
)
# Beginnings and ends by which a piece of a sentence is known: somebody glues it to another.
_HANGING_END = {
    "en": re.compile(r"(?:\b(?:of|the|an?|and|or)|\(|,)$", re.IGNORECASE),
    "pt": re.compile(r"(?:(?<!antes)(?<!depois) de|\b(?:d[oa]s?|os?|as|e|ou|que|uma?)|\(|,)$", re.IGNORECASE),
}
_HANGING_START = re.compile(r"^(?:[,.;:)]|(?:and|or|but|e|ou|mas) )")
_GREETING = re.compile(r"^(?:Hello|Olá)\b.*,$")
_GLUED_NAME = re.compile(r"[^\W\d_]%\(\w+\)[sd]|%\(\w+\)[sd][^\W\d_]")
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%d|%s|%%")
_MARKS = (".", ":", "?", "…")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend: where (a sentence's beginning, a file and line), what about it, the text that shows it."""

    where: str
    fault: str
    text: str


def of_text(text: str, language: str, where: str = "") -> Iterator[Finding]:
    """What is wrong with a text by itself. `language` is `pt` or `en` at its beginning."""
    where = where or text[:60]
    for line in text.splitlines() or [""]:
        if "  " in line.strip():
            yield Finding(where, "double_space", line.strip())
        if "..." in line:
            yield Finding(where, "three_dots", line.strip())
        if "!" in line:
            yield Finding(where, "exclamation", line.strip())
        if language.startswith("pt"):
            yield from _of_portuguese(line.strip(), where)


def _of_portuguese(line: str, where: str) -> Iterator[Finding]:
    for pattern, fault in ((FORBIDDEN, "forbidden"), (SPELLING, "spelling")):
        for found in pattern.finditer(_plain(line)):
            yield Finding(where, fault, found[0])
    if re.search(r"« |\s»|[“”]", line):
        yield Finding(where, "quotes", line)


def of_catalogue(catalogue: Catalog, language: str) -> Iterator[Finding]:
    """What is wrong with the sentences of a catalogue."""
    for message in catalogue:
        if message.id:
            yield from of_message(message, language)


def of_message(message: Message, language: str) -> Iterator[Finding]:
    """What is wrong with one sentence: its original, its words, and whether they belong together."""
    originals, strings = ids_of(message), strings_of(message)
    where = originals[0][:60]
    if message.fuzzy:
        yield Finding(where, "fuzzy", originals[0])
    if not all(strings):
        yield Finding(where, "untranslated", originals[0])
        return
    yield from _shape(originals[0], "en", where)
    for text in strings:
        yield from _shape(text, language[:2], where)
        yield from of_text(text, language, where)
        if not placeholders(text) <= placeholders(originals[-1]):
            yield Finding(where, "placeholder", text)
    if placeholders(strings[-1]) != placeholders(originals[-1]):
        yield Finding(where, "placeholder", strings[-1])
    yield from _beside(originals[0], strings[0], language, where)


def _shape(text: str, language: str, where: str) -> Iterator[Finding]:
    if text != text.strip():
        yield Finding(where, "fragment", text)
    words = _PLACEHOLDER.sub("X", text.strip())
    hanging = _HANGING_START.search(words) or _HANGING_END[language].search(words)
    if " " in words and hanging and not _GREETING.match(words):
        yield Finding(where, "fragment", text)
    if _GLUED_NAME.search(text):
        yield Finding(where, "glued_name", text)


def _beside(original: str, text: str, language: str, where: str) -> Iterator[Finding]:
    """What an original and its words must have in common."""
    ends = [mark for mark in _MARKS if original.endswith(mark) != text.endswith(mark)]
    if ends and " " in original and language.startswith("pt"):
        yield Finding(where, "punctuation", text)
    if language.startswith("pt") and original == text and len(re.findall(r"[^\W\d_]{3,}", _plain(text))) > 2:
        yield Finding(where, "untranslated", text)


def _plain(text: str) -> str:
    return _PLACEHOLDER.sub("", text)


def placeholders(text: str) -> set[str]:
    """The names in a text where facts are put in."""
    return {found[1] or found[0] for found in _PLACEHOLDER.finditer(text) if found[0] != "%%"}


def ids_of(message: Message) -> tuple[str, ...]:
    """The original of a sentence, and of its plural."""
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings_of(message: Message) -> tuple[str, ...]:
    """The words of a sentence, and of its plural."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def told(findings: Iterable[Finding]) -> list[str]:
    """Findings as lines, for people."""
    return [f"{each.where}: {each.fault}: {each.text}" for each in findings]
