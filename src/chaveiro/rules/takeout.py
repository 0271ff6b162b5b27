"""Everything that is kept of a customer, or of one person, as a file: what is in it, and how large it may be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from chaveiro.rules.errors import Refusal
from chaveiro.rules.inventory import CUSTOMERS, Table

LIFE = timedelta(hours=24)
PART_BYTES = 1024 * 1024
# Of a page's export; the command line writes any number.
BYTES_AT_MOST = 256 * 1024 * 1024

ABOUT = """\
Everything that is kept here of {whose}, on {day}.

One file for each kind of record, as JSON and as CSV with the same columns: times are in UTC, days as YYYY-MM-DD.
Secrets (passwords, codes, digests of tokens) are in no export, and nobody can read them.
about.json says which file holds what.
"""


class TakeoutTooLarge(Refusal):
    """The export would be larger than a page hands out; the command line writes it. Facts: maximum (bytes)."""

    code = "takeout_too_large"


def tables(*, of_person: bool) -> Iterator[Table]:
    """The tables of an export, in the order of the inventory."""
    for table in CUSTOMERS:
        if table.person if of_person else table.customer:
            yield table


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
