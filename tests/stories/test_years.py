"""Years of subscriptions: by the rulebook alone, and through the real schema, with clocks that stand still.

No early erasure, and every owed notice settled exactly once, whatever renewals, outages, holds and bounces there are.
"""

from __future__ import annotations

import random

import pytest

from tests.faults.proof import record, seed
from tests.stories import years
from tests.stories.years import Broken, Counts, simulate

DAYS = 1500


def some_years(chance: random.Random, wanted: int) -> Counts:
    counts = Counts()
    while counts.years < wanted:
        simulate(chance, 100, DAYS, counts)
    for name in ("told", "superseded", "renewed", "put_off", "erased", "waited", "outages"):
        assert getattr(counts, name), f"nothing was ever {name}: a run that says nothing"
    return counts


def test_some_thousand_years_by_the_rulebook_hold_every_law() -> None:
    some_years(random.Random(seed()), 4_000)


@pytest.mark.prove
def test_a_million_years_by_the_rulebook_hold_every_law() -> None:
    used = seed()
    counts = some_years(random.Random(used), 1_000_000)
    told = {name: getattr(counts, name) for name in counts.__slots__ if name != "days"}
    record(
        "years-by-the-rulebook",
        "In a million simulated subscription-years nothing was erased early and every owed notice settled once.",
        used_seed=used,
        **{"subscription-years": counts.years, "laws broken": 0} | told,
    )


@pytest.mark.parametrize(
    ("name", "fault", "law"),
    [
        ("must_put_off", lambda *_, **__: False, "no sentence is untrue"),
        ("next_look", lambda life, day, **_: max(day + years.timedelta(days=40), life.ends_on), "no day is missed"),
        ("put_off_until", lambda day, _quiet: day + years.timedelta(days=6), "no sentence is untrue"),
    ],
)
def test_a_fault_in_a_rule_is_found(monkeypatch: pytest.MonkeyPatch, name: str, fault: object, law: str) -> None:
    monkeypatch.setattr(years, name, fault)
    with pytest.raises(Broken) as found:
        some_years(random.Random(7), 4_000)
    assert found.value.law.startswith(law)
