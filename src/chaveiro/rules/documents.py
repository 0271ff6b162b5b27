"""A document to be printed: what it says, in order, without a word on how it looks. Somebody else makes the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. `weighty` is said with emphasis: what must not be overlooked."""

    text: str
    weighty: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one below the other."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its headings; `figures` are the columns (from nought) whose values stand to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: frozenset[int] = frozenset()
    foot: tuple[str, ...] = ()


Part = Heading | Paragraph | Facts | Table


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document. `code` is its reference, shown large; `page_words` says `Page %(page)s of %(pages)s`."""

    title: str
    code: str
    author: str
    subject: str
    language: str
    page_words: str
    parts: tuple[Part, ...]


class Printer(Protocol):
    """Whatever makes a file of a document."""

    def __call__(self, document: Document) -> bytes:
        """The file; equal documents give equal files."""
