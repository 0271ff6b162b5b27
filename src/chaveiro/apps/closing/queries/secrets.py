"""Secrets where none may be: invariant S1, over every column of every table that could hold a text.

The server picks candidates with a coarse pattern, so that a million digests and serials never leave it; the rulebook
reads the candidates as it reads a pasted mail. What is found is told by table, row and serial, never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from chaveiro.apps.closing.queries.assertions import PORTION, Assertion, Ground, holds, rows
from chaveiro.apps.identity.actions import digest_of
from chaveiro.rules.keys import KEY_SYMBOLS, MAX_TEXT, find_all

# Shorter than a key, or of a type that holds no text: not looked at. Arrays and JSON are looked at as text.
COLUMNS = f"""
SELECT c.relname::text AS "table", quote_ident(c.relname) AS relation,
    has_table_privilege(c.oid, 'SELECT') AS readable,
    array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE t.typname <> 'bytea') AS texts,
    array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE t.typname = 'bytea') AS bytes,
    (SELECT quote_ident(k.attname) FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
     WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1
       AND k.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'uuid'::regtype)) AS key
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm')
  AND (t.typcategory IN ('S', 'A') OR t.typname IN ('bytea', 'json', 'jsonb', 'hstore', 'xml'))
  AND NOT (t.typname IN ('varchar', 'bpchar') AND a.atttypmod BETWEEN 1 AND {KEY_SYMBOLS + 3})
