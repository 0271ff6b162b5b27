"""The law of a correction: what left the wrong ledger is what the right one got, and no day came from nowhere."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaveiro.rules import ledger, terms
from chaveiro.rules.errors import LedgerBroken
from chaveiro.rules.ledger import (
    ChangesStandOnIt,
    Kind,
    LedgerRow,
    NothingToMove,
    account,
    correction_of,
    moved_by,
    replay,
    standing_rows_of,
)
from chaveiro.rules.policies import Policy, RightSize
from chaveiro.rules.seat_time import Grant, Operation, Standing, add_up, footing

OPENED = date(2026, 11, 22)
POLICY = Policy(horizon_months=60, right_size=RightSize.FREE)


def act(rows: list[LedgerRow], operation: str, day: date, grants: list[Grant], seats: int | None = None) -> None:
    """One act of keys, as the calculator does it, without its limits."""
    before = rows[-1].after if rows else None
    total = add_up(footing(Operation(operation), day, before, POLICY), grants, seats)
    rows.append(ledger.row_of(len(rows) + 1, total))


def correct(rows: list[LedgerRow], undoes: int, day: date) -> LedgerRow:
    row = correction_of(len(rows) + 1, standing_rows_of(rows), undoes, day)
    rows.append(row)
    return row


def opened(seats: int = 5, months: int = 12) -> list[LedgerRow]:
    rows: list[LedgerRow] = []
    act(rows, "open", OPENED, [Grant(seats, months)])
    return rows


def test_an_opening_gives_up_what_was_not_used() -> None:
    rows = opened()
    row = correct(rows, 1, OPENED + timedelta(100))
    assert (row.after, moved_by(row)) == (None, 5 * 265)
    assert replay(rows) is None
    assert account(rows, OPENED + timedelta(300)) == ledger.Account(1825, 500, 0, 0, 0, 0, moved=1325)


def test_an_extension_is_given_up_whole_while_the_old_term_runs() -> None:
    rows = opened()
    before = rows[-1].after
    act(rows, "extend", OPENED + timedelta(10), [Grant(5, 12)])
    row = correct(rows, 2, OPENED + timedelta(100))
    assert (row.after, moved_by(row)) == (before, rows[1].granted)


def test_after_the_old_term_an_extension_ends_on_the_day_and_not_in_the_past() -> None:
    rows = opened()
    act(rows, "extend", OPENED + timedelta(10), [Grant(5, 12)])
    day = OPENED + timedelta(400)
    row = correct(rows, 2, day)
    assert row.after == Standing(5, day, 0)
    assert moved_by(row) == rows[1].granted - 5 * 35


def test_seats_that_were_added_leave_and_their_used_days_stay_used() -> None:
    rows = opened(seats=10)
    before = rows[-1].after
    act(rows, "add", OPENED, [Grant(5, 12)])
    row = correct(rows, 2, OPENED + timedelta(100))
    assert (row.after, moved_by(row)) == (before, 5 * 265)


def test_nobody_is_left_with_less_for_having_chosen_fewer_seats() -> None:
    rows = opened(seats=200, months=1)
    act(rows, "extend", OPENED + timedelta(10), [Grant(101, 12)], seats=101)
    row = correct(rows, 2, OPENED + timedelta(20))
    assert moved_by(row) == rows[1].granted  # all of it, and not a day of its own
    assert row.after is not None
    assert row.after.seats == 200


def test_an_opening_with_later_keys_on_it_and_one_that_is_used_up_do_not_move() -> None:
    rows = opened()
    act(rows, "extend", OPENED + timedelta(10), [Grant(5, 12)])
    with pytest.raises(ChangesStandOnIt) as stands:
        correct(rows, 1, OPENED + timedelta(20))
    assert stands.value.facts == {"number": 1, "changes": 1}
    with pytest.raises(NothingToMove):
        correct(opened(), 1, OPENED + timedelta(365))


@pytest.mark.parametrize("change", [timedelta(1), timedelta(-1)])
def test_a_correction_that_takes_a_day_more_or_less_breaks_the_replay(change: timedelta) -> None:
    rows = opened(seats=10)
    act(rows, "add", OPENED, [Grant(5, 12)])
    row = correct(rows, 2, OPENED + timedelta(100))
    assert row.after is not None
    after = Standing(row.after.seats, row.after.ends_on + change, row.after.credit)
    rows[-1] = LedgerRow(row.number, row.kind, row.day, row.origin, row.before, after, undoes=row.undoes)
    with pytest.raises(LedgerBroken):
        replay(rows)


def test_no_row_is_moved_twice() -> None:
    rows = opened(seats=10)
    act(rows, "add", OPENED, [Grant(5, 12)])
    row = correct(rows, 2, OPENED + timedelta(100))
    rows.append(LedgerRow(4, Kind.CORRECT, row.day, row.day, row.after, row.before, undoes=2))
    with pytest.raises(LedgerBroken):
        replay(rows)


GRANTS = st.lists(st.builds(Grant, st.integers(1, 50), st.integers(1, 24)), min_size=1, max_size=3)
ACTS = st.lists(st.tuples(st.sampled_from(["add", "extend"]), st.integers(0, 400), GRANTS), max_size=5)
GAPS = st.integers(0, 500)


@given(first=GRANTS, acts=ACTS, which=st.integers(0, 5), gap=GAPS, other=GRANTS, later=GAPS)
def test_seat_days_are_conserved(
    first: list[Grant],
    acts: list[tuple[str, int, list[Grant]]],
    which: int,
    gap: int,
    other: list[Grant],
    later: int,
) -> None:
    rows: list[LedgerRow] = []
    act(rows, "open", OPENED, first)
    day = OPENED
    for operation, wait, grants in acts:
        day += timedelta(wait)
        act(rows, operation, day, grants)
    day += timedelta(gap)
    undoes = which % len(rows) + 1
    try:
        taken = correct(rows, undoes, day)
    except (NothingToMove, ChangesStandOnIt):
        assume(False)
        return
    moved = moved_by(taken)
    right: list[LedgerRow] = []
    act(right, "open", OPENED, other)
    before = right[-1].after
    total = add_up(footing(Operation.EXTEND, day, before, POLICY), [Grant(1, 1)], None, moved)
    right.append(ledger.row_of(2, total))
    assert 0 < moved <= rows[undoes - 1].granted == rows[undoes - 1].granted
    assert right[-1].granted == moved
    replay(rows)
    replay(right)
    for on in (OPENED, day, day + timedelta(later)):
        here, there = account(rows, on), account(right, on)
        assert here.closes
        assert there.closes
        left = here.consumed + here.remaining + here.credit + there.consumed + there.remaining + there.credit
        # Of both together: what keys brought is what was used or is left, whoever has it; nothing was made.
        assert sum(row.granted for row in rows + right[:1] if row.day <= on) == left


@given(first=GRANTS, acts=ACTS, gap=GAPS)
def test_whoever_had_other_keys_ends_no_earlier_than_by_them_alone(
    first: list[Grant], acts: list[tuple[str, int, list[Grant]]], gap: int
) -> None:
    rows: list[LedgerRow] = []
    act(rows, "open", OPENED, first)
    day = OPENED
    for operation, wait, grants in acts:
        day += timedelta(wait)
        act(rows, operation, day, grants)
    assume(len(rows) > 1)
    day += timedelta(gap)
    alone = rows[-2].after
    assert alone is not None
    try:
        taken = correct(rows, len(rows), day)
    except NothingToMove:
        assume(False)
        return
    assert taken.after is not None
    assert taken.after.seats == alone.seats
    assert taken.after.ends_on == max(alone.ends_on, day) or taken.after.ends_on > alone.ends_on


def test_the_sum_says_what_was_left_of_the_keys() -> None:
    total, refusals = terms.weigh("open", OPENED, None, [Grant(5, 12)], None, POLICY, moved=1000)
    assert not refusals
    assert (total.granted, total.pool, total.ends_on, total.credit) == (1000, 1000, OPENED + timedelta(200), 0)
    assert total.to_dict()["moved"] == 1000
