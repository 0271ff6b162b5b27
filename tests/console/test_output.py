"""Exit codes and messages: one table, one form."""

from __future__ import annotations

import importlib
import json
import pkgutil
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

import chaveiro
from chaveiro.console import output
from chaveiro.console.output import EXITS, Exit
from chaveiro.rules.errors import Contention, Malformed, NotAllowed, NotFound, Refusal, TermTooShort
from chaveiro.rules.verdicts import KeyRedeemed

DAY = date(2027, 3, 1)


def refusals() -> set[type[Refusal]]:
    """Every class of refusal that the project has."""
    for module in pkgutil.walk_packages(chaveiro.__path__, "chaveiro."):
        if (
            not module.name.startswith(("chaveiro.config.", "chaveiro.console.main"))
            and ".migrations" not in module.name
        ):
            importlib.import_module(module.name)
    found, waiting = set(), [Refusal]
    while waiting:
        for below in waiting.pop().__subclasses__():
            found.add(below)
            waiting.append(below)
    return {refusal for refusal in found if refusal.__module__.startswith("chaveiro.")}


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
    assert set(EXITS) - {refusal.code for refusal in refusals()} == set()


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
