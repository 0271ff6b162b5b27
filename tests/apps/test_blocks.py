"""Blocks on real rows: put and lifted by their own side, journalled, owed to those concerned, on the right day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.actions import lift_block, put_block
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules.access import Act, Holder, decide
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.blocks import BlockLifted, BlockStands, NotYourBlock
from chaveiro.rules.errors import NotAllowed, NotFound, SubscriptionDeleted
from chaveiro.rules.lifecycle import stage_on
from chaveiro.rules.policies import Policy
from tests.cast import DAY, NOON, World, build_world, make_keys, means, new_id, open_customer

pytestmark = pytest.mark.django_db


class Scene:
    """Padaria Sol with one subscription that Ana redeemed."""

    def __init__(self) -> None:
        self.world: World = build_world()
        self.bruno, outcome = open_customer(self.world, make_keys(self.world))
        self.subscription = Subscription.objects.get(customer_id=outcome.customer).id

    def put(self, actor: Actor, kind: str = "abuse", **more: Any) -> queries.BlockCard:
        reason = "Envio de publicidade não pedida"
        return put_block(
            actor=actor, subscription=self.subscription, kind=kind, reason=reason, **{"means": means(), **more}
        )

    def may_use(self, actor: Actor, day: date = DAY) -> bool:
        with acting(actor):
            one = queries.subscription(self.subscription)
            blocks = [block.as_rule for block in queries.blocks(self.subscription)]
        return decide(Act.USE, day=day, life=one.life, blocks=blocks).allowed


@pytest.fixture
def scene() -> Scene:
    return Scene()


def tags(*prefixes: str) -> list[str]:
    return [tag for tag in Entry.objects.order_by("id").values_list("tag", flat=True) if tag.startswith(prefixes)]


def test_an_operator_s_block_stops_use_until_it_is_lifted(scene: Scene) -> None:
    assert scene.may_use(scene.bruno)
    card = scene.put(scene.world.duarte)
    assert (card.holder, card.put_on, card.put_by) == (Holder.OPERATOR, DAY, scene.world.duarte.account)
    assert not scene.may_use(scene.bruno)
    lifted = lift_block(actor=scene.world.duarte, block=card.id, means=means(DAY + timedelta(days=2)))
    assert lifted.lifted_on == DAY + timedelta(days=2)
    assert scene.may_use(scene.bruno)
    assert tags("subscription:blocked", "subscription:unblocked") == ["subscription:blocked", "subscription:unblocked"]


def test_who_is_concerned_is_owed_a_letter_of_each(scene: Scene) -> None:
    card = scene.put(scene.world.duarte)
    lift_block(actor=scene.world.duarte, block=card.id, means=means())
    owed = list(Owed.objects.filter(kind="block").order_by("id").values_list("facts", flat=True))
    assert [facts["did"] for facts in owed] == ["blocked", "unblocked"]
    assert {facts["block"] for facts in owed} == {str(card.id)}


def test_the_reason_is_kept_in_the_row_and_nowhere_else(scene: Scene) -> None:
    scene.put(scene.world.duarte)
    told = [str(entry.facts) for entry in Entry.objects.all()] + [str(owed.facts) for owed in Owed.objects.all()]
    assert not [text for text in told if "publicidade" in text]
    assert Block.objects.get().reason == "Envio de publicidade não pedida"


def test_a_legal_hold_is_journalled_as_one_and_stops_no_use(scene: Scene) -> None:
    card = scene.put(scene.world.duarte, "legal_hold")
    assert scene.may_use(scene.bruno)
    lift_block(actor=scene.world.duarte, block=card.id, means=means())
    assert tags("subscription:held", "subscription:released") == ["subscription:held", "subscription:released"]


def test_the_partner_who_redeemed_blocks_what_it_is_owed_and_lifts_it(scene: Scene) -> None:
    card = scene.put(scene.world.ana, "unpaid")
    assert (card.holder, card.holder_id) == (Holder.CHANNEL, scene.world.ana.organisation)
    with pytest.raises(NotYourBlock):
        lift_block(actor=scene.world.duarte, block=card.id, means=means())
    assert lift_block(actor=scene.world.ana, block=card.id, means=means()).lifted_on == DAY


def test_a_partner_does_not_lift_what_the_operator_put(scene: Scene) -> None:
    card = scene.put(scene.world.duarte, "unpaid")
    with pytest.raises(NotYourBlock):
        lift_block(actor=scene.world.ana, block=card.id, means=means())
    assert not scene.may_use(scene.bruno)


def test_both_sides_may_block_for_the_same_reason_and_each_lifts_one(scene: Scene) -> None:
    scene.put(scene.world.duarte, "unpaid")
    theirs = scene.put(scene.world.ana, "unpaid")
    lift_block(actor=scene.world.ana, block=theirs.id, means=means())
    assert not scene.may_use(scene.bruno)


def test_a_partner_blocks_neither_for_abuse_nor_what_it_did_not_redeem(scene: Scene) -> None:
    with pytest.raises(NotAllowed):
        scene.put(scene.world.ana, "abuse")
    with pytest.raises(NotFound):
        scene.put(scene.world.rui, "unpaid")


def test_a_partner_of_record_that_sold_nothing_blocks_nothing(scene: Scene) -> None:
    connection.connection.execute(
        "INSERT INTO customers_reach (customer_id, organisation_id, kind, since)"
        " VALUES (%s, %s, 'partner_of_record', %s)",
        (scene.bruno.customer, scene.world.rui.organisation, NOON),
    )
    with pytest.raises(NotAllowed):
        scene.put(scene.world.rui, "unpaid")


def test_customers_and_strangers_put_and_lift_nothing(scene: Scene) -> None:
    card = scene.put(scene.world.duarte)
    for act in (lambda: scene.put(scene.bruno), lambda: lift_block(actor=scene.bruno, block=card.id, means=means())):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotFound):
        lift_block(actor=scene.world.rui, block=card.id, means=means())


def test_the_database_refuses_it_too_whoever_calls_its_function(scene: Scene) -> None:
    values = (new_id(), scene.subscription, "abuse", "x", DAY, NOON)
    for actor, state in ((scene.bruno, "CV003"), (scene.world.ana, "CV003"), (scene.world.rui, "CV004")):
        with pytest.raises(Exception, match="not") as refused, acting(actor):
            connection.connection.execute("SELECT subscriptions_put_block(%s, %s, %s, %s, %s, %s)", values)
        assert refused.value.sqlstate == state  # type: ignore[attr-defined]
    card = scene.put(scene.world.duarte)
    for actor in (scene.bruno, scene.world.ana, scene.world.rui):
        with acting(actor):
            row = connection.connection.execute(
                "SELECT subscriptions_lift_block(%s, %s, %s)", (card.id, DAY, NOON)
            ).fetchone()
        assert row == (False,)
    assert Block.objects.get(id=card.id).lifted_at is None


def test_the_same_side_puts_each_kind_once_and_says_since_when(scene: Scene) -> None:
    scene.put(scene.world.duarte)
    with pytest.raises(BlockStands) as refused:
        scene.put(scene.world.duarte, means=means(DAY + timedelta(days=3)))
    assert refused.value.facts == {"kind": "abuse", "since": DAY}
    assert tags("subscription:blocked") == ["subscription:blocked"]


def test_lifting_again_says_when_it_was_lifted(scene: Scene) -> None:
    card = scene.put(scene.world.duarte)
    lift_block(actor=scene.world.duarte, block=card.id, means=means())
    with pytest.raises(BlockLifted) as refused:
        lift_block(actor=scene.world.duarte, block=card.id, means=means(DAY + timedelta(days=1)))
    assert refused.value.facts["lifted_on"] == DAY


def test_a_dry_run_refuses_the_same_and_leaves_nothing(scene: Scene) -> None:
    card = scene.put(scene.world.duarte, dry_run=True)
    assert card.kind == "abuse"
    assert (Block.objects.count(), tags("subscription:blocked")) == (0, [])
    assert not Owed.objects.filter(kind="block").exists()
    with pytest.raises(NotAllowed):
        scene.put(scene.bruno, dry_run=True)


def test_an_erased_subscription_is_not_blocked(scene: Scene) -> None:
    Subscription.objects.filter(id=scene.subscription).update(erased_on=DAY)
    with pytest.raises(SubscriptionDeleted):
        scene.put(scene.world.duarte)


def test_on_a_test_clock_a_block_is_put_on_its_day(scene: Scene) -> None:
    day = date(2027, 5, 4)
    clock = Clock.objects.create(id=new_id(), name="Ensaio", day=day, created_at=NOON)
    Customer.objects.filter(id=scene.bruno.customer).update(is_test=True, clock=clock)
    Subscription.objects.filter(id=scene.subscription).update(clock=clock)
    card = scene.put(scene.world.duarte)
    assert card.put_on == day
    assert lift_block(actor=scene.world.duarte, block=card.id, means=means()).lifted_on == day


def test_a_block_on_all_that_a_customer_has_stands_on_each(scene: Scene) -> None:
    Block.objects.create(
        id=new_id(),
        customer_id=scene.bruno.customer,
        kind="partner_suspended",
        holder="system",
        put_on=DAY,
        put_at=NOON,
    )
    assert not scene.may_use(scene.bruno)
    with acting(SYSTEM):
        assert [one.subscription for one in queries.blocks(scene.subscription)] == [None]


@settings(max_examples=300, deadline=None)
@given(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    st.integers(1, 200),
    st.booleans(),
    st.integers(-2, 2),
    st.none() | st.integers(-300, 300),
)
def test_the_stage_in_sql_is_the_stage_of_the_rulebook_at_every_border(
    ends_on: date, grace: int, at_grace: bool, beside: int, erased: int | None
) -> None:
    day = ends_on + timedelta(days=beside + (grace if at_grace else 0))
    erased_on = None if erased is None else ends_on + timedelta(days=erased)
    connection.ensure_connection()
    found = connection.connection.execute(
        "SELECT subscriptions_stage(%s, %s, %s, %s)", (day, ends_on, grace, erased_on)
    ).fetchone()
    policy = Policy(grace_days=grace, retention_days=grace + 90)
    assert found == (stage_on(day, ends_on, policy, erased_on).value,)
