"""Policies that change: drafts kept as typed, what-if on real rows, new terms, and what exists following later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.actions import drop_draft, publish_draft, save_draft
from chaveiro.apps.catalog.models import Policy as PolicyRow
from chaveiro.apps.closing.actions import (
    approve_adoption,
    carry_out_adoption,
    propose_adoption,
    withdraw_adoption,
)
from chaveiro.apps.closing.queries.policies import affected, all_affected, what_if
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.subscriptions import queries as subscriptions
from chaveiro.apps.subscriptions.models import LOOK_NOW, NEVER, Subscription
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.batches import House
from chaveiro.rules.correction import SecondOperatorNeeded
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.lifecycle import days_later, erasure_due_on, stage_on
from chaveiro.rules.policies import DEFAULT_POLICY, Policy
from chaveiro.rules.policy_changes import (
    AdoptionSettled,
    AdoptionState,
    AdoptionWaits,
    DraftChanged,
    DraftUnchanged,
    NothingToAdopt,
    TakesAwayEarlier,
    as_typed,
)
from chaveiro.rules.products import ErasesEarlier
from chaveiro.rules.redemption import Item
from chaveiro.rules.verdicts import Refusals
from tests.cast import (
    DAY,
    NOON,
    World,
    _member,
    build_world,
    digesters,
    make_keys,
    means,
    open_customer,
    opening,
)

pytestmark = pytest.mark.django_db
# Ends that give each stage on DAY under the standard policy, and one at each border.
ENDS = [DAY + timedelta(days=days) for days in (200, 20, 0, -20, -29, -30, -44, -45, -100)]


@pytest.fixture
def world() -> World:
    return build_world()


def subscribe(world: World, ends: list[date]) -> list[Subscription]:
    """A customer's subscriptions with these ends, as they were redeemed a year before the end."""
    made = []
    for place, end in enumerate(ends):
        redeemed = end - timedelta(days=365)
        _actor, outcome = open_customer(world, make_keys(world), f"cliente{place}", redeemed)
        made.append(Subscription.objects.get(customer_id=outcome.customer))
        Subscription.objects.filter(id=made[-1].id).update(ends_on=end)
    return [Subscription.objects.get(id=one.id) for one in made]


def draft(world: World, name: str = "standard", **typed: str) -> catalog.DraftCard:
    return save_draft(actor=world.duarte, name=name, typed=typed, means=means())


def publish(world: World, **typed: str) -> int:
    draft(world, **typed)
    return publish_draft(actor=world.duarte, name="standard", means=means()).policy


def second(world: World) -> Actor:
    return _member(world.vendor, "Olga", "operator", Kind.OPERATOR)


def adopt(world: World) -> catalog.AdoptionCard:
    card, _move = propose_adoption(actor=world.duarte, name="standard", means=means())
    assert card is not None
    approve_adoption(actor=second(world), adoption=card.id, means=means(), house=House())
    return card


# ── drafts ──


def test_a_draft_begins_as_a_copy_of_the_newest_version(world: World) -> None:
    card = draft(world)
    assert (card.base, card.version, card.typed) == (1, 1, as_typed(DEFAULT_POLICY))


def test_what_was_typed_is_kept_also_where_no_rule_takes_it(world: World) -> None:
    draft(world, grace_days="um mês", notice_days="7, 60")
    with acting(world.duarte):
        kept = catalog.draft("standard")
    assert (kept.typed["grace_days"], kept.typed["notice_days"]) == ("um mês", "7, 60")
    with pytest.raises(Refusals) as refused:
        publish_draft(actor=world.duarte, name="standard", means=means())
    assert [fault.pointer for fault in refused.value.faults] == ["/grace_days", "/notice_days"]
    assert PolicyRow.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "pointers"),
    [
        ({"grace_days": "-5"}, ["/grace_days"]),
        ({"grace_days": "30.5"}, ["/grace_days"]),
        ({"grace_days": "121"}, ["/retention_days"]),
        ({"notice_days": ""}, ["/notice_days"]),
        ({"right_size": "always", "hold_hours": "0"}, ["/hold_hours", "/right_size"]),
        ({"hold_hours": "500"}, ["/hold_hours"]),
    ],
)
def test_every_fault_is_told_at_its_field(world: World, typed: dict[str, str], pointers: list[str]) -> None:
    draft(world, **typed)
    with pytest.raises(Refusals) as refused:
        publish_draft(actor=world.duarte, name="standard", means=means(), dry_run=True)
    assert [fault.pointer for fault in refused.value.faults] == pointers


