"""A backup: what stands in it, in which order it comes back, and what only a customer's data key can open in it.

    rows/<table>/<number>   lines of COPY's text form, compressed, and encrypted where a lock is given
    manifest.jws            signed: what this is, and the SHA-256 of every part

The personal values of a row (rules.inventory) are sealed with the data key of its subscription or customer, and stand
beside what takes their place once that key is gone. Whoever destroys the key has erased every backup too.

    kind ⇥ ids ⇥ sealed values ⇥ what is kept … ⇥ what stands for the values …
    \\N   ⇥ \\N  ⇥ \\N           ⇥ what is kept … ⇥ the values …                    about nobody, or erased already
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol
from uuid import UUID

from chaveiro.rules.datakeys import Sealed, Whose
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.inventory import LIBRARIES, Table

BACKUP_FORM = 1
BACKUP_KIND = "chaveiro-backup+jws"
PORTION_BYTES = 4 * 1024 * 1024
"""A part is closed as soon as it has this many bytes; so much is in memory at a time, and the longest row with it."""
PART_BYTES_AT_MOST = 256 * 1024 * 1024
PARTS_AT_MOST = 20_000
"""So many parts of PORTION_BYTES are 80 GB; the manifest then has three of the four megabytes that it may have."""
QUIET_AFTER_RESTORE = timedelta(days=7)

# What lets somebody in for a moment, or counts moments, does not come back: a session that was ended since the backup
# would be alive again. People sign in anew, and ask for a new link.
LEFT_OUT = frozenset({"identity_session", "identity_link", "identity_challenge", "operations_bucket"})
# Rows that the database writes by itself as others come in: emptied before their own come back.
WRITTEN_BY_TRIGGERS = frozenset({"keys_tally"})

# What triggers refer to where no foreign key says so: a key stands in its batch; tallies count keys.
BESIDE_FOREIGN_KEYS = (("keys_key", "keys_batch"), ("keys_tally", "keys_key"))

NULL = rb"\N"
TAB = b"\t"


class BackupDamaged(Refusal):
    """The file is no whole backup of ours: cut off, changed, or not signed by a known key. Facts: reason, part."""

    code = "backup_damaged"


class BackupLocked(Refusal):
    """The backup is encrypted, and what was given does not open it. Facts: lock."""

    code = "backup_locked"


class BackupOfAnother(Refusal):
    """The backup does not belong to what is here. Facts: what, reason."""

    code = "backup_of_another"


class DatabaseNotEmpty(Refusal):
    """A backup comes back into an empty database only; nothing was changed. Facts: table."""

    code = "database_not_empty"


class RowSeal(Protocol):
    """What seals the personal values of one row with the data key of whose they are."""

    def close(self, whose: Sealed, content: bytes) -> bytes | None:
        """The sealed form; None where the key was destroyed."""

    def open(self, whose: Sealed, sealed: bytes) -> bytes | None:
        """The content again; None where the key was destroyed. Raises BackupOfAnother, rules.vault.SealBroken."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a table's rows: its name in the file, its size and hash there, how many lines it has."""

    name: str
    bytes: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A table in a backup; the last `erasable` of its columns are personal values. Those of none are not sealed."""

    name: str
    columns: tuple[str, ...]
    erasable: int
    removed: bool
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is: of which installation, of which moment, and the hash of every part."""

    origin: str
    made_at: datetime
    day: date
    migrations: tuple[str, ...]
    peppers: Mapping[int, str]
    live_peppers: tuple[int, ...]
    data_keys: str
    journal: Mapping[str, Any]
    lock: str
    sequences: Mapping[str, int]
    tables: tuple[Rows, ...]
    form: int = field(default=BACKUP_FORM)

    @property
    def rows(self) -> int:
        """How many rows it has in all."""
        return sum(table.rows for table in self.tables)

    @property
    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the file."""
        return (part for table in self.tables for part in table.parts)

    def claims(self) -> dict[str, Any]:
        """The form that is signed."""
        peppers = {str(version): print_ for version, print_ in self.peppers.items()}
        return asdict(self) | {"made_at": self.made_at.isoformat(), "day": self.day.isoformat(), "peppers": peppers}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Manifest:
        """The manifest again. Raises BackupDamaged for a form that we do not know."""
        if claims.get("form") != BACKUP_FORM:
            raise BackupDamaged(reason=f"its form is {claims.get('form')!r}; this program reads {BACKUP_FORM}")
        try:
            return cls(
                **{name: claims[name] for name in ("origin", "data_keys", "journal", "lock", "sequences", "form")},
                made_at=datetime.fromisoformat(claims["made_at"]),
                day=date.fromisoformat(claims["day"]),
                migrations=tuple(claims["migrations"]),
                peppers={int(version): str(print_) for version, print_ in claims["peppers"].items()},
                live_peppers=tuple(claims["live_peppers"]),
                tables=tuple(
                    Rows(
                        **table
                        | {"columns": tuple(table["columns"]), "parts": tuple(Part(**p) for p in table["parts"])}
                    )
                    for table in claims["tables"]
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise BackupDamaged(reason="its manifest is not complete") from fault


def _rows(claims: Mapping[str, Any]) -> Rows:
    parts = tuple(Part(**part) for part in claims["parts"])
    return Rows(claims["name"], tuple(claims["columns"]), claims["erasable"], claims["removed"], parts)


class Writer(Protocol):
    """The file that a backup is written into; it has its name only once it is whole."""

    lock: str

    def add(self, name: str, lines: bytes, rows: int) -> Part:
        """Put a part at the end."""

    def finish(self, manifest: str) -> None:
        """Put the signed manifest at the end, and give the file its name."""


class Reader(Protocol):
    """A backup's file."""

    def manifest(self) -> str:
        """The signed manifest. Raises BackupDamaged."""

    def check(self, manifest: Manifest) -> None:
        """Pass when the file has exactly these parts. Raises BackupDamaged, naming the first that differs."""

    def lines(self, part: Part) -> bytes:
        """The lines of a part. Raises BackupDamaged, BackupLocked."""