GROUP BY c.oid ORDER BY c.relname
"""  # noqa: S608 - a number of ours

# Ids are most of what a million rows hold, and no key or secret has their form.
ID = r"\m[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\M"
# What ends a stretch for the rulebook; JSON's escapes of line ends may stand in one.
NOT_HARD = r"""(\\[nrt]|[^,;:|"'`()\[\]{}<>=/\\#&@+%])"""
STRETCH = f"{NOT_HARD}{{{KEY_SYMBOLS}}}"
# 25 symbols with a few signs between any two of them. What is not ASCII may be a wide letter: it counts as a symbol.
KEY_LIKE = r"""([0-9A-Za-z\u0080-\uffff](\\[nrt]|[^0-9A-Za-z,;:|"'`()\[\]{}<>=/\\#&@+%]){0,4}){25}"""
# A run as long as the shortest secret: tokens, links and resume secrets are longer.
SECRET_SYMBOLS = 26
SECRET_LIKE = f"[0-9A-Za-z_-]{{{SECRET_SYMBOLS}}}"
SECRET_WORD = re.compile(f"[0-9A-Za-z_-]{{{SECRET_SYMBOLS},128}}")
assert SECRET_SYMBOLS >= KEY_SYMBOLS
# From the cheapest test to the dearest, each cell computed once; the ids are made into what ends a stretch.
CANDIDATES = """
SELECT held.{key}::text AS row, cell AS text FROM {relation} AS held
CROSS JOIN LATERAL (SELECT {cell} AS cell WHERE {worth_a_look} OFFSET 0) AS shown
CROSS JOIN LATERAL (SELECT regexp_replace(cell, %(id)s, '#', 'gi') AS bare OFFSET 0) AS stripped
WHERE CASE WHEN bare !~ %(stretch)s THEN false ELSE bare ~ %(like)s END
"""
TEXT_CELL, TEXT_WORTH_A_LOOK = "held.{}::text", f"length(held.{{}}::text) >= {KEY_SYMBOLS}"
# Bytes are looked at as plain text: what is none is escaped, and a run without escapes is rare among random bytes.
BYTES_CELL = r"regexp_replace(encode(held.{}, 'escape'), '\\[0-7]{{3}}', '#', 'g')"
BYTES_WORTH_A_LOOK = rf"encode(held.{{}}, 'escape') ~ '[^\\]{{{{{KEY_SYMBOLS}}}}}'"
JSON_LINE_END = re.compile(r"\\[nrt]")
SHOWN_ONCE = """
WITH wanted AS (SELECT unnest(%s::bytea[]) AS digest)
SELECT t.id, digest, 'a bearer token' AS what FROM identity_token t JOIN wanted USING (digest)
UNION ALL SELECT l.id, digest, 'a one-time link' FROM identity_link l JOIN wanted USING (digest)
UNION ALL SELECT d.id, w.digest, 'a resume secret' FROM redemption_draft d JOIN wanted w ON w.digest = d.secret_digest
"""
CELL_AT_MOST = MAX_TEXT
OVERLAP = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cell's text that might hold a secret, and where it stands."""

    table: str
    column: str
    row: str
    text: str


def _leaked(ground: Ground) -> Iterator[dict[str, Any]]:
    """Keys, tokens and secrets of ours, in whatever cell they stand."""
    found = list(rows(COLUMNS))
    for table in found:
        if not table["readable"]:
            yield {"table": table["table"], "reason": "this role may not read it, so nobody has looked"}
            continue
        candidates = _candidates(table)
        while portion := list(islice(candidates, PORTION)):
            yield from _keys_in(portion, ground)
            yield from _shown_once_in(portion)
            yield from _secrets_in(portion, ground)


def _candidates(table: dict[str, Any]) -> Iterator[Candidate]:
    cells = [(column, TEXT_CELL, TEXT_WORTH_A_LOOK) for column in table["texts"] or ()]
    cells += [(column, BYTES_CELL, BYTES_WORTH_A_LOOK) for column in table["bytes"] or ()]
    patterns = {"id": ID, "stretch": STRETCH, "like": f"{SECRET_LIKE}|{KEY_LIKE}"}
    for column, cell, worth_a_look in cells:
        # Names come from the catalogue, quoted; a percent sign would be one of the driver's.
        statement = CANDIDATES.format(
            key=table["key"] or "ctid",
            relation=table["relation"],
            cell=cell.format(column),
            worth_a_look=worth_a_look.format(column),
        )
        for line in rows(statement, patterns):
            for part in _parts(line["text"]):
                yield Candidate(table["table"], column.strip('"'), line["row"], part)


def _parts(text: str) -> Iterator[str]:
    """A text in pieces that the rulebook reads, each beginning a little before the end of the one before."""
    for start in range(0, len(text), CELL_AT_MOST - OVERLAP):
        yield text[start : start + CELL_AT_MOST]


def _keys_in(candidates: Sequence[Candidate], ground: Ground) -> Iterator[dict[str, Any]]:
    read = [(candidate, canonical) for candidate in candidates for canonical in _readings(candidate.text)]
    digests: dict[bytes, Candidate] = {}
    for digester in ground.digesters:
        found = digester.digests(canonical for _, canonical in read)
        digests.update(zip(found, (candidate for candidate, _ in read), strict=True))
    for line in _having("SELECT number, digest FROM keys_key WHERE digest = ANY (%s)", digests):
        yield _told(digests[bytes(line["digest"])], "a whole key") | {"serial": line["number"]}


def _readings(text: str) -> set[str]:
    plain = JSON_LINE_END.sub("\n", text)
    return {reading.canonical for reading in find_all(plain) if reading.canonical}


def _shown_once_in(candidates: Sequence[Candidate]) -> Iterator[dict[str, Any]]:
    """Secrets of which we keep the digest: tokens, one-time links, resume secrets of drafts."""
    words = ((word, candidate) for candidate in candidates for word in SECRET_WORD.findall(candidate.text))
    digests = {digest_of(word): candidate for word, candidate in words}
    for line in _having(SHOWN_ONCE, digests):
        yield _told(digests[bytes(line["digest"])], line["what"]) | {"of": line["id"]}


def _having(statement: str, digests: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    wanted = list(digests)
    if wanted:
        yield from list(rows(statement, (wanted,)))


def _secrets_in(candidates: Sequence[Candidate], ground: Ground) -> Iterator[dict[str, Any]]:
    for candidate in candidates:
        for name, secret in ground.secrets.items():
            if secret in candidate.text:
                yield _told(candidate, f"the secret {name}")


def _told(candidate: Candidate, what: str) -> dict[str, Any]:
    return {"table": candidate.table, "column": candidate.column, "row": candidate.row, "what": what}


S1 = (
    Assertion(
        "S1",
        "no_secret_in_the_database",
        "No full key, token, pepper or other secret of ours stands in any table.",
        _leaked,
    ),
    holds(
        "S1",
        "passwords_are_hashed",
        "A password is kept as a salted hash, or is unusable.",
        """SELECT id AS account FROM identity_account WHERE password <> '' AND password !~ '^(!|[a-z0-9_]+[$])'""",
    ),
)
