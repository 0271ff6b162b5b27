"""`chaveiro translations check`: catalogues and help articles, held against the rules of the words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from chaveiro.console import output
from chaveiro.console.output import Exit
from chaveiro.wording import articles, linting
from chaveiro.wording.linting import Finding

LOCALES = Path(__file__).parents[1] / "locale"
CATALOGUES = {"pt-pt": "pt_PT", "en": "en"}


def catalogue(language: str) -> Catalog:
    """The sentences of a language, as they are written."""
    locale = CATALOGUES[language]
    with (LOCALES / locale / "LC_MESSAGES" / "django.po").open("rb") as stream:
        return read_po(stream, locale=locale)


def findings() -> Iterator[Finding]:
    """What is wrong with the catalogues and the help articles of both languages."""
    for language in CATALOGUES:
        yield from linting.of_catalogue(catalogue(language), language)
        for article in articles.articles(language).values():
            where = f"docs/help/{language[:2]}/{article.slug}.md"
            yield from linting.of_text(f"{article.title}\n{article.summary}\n{article.text}", language, where)


@click.command("check")
@output.json_option
def check(as_json: bool) -> Exit:
    """Hold catalogues and help articles against the rules of the words; exit 1 if anything is wrong. No database."""
    found = list(findings())
    if as_json:
        output.write_json([{"where": each.where, "fault": each.fault, "text": each.text} for each in found])
    else:
        for line in linting.told(found):
            output.write(line)
        output.say(f"{len(found)} findings.")
    return Exit.FAILED if found else Exit.DONE