def is_backed_up(table: str) -> bool:
    """Whether a table's rows belong into a backup: not the libraries' own, nor what lasts for a moment."""
    return not table.startswith(LIBRARIES) and table not in LEFT_OUT


def in_order(tables: Iterable[str], references: Iterable[tuple[str, str]]) -> list[str]:
    """The tables so that each comes after those that it refers to; the same order for the same tables.

    Raises Malformed when some refer to one another in a circle.
    """
    wanted = sorted(tables)
    sorter: TopologicalSorter[str] = TopologicalSorter({table: set() for table in wanted})
    for table, target in sorted({*references, *BESIDE_FOREIGN_KEYS}):
        if table != target and table in wanted and target in wanted:
            sorter.add(table, target)
    try:
        return list(sorter.static_order())
    except CycleError as fault:
        raise Malformed(field="tables", reason="refer to one another in a circle") from fault


def in_parts(pieces: Iterable[bytes], portion: int = PORTION_BYTES) -> Iterator[bytes]:
    """Whole lines in portions of about so many bytes, however they came."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= portion and (end := held.rfind(b"\n") + 1):
            yield bytes(held[:end])
            del held[:end]
    if held:
        yield bytes(held)


def close_lines(lines: bytes, table: Table, seal: RowSeal) -> bytes:
    """The lines of a table with personal values as the file has them. Rows that are erased already may be left out.

    A line comes as kind, ids, what is kept, the values, and what stands for them (nothing where rows go whole).
    """
    closed = (_closed(line.split(TAB), table, seal) for line in lines.splitlines())
    return b"".join(line + b"\n" for line in closed if line is not None)


def _closed(fields: Sequence[bytes], table: Table, seal: RowSeal) -> bytes | None:
    count = len(table.erased)
    (kind, who), rest = fields[:2], fields[2:]
    kept, values, blanks = rest[: len(table.kept)], rest[len(table.kept) :][:count], rest[len(table.kept) + count :]
    if kind == NULL:
        return TAB.join([NULL, NULL, NULL, *kept, *values])
    content = TAB.join(values)
    for whose in _whose(kind, who, table.name, kept):
        sealed = seal.close(whose, content)
        if sealed is None:
            return None if table.removed else TAB.join([NULL, NULL, NULL, *kept, *blanks])
        content = sealed
    return TAB.join([kind, who, base64.b64encode(content), *kept, *(blanks or [NULL] * count)])


def open_lines(lines: bytes, table: Rows, seal: RowSeal, erased: set[UUID]) -> bytes:
    """The lines as COPY takes them; whose key was destroyed comes back blank, or not at all, and is told in `erased`.

    Raises BackupOfAnother, BackupDamaged.
    """
    opened = (_opened(line.split(TAB), table, seal, erased) for line in lines.splitlines())
    return b"".join(line + b"\n" for line in opened if line is not None)


def _opened(fields: Sequence[bytes], table: Rows, seal: RowSeal, erased: set[UUID]) -> bytes | None:
    if len(fields) != 3 + len(table.columns):
        raise BackupDamaged(reason="a line has another number of columns than its table", part=table.name)
    (kind, who, sealed), rest = fields[:3], fields[3:]
    if kind == NULL:
        return TAB.join(rest)
    kept = rest[: len(table.columns) - table.erasable]
    try:
        content = base64.b64decode(sealed, validate=True)
    except binascii.Error as fault:
        raise BackupDamaged(reason="a sealed value is not base 64", part=table.name) from fault
    for whose in reversed(_whose(kind, who, table.name, kept)):
        found = seal.open(whose, content)
        if found is None:
            erased.add(whose.id)
            return None if table.removed else TAB.join(rest)
        content = found
    return TAB.join([*kept, content])


def _whose(kind: bytes, who: bytes, table: str, kept: Sequence[bytes]) -> list[Sealed]:
    """Bound to the very row: its values open beside what is kept of it, and nowhere else.

    A row that speaks of two customers is sealed under both keys, one in the other: either of them erases it.
    """
    row = hashlib.sha256(TAB.join(kept)).hexdigest()
    names = dict.fromkeys(who.decode().split(","))
    return [Sealed(Whose(kind.decode()), UUID(name), f"backup {table} {row}") for name in names]
