"""The product key: written, read, found in a text, digested, kept out of logs. Section 1 of the rules.

writing   many keys at once, and the rows of their file
reading   one typed key: verdict, positions, repair
finding   keys in a text; the text without its keys
digests   what the database keeps
words, reedsolomon   the ground under them
"""

from chaveiro.rules.keys.digests import Digester, Pepper
from chaveiro.rules.keys.finding import MAX_TEXT, check, find_all, scrub
from chaveiro.rules.keys.reading import MAX_TYPED, Code, Reading, group, last_five, read
from chaveiro.rules.keys.reedsolomon import KEY_SYMBOLS
from chaveiro.rules.keys.writing import CSV_HEADER, CSV_ROW_BYTES, ENTROPY_BYTES, csv_rows, mint, write_many

__all__ = [
    "CSV_HEADER",
    "CSV_ROW_BYTES",
    "ENTROPY_BYTES",
    "KEY_SYMBOLS",
    "MAX_TEXT",
    "MAX_TYPED",
    "Code",
    "Digester",
    "Pepper",
    "Reading",
    "check",
    "csv_rows",
    "find_all",
    "group",
    "last_five",
    "mint",
    "read",
    "scrub",
    "write_many",
]
