"""The ledger replays to what the subscription has, and its account closes, whatever was done and undone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.rules import terms
from chaveiro.rules.errors import LedgerBroken, Refusal
from chaveiro.rules.ledger import (
    Account,
    Kind,
    LedgerRow,
    account,
    forfeit_of,
    replay,
    reversal_of,
    row_of,
)
from chaveiro.rules.lifecycle import Stage, stage_on
from chaveiro.rules.policies import DEFAULT_POLICY, RightSize
from chaveiro.rules.terms import Grant, Standing

FREE = replace(DEFAULT_POLICY, right_size=RightSize.FREE)
OPENED = date(2026, 11, 22)
FIVE_FOR_A_YEAR = [Grant(5, 12)]


def act(rows: list[LedgerRow], operation: str, day: date, keys: list[Grant], seats_after: int | None = None) -> None:
    total = terms.apply(operation, day, replay(rows), keys, seats_after, FREE)
    rows.append(row_of(len(rows) + 1, total))


def opened() -> list[LedgerRow]:
    rows: list[LedgerRow] = []
    act(rows, "open", OPENED, FIVE_FOR_A_YEAR)
    return rows


def day(*, after: int) -> date:
    return OPENED + timedelta(after)


# Worked by hand


def test_a_year_of_five_seats_is_used_day_by_day_up_to_its_end() -> None:
    rows = opened()
    assert account(rows, OPENED) == Account(1825, 0, 1825, 0, 0, 0)
    assert account(rows, day(after=100)) == Account(1825, 500, 1325, 0, 0, 0)
    assert account(rows, day(after=365)) == Account(1825, 1825, 0, 0, 0, 0)
    assert account(rows, day(after=900)) == Account(1825, 1825, 0, 0, 0, 0)


def test_before_its_first_row_a_ledger_holds_nothing() -> None:
    assert replay([]) is None
    assert account([], OPENED) == account(opened(), OPENED - timedelta(1)) == Account(0, 0, 0, 0, 0, 0)


def test_keys_that_come_in_grace_pay_for_the_days_of_grace() -> None:
    rows = opened()
    act(rows, "extend", day(after=375), FIVE_FOR_A_YEAR)
    # 22 November 2027 to 2028 has 366 days, of which ten are over.
    assert account(rows, day(after=375)) == Account(1825 + 1830, 1825 + 50, 1780, 0, 0, 0)


def test_keys_that_come_after_grace_pay_for_no_day_without_access_nor_for_grace() -> None:
    rows = opened()
    act(rows, "extend", day(after=395), FIVE_FOR_A_YEAR)
    assert account(rows, day(after=395)) == Account(1825 + 1830, 1825, 1830, 0, 0, 0)


def test_a_reversal_gives_the_keys_their_whole_worth_back_and_charges_the_days_between_as_before() -> None:
    rows = opened()
    act(rows, "add", day(after=100), [Grant(100, 12)])
    rows.append(reversal_of(3, rows[1], day(after=103)))
    assert replay(rows) == replay(opened())
    worth = rows[1].granted
    assert worth == 100 * 366
    assert account(rows, day(after=103)) == Account(1825 + worth, 515, 1310, 0, 0, worth)
    # On the day between, it had not been reversed yet.
    assert account(rows, day(after=102)).consumed == 500 + 2 * 105


def test_a_reversed_opening_leaves_nothing() -> None:
    rows = opened()
    rows.append(reversal_of(2, rows[0], day(after=2)))
    assert replay(rows) is None
    assert account(rows, day(after=50)) == Account(1825, 0, 0, 0, 0, 1825)


def test_direct_billing_today_forfeits_the_days_left_and_the_credit() -> None:
    rows = opened()
    act(rows, "extend", day(after=10), [Grant(3, 1)])
    had = replay(rows)
    assert had is not None
    assert had == Standing(5, date(2027, 12, 10), 0)
    rows.append(forfeit_of(3, had, day(after=65)))
    assert replay(rows) == Standing(5, day(after=65), 0)
    assert account(rows, day(after=65)) == Account(1915, 325, 0, 0, 1590, 0)
    assert account(rows, day(after=500)) == Account(1915, 325, 0, 0, 1590, 0)


def test_erasure_forfeits_the_credit_that_was_left() -> None:
    rows = opened()
    act(rows, "extend", day(after=10), [Grant(2, 1)])
    had = replay(rows)
    assert had == Standing(5, date(2027, 12, 4), 0)
    act(rows, "extend", day(after=11), [Grant(3, 2)])
    had = replay(rows)
    assert had is not None
    assert had.credit == 1
    rows.append(forfeit_of(4, had, had.ends_on + timedelta(120)))
    closed = account(rows, had.ends_on + timedelta(120))
    assert (closed.remaining, closed.credit, closed.forfeited) == (0, 0, 1)
    assert closed.closes


# Day by day, against a model that knows nothing of sums


class Diary:
    """Who is charged how many seats on which day: each act rewrites the days from its origin on."""

    def __init__(self) -> None:
        self.pages: list[tuple[dict[date, int], int]] = [({}, 0)]
        self.granted = self.forfeited = self.reversed = 0
        self.worths: list[int] = []

    @property
    def charged(self) -> dict[date, int]:
        return self.pages[-1][0]

    def write(self, origin: date, after: Standing, worth: int) -> None:
        kept = {each: seats for each, seats in self.charged.items() if each < origin}
        covered = (after.ends_on - origin).days
        self.pages.append((kept | {origin + timedelta(n): after.seats for n in range(covered)}, after.credit))
        self.worths.append(worth)
        self.granted += worth

    def tear_out(self) -> None:
        self.pages.pop()
        self.reversed += self.worths.pop()

    def forfeit(self, day: date) -> None:
        charged, credit = self.pages[-1]
        self.forfeited += credit + sum(seats for each, seats in charged.items() if each >= day)
        self.pages.append(({each: seats for each, seats in charged.items() if each < day}, 0))
        self.worths.append(0)

    def on(self, day: date) -> Account:
        charged, credit = self.pages[-1]
        consumed = sum(seats for each, seats in charged.items() if each < day)
        remaining = sum(charged.values()) - consumed
        return Account(self.granted, consumed, remaining, credit, self.forfeited, self.reversed)


# So many days after the step before, or around the end that the subscription has by then.
gaps = st.tuples(st.just("later"), st.integers(0, 800)) | st.tuples(
    st.just("at the end"), st.sampled_from([-1, 0, 1, 29, 30, 119, 120]) | st.integers(-40, 40)
)
keys = st.lists(
    st.builds(Grant, seats=st.integers(1, 40), months=st.sampled_from([1, 3, 6, 12, 24])), min_size=1, max_size=3
)
kinds = st.sampled_from(["add", "extend", "extend", "right-size", "reverse", "forfeit"])
steps = st.lists(st.tuples(kinds, gaps, keys, st.integers(1, 80)), min_size=1, max_size=10)
starts = st.dates(date(2026, 1, 1), date(2029, 1, 1)) | st.just(date(2028, 2, 29))


def day_of(step: Any, standing: Standing | None, day: date) -> date:
    """The day of a step, never before that of the one before it."""
    anchor, days = step[1]
    if anchor == "at the end" and standing is not None:
        return max(day, standing.ends_on + timedelta(days))
    return day + timedelta(abs(days))


def take(step: Any, rows: list[LedgerRow], diary: Diary | None, day: date) -> str:
    """One step on both, and what came of it; what the rules refuse, or has nothing to undo, changes neither."""
    kind, _, basket, chosen = step
    had, last = replay(rows), rows[-1] if rows else None
    if kind == "reverse":
        if last is None or last.kind not in (Kind.ADD, Kind.EXTEND):
            return "nothing to reverse"
        rows.append(reversal_of(len(rows) + 1, last, day))
        if diary:
            diary.tear_out()
        return kind
    if kind == "forfeit" and had is not None:
        rows.append(forfeit_of(len(rows) + 1, had, day))
        if diary:
            diary.forfeit(day)
        return kind
    operation = "open" if had is None else "add" if kind == "add" else "extend"
    try:
        total = terms.apply(operation, day, had, basket, chosen if kind == "right-size" else None, FREE)
    except Refusal as refusal:
        return refusal.code
    rows.append(row_of(len(rows) + 1, total))
    if diary:
        diary.write(total.footing.origin, total.after, total.granted)
    return f"{operation} {total.footing.stage}"


@settings(max_examples=400, deadline=None)
@given(starts, steps, st.integers(0, 900))
def test_every_seat_day_is_accounted_for_over_any_sequence_of_acts(start: date, taken: Any, later: int) -> None:
    rows: list[LedgerRow] = []
    diary, day = Diary(), start
    for step in taken:
        day = day_of(step, replay(rows), day)
        take(step, rows, diary, day)
        standing = replay(rows)
        if standing is not None and rows[-1].kind in (Kind.OPEN, Kind.ADD, Kind.EXTEND):
            assert 0 <= standing.credit < standing.seats
        for each in (day, day + timedelta(later)):
            assert account(rows, each) == diary.on(each)
            assert account(rows, each).closes
    # What was true on a past day is still said of that day.
    for count in range(1, len(rows)):
        if rows[count - 1].day < rows[count].day:
            assert account(rows, rows[count - 1].day) == account(rows[:count], rows[count - 1].day)


def some_step(chance: Random) -> Any:
    kind = chance.choice(["add", "extend", "extend", "right-size", "reverse", "forfeit"])
    anchor = chance.choice([("later", chance.randrange(500)), ("at the end", chance.randrange(-60, 60))])
    basket = [Grant(chance.randint(1, 40), chance.choice([1, 6, 12, 24])) for _ in range(chance.randint(1, 3))]
    return kind, anchor, basket, chance.randint(1, 80)


def live(chance: Random, reached: Counter[str], *, with_diary: bool) -> int:
    """One subscription through ten steps, its account held against itself and the diary; how many days it saw."""
    rows: list[LedgerRow] = []
    diary = Diary() if with_diary else None
    start = day = date(2026, 1, 1) + timedelta(chance.randrange(1500))
    for _ in range(10):
        step = some_step(chance)
        day = day_of(step, replay(rows), day)
        reached[take(step, rows, diary, day)] += 1
        said = account(rows, day)
        assert said.closes, (rows, day)
        assert diary is None or said == diary.on(day)
    return (day - start).days


def test_every_act_is_reached_in_every_stage_and_the_account_closes() -> None:
    reached: Counter[str] = Counter()
    chance = Random(20261122)
    for _ in range(150):
        live(chance, reached, with_diary=True)
    expected = {f"{operation} {stage}" for operation in ("add", "extend") for stage in ("active", "grace", "retained")}
    expected |= {"open None", "reverse", "forfeit", "horizon_exceeded", "term_too_short"}
    assert expected <= set(reached)
    assert min(reached[each] for each in expected) >= 5


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_million_subscription_years_close() -> None:
    seed, reached, lived = 20261122, Counter[str](), 0
    chance = Random(seed)
    while lived < 1_000_000 * 365.25:
        lived += live(chance, reached, with_diary=False)
    print(f"seed {seed}: {lived / 365.25:,.0f} subscription-years, {sum(reached.values()):,} steps, 0 violations")


@settings(max_examples=200, deadline=None)
@given(starts, keys, keys, st.integers(0, 1200), st.sampled_from(["add", "extend"]), st.integers(0, 40))
def test_a_reversal_restores_seats_end_credit_and_stage(
    start: date, first: Any, second: Any, gap: int, operation: str, wait: int
) -> None:
    rows = [row_of(1, terms.apply("open", start, None, first, None, FREE))]
    before, day = replay(rows), start + timedelta(gap)
    assert before is not None
    try:
        rows.append(row_of(2, terms.apply(operation, day, before, second, None, FREE)))
    except Refusal:
        return
    undone_on = day + timedelta(wait)
    rows.append(reversal_of(3, rows[1], undone_on))
    assert replay(rows) == before
    assert account(rows, undone_on).closes
    as_if_never, undone = account(rows[:1], undone_on), account(rows, undone_on)
    assert undone == replace(as_if_never, granted=undone.granted, reversed=rows[1].granted)


# Broken ledgers


def three_rows() -> list[LedgerRow]:
    rows = opened()
    act(rows, "add", day(after=100), [Grant(7, 12)])
    act(rows, "extend", day(after=200), [Grant(5, 12)])
    return rows


def changed(rows: list[LedgerRow], number: int, **changes: Any) -> list[LedgerRow]:
    return [replace(row, **changes) if row.number == number else row for row in rows]


def test_the_rows_that_are_broken_below_were_whole() -> None:
    standing = replay(three_rows())
    assert standing is not None
    assert stage_on(day(after=200), standing.ends_on, FREE) is Stage.ACTIVE


@pytest.mark.parametrize(
    ("number", "breaks"),
    [
        (3, lambda rows: [rows[0], rows[2]]),
        (3, lambda rows: [rows[0], rows[2], rows[1]]),
        (2, lambda rows: rows[1:]),
        (2, lambda rows: changed(rows, 2, day=day(after=-1))),
        (2, lambda rows: changed(rows, 2, before=Standing(6, rows[1].before.ends_on, 0))),
        # A credit from nowhere, hidden by keys that brought less.
        (2, lambda rows: changed(rows, 2, before=replace(rows[1].before, credit=1), granted=rows[1].granted - 1)),
        (4, lambda rows: [*rows, reversal_of(4, rows[2], day(after=199))]),
        (4, lambda rows: [*rows[:2], replace(rows[2], number=4)]),
        (2, lambda rows: changed(rows, 2, after=replace(rows[1].after, credit=0), granted=rows[1].granted - 1)),
        (3, lambda rows: changed(rows, 3, after=replace(rows[2].after, credit=rows[2].after.credit + 1))),
        (3, lambda rows: changed(rows, 3, after=replace(rows[2].after, ends_on=day(after=2000)))),
        (3, lambda rows: changed(rows, 3, after=replace(rows[2].after, seats=13))),
        (3, lambda rows: changed(rows, 3, after=None)),
        (3, lambda rows: changed(rows, 3, granted=rows[2].granted + 12)),
        (3, lambda rows: changed(rows, 3, granted=0)),
        (3, lambda rows: changed(rows, 3, undoes=2)),
        (3, lambda rows: changed(rows, 3, origin=day(after=150))),
        (3, lambda rows: changed(rows, 3, origin=rows[2].before.ends_on)),
        (3, lambda rows: changed(rows, 3, kind=Kind.OPEN)),
        (1, lambda rows: changed(rows, 1, kind=Kind.ADD)),
        (3, lambda rows: changed(rows, 3, kind=Kind.FORFEIT)),
        (3, lambda rows: changed(rows, 3, kind=Kind.REVERSE)),
        (4, lambda rows: [*rows, reversal_of(4, rows[1], day(after=300))]),
        (4, lambda rows: [*rows, replace(reversal_of(4, rows[2], day(after=300)), after=rows[0].after)]),
        (4, lambda rows: [*rows, replace(reversal_of(4, rows[2], day(after=300)), granted=-rows[2].granted)]),
        (5, lambda rows: [*rows, *[reversal_of(n, rows[2], day(after=300)) for n in (4, 5)]]),
        (4, lambda rows: [*rows, replace(forfeit_of(4, rows[2].after, day(after=300)), granted=5)]),
        (4, lambda rows: [*rows, replace(forfeit_of(4, rows[2].after, day(after=300)), after=rows[2].after)]),
        (
            5,
            lambda rows: [
                *rows,
                forfeit := forfeit_of(4, rows[2].after, day(after=300)),
                reversal_of(5, forfeit, day(after=301)),
            ],
        ),
    ],
)
def test_a_ledger_whose_rows_do_not_follow_is_refused_with_the_row(number: int, breaks: Any) -> None:
    with pytest.raises(LedgerBroken) as refused:
        replay(breaks(three_rows()))
    assert refused.value.facts["number"] == number


def test_a_credit_of_a_whole_day_is_no_credit() -> None:
    rows = opened()
    after = replace(rows[0].after, ends_on=day(after=364), credit=5)  # type: ignore[type-var]
    with pytest.raises(LedgerBroken):
        replay(changed(rows, 1, after=after))


@pytest.mark.parametrize(
    "breaks",
    [
        lambda rows: changed(rows, 2, granted=rows[1].granted + 1),
        lambda rows: changed(rows, 3, after=replace(rows[2].after, credit=rows[2].after.credit + 1)),
        lambda rows: changed(rows, 2, after=replace(rows[1].after, seats=13)),
        lambda rows: changed(rows, 2, origin=day(after=101)),
        lambda rows: [rows[0], rows[2]],
    ],
)
def test_the_account_of_a_broken_ledger_does_not_close(breaks: Any) -> None:
    assert account(three_rows(), day(after=250)).closes
    assert not account(breaks(three_rows()), day(after=250)).closes