def test_two_who_write_at_once_do_not_overwrite_one_another(world: World) -> None:
    read = draft(world)
    draft(world, grace_days="40")
    with pytest.raises(DraftChanged):
        save_draft(
            actor=world.duarte, name="standard", typed={"grace_days": "50"}, expected=read.version, means=means()
        )
    with pytest.raises(DraftChanged):
        publish_draft(actor=world.duarte, name="standard", expected=read.version, means=means())
    with acting(world.duarte):
        assert catalog.draft("standard").typed["grace_days"] == "40"


def test_a_policy_of_a_new_name_begins_with_the_numbers_of_the_rules(world: World) -> None:
    card = draft(world, "escolas", retention_days="200")
    assert (card.base, card.typed["retention_days"], card.typed["grace_days"]) == (0, "200", "30")
    done = publish_draft(actor=world.duarte, name="escolas", means=means())
    assert (done.version, done.products) == (1, ())
    with pytest.raises(Malformed):
        draft(world, "Escolas de Verão")


def test_a_draft_can_be_thrown_away(world: World) -> None:
    draft(world)
    drop_draft(actor=world.duarte, name="standard")
    with pytest.raises(NotFound):
        drop_draft(actor=world.duarte, name="standard")


def test_partners_and_customers_have_nothing_to_do_with_it(world: World) -> None:
    draft(world)
    bruno, _outcome = open_customer(world, make_keys(world))
    for actor in (world.ana, bruno, Actor(Kind.ANONYMOUS)):
        with pytest.raises(NotAllowed):
            save_draft(actor=actor, name="standard", means=means())
        with pytest.raises(NotAllowed):
            publish_draft(actor=actor, name="standard", means=means())
        with pytest.raises(NotAllowed):
            propose_adoption(actor=actor, name="standard", means=means())
        with acting(actor):
            assert catalog.policy_drafts() == []
            with pytest.raises(NotAllowed):
                what_if("standard", DEFAULT_POLICY, day=DAY)
            assert affected("standard", replace(DEFAULT_POLICY, grace_days=50), day=DAY) == []


# ── what-if ──


def by_hand(found: list[Subscription], numbers: Policy) -> dict[str, int]:
    """What the rulebook says of each, one by one."""
    told = dict.fromkeys(("changed", "stops_earlier", "stops_later", "erases_earlier", "erases_later"), 0)
    for one in found:
        before = DEFAULT_POLICY
        stage = stage_on(DAY, one.ends_on, before) is not stage_on(DAY, one.ends_on, numbers)
        stops = numbers.grace_days - before.grace_days
        erases = (erasure_due_on(one.ends_on, numbers) - erasure_due_on(one.ends_on, before)).days
        told["changed"] += stage or stops != 0 or erases != 0
        told["stops_earlier"] += stops < 0
        told["stops_later"] += stops > 0
        told["erases_earlier"] += erases < 0
        told["erases_later"] += erases > 0
    return told


