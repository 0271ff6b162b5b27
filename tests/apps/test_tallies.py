"""How many keys of a batch are in which state: kept as they change, folded together, and always what the keys say."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Count

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.actions import fold_tallies, recall_batch, revoke_key
from chaveiro.apps.keys.models import Batch, Key, Tally
from chaveiro.apps.keys.queries import counts
from chaveiro.rules.actors import SYSTEM, Actor
from tests import cast
from tests.cast import World, build_world, make_keys, open_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build_world()


def told(actor: Actor, batch: UUID) -> dict[str, int]:
    with acting(actor):
        return counts([batch])[batch]


def there(batch: UUID) -> dict[str, int]:
    return dict(Key.objects.filter(batch_id=batch).values_list("state").annotate(Count("number")).order_by())


def test_the_counts_of_a_batch_follow_its_keys_through_their_whole_life(world: World) -> None:
    keys = make_keys(world, 4)
    batch, number = Batch.objects.get().id, Key.objects.order_by("number").values_list("number", flat=True)
    assert told(SYSTEM, batch) == there(batch) == {"released": 4}
    _bruno, outcome = open_customer(world, keys[:2])
    assert told(SYSTEM, batch) == there(batch) == {"released": 2, "redeemed": 2}
    revoke_key(actor=world.duarte, number=number[3], means=cast.means())
    assert told(SYSTEM, batch) == there(batch) == {"released": 1, "redeemed": 2, "revoked": 1}
    reverse(actor=world.duarte, redemption=outcome.id, reason="engano", means=cast.means())
    assert told(SYSTEM, batch) == there(batch) == {"released": 3, "revoked": 1}
    recall_batch(actor=world.duarte, batch=batch, means=cast.means())
    assert told(SYSTEM, batch) == there(batch) == {"revoked": 4}


def test_folding_changes_no_count_and_leaves_a_row_for_each_state(world: World) -> None:
    open_customer(world, make_keys(world, 3)[:1])
    batch = Batch.objects.get().id
    before = told(SYSTEM, batch)
    assert Tally.objects.count() > len(before)
    fold_tallies(left_alone=0)
    assert told(SYSTEM, batch) == before == {"released": 2, "redeemed": 1}
    assert sorted(Tally.objects.values_list("state", "amount")) == [("redeemed", 1), ("released", 2)]
    fold_tallies(left_alone=0)
    assert told(SYSTEM, batch) == before


def test_a_few_rows_are_left_alone(world: World) -> None:
    make_keys(world, 3)
    rows = list(Tally.objects.order_by("id").values_list("id", flat=True))
    fold_tallies()
    assert list(Tally.objects.order_by("id").values_list("id", flat=True)) == rows


def test_whoever_does_not_hold_a_batch_counts_nothing_of_it_and_nobody_writes_counts(world: World) -> None:
    make_keys(world, 2)
    batch = Batch.objects.get()
    assert told(world.duarte, batch.id) == {"released": 2}
    assert told(world.ana, batch.id) == ({"released": 2} if batch.holder_id == world.reseller else {})
    assert told(world.rui, batch.id) == {}
    with acting(world.duarte), connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('keys_tally', 'SELECT, INSERT, UPDATE, DELETE')")
        assert cursor.fetchone() == (False,)


def test_counting_without_the_trigger_would_be_wrong(world: World) -> None:
    """The check above can fail: where the trigger does not run, the count stays behind the keys."""
    keys = make_keys(world, 2)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE keys_key DISABLE TRIGGER tallies_changed")
    open_customer(world, keys[:1])
    batch = Batch.objects.get().id
    assert told(SYSTEM, batch) != there(batch)
