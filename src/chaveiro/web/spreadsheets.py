"""Tables to take along: CSV as the reader's spreadsheet opens it, and no cell of it is ever run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import StringIO
from itertools import islice
from typing import Any

from django.http import HttpResponse

from chaveiro.web.pages import language

BYTE_ORDER_MARK = "\ufeff"
ROWS_AT_MOST = 10_000
# What a spreadsheet takes for a formula; a leading apostrophe makes it a text again.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(name: str, headings: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A CSV file to be saved, of 10,000 rows at most: UTF-8 with its mark, semicolons in Portuguese, commas in English.

    Days and instants are ISO 8601, numbers plain.
    """
    text = StringIO()
    writer = csv.writer(text, delimiter="," if language() == "en" else ";")
    writer.writerow([str(heading) for heading in headings])
    writer.writerows([cell(value) for value in row] for row in islice(rows, ROWS_AT_MOST))
    response = HttpResponse(BYTE_ORDER_MARK + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def cell(value: Any) -> str:
    """One cell; a text that would be run as a formula is kept from it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case str() if value.startswith(FORMULA):
            return "'" + value
    return str(value)
