"""Help articles: written by hand in both languages in `docs/help`, read once, shown by the pages and walked by tests.

    ---
    title: Redeem keys and set up a customer
    summary: One sentence for the list.
    group: redeem
    order: 1
    ---
    Text in Markdown, from the second level of headings on. HTML is not taken.

In a numbered list **bold** names a control of the page by its exact words, *italic* the heading of the page that
follows, and a link leads to a page: tests carry these steps out, so that a renamed button fails its article.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout the articles are documents like the others; in an installed package they lie beside the program.
FOLDERS = (PACKAGE / "help", PACKAGE.parents[1] / "docs" / "help")
LANGUAGE_FOLDERS: Mapping[str, str] = {"pt-pt": "pt", "en": "en"}
GROUPS = ("redeem", "account", "vendor")
UNLISTED = "about"
FOUND_AT_MOST = 20
EXCERPT_WORDS = 24
_HEAD = re.compile(r"\A---\n(?P<facts>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a numbered list asks for: `open` a page, `press` a control, or `expect` a heading."""

    act: str
    what: str


@dataclass(frozen=True, slots=True)
class Article:
    """One article in one language; `text` is what it says without its marks, `steps` what its lists ask to do.

    `reader` is whose page it helps with: `nobody`, `customer`, `partner` or `operator`.
    """

    slug: str
    language: str
    title: str
    summary: str
    group: str
    order: int
    reader: str
    html: str
    text: str
    steps: tuple[Step, ...]

    def html_at(self, at: str) -> str:
        """The text as HTML, its links to our pages under an account's address."""
        return self.html.replace('href="/', f'href="{at}/')


def folder() -> Path:
    """Where the articles lie. Raises FileNotFoundError when the installation lacks them."""
    for place in FOLDERS:
        if place.is_dir():
            return place
    raise FileNotFoundError("the help articles are not installed")


@lru_cache(maxsize=4)
def articles(language: str) -> Mapping[str, Article]:
    """All articles of a language by their slug, in the order in which they are listed."""
    files = sorted((folder() / LANGUAGE_FOLDERS.get(language, "pt")).glob("*.md"))
    read = [_read(file, language) for file in files]
    return {each.slug: each for each in sorted(read, key=_place)}


def _place(article: Article) -> tuple[int, int, str]:
    listed = (*GROUPS, UNLISTED)
    return listed.index(article.group), article.order, article.slug


def listed(language: str) -> list[tuple[str, list[Article]]]:
    """The articles that the index shows, by group."""
    every = articles(language).values()
    return [(group, [each for each in every if each.group == group]) for group in GROUPS]


def search(language: str, asked: str) -> list[tuple[Article, str]]:
    """The articles that hold every word asked for, those with it in the title first, each with an excerpt."""
    words = plain(asked).split()
    if not words:
        return []
    found = [each for each in articles(language).values() if all(word in _everything(each) for word in words)]
    found.sort(key=lambda each: -sum(word in plain(each.title) for word in words))
    return [(each, _excerpt(each, words[0])) for each in found[:FOUND_AT_MOST]]


def plain(text: str) -> str:
    """A text without accents and case, as it is searched."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )


def _everything(article: Article) -> str:
    return plain(f"{article.title} {article.summary} {article.text}")


def _excerpt(article: Article, word: str) -> str:
    words = article.text.split()
    at = next((place for place, each in enumerate(words) if word in plain(each)), None)
    if at is None:
        return article.summary
    first = max(0, at - EXCERPT_WORDS // 2)
    cut = words[first : first + EXCERPT_WORDS]
    return ("… " if first else "") + " ".join(cut) + (" …" if first + EXCERPT_WORDS < len(words) else "")


def _read(file: Path, language: str) -> Article:
    parts = _HEAD.match(file.read_text(encoding="utf-8"))
    if parts is None:
        raise ValueError(f"{file.name} has no head")
    facts = dict(line.split(": ", 1) for line in parts["facts"].splitlines())
    tokens = _markdown().parse(parts["body"])
    return Article(
        slug=file.stem,
        language=language,
        title=facts["title"],
        summary=facts["summary"],
        group=facts["group"],
        order=int(facts.get("order", "0")),
        reader=facts.get("as", "nobody"),
        html=_markdown().renderer.render(tokens, _markdown().options, {}),
        text=" ".join(" ".join(_words(tokens)).split()),
        steps=tuple(_steps(tokens)),
    )


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def _words(tokens: list[Token]) -> list[str]:
    return [
        child.content if child.type in ("text", "code_inline") else " "
        for token in tokens
        for child in token.children or ()
    ]


def _steps(tokens: list[Token]) -> list[Step]:
    """The steps of all numbered lists, in order."""
    found: list[Step] = []
    depth = 0
    for token in tokens:
        depth += {"ordered_list_open": 1, "ordered_list_close": -1}.get(token.type, 0)
        if token.type == "inline" and depth:
            found += _steps_in(token.children or [])
    return found


_MARKS = {"strong_open": "press", "em_open": "expect"}


def _steps_in(children: list[Token]) -> list[Step]:
    found = []
    for place, child in enumerate(children):
        if child.type == "link_open":
            found.append(Step("open", str(child.attrs["href"])))
        elif child.type in _MARKS:
            end = child.type.replace("open", "close")
            inside = children[place + 1 : next(i for i in range(place, len(children)) if children[i].type == end)]
            found.append(Step(_MARKS[child.type], "".join(each.content for each in inside)))
    return found
