"""`keys check` and `terms`: pure answers for anybody, with no installation, no database and no wait."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.console.shell import chaveiro, environment

VECTORS = Path(__file__).parents[1] / "vectors"
KEYS = json.loads((VECTORS / "keys.json").read_text(encoding="utf-8"))
SUMS = json.loads((VECTORS / "seat_time.json").read_text(encoding="utf-8"))
KEY = "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"


def test_each_key_in_a_text_is_one_json_object_on_a_line() -> None:
    ended = chaveiro("keys", "check", "--json", stdin="\n".join(KEYS["valid"]))
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["key"] for line in lines] == KEYS["valid"]
    assert all(set(line) == {"typed", "key", "verdict", "positions", "repair"} for line in lines)
    assert (ended.code, ended.err) == (0, "")


def test_a_key_with_two_wrong_symbols_is_located_and_a_repair_offered() -> None:
    wrong = KEY.replace("Z", "Y", 1)[:-1] + "7"
    answer = chaveiro("keys", "check", "--json", stdin=wrong).json()
    assert answer == {"typed": wrong, "key": None, "verdict": "key_checksum", "positions": [5, 25], "repair": KEY}


def test_a_person_reads_verdict_and_repair_in_a_table() -> None:
    ended = chaveiro("keys", "check", stdin=KEY.replace("Z", "Y", 1))
    headings, row = ended.out.splitlines()
    assert headings.split() == ["TYPED", "VERDICT", "MEANING"]
    assert "probably wrong: 5" in row
    assert KEY in row


@pytest.mark.parametrize(
    ("typed", "verdict", "english", "portuguese"),
    [
        (KEY, "ok", "reads well", "lê-se bem"),
        (KEY[:-1], "key_length", "this has 24", "esta tem 24"),
        (f"{KEY[:-1]}U", "key_symbol", "stands at 25", "na posição 25"),
        (f"{KEY[:-1]}7", "key_checksum", "probably wrong: 25", "provavelmente errado: 25"),
    ],
)
def test_each_verdict_is_told_in_the_language_of_the_terminal(
    typed: str, verdict: str, english: str, portuguese: str
) -> None:
    for locale, words in (("pt_PT.UTF-8", portuguese), ("C.UTF-8", english)):
        row = chaveiro("keys", "check", stdin=typed, env=environment() | {"LC_ALL": locale}).out.splitlines()[1]
        assert verdict in row.split()
        assert words in row


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_in_the_encoding_that_it_has(encoding: str) -> None:
    text = f"série;chave é\n1;{KEY}\n"
    assert chaveiro("keys", "check", "--json", stdin=text.encode(encoding)).json()["key"] == KEY


def test_a_text_without_keys_is_no_failure_and_says_so() -> None:
    ended = chaveiro("keys", "check", stdin="Bom dia.\nA reunião é às dez e a sala é a do costume, como sempre.\n")
    assert (ended.code, ended.out) == (0, "")
    assert "nothing" in ended.err


def test_a_text_longer_than_anybody_means_is_refused_as_usage() -> None:
    ended = chaveiro("keys", "check", "--json", stdin="x" * 2_000_001)
    assert (ended.code, ended.refusal()["code"], ended.refusal()["field"]) == (2, "malformed", "text")


def test_terms_agrees_with_every_vector() -> None:
    results = chaveiro("terms", "--json", stdin=json.dumps(SUMS)).json()
    assert len(results) == len(SUMS) > 0
    for case, result in zip(SUMS, results, strict=True):
        assert {name: result.get(name) for name in case["expect"]} == case["expect"], case["name"]


def test_terms_tells_people_the_last_day_covered() -> None:
    ended = chaveiro("terms", stdin=json.dumps(SUMS[:1]))
    assert ended.out.splitlines()[1].split() == ["1", "5", "2027-11-21", "2027-11-22", "0"]


@pytest.mark.parametrize("stdin", ["", "{", "{}", "[" * 100_000, '"cases"'])
def test_cases_that_are_no_list_are_refused_as_usage(stdin: str) -> None:
    ended = chaveiro("terms", "--json", stdin=stdin)
    assert (ended.code, ended.out, ended.refusal()["code"]) == (2, "", "malformed")


def test_neither_loads_the_framework_or_a_driver() -> None:
    program = (
        "import sys; from chaveiro.console.main import run\n"
        "run(['keys', 'check', '--json']); run(['terms', '--json']); run(['--help'])\n"
        "heavy = {'django', 'psycopg', 'cryptography', 'procrastinate', 'granian'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=b"[]", capture_output=True, env=environment(), check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_check_starts_in_a_moment() -> None:
    # 150 ms on an idle machine; what is measured is processor time, which other processes do not lengthen much.
    times = []
    for _ in range(5):
        before = time.perf_counter()
        chaveiro("keys", "check", "--json", stdin=KEY)
        times.append(time.perf_counter() - before)
    assert min(times) < 0.5, times


def test_a_reader_that_goes_away_is_no_fault() -> None:
    program = f"{sys.executable} -m chaveiro.console.main keys check --json | head -c 10"
    done = subprocess.run(
        ["/bin/sh", "-c", program],
        input="\n".join([KEY] * 8_000).encode(),
        capture_output=True,
        env=environment(),
        check=False,
        timeout=30,
    )
    assert (len(done.stdout), done.stderr) == (10, b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--help",), 0),
        (("keys",), 2),
        (("keys", "--help"), 0),
        (("keys", "check", "--help"), 0),
        (("keys", "check", "--nonsense"), 2),
        (("keys", "sing"), 2),
        (("sing",), 2),
        (("--colour", "terms"), 2),
        (("terms", "extra"), 2),
    ],
)
def test_usage_is_told_by_its_own_exit_code(arguments: tuple[str, ...], code: int) -> None:
    ended = chaveiro(*arguments)
    assert ended.code == code
    assert ("Usage:" in ended.out) == (code == 0)
    assert ("Usage:" in ended.err) == (code == 2)


def test_a_key_among_the_arguments_is_not_repeated() -> None:
    for json_too in ((), ("--json",)):
        ended = chaveiro("keys", KEY, *json_too)
        assert ended.code == 2
        assert KEY not in ended.err
        assert "14GA6" in ended.err
