"""Every row of a ledger by which keys came shows its sum, and the sum is the one that was reckoned."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.ledger import reversal_of, row_of
from chaveiro.rules.policies import Policy
from chaveiro.rules.seat_time import Grant, Operation, Standing, add_up, footing
from chaveiro.rules.workings import working

DAY = date(2026, 11, 22)
STANDINGS = st.builds(
    Standing,
    st.integers(1, 5000),
    st.integers(-150, 900).map(lambda days: DAY + timedelta(days=days)),
    st.integers(0, 4999),
)


@given(
    before=STANDINGS | st.none(),
    grants=st.lists(st.builds(Grant, st.integers(1, 300), st.integers(1, 36)), min_size=1, max_size=5),
    adds=st.booleans(),
)
def test_the_working_of_a_row_is_the_sum_it_was_written_from(
    before: Standing | None, grants: list[Grant], adds: bool
) -> None:
    operation = Operation.OPEN if before is None else Operation.ADD if adds else Operation.EXTEND
    total = add_up(footing(operation, DAY, before, Policy()), grants, None)
    row = row_of(1, total)
    found = working(origin=row.origin, granted=row.granted, before=row.before, after=row.after)
    assert found is not None
    assert (found.carried, found.pool) == (total.footing.carried, total.pool)
    assert (found.seats, found.days, found.credit, found.ends_on) == (
        total.seats,
        total.days_after,
        total.credit,
        total.ends_on,
    )
    assert found.spread == found.pool


def test_a_row_that_takes_something_back_reckons_nothing() -> None:
    row = row_of(1, add_up(footing(Operation.OPEN, DAY, None, Policy()), [Grant(5, 12)], None))
    undone = reversal_of(2, row, DAY)
    assert working(origin=undone.origin, granted=0, before=undone.before, after=undone.after) is None
