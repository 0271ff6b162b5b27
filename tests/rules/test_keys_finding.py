"""Keys in a text: found with and without typing errors, no noise from prose; and taken out of a log."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from chaveiro.rules import errors, keys
from chaveiro.rules.symbols import SYMBOLS

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "keys.json").read_text("utf-8"))
KEY = "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"
OTHER = "110RD-V1EWZ-EPEEX-J1T6B-J144G"
WRONG = "84G7Z-WYRD6-Z1RV0-WHE6M-14GA7"

MAIL = f"""Bom dia, Bruno,

segue a encomenda 2027/00045 de 1 de março: três chaves de produto, a 25 lugares cada uma.
Emitimos a fatura FT 2027/118 para o NIF 501234560; pague para PT50 0002 0123 1234 5678 9015 4, ou seja
PT50000201231234567890154, até 2027-03-31. Telefone: +351 912 345 678, também 21 123 45 67.

  1. {KEY}
  2) {OTHER.replace("-", " ")}
> chave: «7nvck–jzs2y–fstbq–q5w6a–shd81»; a última é **QZ1Y2KSAAE0CESPPXH0R8C9WF**!
Referência: 3f2a9c1e-1234-4abc-9def-001122334455, ver https://loja.exemplo.pt/a?b=12345-67890-12345-67890-12345

