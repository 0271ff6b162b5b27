"""One typed key: what it reads as, what is wrong with it, where, and what was meant."""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from pathlib import Path

import pytest
import reedsolo
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chaveiro.rules import keys
from chaveiro.rules.keys.reedsolomon import KEY_SYMBOLS, check_symbols, locate, multiply, syndromes
from chaveiro.rules.symbols import SYMBOLS, VALUES, significant

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text("utf-8"))
ORACLE = reedsolo.RSCodec(4, nsize=31, c_exp=5, prim=0x25, generator=2, fcr=0)
KEY = "84G7ZWYRD6Z1RV0WHE6M14GA6"

some_key = st.binary(min_size=21, max_size=21).map(lambda entropy: keys.write_many(entropy)[0])
some_change = st.integers(1, 31)


def changed(key: str, changes: dict[int, int]) -> str:
    """The key with other symbols at the given indexes; 1 to 31 names the other symbol."""
    return "".join(SYMBOLS[VALUES[symbol] ^ changes.get(index, 0)] for index, symbol in enumerate(key))


@pytest.mark.parametrize("key", VECTORS["valid"])
def test_a_valid_vector_reads_as_itself(key):
    reading = keys.read(key)
    assert (reading.code, reading.positions, reading.repair) == ("ok", (), None)
    assert keys.group(reading.canonical) == key


@pytest.mark.parametrize("case", VECTORS["read_loosely"], ids=lambda case: case["reads"])
def test_a_loosely_typed_vector_reads_as_the_key_that_was_meant(case):
    assert keys.read(case["typed"]).facts() == {
        "typed": case["typed"],
        "key": case["reads"],
        "verdict": "ok",
        "positions": [],
        "repair": None,
    }


@pytest.mark.parametrize("case", VECTORS["repairs"], ids=lambda case: case["typed"])
def test_a_vector_with_wrong_symbols_is_located_and_a_repair_offered(case):
    assert keys.read(case["typed"]).facts() == {
        "typed": case["typed"],
        "key": None,
        "verdict": "key_checksum",
        "positions": case["positions"],
        "repair": case["repair"],
    }


@settings(deadline=None, max_examples=400)
@given(some_key, st.dictionaries(st.integers(0, 24), some_change, min_size=1, max_size=2))
def test_a_key_with_one_or_two_wrong_symbols_is_located_and_a_repair_offered(key, changes):
    reading = keys.read(changed(key, changes))
    assert reading.code == "key_checksum"
    assert reading.canonical is None
    assert reading.positions == tuple(sorted(index + 1 for index in changes))
    assert reading.repair == key


@settings(deadline=None)
@given(some_key, st.integers(0, 23))
def test_two_swapped_neighbours_are_located(key, index):
    assume(key[index] != key[index + 1])
    reading = keys.read(key[:index] + key[index + 1] + key[index] + key[index + 2 :])
    assert reading.positions == (index + 1, index + 2)
    assert reading.repair == key


def test_every_single_wrong_symbol_at_every_place_is_located():
    for index in range(25):
        for change in range(1, 32):
            reading = keys.read(changed(KEY, {index: change}))
            assert (reading.positions, reading.repair) == ((index + 1,), KEY)


def test_the_two_error_decoder_agrees_with_trying_every_pair():
    """The oracle knows nothing of the closed form: it looks for one or two changes that make the syndromes vanish."""
    unit = [0] * KEY_SYMBOLS
    single = {}
    for index in range(KEY_SYMBOLS):
        for change in range(1, 32):
            single[syndromes([*unit[:index], change, *unit[index + 1 :]])] = {index: change}
    randomly = random.Random(5)
    repaired = 0
    for _ in range(1_500):
        packed = randomly.randrange(1, 1 << 20)
        pairs = [change | single[packed ^ first] for first, change in single.items() if packed ^ first in single]
        tried = single.get(packed) or next((pair for pair in pairs if len(pair) == 2), None)
        assert locate(packed) == tried
        repaired += tried is not None
    assert 0.2 < repaired / 1_500 < 0.35, "a quarter of random words yield a repair"


def test_an_error_that_would_stand_before_the_first_symbol_is_not_repaired():
    """The code is shortened: six of its 31 places are not in a key."""
    for place in range(KEY_SYMBOLS, 31):
        for change in range(1, 32):
            packed, root = 0, 1
            for power in range(4):
                packed |= multiply(change, root) << (5 * power)
                for _ in range(place):
                    root = multiply(root, 2)
            assert locate(packed) is None


def test_random_words_get_the_same_answer_as_from_reedsolo():
    randomly = random.Random(6)
    for errors in [0, 1, 2, 3, 4, 25] * 60:
        key = keys.write_many(randomly.randbytes(21))[0]
        places = randomly.sample(range(25), errors)
        word = changed(key, {place: randomly.randrange(1, 32) for place in places})
        reading = keys.read(word)
        try:
            decoded = list(ORACLE.decode([VALUES[symbol] for symbol in word])[1])
        except reedsolo.ReedSolomonError:
            assert (reading.code, reading.repair, reading.positions) == ("key_checksum", None, ())
            continue
        assert [VALUES[symbol] for symbol in reading.canonical or reading.repair] == decoded


