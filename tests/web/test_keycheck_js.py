"""The check in the browser gives the same answers as the rulebook: on the vectors, and on thousands of random texts."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from chaveiro.rules import keys
from chaveiro.rules.symbols import SYMBOLS, significant

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "src" / "chaveiro" / "web" / "static" / "chaveiro" / "keycheck.js"
VECTORS = json.loads((ROOT / "tests" / "vectors" / "keys.json").read_text("utf-8"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NODE = shutil.which("node")
KEY = "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"

ANSWER = "asked => [asked.read.map(chaveiroKeyCheck.read), asked.find.map(chaveiroKeyCheck.findAll)]"
IGNORED = """() => {
  const codes = [];
  for (let code = 0; code < 0x110000; code++)
    if (chaveiroKeyCheck.read(String.fromCodePoint(code)).verdict === "key_empty") codes.push(code);
  return codes;
}"""
BEYOND = """length => {
  try { return chaveiroKeyCheck.findAll("a".repeat(length)).length; } catch (error) { return error.name; }
}"""
Engine = Callable[..., Any]


def missing(what: str) -> None:
    assert os.environ.get("CI") != "true", f"{what} must be there where everything is checked"
    pytest.skip(f"needs {what}")


def in_node(function: str, argument: object = None) -> Any:
    """The function's answer, the script loaded by node with no module and no page around it."""
    program = (
        f"require({json.dumps(str(SCRIPT))});"
        "const asked = JSON.parse(require('fs').readFileSync(0, 'utf-8'));"
        f"process.stdout.write(JSON.stringify(({function})(asked)));"
    )
    ran = subprocess.run([NODE, "-e", program], input=json.dumps(argument), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def chromium():
    """A page in Chromium with our script alone, under a policy that forbids evaluation and everything inline."""
    if not CHROMIUM:
        missing("Chromium")
    policy = {"content-security-policy": "default-src 'none'; script-src 'self'"}
    page_text = '<!doctype html><title>Chaves</title><script src="/keycheck.js"></script>'
    script = SCRIPT.read_text("utf-8")

    def answer(route):
        if route.request.url.endswith("/keycheck.js"):
            route.fulfill(body=script, content_type="text/javascript; charset=utf-8")
        else:
            route.fulfill(body=page_text, content_type="text/html; charset=utf-8", headers=policy)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.route("**/*", answer)
        page.goto("https://chaves.test/")
        yield page.evaluate
        browser.close()
        assert not faults


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """Node where there is node, else Chromium."""
    if NODE:
        return in_node
    if not CHROMIUM:
        missing("node or Chromium")
    return request.getfixturevalue("chromium")


def assert_the_same(engine: Engine, read: list[str], find: list[str]) -> None:
    """Both check the same texts; the first two that differ are shown."""
    ours = [
        [keys.read(text).facts() for text in read],
        [[reading.facts() for reading in keys.find_all(text)] for text in find],
    ]
    for texts, here, there in zip([read, find], ours, engine(ANSWER, {"read": read, "find": find}), strict=True):
        differing = [(text, a, b) for text, a, b in zip(texts, here, there, strict=True) if a != b]
        assert not differing, differing[:2]


# What random texts hold too seldom.
RARE = [
    "U4U7U-WYRD6-Z1RV0-WHE6M-14GA6",
    "U4U7Z-WYRD6-Z1RV0-WHE6M-14GA7",
    "84G7Z/WYRD6/Z1RV0/WHE6M/14GA6",
    "84G7Z/WYRD6/Z1RV0/WHE6M/14GA7",
    "84G7Z WYRD6 * Z1RV0 WHE6M 14GA6",
    "84G7Z WYRD6 Z1RV0 WHE6M 14GA7 Z1RV0",
    "chave 84G7Z WYRD6 Z1RV0 WHE6M 14GA7",
    "ÇÇÇÇÇ-WYRD6-Z1RV0-WHE6M-14GA6",
    "ÇÇÇÇZ-WYRD6-Z1RV0-WHE6M-14GA6",
    "84 G7 ZWY RD6 Z1RV0 WHE6 M14G A6",
    "84 G7 ZWYRD6 Z1RV0 WHE6 M14G A6",
    "84G7-WYR6-Z1RV0-WHE6-14GA6",
    "84G7-WYR6-Z1R0-WHE6M-14GA6",
    "84g7z wyrdx zxrvx whexm xxgax",
    "84G7Z WYRDX ZXRVX WHEXM XXGAX",
    "0" * 25,
    "PT50-0002-0123-1234-5678-9015-4",
    "507f1f77bcf86cd799439011",
    "84G7ZWYRD6Z1RV0WHE6M14GA",
    "84G7ZWYRD6Z1RV0WHE6M14GA66",
    "\ud800" + KEY,
]


def vector_texts() -> list[str]:
    return VECTORS["valid"] + [case["typed"] for case in VECTORS["read_loosely"] + VECTORS["repairs"]]


# ---- random texts, with everything that people do to a key


def mistyped(randomly: random.Random, key: str) -> str:
    symbols = list(key)
    for _ in range(randomly.choice([0, 0, 1, 1, 2, 2, 3])):
        symbols[randomly.randrange(25)] = randomly.choice(SYMBOLS * 2 + "OILUoilu*ÇçéＡ９\u0327\U0001f511")
    place = randomly.randrange(24)
    match randomly.randrange(12):
        case 0:
            del symbols[place]
        case 1:
            symbols.insert(place, symbols[place])
        case 2:
            symbols[place], symbols[place + 1] = symbols[place + 1], symbols[place]
        case 3:
            symbols.insert(place, randomly.choice("*_/!?\u200b\ufe0f\u00ad.,"))
    return randomly.choice([str.upper, str.upper, str.lower, str.swapcase, str])("".join(symbols))


def typed(randomly: random.Random, key: str) -> str:
    text = mistyped(randomly, key)
    separators = [
        "-",
        "-",
        "-",
        "-",
        " ",
        "",
        "–",
        " - ",
        ".",
        "\t",
        "\n",
        "-\r\n ",
        "\u200b-",
        "-\u00a0",
        "_",
        "/",
        "&",
    ]
    size = randomly.choice([5, 5, 5, 5, 5, 4, 6, 10])
    return randomly.choice(separators).join(text[start : start + size] for start in range(0, len(text), size))


def text_with_keys(randomly: random.Random) -> str:
    words = (
        "chave lote5 de para 000000000013 2027-03-01 **Padaria** Sol, (Lda.) 12345 «veja» é U 3f2a9c1e-1234 a1 ! ✓ 0"
    )
    joints = [" ", " ", " ", "\n", "\t", ",", "; ", "-", ". ", "\r\n", ": ", "“", "\u2028"]
    text = ""
    for _ in range(randomly.randrange(1, 12)):
        if randomly.random() < 0.4:
            text += typed(randomly, keys.write_many(randomly.randbytes(21))[0])
        else:
            text += randomly.choice(words.split())
        text += randomly.choice(joints)
    return text


def noise(randomly: random.Random) -> str:
    alphabet = [*SYMBOLS, *"oilUuçÇ€*-–. ,;\n\t\u200b\u0301\U0001f511Ａ９٣Ω\u212a\u017fßı"]
    return "".join(randomly.choices(alphabet, k=randomly.randrange(0, 60)))


def random_texts(seed: int) -> tuple[list[str], list[str]]:
    randomly = random.Random(seed)
    minted = keys.mint(1_200, randomly.randbytes)
    read = [typed(randomly, key) for key in minted] + [noise(randomly) for _ in range(800)]
    return read, [text_with_keys(randomly) for _ in range(1_500)] + read[::4]


# ---- the sentences


def test_every_vector_gets_the_same_answer_in_the_script(engine):
    assert_the_same(engine, vector_texts(), ["\n".join(vector_texts())])
    read, _found = engine(ANSWER, {"read": vector_texts(), "find": []})
    loosely = [case["reads"] for case in VECTORS["read_loosely"]]
    assert [answer["key"] for answer in read if answer["key"]] == VECTORS["valid"] + loosely
    repaired = [(answer["repair"], answer["positions"]) for answer in read if answer["repair"]]
    assert repaired == [(case["repair"], case["positions"]) for case in VECTORS["repairs"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_thousands_of_random_texts_get_the_same_answer_in_the_script(engine, seed):
    read, find = random_texts(seed)
    read, find = RARE + read, RARE + find
    assert {keys.read(text).code for text in read} == {
        "ok",
        "key_empty",
        "key_length",
        "key_symbol",
        "key_checksum",
    }
    assert_the_same(engine, read, find)


def test_the_script_ignores_exactly_the_characters_that_the_rulebook_ignores(engine):
    counted_for_nothing = [code for code in range(sys.maxunicode + 1) if not significant(chr(code))]
    differing = set(counted_for_nothing) ^ set(engine(IGNORED))
    assert not [f"U+{code:04X}" for code in sorted(differing)]


def test_texts_at_the_limits_get_the_same_answer_in_the_script(engine):
    fits, too_long = " " * (keys.MAX_TYPED - len(KEY)) + KEY, " " * keys.MAX_TYPED + KEY
    assert_the_same(engine, [fits, too_long, "\U0001f511" * 501], [" " * 10_000 + KEY, ""])
    assert engine(BEYOND, keys.MAX_TEXT) == 0
    assert engine(BEYOND, keys.MAX_TEXT + 1) == "RangeError"


def test_the_script_is_a_few_kilobytes_and_evaluates_nothing():
    text = SCRIPT.read_text("utf-8")
    assert len(text.encode("utf-8")) < 10_000
    assert "eval(" not in text
    assert "Function(" not in text


@pytest.mark.browser
def test_the_script_runs_in_chromium_under_a_strict_policy_with_the_same_answers(chromium):
    read, find = random_texts(3)
    assert_the_same(chromium, vector_texts() + read[:600], find[:300])
    assert chromium("() => Object.keys(window).filter(name => name.startsWith('chaveiro'))") == ["chaveiroKeyCheck"]
