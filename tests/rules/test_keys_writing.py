"""Keys are written in bulk: random, right, and in rows of one length."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import pytest
import reedsolo
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.rules import errors, keys, serials
from chaveiro.rules.symbols import SYMBOLS, VALUES

ORACLE = reedsolo.RSCodec(4, nsize=31, c_exp=5, prim=0x25, generator=2, fcr=0)


def source(seed: int):
    return random.Random(seed).randbytes


@settings(deadline=None, max_examples=200)
@given(st.binary(min_size=21, max_size=21 * 5).filter(lambda entropy: len(entropy) % 21 == 0))
def test_what_is_written_reads_as_itself_in_every_form(entropy):
    for key in keys.write_many(entropy):
        assert keys.read(key).canonical == key
        assert keys.read(keys.group(key)).canonical == key
        assert keys.read(keys.group(key).lower().replace("-", " ")).canonical == key


def test_the_check_symbols_are_those_of_reedsolo():
    for key in keys.mint(2_000, source(20270301)):
        values = [VALUES[symbol] for symbol in key]
        assert list(ORACLE.encode(values[:21])) == values


def test_a_key_is_the_low_five_bits_of_its_own_21_bytes_and_nothing_else():
    entropy = bytes(range(224, 245)) + bytes(21)
    first, second = keys.write_many(entropy)
    assert first[:21] == SYMBOLS[:21]
    assert keys.group(first) == "01234-56789-ABCDE-FGHJK-MW5RN"
    assert second == "0" * 25
    assert keys.write_many(bytes(byte & 31 for byte in entropy)) == [first, second]


def test_every_data_symbol_is_equally_likely_at_every_place():
    minted = keys.mint(32_000, source(7))
    for place in range(21):
        counts = Counter(key[place] for key in minted)
        assert len(counts) == 32
        # 31 degrees of freedom: above 80 once in 300,000 tries.
        assert sum((count - 1_000) ** 2 / 1_000 for count in counts.values()) < 80


@pytest.mark.parametrize("count", [0, 1, 4_095, 4_096, 4_097, 10_000])
def test_as_many_keys_are_minted_as_were_asked_for_and_all_differ(count):
    asked = []

    def random_bytes(size: int) -> bytes:
        asked.append(size)
        return os.urandom(size)

    minted = keys.mint(count, random_bytes)
    assert len(minted) == len(set(minted)) == count
    assert sum(asked) == count * keys.ENTROPY_BYTES


def test_minting_is_fast_enough_for_a_million_keys():
    keys.mint(1_000, os.urandom)
    began = time.perf_counter()
    keys.mint(50_000, os.urandom)
    assert 50_000 / (time.perf_counter() - began) > 50_000


def test_the_rows_of_the_file_have_one_length_and_hold_serial_and_key():
    minted = keys.mint(1_500, source(3))
    rows = keys.csv_rows(99_998_999, minted)
    assert len(rows) == 1_500 * keys.CSV_ROW_BYTES
    lines = rows.decode("ascii").splitlines()
    expected = zip(serials.write_range(99_998_999, 1_500), minted, strict=True)
    assert lines == [f"{serial},{keys.group(key)}" for serial, key in expected]
    assert keys.CSV_HEADER == b"serial,key\n"
    assert keys.csv_rows(5, []) == b""


def test_rows_beyond_the_last_serial_are_refused():
    minted = keys.mint(2, source(4))
    assert keys.csv_rows(serials.GREATEST - 1, minted)
    with pytest.raises(errors.Malformed):
        keys.csv_rows(serials.GREATEST, minted)


def test_half_a_key_of_entropy_is_a_mistake_of_the_caller():
    with pytest.raises(AssertionError):
        keys.write_many(bytes(22))
    with pytest.raises(AssertionError):
        keys.csv_rows(1, ["84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"])


def test_the_last_five_are_the_last_group():
    assert keys.last_five("84G7ZWYRD6Z1RV0WHE6M14GA6") == "14GA6"
