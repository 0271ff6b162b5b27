"""The pipeline across customers: in its bucket, by its own day, within reach, in pages; counted, and by month."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Wanted
from chaveiro.apps.delegation.actions import choose_partner_of_record
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.policies import Policy
from chaveiro.rules.renewals import Bucket, bucket_on
from tests.apps.house_of_cards import do, one
from tests.cast import DAY, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
LEFT = {"later": 400, "60": 45, "30": 8, "7": 7, "1": 1, "grace": -3, "retained": -30}


@pytest.fixture
def world() -> World:
    return build_world()


def spread(world: World, names: Collection[str] = tuple(LEFT)) -> dict[str, UUID]:
    """One customer with one subscription in each bucket, by name: its end is set, whatever was redeemed."""
    found = {}
    for name in names:
        _actor, outcome = open_customer(world, make_keys(world), f"prazo{name}padaria")
        found[name] = outcome.effects[0].subscription
        ends(found[name], LEFT[name])
    return found


def ends(subscription: UUID | None, days: int) -> None:
    do("UPDATE subscriptions_subscription SET ends_on = %s WHERE id = %s", DAY + timedelta(days=days), subscription)


def on_clock(subscription: UUID, day: date) -> None:
    clock = means().new_id()
    do("INSERT INTO clocks_clock (id, name, day, created_at) VALUES (%s, 'c', %s, now())", clock, day)
    do(
        """UPDATE customers_customer SET is_test = true, clock_id = %s
           WHERE id = (SELECT customer_id FROM subscriptions_subscription WHERE id = %s)""",
        clock,
        subscription,
    )
    do("UPDATE subscriptions_subscription SET clock_id = %s WHERE id = %s", clock, subscription)


def listed(actor: Actor, wanted: Wanted = Wanted(), **more: object) -> list[UUID]:
    with acting(actor):
        return [due.card.id for due in queries.renewals(wanted, day=DAY, **more)]  # type: ignore[arg-type]


def test_each_stands_in_its_bucket_and_what_ends_later_in_none_that_asks_for_an_act(world: World) -> None:
    made = spread(world)
    for name, subscription in made.items():
        assert listed(world.duarte, Wanted(bucket=name)) == [subscription], name
    in_order = ["retained", "grace", "1", "7", "30", "60"]
    assert listed(world.duarte) == [made[name] for name in in_order]
    assert listed(world.duarte, Wanted(sort="-end")) == [made[name] for name in reversed(in_order)]


def test_the_counts_are_those_of_the_lists(world: World) -> None:
    spread(world)
    with acting(world.duarte):
        counted = queries.steps(Wanted(), day=DAY)
        assert {bucket: (step.subscriptions, step.seats) for bucket, step in counted.items()} == {
            bucket: (1, 5) for bucket in queries.PIPELINE
        }


@settings(max_examples=60, deadline=None)
@given(days=st.integers(-200, 100))
def test_rule_and_database_agree_on_the_bucket(days: int) -> None:
    told = one("SELECT delegation_bucket(%s, %s, NULL, 30)", DAY, DAY + timedelta(days=days))
    assert told == bucket_on(DAY, DAY + timedelta(days=days), Policy())
    held = one("SELECT %s <@ closing_renewal_window(%s, %s)", DAY + timedelta(days=days), told, DAY)
    assert held is True


def test_what_was_erased_or_closed_asks_for_nothing(world: World) -> None:
    made = spread(world, ["grace", "retained"])
    do("UPDATE subscriptions_subscription SET erased_on = %s WHERE id = %s", DAY, made["retained"])
    do("UPDATE subscriptions_subscription SET closed_at = now() WHERE id = %s", made["grace"])
    assert listed(world.duarte) == []


def test_a_subscription_on_a_test_clock_stands_by_its_clock_s_day(world: World) -> None:
    made = spread(world, ["later", "60"])
    on_clock(made["later"], DAY + timedelta(days=401))  # on that day it has been in grace for a day
    on_clock(made["60"], DAY - timedelta(days=300))  # a clock lies behind: its end is far
    assert listed(world.duarte, Wanted(bucket="grace")) == [made["later"]]
    assert listed(world.duarte, Wanted(bucket="60")) == []
    assert listed(world.duarte) == [made["later"]]
    with acting(world.duarte):
        assert queries.steps(Wanted(), day=DAY)[Bucket.GRACE].subscriptions == 1
        assert queries.renewals(Wanted(), day=DAY)[0].bucket is Bucket.GRACE


def test_a_list_is_read_in_pages_without_gap_or_repetition_in_each_order(world: World) -> None:
    made = spread(world, ["60", "30", "7", "1", "grace"])
    for place, subscription in enumerate(made.values()):
        do("UPDATE subscriptions_subscription SET seats = %s WHERE id = %s", 5 + place // 2, subscription)
    for sort in queries.SORTS:
        whole, pages, after = listed(world.duarte, Wanted(sort=sort)), [], None
        assert len(whole) == 5
        while True:
            with acting(world.duarte):
                found = queries.renewals(Wanted(sort=sort), day=DAY, after=after, limit=2)
            pages += [due.card.id for due in found]
            if len(found) < 2:
                break
            after = found[-1].place
        assert pages == whole, sort


def test_filters_narrow_the_list_and_the_counts_alike(world: World) -> None:
    made = spread(world, ["60", "30"])
    do("UPDATE subscriptions_subscription SET paid_by = 'direct' WHERE id = %s", made["30"])
    do(
        "UPDATE customers_customer SET is_test = true, country = 'AO' WHERE id ="
        " (SELECT customer_id FROM subscriptions_subscription WHERE id = %s)",
        made["60"],
    )
    for wanted, name in (
        (Wanted(paid_by="direct"), "30"),
        (Wanted(paid_by="key"), "60"),
        (Wanted(country="AO"), "60"),
        (Wanted(country="PT"), "30"),
        (Wanted(test="yes"), "60"),
        (Wanted(test="no"), "30"),
    ):
        assert listed(world.duarte, wanted) == [made[name]], wanted
        with acting(world.duarte):
            assert sum(step.subscriptions for step in queries.steps(wanted, day=DAY).values()) == 1, wanted
    assert len(listed(world.duarte, Wanted(product="office-basic"))) == 2
    assert listed(world.duarte, Wanted(product="office-plus")) == []
    assert listed(world.duarte, Wanted(product="x' OR true --", country="'")) == []


def test_the_partner_of_record_narrows_it_once_it_is_confirmed(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    ends(outcome.effects[0].subscription, 20)
    wanted = Wanted(partner=world.reseller)
    assert listed(world.duarte, wanted) == []
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    assert listed(world.duarte, wanted) == [outcome.effects[0].subscription]


def test_a_partner_sees_its_own_and_a_customer_its_own_and_a_stranger_nothing(world: World) -> None:
    made = spread(world, ["30", "7"])
    bruno, outcome = open_customer(world, make_keys(world), "padariasol")
    ends(outcome.effects[0].subscription, 3)
    own = outcome.effects[0].subscription
    assert set(listed(world.ana)) == {*made.values(), own}
    assert listed(world.rui) == []
    assert listed(bruno) == [own]
    assert listed(ANONYMOUS) == []
    with acting(world.rui):
        assert not any(step.subscriptions for step in queries.steps(Wanted(), day=DAY).values())
        assert not any(month.subscriptions for month in queries.by_month(Wanted(), day=DAY))


def test_months_count_by_the_last_covered_day_and_leave_none_out(world: World) -> None:
    made = spread(world, ["60", "30", "grace"])
    do("UPDATE subscriptions_subscription SET ends_on = '2026-12-01' WHERE id = %s", made["30"])  # 30 November
    do("UPDATE subscriptions_subscription SET ends_on = '2027-12-01' WHERE id = %s", made["60"])  # 30 November 2027
    with acting(world.duarte):
        found = queries.by_month(Wanted(), day=DAY)
    assert [month.begins for month in found][:3] == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    assert len(found) == 13
    assert {month.begins: (month.subscriptions, month.seats) for month in found if month.subscriptions} == {
        date(2026, 11, 1): (1, 5),
        date(2027, 11, 1): (1, 5),
    }


def test_redemptions_are_counted_by_day_week_and_month_for_each_side(world: World) -> None:
    open_customer(world, make_keys(world), "primeiro", day=date(2026, 11, 15))  # a Sunday
    open_customer(world, make_keys(world), "segundo", day=date(2026, 11, 16))
    open_customer(world, make_keys(world), "terceiro", day=date(2026, 10, 31))
    first = date(2026, 10, 1)
    with acting(world.duarte):
        assert queries.redeemed(first, DAY, "week") == {
            date(2026, 11, 9): (1, 0),
            date(2026, 11, 16): (1, 0),
            date(2026, 10, 26): (1, 0),
        }
        assert queries.redeemed(first, DAY, "month") == {date(2026, 10, 1): (1, 0), date(2026, 11, 1): (2, 0)}
    with acting(world.ana):
        assert sum(count for count, _ in queries.redeemed(first, DAY, "day").values()) == 3
    with acting(world.rui):
        assert queries.redeemed(first, DAY, "day") == {}