@pytest.mark.parametrize(
    "changes",
    [
        {"grace_days": 45},
        {"grace_days": 10},
        {"retention_days": 200},
        {"retention_days": 90},
        {"grace_days": 29, "retention_days": 121},
        {"notice_days": [90, 30]},
    ],
)
def test_the_what_if_counts_what_the_rulebook_says_of_each(world: World, changes: dict[str, Any]) -> None:
    found, numbers = subscribe(world, ENDS), replace(DEFAULT_POLICY, **changes)
    with acting(world.duarte):
        move = what_if("standard", numbers, day=DAY)
        listed = list(all_affected("standard", numbers, day=DAY))
    expected = by_hand(found, numbers)
    assert {name: getattr(move, name) for name in expected} == expected
    assert move.subscriptions == len(ENDS)
    assert len(listed) == move.changed
    stages: dict[tuple[str, str], int] = {}
    for one in found:
        pair = (stage_on(DAY, one.ends_on, DEFAULT_POLICY).value, stage_on(DAY, one.ends_on, numbers).value)
        stages[pair] = stages.get(pair, 0) + 1
    assert {(was, becomes): many for was, becomes, many in move.stages} == stages
    for row in listed:
        assert row.stage is stage_on(DAY, row.ends_on, DEFAULT_POLICY)
        assert row.stage_after is stage_on(DAY, row.ends_on, numbers)
        assert row.access_stops_after == days_later(row.ends_on, numbers.grace_days)
        assert row.erases_after == erasure_due_on(row.ends_on, numbers)


def test_the_what_if_counts_the_notices_of_the_twelve_months_to_come(world: World) -> None:
    subscribe(world, [DAY + timedelta(days=100)])
    with acting(world.duarte):
        move = what_if("standard", replace(DEFAULT_POLICY, notice_days=(90, 60, 45, 30, 7, 1)), day=DAY)
        # 60, 30, 7, 1, ended, access stopped, 30 and 7 before the erasure; then 90 and 45 as well.
        assert (move.notices_before, move.notices_after) == (8, 10)
        late = what_if("standard", replace(DEFAULT_POLICY, retention_days=365), day=DAY)
        assert late.notices_after == 6  # both before the erasure fall beyond the twelve months


def test_the_list_goes_on_where_it_stopped_and_can_be_narrowed(world: World) -> None:
    subscribe(world, ENDS)
    numbers = replace(DEFAULT_POLICY, grace_days=45)
    with acting(world.duarte):
        whole = [one.subscription for one in affected("standard", numbers, day=DAY)]
        first = affected("standard", numbers, day=DAY, limit=4)
        rest = affected("standard", numbers, day=DAY, after=first[-1].subscription)
        stage = affected("standard", numbers, day=DAY, wanted="stage")
        earlier = affected("standard", numbers, day=DAY, wanted="earlier")
    assert [one.subscription for one in [*first, *rest]] == whole
    assert {one.ends_on for one in stage} == {DAY - timedelta(days=days) for days in (30, 44)}
    assert earlier == []


def test_what_is_closed_or_erased_is_in_no_what_if(world: World) -> None:
    made = subscribe(world, ENDS[:3])
    Subscription.objects.filter(id=made[0].id).update(closed_at=NOON)
    Subscription.objects.filter(id=made[1].id).update(erased_on=DAY)
    with acting(world.duarte):
        assert what_if("standard", replace(DEFAULT_POLICY, grace_days=40), day=DAY).subscriptions == 1


# ── publishing ──


def test_publishing_lets_products_point_to_it_and_touches_nothing_that_exists(world: World) -> None:
    old = subscribe(world, [DAY + timedelta(days=100)])[0]
    draft(world, grace_days="20", retention_days="150")
    done = publish_draft(actor=world.duarte, name="standard", means=means())
    assert (done.version, done.products) == (2, ("office-basic", "office-one", "office-plus"))
    with acting(world.duarte):
        assert {each.policy_version for each in catalog.products()} == {2}
        assert subscriptions.subscription(old.id).policy_version == 1
        assert catalog.policy_drafts() == []
    _carla, outcome = open_customer(world, make_keys(world), "oficinacarla")
    fresh = Subscription.objects.get(customer_id=outcome.customer)
    assert fresh.policy_id == done.policy
    tags = list(Entry.objects.filter(tag="policy:published").values_list("facts", flat=True))
    assert tags == [{"version": 2}]


