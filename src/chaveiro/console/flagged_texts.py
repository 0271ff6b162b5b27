"""`chaveiro translations export`: the texts that readers flagged, beside the sentences that they belong to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import click
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from chaveiro.apps.feedback import queries
from chaveiro.apps.identity.actions import acting
from chaveiro.console import output
from chaveiro.console.translations import CATALOGUES, catalogue
from chaveiro.rules.actors import SYSTEM
from chaveiro.wording import flagged, linting

COLUMNS = ("at", "page", "language", "version", "useful", "satisfaction", "affected", "quote", "text", "sentence")
# What a spreadsheet takes for a formula; a leading apostrophe makes it a text again.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command("export")
@click.option("--format", "form", type=click.Choice(["po", "csv", "json"]), default="po", show_default=True)
@click.option("--language", type=click.Choice(list(CATALOGUES)), default="pt-pt", show_default=True)
@output.json_option
def export(form: str, language: str, as_json: bool) -> None:
    """Write the texts that readers flagged, beside the sentences that they belong to: PO comments, CSV or JSON."""
    rows = _flagged(language)
    known = catalogue(language)
    for row in rows:
        row["sentences"] = [linting.ids_of(each)[0] for each in flagged.meant(known, str(row["quote"]))]
    if as_json or form == "json":
        output.write_json(rows)
    elif form == "csv":
        output.write(csv_of(rows).rstrip("\r\n"))
    else:
        output.write(po_of(rows, known, language).rstrip("\n"))


def _flagged(language: str) -> list[dict[str, Any]]:
    with acting(SYSTEM):
        found = [each for each in queries.flagged() if each.language == language]
    return [
        {
            "at": each.at.isoformat(timespec="seconds"),
            "page": each.page,
            "language": each.language,
            "version": each.version,
            "useful": each.useful,
            "satisfaction": each.satisfaction,
            "affected": list(each.affected),
            "quote": each.quote,
            "text": each.text,
        }
        for each in found
    ]


def po_of(rows: Sequence[dict[str, Any]], known: Catalog, language: str) -> str:
    """The flagged sentences as a catalogue, what was said as comments; quotes of no sentence of ours come first."""
    chosen = Catalog(locale=CATALOGUES[language], project="Chaveiro", charset="utf-8")
    lost = []
    for row in rows:
        if not row["sentences"]:
            lost.append(f"# {_comment(row)}")
        for original in row["sentences"]:
            message = known.get(original)
            assert message is not None
            chosen.add(message.id, message.string, user_comments=[_comment(row)])
    written = io.BytesIO()
    write_po(written, chosen, width=120, omit_header=False)
    head = "".join(f"{line}\n" for line in lost)
    return head + written.getvalue().decode()


def _comment(row: dict[str, Any]) -> str:
    said = f"{row['at']} /{row['page']} satisfaction {row['satisfaction'] or '-'} {' '.join(row['affected'])}"
    return " ".join(f"{said}: {json.dumps(row['quote'], ensure_ascii=False)} {row['text']}".split())


def csv_of(rows: Sequence[dict[str, Any]]) -> str:
    """The flagged texts as CSV; no cell of it is ever run as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        told = {**row, "affected": " ".join(row["affected"]), "sentence": " | ".join(row["sentences"])}
        writer.writerow([_cell(told[column]) for column in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
