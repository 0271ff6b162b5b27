"""Ordering stock, the second person, and what becomes of keys: released, recalled, revoked, replaced, let go."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from chaveiro import wiring
from chaveiro.apps.catalog.actions import restore_product, retire_product
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions import (
    approve_batch,
    break_hold,
    cancel_mint,
    drop_recall,
    mint_planned_to_file,
    plan_batch,
    recall_batch,
    release_batch,
    replace_by_worker,
    replace_key,
    revoke_key,
    run_mint,
)
from chaveiro.rules import serials
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor, Kind
from chaveiro.rules.batches import BatchStep, HolderRefused, House, KeyReplaced, SecondPersonNeeded, Stage
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.exports import Lock
from chaveiro.rules.products import ProductRetired
from chaveiro.rules.verdicts import KeyRedeemed, KeyRevoked, Refusals
from tests import cast
from tests.apps import stock
from tests.cast import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return cast.build_world()


def test_an_order_is_told_everything_that_is_wrong_with_it_at_once(world: World) -> None:
    wrong = stock.order(seats=301, months=0, quantity=1_000_001, countries=("PT", "DE"), activate_before=cast.DAY)
    with pytest.raises(Refusals) as refused:
        plan_batch(actor=SYSTEM, order=wrong, house=stock.HOUSE, means=cast.means())
    assert [(fault.pointer, fault.refusal.code) for fault in refused.value.faults] == [
        ("/seats", "seats_over_maximum"),
        ("/months", "malformed"),
        ("/count", "malformed"),
        ("/countries/1", "country_not_served"),
        ("/activate_before", "malformed"),
    ]
    with pytest.raises(NotFound):
        stock.planned(product="office-none")


def test_a_planned_batch_sets_serials_aside_that_no_other_ever_has(world: World) -> None:
    batches = [stock.planned(quantity=quantity) for quantity in (10, 1_000, 1, 7)]
    ranges = [range(batch.first_number, batch.first_number + batch.quantity) for batch in batches]
    for earlier, later in pairwise(ranges):
        assert later.start >= earlier.stop
    assert len({batch.number for batch in batches}) == 4
    assert batches[0].stage is Stage.PLANNED
    assert batches[0].holder == world.vendor
    assert stock.tags().count("batch:planned") == 4


def test_only_operators_and_the_house_order_stock(world: World) -> None:
    for stranger in (world.ana, world.dalila, ANONYMOUS):
        with pytest.raises(NotAllowed):
            stock.planned(actor=stranger)
    narrow = Actor(Kind.OPERATOR, world.duarte.account, world.vendor, scopes=frozenset({"keys:check"}))
    with pytest.raises(NotAllowed):
        stock.planned(actor=narrow)
    assert stock.planned(actor=world.duarte).created_by == world.duarte.account


def test_stock_is_held_by_a_partner_who_is_not_suspended(world: World) -> None:
    assert stock.planned(holder=world.distributor).holder_name == "Norte Distribuição, Lda."
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_organisation SET suspended_at = now() WHERE id = %s", (world.reseller,))
    with pytest.raises(HolderRefused):
        stock.planned(holder=world.reseller)
    with pytest.raises(NotFound):
        stock.planned(holder=cast.new_id())


def test_more_than_a_thousand_keys_need_a_second_person(world: World) -> None:
    batch = stock.planned(actor=world.duarte, quantity=1_001)
    assert batch.stage is Stage.WAITING
    with pytest.raises(SecondPersonNeeded):
        approve_batch(actor=world.duarte, batch=batch.id, house=stock.HOUSE, means=stock.later(hours=48))
    with pytest.raises(SecondPersonNeeded):
        approve_batch(actor=SYSTEM, batch=batch.id, house=stock.HOUSE, means=stock.later(hours=48))
    filipa = cast._member(world.vendor, "Filipa", "operator", Kind.OPERATOR)
    approved = approve_batch(actor=filipa, batch=batch.id, house=stock.HOUSE, means=cast.means())
    assert approved.stage is Stage.PLANNED
    assert rows.Batch.objects.get(pk=batch.id).approved_by == filipa.account
    with pytest.raises(BatchStep):
        approve_batch(actor=filipa, batch=batch.id, house=stock.HOUSE, means=cast.means())


def test_what_the_machine_ordered_any_operator_may_approve(world: World) -> None:
    batch = stock.planned(quantity=5_000)
    assert approve_batch(actor=world.duarte, batch=batch.id, house=stock.HOUSE, means=cast.means()).is_approved


def test_where_one_person_runs_the_house_a_day_replaces_the_second_person(world: World) -> None:
    batch = stock.planned(actor=world.duarte, house=stock.ALONE, quantity=1_001)
    with pytest.raises(SecondPersonNeeded) as refused:
        approve_batch(actor=world.duarte, batch=batch.id, house=stock.ALONE, means=stock.later(hours=23, minutes=59))
    assert refused.value.facts["not_before"] == stock.later(hours=24).now
    approve_batch(actor=world.duarte, batch=batch.id, house=stock.ALONE, means=stock.later(hours=24))
    assert rows.Batch.objects.get(pk=batch.id).approved_by is None
    assert stock.tags()[-1] == "batch:approved"


def test_in_a_pretence_nobody_has_to_approve(world: World) -> None:
    assert stock.planned(house=House(pretence=True), quantity=1_000_000).stage is Stage.PLANNED


def test_the_database_refuses_to_count_keys_of_a_batch_that_nobody_approved(world: World) -> None:
    batch = stock.planned(quantity=1_001)
    with pytest.raises(DatabaseError, match="approved_before"), transaction.atomic():
        rows.Batch.objects.filter(pk=batch.id).update(minted=1)


def test_the_database_keeps_a_key_in_its_batch_and_what_it_carries(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    insert = "INSERT INTO keys_key (number, batch_id, state) VALUES (%s, %s, 'minted')"
    changes = [
        (insert, (batch.first_number + batch.quantity, batch.id)),
        (insert, (batch.first_number - 1, cast.new_id())),
        ("UPDATE keys_batch SET seats = 300 WHERE id = %s", (batch.id,)),
        ("UPDATE keys_batch SET quantity = 11 WHERE id = %s", (batch.id,)),
        ("UPDATE keys_key SET number = number + 100 WHERE batch_id = %s", (batch.id,)),
        ("UPDATE keys_key SET digest = '\\x00' WHERE number = %s", (batch.first_number,)),
        ("DELETE FROM keys_batch WHERE id = %s", (batch.id,)),
    ]
    for sql, values in changes:
        with pytest.raises(DatabaseError, match=r"keeps|outside"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)


def test_blocks_of_serials_are_for_operators_only(world: World) -> None:
    for stranger in (world.ana, ANONYMOUS):
        with pytest.raises(DatabaseError, match="not a block"), acting(stranger), connection.cursor() as cursor:
            cursor.execute("SELECT keys_reserve(10)")
    with pytest.raises(DatabaseError, match="permission"), acting(world.duarte), connection.cursor() as cursor:
        cursor.execute("SELECT nextval('keys_serial_number')")


def test_a_batch_is_released_once_and_its_keys_are_for_sale(world: World, tmp_path: Path) -> None:
    batch = stock.planned()
    with pytest.raises(BatchStep):
        release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    batch = stock.minted(tmp_path).batch
    told: list[tuple[int, int]] = []
    for _ in range(2):
        release_batch(
            actor=world.duarte, batch=batch.id, means=cast.means(), progress=lambda *counts: told.append(counts)
        )
    assert stock.states(batch.id) == {"released": 10}
    assert stock.now_of(batch.id).stage is Stage.RELEASED
    assert stock.tags().count("batch:released") == 1
    assert told == [(10, 10), (10, 10)]


def test_a_release_that_was_interrupted_is_finished_by_the_next(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chaveiro.apps.keys.actions.selling.SLICE_KEYS", 4)
    batch = stock.minted(tmp_path).batch

    def stop(done: int, _: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        release_batch(actor=SYSTEM, batch=batch.id, means=cast.means(), progress=stop)
    assert stock.states(batch.id) == {"released": 4, "minted": 6}
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    assert stock.states(batch.id) == {"released": 10}
    assert stock.tags().count("batch:released") == 1


def test_a_recall_takes_what_is_not_redeemed_and_leaves_the_rest(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    keys = [key for _, key in stock.texts(tmp_path / "keys.csv")]
    cast.open_customer(world, keys[:2])
    rows.Hold.objects.create(
        key_id=batch.first_number + 5, draft_id=cast.new_id(), since=cast.NOON, until=stock.later(hours=72).now
    )
    recall_batch(actor=world.duarte, batch=batch.id, means=cast.means())
    assert stock.states(batch.id) == {"redeemed": 2, "revoked": 8}
    assert not rows.Hold.objects.exists()
    with pytest.raises(BatchStep):
        release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    assert stock.tags().count("batch:recalled") == 1


def test_one_key_is_revoked_unless_somebody_redeemed_it(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    cast.open_customer(world, [stock.texts(tmp_path / "keys.csv")[0][1]])
    revoke_key(actor=world.duarte, number=batch.first_number + 1, means=cast.means())
    with pytest.raises(KeyRevoked):
        revoke_key(actor=world.duarte, number=batch.first_number + 1, means=cast.means())
    with pytest.raises(KeyRedeemed):
        revoke_key(actor=world.duarte, number=batch.first_number, means=cast.means())
    with pytest.raises(NotFound):
        revoke_key(actor=world.duarte, number=1, means=cast.means())
    with pytest.raises(NotAllowed):
        revoke_key(actor=world.ana, number=batch.first_number + 2, means=cast.means())
    assert stock.states(batch.id) == {"redeemed": 1, "revoked": 1, "released": 8}


def test_a_replacement_carries_the_same_and_is_for_sale_where_the_old_key_was(world: World, tmp_path: Path) -> None:
    first = {"countries": ("PT", "ES"), "activate_before": date(2027, 11, 22), "holder": world.reseller}
    batch = stock.minted(tmp_path, **first).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    lost = batch.first_number + 3
    planned = replace_key(actor=world.duarte, number=lost, means=cast.means())
    assert planned.replaces == lost
    carried = ("product_version", "seats", "months", "countries", "activate_before", "holder", "kind")
    assert [getattr(planned, name) for name in carried] == [getattr(batch, name) for name in carried]
    again = replace_key(actor=world.duarte, number=lost, means=cast.means())
    assert again.id == planned.id
    file = stock.file_at(tmp_path, "replacement.csv")
    mint_planned_to_file(batch=planned, file=file, means=cast.means())
    assert stock.states(planned.id) == {"released": 1}
    with acting(SYSTEM):
        assert queries.key(lost, now=cast.NOON).state == "revoked"
        assert queries.key(lost, now=cast.NOON).replaced_by == planned.first_number
    with pytest.raises(KeyReplaced) as refused:
        replace_key(actor=world.duarte, number=lost, means=cast.means())
    assert refused.value.facts["by"] == serials.write(planned.first_number)
    _, outcome = cast.open_customer(world, [stock.texts(tmp_path / "replacement.csv")[0][1]])
    assert outcome.customer
    assert {"key:replaced", "key:revoked"} <= set(stock.tags())


def test_a_replacement_of_a_key_that_was_never_for_sale_is_not_for_sale_either(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    planned = replace_key(actor=SYSTEM, number=batch.first_number, means=cast.means())
    mint_planned_to_file(batch=planned, file=stock.file_at(tmp_path, "replacement.csv"), means=cast.means())
    assert stock.states(planned.id) == {"minted": 1}


def test_a_hold_is_broken_by_the_operator_or_the_holder_of_the_stock_and_by_nobody_else(
    world: World, tmp_path: Path
) -> None:
    batch = stock.minted(tmp_path, holder=world.distributor).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    draft = cast.new_id()
    for number in (batch.first_number, batch.first_number + 1):
        rows.Hold.objects.create(key_id=number, draft_id=draft, since=cast.NOON, until=stock.later(hours=72).now)
    with pytest.raises(NotAllowed):
        break_hold(actor=world.ana.__class__(Kind.CUSTOMER), number=batch.first_number, means=cast.means())
    with pytest.raises(NotFound):
        break_hold(actor=world.ana, number=batch.first_number, means=cast.means())
    assert break_hold(actor=world.dalila, number=batch.first_number, means=cast.means()) == draft
    assert break_hold(actor=world.duarte, number=batch.first_number + 1, means=cast.means()) == draft
    with pytest.raises(NotFound):
        break_hold(actor=world.duarte, number=batch.first_number + 1, means=cast.means())
    assert stock.tags().count("draft:hold_broken") == 2


def test_a_holder_looks_at_its_own_stock_and_at_no_other(world: World, tmp_path: Path) -> None:
    mine = stock.minted(tmp_path, "a.csv", holder=world.distributor).batch
    foreign = stock.minted(tmp_path, "b.csv", holder=world.reseller).batch
    with acting(world.dalila):
        assert [batch.id for batch in queries.batches()] == [mine.id]
        assert queries.counts([mine.id, foreign.id]) == {mine.id: {"minted": 10}, foreign.id: {}}
        assert queries.key(mine.first_number, now=cast.NOON).seats == 5
        with pytest.raises(NotFound):
            queries.key(foreign.first_number, now=cast.NOON)
        ending = stock.texts(tmp_path / "b.csv")[0][1][-5:]
        assert ending not in {key.last_five for key in queries.keys_ending(ending, now=cast.NOON)}
    with acting(world.duarte):
        assert {batch.id for batch in queries.batches()} == {mine.id, foreign.id}
        assert foreign.first_number in {key.number for key in queries.keys_ending(ending, now=cast.NOON)}
    with acting(ANONYMOUS):
        assert queries.batches() == []
        assert queries.keys([mine.first_number], now=cast.NOON) == []


def test_who_redeemed_a_key_is_told_to_the_operator_and_not_to_its_holder(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path, holder=world.reseller).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    bruno, outcome = cast.open_customer(world, [stock.texts(tmp_path / "keys.csv")[0][1]])
    assert bruno.customer == outcome.customer
    with acting(world.duarte):
        assert queries.key(batch.first_number, now=cast.NOON).customer == outcome.customer
    with acting(world.ana):
        assert queries.key(batch.first_number, now=cast.NOON).state == "redeemed"
        assert queries.key(batch.first_number, now=cast.NOON).customer is None


def test_batches_are_listed_newest_first_and_page_by_page(world: World) -> None:
    made = [stock.planned() for _ in range(5)]
    with acting(world.duarte):
        page = queries.batches(limit=2)
        rest = queries.batches(limit=200, before=page[-1].number)
    assert [batch.id for batch in (*page, *rest)] == [batch.id for batch in reversed(made)]


def test_a_partner_cannot_touch_stock_even_by_hand(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path, holder=world.reseller).batch
    with acting(world.ana), connection.cursor() as cursor:
        cursor.execute("UPDATE keys_key SET state = 'released' WHERE batch_id = %s", (batch.id,))
        assert cursor.rowcount == 0
        cursor.execute("SELECT count(*) FROM keys_key")
        assert cursor.fetchone() == (0,)
    with pytest.raises((DatabaseError, psycopg.Error)), acting(world.duarte), connection.cursor() as cursor:
        cursor.execute("INSERT INTO keys_key (number, batch_id, state) VALUES (1, %s, 'minted')", (batch.id,))


def test_no_key_of_a_retired_product_is_ordered_and_what_was_sold_stays_good(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    retire_product(actor=world.duarte, code="office-basic", means=cast.means())
    with pytest.raises(ProductRetired):
        stock.planned()
    cast.open_customer(world, [stock.texts(tmp_path / "keys.csv")[0][1]])
    restore_product(actor=world.duarte, code="office-basic", means=cast.means())
    assert stock.planned().product == "office-basic"
    assert [tag for tag in stock.tags() if tag.startswith("product:")] == ["product:retired", "product:restored"]


def test_the_database_refuses_a_recall_of_many_for_sale_that_nobody_asked_for(world: World) -> None:
    cast.make_keys(world, 1_001)
    with pytest.raises(DatabaseError, match="batch_for_sale_is_recalled_after_it_was_asked"), transaction.atomic():
        rows.Batch.objects.update(recalled_at=cast.NOON)


def test_a_first_recall_of_many_only_asks_and_who_asked_waits_a_day_where_one_person_runs_it(world: World) -> None:
    cast.make_keys(world, 1_001)
    batch = rows.Batch.objects.get().id
    alone = {"actor": world.duarte, "batch": batch, "house": stock.ALONE}
    assert recall_batch(**alone, means=cast.means(), reason="furto").recalled_at is None
    assert stock.states(batch) == {"released": 1_001}
    with pytest.raises(SecondPersonNeeded) as refused:
        recall_batch(**alone, means=stock.later(hours=23))
    assert refused.value.facts["not_before"] == stock.later(hours=24).now
    assert recall_batch(**alone, means=stock.later(hours=24)).stage is Stage.RECALLED
    assert stock.states(batch) == {"revoked": 1_001}


def test_a_partner_neither_recalls_nor_cancels_nor_retires(world: World) -> None:
    cast.make_keys(world, holder=world.reseller)
    batch = rows.Batch.objects.get().id
    for refused in (
        lambda: recall_batch(actor=world.ana, batch=batch, means=cast.means()),
        lambda: drop_recall(actor=world.ana, batch=batch, means=cast.means()),
        lambda: cancel_mint(actor=world.ana, operation=batch, means=cast.means()),
        lambda: retire_product(actor=world.ana, code="office-basic", means=cast.means()),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_a_replacement_by_the_worker_carries_the_same_and_is_sealed(world: World) -> None:
    cast.make_keys(world, seats=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('keys_serial_number', 20000000000)")
    lost = rows.Key.objects.get().number
    asked = {
        "actor": world.duarte,
        "number": lost,
        "lock": Lock(passphrase="broa de milho e manteiga"),
        "vault": wiring.vault(),
        "locksmith": stock.LOCKSMITH,
        "means": cast.means(),
    }
    batch, work = replace_by_worker(**asked)
    assert replace_by_worker(**asked) == (batch, work)
    assert run_mint(operation=work, vault=wiring.vault(), locksmith=stock.LOCKSMITH, means=cast.means())
    assert (batch.seats, batch.replaces) == (7, lost)
    assert stock.states(batch.id) == {"released": 1}
    with pytest.raises(KeyReplaced):
        replace_by_worker(**asked)