def test_a_renewal_begins_a_new_term_under_the_new_version(world: World) -> None:
    from chaveiro.apps.redemption.actions import redeem

    bruno, outcome = open_customer(world, make_keys(world))
    one = Subscription.objects.get(customer_id=outcome.customer)
    policy = publish(world, retention_days="150")
    text = make_keys(world)
    order = replace(
        opening(text),
        purpose="extend",
        customer=None,
        administrator=None,
        items=tuple(Item.of(each, digesters()) for each in text),
        subscription=one.id,
    )
    redeem(actor=bruno, order=order, means=means())
    assert Subscription.objects.get(id=one.id).policy_id == policy


def test_a_version_that_would_erase_earlier_is_not_published(world: World) -> None:
    draft(world, retention_days="119")
    with pytest.raises(ErasesEarlier):
        publish_draft(actor=world.duarte, name="standard", means=means())


def test_a_draft_that_changes_nothing_is_not_published(world: World) -> None:
    draft(world, grace_days=" 30 ")
    with pytest.raises(DraftUnchanged):
        publish_draft(actor=world.duarte, name="standard", means=means())


def test_a_dry_run_of_publishing_says_what_would_be_and_leaves_nothing(world: World) -> None:
    draft(world, retention_days="150")
    done = publish_draft(actor=world.duarte, name="standard", means=means(), dry_run=True)
    assert (done.version, len(done.products)) == (2, 3)
    assert PolicyRow.objects.count() == 1
    assert publish_draft(actor=world.duarte, name="standard", means=means()).version == 2


def test_a_published_version_never_changes(world: World) -> None:
    publish(world, retention_days="150")
    with pytest.raises(Exception, match="never change"):
        PolicyRow.objects.filter(version=2).update(numbers={})


# ── what exists follows ──


def test_existing_subscriptions_follow_when_two_agree_each_journalled_and_due(world: World) -> None:
    made = subscribe(world, ENDS[:4])
    Subscription.objects.update(due_on=NEVER)
    policy = publish(world, retention_days="150", grace_days="40")
    card = adopt(world)
    assert Owed.objects.filter(kind="policy_adoption").count() == 1
    assert carry_out_adoption(adoption=card.id, means=means, portion=3)
    assert set(Subscription.objects.values_list("policy_id", "due_on")) == {(policy, LOOK_NOW)}
    entries = Entry.objects.filter(tag="subscription:policy_changed")
    assert {entry.subject_id for entry in entries} == {str(one.id) for one in made}
    assert entries[0].facts == {"policy": policy, "version": 2, "before": 1}
    with acting(SYSTEM):
        done = catalog.adoption(card.id)
    assert (done.state, done.wanted, done.moved) == (AdoptionState.DONE, 4, 4)


def test_carrying_it_out_twice_or_after_a_stop_changes_nothing_more(world: World) -> None:
    subscribe(world, ENDS[:4])
    publish(world, retention_days="150")
    card = adopt(world)
    asked = iter([False, True])
    assert not carry_out_adoption(adoption=card.id, means=means, stopping=lambda: next(asked), portion=3)
    assert carry_out_adoption(adoption=card.id, means=means, portion=3)
    assert carry_out_adoption(adoption=card.id, means=means, portion=3)
    assert Entry.objects.filter(tag="subscription:policy_changed").count() == 4
    assert Entry.objects.filter(tag="policy:adopted").count() == 1


