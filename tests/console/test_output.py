"""Exit codes and messages: one table, one form."""

from __future__ import annotations

import importlib
import json
import pkgutil
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from chaveiro.console import output
from chaveiro.console.output import EXITS, Exit
from chaveiro.console.refusals import NotReady
from chaveiro.rules.errors import Contention, Malformed, NotAllowed, NotFound, Refusal, TermTooShort
from chaveiro.rules.verdicts import KeyRedeemed
from chaveiro.wording import sentence, what_to_do

DAY = date(2027, 3, 1)


def codes() -> set[str]:
    """The codes of all refusals that the rooms and the command line know."""
    for package in ("rules", "adapters", "apps", "console"):
        root = importlib.import_module(f"chaveiro.{package}")
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    found, waiting = set(), [Refusal]
    while waiting:
        for below in waiting.pop().__subclasses__():
            found.add(below.code)
            waiting.append(below)
    return found


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Malformed(field="day", reason="bad"), 2),
        (NotFound(), 3),
        (KeyRedeemed(), 4),
        (TermTooShort(), 4),
        (NotAllowed(needs="owner"), 6),
        (Contention(what="key"), 75),
    ],
)
def test_a_refusal_ends_with_the_code_of_its_kind(refusal: Refusal, code: int) -> None:
    assert output.exit_of(refusal) == code


def test_every_code_of_the_table_is_some_refusal_s() -> None:
    assert set(EXITS) - codes() == set()


def test_the_exit_codes_are_the_contract_s() -> None:
    codes = {0, 1, 2, 3, 4, 5, 6, 75, 130}
    assert {int(one) for one in Exit} == codes


def test_a_refusal_for_machines_has_code_meaning_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    ended = output.refuse(TermTooShort(ends_on=DAY, days=3, days_needed=7, instead=()), as_json=True)
    told = capsys.readouterr()
    assert json.loads(told.err) == {
        "code": "term_too_short",
        "detail": TermTooShort.summary(),
        "ends_on": "2027-03-01",
        "days": 3,
        "days_needed": 7,
        "instead": [],
    }
    assert (told.out, ended) == ("", Exit.REFUSED)


@pytest.mark.parametrize(("locale", "language"), [("pt_PT.UTF-8", "pt-pt"), ("en_GB.UTF-8", "en"), ("C", "en")])
def test_a_refusal_is_told_in_the_language_of_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, locale: str, language: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    output.refuse(KeyRedeemed(), as_json=False)
    first, advice = capsys.readouterr().err.splitlines()
    assert output.language() == language
    assert first == f"key_redeemed: {sentence(KeyRedeemed(), language)}"
    assert advice.strip() == what_to_do(KeyRedeemed(), language)


def test_several_faults_are_told_each_with_its_cure(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [{"name": "mail", "said": "none", "cure": "name one"}, {"name": "walls", "said": "down", "cure": "up"}]
    output.refuse(NotReady(faults=faults), as_json=False)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  mail: none",
        "    cure: name one",
        "  walls: down",
        "    cure: up",
    ]


def test_values_have_one_json_form() -> None:
    values = {
        "day": DAY,
        "instant": datetime(2027, 3, 1, 9, 30, tzinfo=UTC),
        "id": UUID(int=7),
        "words": frozenset({"b", "a"}),
        "refusal": NotFound(),
    }
    assert json.loads(json.dumps(values, default=output.plain)) == {
        "day": "2027-03-01",
        "instant": "2027-03-01T09:30:00+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
        "words": ["a", "b"],
        "refusal": {"code": "not_found", "detail": NotFound.summary()},
    }


def test_a_table_is_as_wide_as_it_must_be() -> None:
    assert output.table(("A", "BATCH"), [("long", 1), (None, 22)]) == "A     BATCH\nlong  1\n      22"


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    output.Progress("minting")(1, 2)
    assert capsys.readouterr().err == ""
