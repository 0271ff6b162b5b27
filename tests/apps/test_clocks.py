"""Test clocks: who may have them, what they take, and that everything about a customer on one goes by its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from chaveiro.apps.clocks import actions as room
from chaveiro.apps.clocks import queries as room_queries
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.clocks.queries import clock, clocks
from chaveiro.apps.closing.actions import attach_customer, begin_move, end_clock, make_clock
from chaveiro.apps.closing.actions.clocks import next_day
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.customers.queries import day_of
from chaveiro.apps.delegation.queries import Wanted, business, pipeline, subscriptions_in_sight
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.operations.models import Operation
from chaveiro.apps.redemption.actions import Outcome, ordering, redeem
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.apps.subscriptions.queries import subscription
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import House
from chaveiro.rules.clocks import (
    CLOCKS_AT_MOST,
    CUSTOMERS_AT_MOST,
    DAYS_AT_MOST,
    ClockEnded,
    ClockFull,
    ClockGoesBack,
    ClockMoving,
    NoSandbox,
    NotATestCustomer,
    TooManyClocks,
    TooManyDays,
)
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.renewals import Bucket
from chaveiro.rules.verdicts import Refusals
from tests.cast import DAY, NOON, World, administrator_of, build_world, make_keys, means, open_customer, opening

pytestmark = pytest.mark.django_db

SANDBOX, REAL = House(pretence=True), House()
START = date(2027, 3, 1)


@pytest.fixture
def world() -> World:
    return build_world()


def a_clock(actor: Actor, day: date = START, name: str = "Ensaio") -> UUID:
    return make_clock(actor=actor, name=name, day=day, house=SANDBOX, means=means())


def opened_on(world: World, on: UUID, prefix: str = "padariasol") -> tuple[Actor, Outcome]:
    """Ana opens a test customer on a clock."""
    order = replace(opening(make_keys(world), prefix), is_test=True, clock=on)
    outcome = redeem(actor=world.ana, order=order, means=means())
    return administrator_of(outcome.customer), outcome


def a_test_customer(world: World, prefix: str = "padariasol") -> Outcome:
    """Ana opens a test customer that lives by the real calendar."""
    return redeem(actor=world.ana, order=replace(opening(make_keys(world), prefix), is_test=True), means=means())


def at(on: UUID, day: date) -> None:
    Clock.objects.filter(id=on).update(day=day)


def test_a_customer_opened_on_a_clock_begins_on_its_day(world: World) -> None:
    _, outcome = opened_on(world, a_clock(world.ana))
    found = Subscription.objects.get()
    assert (found.ends_on, found.clock_id) == (date(2028, 3, 1), Clock.objects.get().id)
    assert LedgerRow.objects.get().day == START
    assert Redemption.objects.get().day == START
    assert Customer.objects.get(id=outcome.customer).is_test


def test_what_it_renews_counts_from_its_day_whoever_renews(world: World) -> None:
    on = a_clock(world.ana)
    bruno, outcome = opened_on(world, on)
    at(on, date(2028, 3, 11))  # ten days into grace
    order = replace(
        opening(make_keys(world)),
        purpose="extend",
        customer=None,
        administrator=None,
        subscription=outcome.effects[0].subscription,
    )
    redeem(actor=bruno, order=order, means=means())
    assert Subscription.objects.get().ends_on == date(2029, 3, 1)
    assert LedgerRow.objects.latest("number").day == date(2028, 3, 11)


def test_pages_and_lists_tell_each_subscription_by_its_own_day(world: World) -> None:
    on = a_clock(world.ana)
    bruno, outcome = opened_on(world, on)
    open_customer(world, make_keys(world), prefix="talholua")
    at(on, date(2028, 3, 11))
    with acting(world.ana):
        cards = {one.customer: one for one in subscriptions_in_sight(day=DAY)}
        of_clock = subscriptions_in_sight(day=DAY, clock=on)
        grace = pipeline(organisation=world.reseller, day=DAY, wanted=Wanted(bucket="grace"))
        counted = business(day=DAY).steps
        program = subscription(outcome.effects[0].subscription)  # type: ignore[arg-type]
    assert cards[outcome.customer].stage is Stage.GRACE
    assert cards[outcome.customer].day == date(2028, 3, 11)
    assert {card.stage for customer, card in cards.items() if customer != outcome.customer} == {Stage.ACTIVE}
    assert [card.customer for card in of_clock] == [outcome.customer]
    assert [card.customer for card in grace] == [outcome.customer]
    assert (counted[Bucket.GRACE].subscriptions, counted[Bucket.LATER].subscriptions) == (1, 1)
    assert program.today(DAY) == date(2028, 3, 11)
    with acting(bruno):
        assert day_of(bruno.customer, DAY) == date(2028, 3, 11)


def test_nobody_learns_the_day_of_somebody_elses_customer(world: World) -> None:
    _, outcome = opened_on(world, a_clock(world.ana))
    with acting(world.rui):
        assert day_of(outcome.customer, DAY) == DAY


def test_whose_clock_it_is_and_the_operator_see_it(world: World) -> None:
    on = a_clock(world.ana)
    vendors = a_clock(world.duarte)
    seen = {}
    for actor in (world.ana, world.rui, world.duarte):
        with acting(actor):
            seen[actor] = {one.id for one in clocks()}
    assert seen == {world.ana: {on}, world.rui: set(), world.duarte: {on, vendors}}
    with acting(world.rui), pytest.raises(NotFound):
        clock(on)


def test_nobody_opens_a_customer_on_a_clock_of_others(world: World) -> None:
    foreign = a_clock(world.rui)
    with pytest.raises(Refusals) as refused:
        opened_on(world, foreign)
    assert [fault.pointer for fault in refused.value.faults] == ["/clock"]
    assert not Customer.objects.exists()


def test_partners_have_clocks_in_a_sandbox_only_and_customers_never(world: World) -> None:
    with pytest.raises(NoSandbox):
        make_clock(actor=world.ana, name="Ensaio", house=REAL, means=means())
    make_clock(actor=world.duarte, name="Ensaio", house=REAL, means=means())
    bruno, _ = open_customer(world, make_keys(world))
    with pytest.raises(NotAllowed):
        make_clock(actor=bruno, name="Ensaio", house=SANDBOX, means=means())


def test_a_clock_needs_a_name_and_a_day_of_this_age(world: World) -> None:
    for name, day in (("  ", START), ("x" * 81, START), ("Ensaio", date(1999, 12, 31)), ("Ensaio", date(2200, 1, 1))):
        with pytest.raises(Malformed):
            make_clock(actor=world.ana, name=name, day=day, house=SANDBOX, means=means())


def test_an_owner_has_so_many_clocks_and_may_end_one_for_another(world: World) -> None:
    made = [a_clock(world.ana, name=f"Ensaio {number}") for number in range(CLOCKS_AT_MOST)]
    with pytest.raises(TooManyClocks):
        a_clock(world.ana)
    a_clock(world.rui)
    end_clock(actor=world.ana, clock=made[0], house=SANDBOX, means=means())
    a_clock(world.ana)


def test_a_dry_run_makes_nothing(world: World) -> None:
    make_clock(actor=world.ana, name="Ensaio", house=SANDBOX, means=means(), dry_run=True)
    assert not Clock.objects.exists()
    assert not Entry.objects.filter(tag="clock:made").exists()


def test_a_test_customer_goes_onto_a_clock_with_all_that_it_has(world: World) -> None:
    outcome = a_test_customer(world)
    on = a_clock(world.ana)
    attach_customer(actor=world.ana, customer=outcome.customer, clock=on, house=SANDBOX, means=means())
    assert Subscription.objects.get().clock_id == on
    assert Customer.objects.get().clock_id == on
    entry = Entry.objects.get(tag="customer:attached")
    assert (entry.customer_id, entry.facts) == (outcome.customer, {"clock": str(on), "day": "2027-03-01"})


def test_a_real_customer_never_goes_onto_a_clock(world: World) -> None:
    _, outcome = open_customer(world, make_keys(world))
    on = a_clock(world.duarte)
    with pytest.raises(NotATestCustomer):
        attach_customer(actor=world.duarte, customer=outcome.customer, clock=on, house=SANDBOX, means=means())
    assert Subscription.objects.get().clock_id is None


def test_a_customer_never_goes_back(world: World) -> None:
    outcome = a_test_customer(world)
    early = a_clock(world.ana, DAY - timedelta(days=1))
    with pytest.raises(ClockGoesBack) as refused:
        attach_customer(actor=world.ana, customer=outcome.customer, clock=early, house=SANDBOX, means=means())
    assert refused.value.facts == {"day": DAY - timedelta(days=1), "lived": DAY}


def test_nobody_puts_somebody_elses_customer_on_a_clock(world: World) -> None:
    outcome = a_test_customer(world)
    with pytest.raises(NotFound):
        attach_customer(
            actor=world.rui, customer=outcome.customer, clock=a_clock(world.rui), house=SANDBOX, means=means()
        )
    with pytest.raises(NotFound):
        attach_customer(
            actor=world.ana, customer=outcome.customer, clock=a_clock(world.rui), house=SANDBOX, means=means()
        )


def test_a_full_clock_takes_nobody_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CUSTOMERS_AT_MOST == 100
    monkeypatch.setattr("chaveiro.apps.closing.actions.clocks.CUSTOMERS_AT_MOST", 1)
    on = a_clock(world.ana)
    opened_on(world, on)
    outcome = a_test_customer(world, "talholua")
    with pytest.raises(ClockFull):
        attach_customer(actor=world.ana, customer=outcome.customer, clock=on, house=SANDBOX, means=means())


def test_a_move_is_long_work_that_is_owed(world: World) -> None:
    on = a_clock(world.ana)
    until = START + timedelta(days=40)
    operation = begin_move(actor=world.ana, clock=on, until=until, house=SANDBOX, means=means())
    found = Operation.objects.get(id=operation)
    assert (found.kind, found.total, found.subject_id) == ("clock.move", 40, str(on))
    assert Owed.objects.get(kind="clock.move").facts == {
        "operation": str(operation),
        "clock": str(on),
        "until": "2027-04-10",
    }
    with pytest.raises(ClockMoving):
        begin_move(actor=world.ana, clock=on, until=until + timedelta(days=1), house=SANDBOX, means=means())
    again = begin_move(actor=world.ana, clock=on, until=until, house=SANDBOX, means=means())
    assert again == operation


def test_a_move_goes_forward_and_not_too_far(world: World) -> None:
    on = a_clock(world.ana)
    with pytest.raises(ClockGoesBack):
        begin_move(actor=world.ana, clock=on, until=START - timedelta(days=1), house=SANDBOX, means=means())
    with pytest.raises(TooManyDays):
        begin_move(
            actor=world.ana, clock=on, until=START + timedelta(days=DAYS_AT_MOST + 1), house=SANDBOX, means=means()
        )


def test_two_who_move_a_clock_at_once_live_no_day_twice(world: World) -> None:
    on = a_clock(world.ana)
    assert next_day(actor=SYSTEM, clock=on, day=START)
    assert not next_day(actor=SYSTEM, clock=on, day=START)


def test_an_ended_clock_stands_still(world: World) -> None:
    on = a_clock(world.ana)
    end_clock(actor=world.ana, clock=on, house=SANDBOX, means=means())
    with pytest.raises(ClockEnded):
        begin_move(actor=world.ana, clock=on, until=START, house=SANDBOX, means=means())
    assert not next_day(actor=SYSTEM, clock=on, day=START)


def test_the_steps_of_a_clock_follow_one_another(world: World) -> None:
    on, operation = a_clock(world.ana), means().new_id()
    with acting(SYSTEM):
        assert room.hold(on).day == START
        room.begin(clock=on, until=START + timedelta(days=1), operation=operation)
        assert (room.hold(on).moving_to, room.hold(on).operation) == (START + timedelta(days=1), operation)
        assert room.advance(clock=on, day=START, to=START + timedelta(days=1))
        room.settle(clock=on, now=NOON)
        assert (room.hold(on).moving_to, room.hold(on).moved_at) == (None, NOON)
        room.end(clock=on, now=NOON)
        assert room.hold(on).ended_at == NOON
        assert not room.advance(clock=on, day=START + timedelta(days=1), to=START + timedelta(days=2))


def test_the_database_itself_never_lets_a_clock_go_back(world: World) -> None:
    on = a_clock(world.ana)
    with pytest.raises(IntegrityError, match="never goes back"), transaction.atomic():
        at(on, START - timedelta(days=1))


def test_the_database_itself_opens_nobody_on_a_clock_of_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer taken away: the order is not held against what the actor sees."""
    foreign = a_clock(world.rui)
    monkeypatch.setattr(ordering, "clock_if_seen", lambda wanted: room_queries.card_of(Clock.objects.get(id=foreign)))
    monkeypatch.setattr(ordering, "_day", lambda order, customer, day: (START, []))
    with pytest.raises(NotAllowed):
        opened_on(world, foreign)
