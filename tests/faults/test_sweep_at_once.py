"""Twenty sweeps at once, one that is killed between any two statements, and a renewal in the middle: no difference."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.closing.actions import living, sweeping
from chaveiro.apps.closing.queries import broken, snapshot
from chaveiro.apps.closing.queries.life import N1, N2
from chaveiro.rules.notices import Life
from chaveiro.rules.policies import DEFAULT_POLICY
from tests.apps.house_of_cards import do, ground
from tests.apps.lives import lay, look, renew
from tests.cast import means

AT_ONCE = 20
COUNT = 200
DAY, ENDS_ON = date(2027, 3, 1), date(2027, 3, 1)
LIFE = Life(first_day=date(2026, 3, 1), ends_on=ENDS_ON, policy=DEFAULT_POLICY)

WRITTEN = "SELECT subscription_id, term, kind, recipient, state FROM notices_notice ORDER BY 1, 2, 3, 4"
TOLD = "SELECT subject_id, tag FROM journal_entry WHERE tag LIKE 'subscription:%%' ORDER BY 1, 2"


@pytest.fixture
def ids(real_database: str) -> list[UUID]:
    return lay([LIFE] * COUNT)


def swept(_number: int = 0) -> sweeping.Swept:
    try:
        return sweeping.sweep(day=DAY, means=means(DAY), limit=COUNT)
    finally:
        connection.close()


def by_kind() -> Counter[tuple[str, str]]:
    return Counter((kind, state) for _, _, kind, _, state in look(WRITTEN))


EXPECTED = {("ended", "owed"): COUNT} | {(f"ends-{days}", "superseded"): COUNT for days in (60, 30, 7, 1)}


def test_twenty_sweeps_at_once_are_one(ids: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "PORTION", 7)
    together = Barrier(AT_ONCE, timeout=30)

    def run(number: int) -> sweeping.Swept:
        together.wait()
        return swept(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(run, range(AT_ONCE)))
    # Who finds nothing left but what others hold in hand ends; the next look finds all done.
    assert swept().looked_at == COUNT - sum(one.looked_at for one in found)
    assert by_kind() == EXPECTED
    assert len(look(TOLD)) == COUNT
    with snapshot():
        assert not [one for assertion in (*N1, *N2) for one in broken(assertion, ground())]


def test_twenty_days_at_once_move_the_mark_once(ids: list[UUID]) -> None:
    living.live(means=means(date(2027, 1, 1)))
    together = Barrier(AT_ONCE, timeout=30)

    def run(_number: int) -> date | None:
        together.wait()
        try:
            return living.live(means=means(DAY)).quiet_until
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert set(pool.map(run, range(AT_ONCE))) == {date(2027, 3, 8)}
    assert len(look("SELECT id FROM journal_entry WHERE tag = 'clock:quiet'")) == 1
    assert by_kind()["ended", "owed"] == COUNT


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.mark.parametrize("after", range(1, 8))
def test_a_sweep_that_ends_between_two_portions_or_statements_is_gone_on_with(
    ids: list[UUID], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(sweeping, "PORTION", 60)
    claim, calls = sweeping._claim, Counter[str]()

    def dies(*values: Any) -> list[UUID]:
        found = claim(*values)
        calls["claimed"] += 1
        if calls["claimed"] == after:
            raise Killed
        return found

    monkeypatch.setattr(sweeping, "_claim", dies)
    if after <= 4:
        with pytest.raises(Killed):
            sweeping.sweep(day=DAY, means=means(DAY))
        assert by_kind()["ended", "owed"] == 60 * (after - 1)
    sweeping.sweep(day=DAY, means=means(DAY))
    assert by_kind() == EXPECTED
    assert len(look(TOLD)) == COUNT


def test_a_renewal_between_claim_and_settling_waits_and_makes_it_due_again(
    ids: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is locked: the renewal comes after, and what it changed is looked at anew."""
    claim = sweeping._claim

    def meanwhile(*values: Any) -> list[UUID]:
        found = claim(*values)

        def late() -> None:
            try:
                renew(ids[0], DAY, date(2028, 3, 1))
            finally:
                connection.close()

        monkeypatch.setattr(sweeping, "_claim", claim)
        pool.submit(late)
        return found

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(sweeping, "_claim", meanwhile)
        sweeping.sweep(day=DAY, means=means(DAY))
    assert look("SELECT due_on FROM subscriptions_subscription WHERE id = %s", ids[0]) == [(date.min,)]
    assert sweeping.sweep(day=DAY, means=means(DAY)) == sweeping.Swept(looked_at=1)
    assert look("SELECT due_on FROM subscriptions_subscription WHERE id = %s", ids[0]) == [(date(2028, 1, 1),)]


def test_a_row_that_somebody_holds_is_left_for_the_next_look(ids: list[UUID], real_database: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        do("BEGIN")
        do("SELECT FROM subscriptions_subscription WHERE id = %s FOR UPDATE", ids[0])
        assert pool.submit(swept).result(timeout=30).looked_at == COUNT - 1
        do("COMMIT")
    assert swept().looked_at == 1