Cumprimentos,
Ana Conceição, Sítio dos Pinheiros, lote 12345, 1000-001 Lisboa, ana.conceicao@parceiro-modelo1.exemplo.pt
"""


def found(text: str) -> list[str]:
    return [keys.group(reading.canonical or reading.repair or "?") for reading in keys.find_all(text)]


def test_a_pasted_mail_yields_its_keys_and_nothing_else():
    assert found(MAIL) == [KEY, OTHER, "7NVCK-JZS2Y-FSTBQ-Q5W6A-SHD81", "QZ1Y2-KSAAE-0CESP-PXH0R-8C9WF"]
    assert all(reading.code == "ok" for reading in keys.find_all(MAIL))


def test_the_same_mail_with_a_typing_error_in_each_key_still_yields_all_of_them():
    wrong = MAIL.replace("14GA6", "14GA7").replace("V1EWZ", "V1EZW").replace("jzs2y", "jzs3y").replace("0CESP", "0CESQ")
    readings = keys.find_all(wrong)
    assert [reading.code for reading in readings] == ["key_checksum"] * 4
    assert found(wrong) == found(MAIL)


@pytest.mark.parametrize(
    "text",
    [
        "there where those which about these words would never mean anything",
        "Estas cinco letras nunca foram chave alguma para quem sabe olhar",
        "12345-67890-12345-67890-12345",
        "12345 67890 12345 67890 12345 67890",
        "0" * 25,  # the only key that anybody could guess: it is none
        "00000-00000-00000-00000-00000",
        "4539 1488 0343 6467 5105 1051 0",
        "PT50-0002-0123-1234-5678-9015-4",
        "3f2a9c1e-1234-4abc-9def-001122334455",
        "507f1f77bcf86cd799439011",
        "mail2.escritorio-modelo.pt",
        "relatorio-final-2027.versao-2.pdf",
        "2027-03-01T10:11:12.123456Z 2027-03-02T10:11:12.123456Z",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Pneumoultramicroscopicossilicovulcanoconiotico",
        "",
    ],
)
def test_prose_numbers_and_addresses_are_left_alone(text):
    assert keys.find_all(text) == ()
    assert keys.scrub(text) == text


def test_a_column_of_a_file_yields_the_keys_and_not_the_serials():
    minted = keys.mint(2_000, random.Random(1).randbytes)
    rows = (keys.CSV_HEADER + keys.csv_rows(10_000_000_000, minted)).decode("ascii")
    for separator in [",", ";", "\t", '","', " | "]:
        readings = keys.find_all(rows.replace(",", separator))
        assert [reading.canonical for reading in readings] == minted


@pytest.mark.parametrize(
    "write",
    [
        lambda key: keys.group(key),
        lambda key: key,
        lambda key: key.lower(),
        lambda key: keys.group(key).replace("-", " "),
        lambda key: keys.group(key).replace("-", " - "),
        lambda key: keys.group(key).replace("-", "\u2011"),
        lambda key: keys.group(key).replace("-", "\u200b-"),
        lambda key: keys.group(key).replace("-", "\n"),
        lambda key: f"{key[:10]} {key[10:20]} {key[20:]}",
        lambda key: f"{key[:8]}-\r\n  {key[8:]}",
        lambda key: f"({keys.group(key)})",
        lambda key: f"chave:{keys.group(key)}.",
        lambda key: f"**{keys.group(key)}**",
    ],
)
def test_keys_are_found_in_every_form_in_the_order_of_the_text(write):
    minted = keys.mint(300, random.Random(2).randbytes)
    text = "\n".join(f"{write(key)}\tpara a Padaria Sol, Lda." for key in minted)
    assert [reading.canonical for reading in keys.find_all(text)] == minted


def test_two_hundred_keys_on_one_line_are_found_even_without_hyphens_and_after_a_word_of_five_letters():
    minted = keys.mint(200, random.Random(3).randbytes)
    text = "Chave " + " ".join(keys.group(key).replace("-", " ") for key in minted)
    assert [reading.canonical for reading in keys.find_all(text)] == minted


@pytest.mark.parametrize("grouping", ["-", " ", ""])
def test_keys_with_one_or_two_wrong_symbols_are_found_and_located(grouping):
    randomly = random.Random(4)
    minted = keys.mint(500, randomly.randbytes)
    # Without a digit, five words in capitals with spaces between them may be just that: one key of ten thousand.
    minted = [key for key in minted if grouping != " " or sum(symbol.isdigit() for symbol in key) > 2]
    lines = []
    for key in minted:
        typed = list(key)
        for place in randomly.sample(range(25), randomly.choice([1, 2])):
            typed[place] = randomly.choice([symbol for symbol in SYMBOLS if symbol != key[place]])
        lines.append(keys.group("".join(typed)).replace("-", grouping))
    readings = keys.find_all("Segue chave:\n" + "\n".join(lines))
    repaired = [reading.repair for reading in readings]
    assert repaired == minted
    assert all(reading.code == "key_checksum" for reading in readings)


def test_a_word_of_five_letters_does_not_take_the_place_of_a_group():
    (reading,) = keys.find_all("a chave " + WRONG.replace("-", " ") + " falha")
    assert reading.typed == WRONG.replace("-", " ")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("84G*Z-WYRD6-Z1RV0-WHE6M-14GA6", "key_symbol"),
        ("84G7Z-WYRD6-Z1RV0-WHE6M-14GAU", "key_symbol"),
        ("84G7Z-WYRD6-Z1RV0-WHE6M-14GA*", "key_symbol"),
        ("U4G7ZWYRD6Z1RV0WHE6M14GA6", "key_symbol"),
        ("84G7Z-WYRD6-Z1RV0-WHE6M-14GA", "key_length"),
        ("84G7Z-WYRD66-Z1RV0-WHE6M-14GA6", "key_length"),
        ("84G7ZWYRD6Z1RV0WHE6M14GA", "key_length"),
        ("84G7Z-WYRD6-Z1RV0-WHE6M14GA7", "key_checksum"),
        ("84G7Z-WYRD6-\r\nZ1RV0-WHE6M-14GA7", "key_checksum"),
        ("84G7Z WYRD6 * Z1RV0 WHE6M 14GA6", "key_symbol"),
    ],
)
def test_what_has_nearly_the_shape_of_a_key_is_named_inside_a_sentence(typed, code):
    (reading,) = keys.find_all(f"A Ana escreveu «{typed}» e {OTHER[:11]}; porquê?")
    assert (reading.typed, reading.code) == (typed, code)
    assert [reading.code for reading in keys.find_all(f"{KEY}\n{typed}\n{OTHER}")] == ["ok", code, "ok"]


def test_the_same_key_twice_is_found_twice():
    assert found(f"{KEY}, {KEY}") == [KEY, KEY]


def test_a_text_beyond_the_limit_is_refused():
    with pytest.raises(errors.Malformed) as refused:
        keys.find_all("a" * (keys.MAX_TEXT + 1))
    assert refused.value.facts == {"field": "text", "reason": "too_long"}


@pytest.mark.parametrize("unit", ["A1B2C ", "A1B2 ", "a ", "A1-", "*", "84G7Z-", "\u200b", "1" * 24 + " "])
def test_no_text_within_the_limit_takes_long(unit):
    text = unit * (keys.MAX_TEXT // len(unit) // 5)
    began = time.process_time()
    keys.find_all(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("case", VECTORS["repairs"] + VECTORS["read_loosely"], ids=lambda case: case["typed"])
def test_the_command_line_check_answers_one_key_for_each_vector(case):
    (reading,) = keys.check(case["typed"] + "\n")
    assert keys.group(reading.canonical or reading.repair) == case.get("reads", case.get("repair"))


def test_the_command_line_check_reads_a_single_line_that_has_no_shape_as_one_key():
    assert [reading.code for reading in keys.check("84G7Z\n")] == ["key_length"]
    assert [reading.code for reading in keys.check("8 4 G 7 Z W Y R D 6 Z 1 R V 0 W H E 6 M 1 4 G A 6")] == ["ok"]
    assert keys.check("") == keys.check("\n \n") == ()
    assert keys.check("uma linha\noutra linha") == ()
    assert keys.check("Esta é uma frase inteira, e não uma chave de produto.") == ()


# ---- out of a log


def test_a_key_leaves_a_log_and_only_its_last_five_symbols_stay():
    assert keys.scrub(f"redeemed {KEY} for Bruno") == "redeemed [key …14GA6] for Bruno"
    assert keys.scrub(f"{KEY},{OTHER}") == "[key …14GA6],[key …J144G]"
    assert keys.scrub(WRONG) == "[key …]"


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text,
        lambda text: text.lower(),
        lambda text: text.replace("-", ""),
        lambda text: text.replace("-", " "),
        lambda text: text.replace("-", " – "),
        lambda text: text.replace("-", "\\u2013"),
        lambda text: text.replace("-", "%20"),
        lambda text: text.replace("-", "+"),
        lambda text: text.replace("-", "\\n"),
        lambda text: text.replace("-", "&nbsp;"),
        lambda text: text.replace("-", "', '"),
        lambda text: text.replace("-", "/"),
        lambda text: f"\\n{text}\\r\\n",
        lambda text: f"{{'keys': ['{text}'], 'by': 'Ana'}}",
        lambda text: f"/redeem?key={text}&next=1",
        lambda text: f"Chave {text} falha",
    ],
)
@pytest.mark.parametrize("wrong_symbols", [0, 1, 2])
def test_no_form_of_a_key_with_up_to_two_wrong_symbols_stays_in_a_log(write, wrong_symbols):
    randomly = random.Random(wrong_symbols)
    for key in keys.mint(60, randomly.randbytes):
        typed = list(key)
        for place in randomly.sample(range(25), wrong_symbols):
            typed[place] = randomly.choice([symbol for symbol in SYMBOLS if symbol != key[place]])
        groups = keys.group("".join(typed)).split("-")
        clean = keys.scrub(f"at=10:11:12 {write('-'.join(groups))} end").upper()
        assert not [group for group in groups[:4] if group in clean]


@pytest.mark.parametrize(
    "typed", ["84G*Z-WYRD6-Z1RV0-WHE6M-14GA6", "84G7Z-WYRD6-Z1RV0-WHE6M-14GA", "84G7Z-WYRD6-Z1RV0-WHEE6M-14GA6"]
)
def test_a_key_with_a_foreign_missing_or_doubled_symbol_does_not_stay_in_a_log(typed):
    assert keys.scrub(f"typed={typed!r}") == "typed='[key …]'"


def test_a_log_without_keys_stays_as_it_is():
    line = (
        '{"event":"redemption.committed","request_id":"3f2a9c1e-1234-4abc-9def-001122334455","status":201,"ms":12.5,'
        '"path":"/api/v1/redemptions","actor":"per_01J9X7ZK3M","at":"2027-03-01T10:11:12.123456Z","client":"10.0.0.1"}'
    )
    assert keys.scrub(line) == line
    assert keys.scrub("short") == "short"


def test_cleaning_a_line_of_a_log_is_quick():
    line = "GET /api/v1/subscriptions/sub_01J9X7ZK3M?on=2027-03-01 200 3f2a9c1e-1234-4abc-9def-001122334455 12.5 ms"
    began = time.process_time()
    for _ in range(500):
        keys.scrub(line)
    assert 500 / (time.process_time() - began) > 1_000
