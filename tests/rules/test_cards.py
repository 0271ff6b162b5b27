"""What becomes a card: rows of a key file, read with care; a wrong key is never printed."""

from __future__ import annotations

import os

import pytest

from chaveiro.rules import keys, serials
from chaveiro.rules.cards import ADDRESS_LENGTH_AT_MOST, Card, Face, link, read_csv
from chaveiro.rules.errors import Malformed

KEY = keys.mint(1, os.urandom)[0]
SERIAL = serials.write(10_000_000_000)


def test_the_key_stands_behind_the_fragment() -> None:
    assert link("https://chaves.exemplo.pt", "A-B") == "https://chaves.exemplo.pt/r#A-B"


def test_rows_of_a_file_become_cards_and_headers_and_empty_lines_do_not() -> None:
    row = f"{SERIAL},{keys.group(KEY)}"
    assert read_csv(f"serial,key\n{row}\n\nserial,key\r\n{row}\r\n") == [Card(SERIAL, keys.group(KEY))] * 2
    assert read_csv("") == []


@pytest.mark.parametrize(
    "changed",
    [KEY[:-1], KEY[:-1] + ("0" if KEY[-1] != "0" else "1"), "", KEY + "0"],
    ids=["shorter", "another", "empty", "longer"],
)
def test_a_key_with_a_wrong_symbol_is_named_by_its_line_and_not_repeated(changed: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_csv(f"serial,key\n{SERIAL},{changed}\n")
    assert "line 2" in refused.value.facts["reason"]
    assert not changed or changed not in str(refused.value)


def test_a_wrong_serial_is_refused() -> None:
    with pytest.raises(Malformed):
        read_csv(f"{SERIAL[:-1]}{(int(SERIAL[-1]) + 1) % 10},{KEY}")


def test_an_address_too_long_for_a_code_is_refused() -> None:
    with pytest.raises(Malformed):
        Face("Tagus", "https://" + "a" * ADDRESS_LENGTH_AT_MOST, "Serial", "Cards", ())
