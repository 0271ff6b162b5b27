"""A backup's lines and order: what is sealed opens beside its own row and nowhere else, and what is gone stays gone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from chaveiro.rules.backups import (
    BackupDamaged,
    Manifest,
    Part,
    Rows,
    close_lines,
    in_order,
    in_parts,
    is_backed_up,
    open_lines,
)
from chaveiro.rules.datakeys import Sealed
from chaveiro.rules.errors import Malformed
from chaveiro.rules.inventory import Blank, Table

ONE, TWO = (UUID(int=number) for number in (1, 2))
CARDS = Table("cards", ("id", "since"), {"name": Blank.EMPTY, "said": Blank.NULL}, ("customer_id",))
LOANS = Table("loans", ("id",), {"name": Blank.GONE}, ("customer_id",))
NOBODYS = b"\\N\t\\N\t7\t2026-11-22\tDuarte\t\\N\t\t\\N\n"


class Pretended:
    """Sealing that can be read in a failure: the content, bent, with what it is bound to. Ids can be destroyed."""

    def __init__(self, *destroyed: UUID) -> None:
        self.destroyed = destroyed

    def close(self, whose: Sealed, content: bytes) -> bytes | None:
        return None if whose.id in self.destroyed else whose.context() + content[::-1]

    def open(self, whose: Sealed, sealed: bytes) -> bytes | None:
        if whose.id in self.destroyed:
            return None
        assert sealed.startswith(whose.context()), "it was sealed for another row"
        return sealed.removeprefix(whose.context())[::-1]


def line(*fields: object) -> bytes:
    return "\t".join(map(str, fields)).encode() + b"\n"


def rows(table: Table) -> Rows:
    return Rows(table.name, table.columns, len(table.erased), table.removed, ())


ANA = line("customer", ONE, 5, "2026-11-22", "Ana\\tSol", "olá", "", "\\N")


def test_what_was_sealed_comes_back_as_it_was() -> None:
    closed = close_lines(ANA + NOBODYS, CARDS, Pretended())
    assert b"Ana" not in closed
    assert b"Duarte" in closed, "what is nobody's is not sealed"
    opened = open_lines(closed, rows(CARDS), Pretended(), set())
    assert opened == line(5, "2026-11-22", "Ana\\tSol", "olá") + line(7, "2026-11-22", "Duarte", "\\N")


def test_whose_key_is_gone_comes_back_with_what_takes_their_place() -> None:
    erased: set[UUID] = set()
    closed = close_lines(ANA + NOBODYS, CARDS, Pretended())
    opened = open_lines(closed, rows(CARDS), Pretended(ONE), erased)
    assert opened == line(5, "2026-11-22", "", "\\N") + line(7, "2026-11-22", "Duarte", "\\N")
    assert erased == {ONE}


def test_rows_that_go_whole_do_not_come_back() -> None:
    closed = close_lines(line("customer", ONE, 5, "Ana") + line("customer", TWO, 6, "Rui"), LOANS, Pretended())
    assert open_lines(closed, rows(LOANS), Pretended(ONE), set()) == line(6, "Rui")
    assert close_lines(line("customer", ONE, 5, "Ana"), LOANS, Pretended(ONE)) == b""


@pytest.mark.parametrize("gone", [ONE, TWO])
def test_a_row_about_two_is_erased_by_either(gone: UUID) -> None:
    both = line("customer", f"{ONE},{TWO}", 5, "2026-11-22", "Ana", "olá", "", "\\N")
    closed = close_lines(both, CARDS, Pretended())
    assert open_lines(closed, rows(CARDS), Pretended(), set()) == line(5, "2026-11-22", "Ana", "olá")
    assert open_lines(closed, rows(CARDS), Pretended(gone), set()) == line(5, "2026-11-22", "", "\\N")
    assert close_lines(both, CARDS, Pretended(gone)) == line("\\N", "\\N", "\\N", 5, "2026-11-22", "", "\\N")


def test_sealed_values_open_beside_their_own_row_only() -> None:
    other = line("customer", ONE, 6, "2026-11-22", "Rui", "olá", "", "\\N")
    mine, theirs = (close_lines(each, CARDS, Pretended()).split(b"\t") for each in (ANA, other))
    mine[2] = theirs[2]
    with pytest.raises(AssertionError, match="another row"):
        open_lines(b"\t".join(mine), rows(CARDS), Pretended(), set())


@pytest.mark.parametrize("torn", [b"customer\t5\n", b"customer\t%s\t!\t5\t2\ta\tb\n" % str(ONE).encode()])
def test_a_line_that_is_none_is_refused(torn: bytes) -> None:
    with pytest.raises(BackupDamaged):
        open_lines(torn, rows(CARDS), Pretended(), set())


def test_tables_come_after_those_that_they_refer_to() -> None:
    references = [("keys_key", "keys_key"), ("b", "c"), ("c", "a"), ("b", "elsewhere")]
    assert in_order(["b", "a", "keys_key", "keys_batch", "c"], references).index("b") > 2
    found = in_order(["keys_tally", "keys_key", "keys_batch"], [])
    assert found == ["keys_batch", "keys_key", "keys_tally"], "triggers refer to tables too"
    with pytest.raises(Malformed):
        in_order(["a", "b"], [("a", "b"), ("b", "a")])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_parts_end_with_a_line_wherever_the_pieces_were_cut(size: int) -> None:
    text = b"".join(b"%d\tword\n" % number for number in range(50))
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    parts = list(in_parts(pieces, 40))
    assert b"".join(parts) == text
    assert all(part.endswith(b"\n") for part in parts)
    assert max(map(len, parts)) < 40 + size + 9


def test_what_lasts_for_a_moment_and_the_libraries_rows_stay_behind() -> None:
    assert not any(map(is_backed_up, ("identity_session", "identity_link", "procrastinate_jobs", "django_migrations")))
    assert is_backed_up("keys_key")


def test_a_manifest_says_the_same_after_it_was_signed_and_read() -> None:
    manifest = Manifest(
        "https://keys.example.test", datetime(2026, 11, 22, 12, tzinfo=UTC), date(2026, 11, 22), ("keys.0001_rows",),
        {1: "0123456789abcdef"}, (1,), "feed", {"entries": 3}, "", {"keys_serial_number": 7},
        (Rows("cards", CARDS.columns, 2, False, (Part("rows/cards/00001.gz", 9, "00", 2),)),),
    )  # fmt: skip
    claims = manifest.claims()
    assert Manifest.from_claims(claims) == manifest
    assert (manifest.rows, [part.name for part in manifest.parts]) == (2, ["rows/cards/00001.gz"])
    for changed in ({**claims, "form": 2}, {name: claims[name] for name in claims if name != "peppers"}):
        with pytest.raises(BackupDamaged):
            Manifest.from_claims(changed)