@pytest.mark.parametrize(
    ("typed", "counts"), [({"grace_days": "20"}, (2, 0)), ({"grace_days": "29", "retention_days": "130"}, (2, 0))]
)
def test_what_exists_loses_nothing_and_is_told_how_many_would(
    world: World, typed: dict[str, str], counts: tuple[int, int]
) -> None:
    subscribe(world, ENDS[:2])
    publish(world, **typed)
    with pytest.raises(TakesAwayEarlier) as refused:
        propose_adoption(actor=world.duarte, name="standard", means=means())
    assert (refused.value.facts["stops"], refused.value.facts["erases"]) == counts


def test_a_draft_that_erases_earlier_is_counted_as_such(world: World) -> None:
    subscribe(world, ENDS[:2])
    with acting(world.duarte):
        move = what_if("standard", replace(DEFAULT_POLICY, retention_days=100), day=DAY)
    with pytest.raises(TakesAwayEarlier) as refused:
        move.check("standard")
    assert (refused.value.facts["stops"], refused.value.facts["erases"]) == (0, 2)


def test_whoever_proposed_it_does_not_agree_to_it(world: World) -> None:
    subscribe(world, ENDS[:1])
    publish(world, retention_days="150")
    card, _move = propose_adoption(actor=world.duarte, name="standard", means=means())
    assert card is not None
    for actor in (world.duarte, SYSTEM):
        with pytest.raises(SecondOperatorNeeded):
            approve_adoption(actor=actor, adoption=card.id, means=means(), house=House())
    alone = House(one_person=True)
    with pytest.raises(SecondOperatorNeeded):
        approve_adoption(actor=world.duarte, adoption=card.id, means=means(), house=alone)
    after = approve_adoption(actor=world.duarte, adoption=card.id, means=means(DAY + timedelta(days=1)), house=alone)
    assert after.state is AdoptionState.APPROVED


def test_it_is_proposed_once_at_a_time_and_settled_once(world: World) -> None:
    subscribe(world, ENDS[:1])
    publish(world, retention_days="150")
    card, _move = propose_adoption(actor=world.duarte, name="standard", means=means())
    assert card is not None
    with pytest.raises(AdoptionWaits):
        propose_adoption(actor=world.duarte, name="standard", means=means())
    assert withdraw_adoption(actor=world.duarte, adoption=card.id, means=means()).state is AdoptionState.WITHDRAWN
    with pytest.raises(AdoptionSettled):
        approve_adoption(actor=second(world), adoption=card.id, means=means(), house=House())
    assert propose_adoption(actor=world.duarte, name="standard", means=means())[0] is not None


def test_where_everything_follows_already_there_is_nothing_to_propose(world: World) -> None:
    with pytest.raises(NothingToAdopt):
        propose_adoption(actor=world.duarte, name="standard", means=means())


def test_dry_runs_of_an_adoption_leave_nothing(world: World) -> None:
    subscribe(world, ENDS[:1])
    publish(world, retention_days="150")
    card, move = propose_adoption(actor=world.duarte, name="standard", means=means(), dry_run=True)
    assert (card, move.erases_later) == (None, 1)
    with acting(world.duarte):
        assert catalog.adoptions() == []
    real, _move = propose_adoption(actor=world.duarte, name="standard", means=means())
    assert real is not None
    approve_adoption(actor=second(world), adoption=real.id, means=means(), house=House(), dry_run=True)
    assert not Owed.objects.filter(kind="policy_adoption").exists()


def test_the_database_lets_nobody_of_the_web_agree_by_hand(world: World) -> None:
    subscribe(world, ENDS[:1])
    publish(world, retention_days="150")
    card, _move = propose_adoption(actor=world.duarte, name="standard", means=means())
    assert card is not None
    with acting(world.ana):
        done = connection.connection.execute(
            "UPDATE catalog_policyadoption SET state = 'approved' WHERE id = %s", (card.id,)
        )
        assert done.rowcount == 0
    with pytest.raises(Exception, match=r"policy|denied"), acting(world.duarte):
        connection.connection.execute("UPDATE catalog_policyadoption SET state = 'done' WHERE id = %s", (card.id,))