def test_a_repair_is_always_a_key_within_two_symbols_and_its_positions_are_what_it_changes():
    randomly = random.Random(8)
    offered = 0
    for _ in range(2_000):
        word = "".join(randomly.choices(SYMBOLS, k=25))
        reading = keys.read(word)
        if reading.repair:
            offered += 1
            assert keys.read(reading.repair).code == "ok"
            differing = tuple(index + 1 for index in range(25) if word[index] != reading.repair[index])
            assert differing == reading.positions
            assert 1 <= len(differing) <= 2
    assert offered > 300


def test_check_symbols_and_syndromes_say_the_same():
    values = [VALUES[symbol] for symbol in KEY]
    assert [*values[:21], *check_symbols(values[:21])] == values
    assert locate(syndromes(values)) == {}


@pytest.mark.parametrize("typed", ["", " \t\r\n", "- – — .", "\u200b\ufeff"])
def test_nothing_typed_is_said_to_be_empty(typed):
    assert keys.read(typed).code == "key_empty"


@pytest.mark.parametrize("typed", ["8", KEY[:-1], KEY + "0", KEY * 2])
def test_another_length_is_named(typed):
    reading = keys.read(typed)
    assert (reading.code, reading.positions, reading.repair) == ("key_length", (), None)
    assert reading.symbols == len(typed)


@pytest.mark.parametrize(
    ("typed", "positions"),
    [
        ("U4G7Z-WYRD6-Z1RV0-WHE6M-14GA6", (1,)),
        ("84g7z-wyrd6-z1rv0-whe6m-14gau", (25,)),
        ("84G7Z-WYÇD6-Z1RV0-WHE6M-14GA6", (8,)),
        ("84G7Z-WYC\u0327D6-Z1RV0-WHE6M-14GA6", (8,)),
        ("84G7Z-*YRD6-Z1RV0-WHE6M-14G?6", (6, 24)),
        ("84G7Z-WYRD6-Z1RV0-WHE6M-14GA\N{GRINNING FACE}", (25,)),
    ],
)
def test_symbols_that_no_key_has_are_named_with_their_places_and_the_key_is_offered(typed, positions):
    reading = keys.read(typed)
    assert (reading.code, reading.positions, reading.repair) == ("key_symbol", positions, KEY)
    assert reading.canonical is None


def test_separators_that_no_key_has_are_named_and_the_key_without_them_is_offered():
    reading = keys.read("84G7Z/WYRD6/Z1RV0/WHE6M/14GA6")
    assert (reading.code, reading.positions, reading.repair) == ("key_symbol", (6, 12, 18, 24), KEY)
    assert keys.read("84G7Z/WYRD6/Z1RV0/WHE6M/14GA7").repair is None


def test_three_foreign_symbols_are_named_and_nothing_is_guessed():
    reading = keys.read("U4U7U" + KEY[5:])
    assert (reading.code, reading.positions, reading.repair) == ("key_symbol", (1, 3, 5), None)


def test_foreign_symbols_are_named_before_the_length():
    reading = keys.read("Olá, Bruno")
    assert (reading.code, reading.positions, reading.symbols) == ("key_symbol", (3, 4, 7), 9)


@pytest.mark.parametrize("typed", [KEY, KEY[:-1] + "7", "U" + KEY[1:]])
def test_a_reading_does_not_show_the_key_where_an_error_page_would_print_it(typed):
    shown = repr(keys.read(typed))
    assert KEY[5:20] not in shown
    assert keys.read(typed).code in shown


def test_a_text_far_too_long_for_a_field_is_neither_kept_nor_searched():
    reading = keys.read("Ç" * 100_000)
    assert (reading.code, reading.positions, len(reading.typed)) == ("key_length", (), keys.MAX_TYPED)
    assert keys.read(" " * (keys.MAX_TYPED - 25) + KEY).code == "ok"


@pytest.mark.parametrize("category", ["Zs", "Zl", "Zp", "Cc", "Cf", "Pd"])
def test_every_space_control_format_character_and_dash_of_unicode_counts_for_nothing(category):
    characters = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == category]
    counted = [f"U+{ord(character):04X}" for character in characters if significant(character)]
    assert characters
    assert not counted


def test_nothing_that_stands_for_a_symbol_counts_for_nothing():
    for symbol in SYMBOLS:
        wide = chr(ord(symbol) + 0xFEE0)
        assert significant(symbol) == significant(symbol.lower()) == significant(wide) == symbol
    assert significant("OoIiLlＯｏ") == "00111100"
    assert significant("Uu*Ç_٣") == "UU*Ç_٣"


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60))
def test_reading_never_raises_and_an_accepted_key_is_one_that_could_be_written(text):
    reading = keys.read(text)
    assert (reading.code == "ok") == (reading.canonical is not None)
    if reading.canonical:
        assert keys.read(reading.canonical).canonical == reading.canonical
