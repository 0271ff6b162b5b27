"""Limits of a batch, its steps, the second person, the random source, pepper fingerprints."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chaveiro.rules import peppers
from chaveiro.rules.batches import (
    KEYS_ALONE_AT_MOST,
    STEPS,
    Batch,
    BatchStep,
    House,
    Kind,
    Order,
    RandomSourceBroken,
    SecondPersonNeeded,
    Span,
    Stage,
    approval_at_once,
    check_approval,
    watched,
)
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import Digester, Pepper
from chaveiro.rules.peppers import PepperChanged, PepperMissing
from chaveiro.rules.verdicts import Refusals

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA, DUARTE = UUID(int=1), UUID(int=2)

BATCH = Batch(
    id=UUID(int=9),
    number=1,
    product_version=1,
    product="office-basic",
    seats=5,
    months=12,
    quantity=10,
    minted=0,
    first_number=1,
    countries=(),
    activate_before=None,
    holder=UUID(int=8),
    holder_name="Tagus Software, S.A.",
    kind=Kind.BEARER,
    created_by=DUARTE,
    created_at=NOON,
    approved_at=None,
    minted_at=None,
    released_at=None,
    recalled_at=None,
    replaces=None,
)

AT = {
    Stage.PLANNED: BATCH,
    Stage.WAITING: replace(BATCH, quantity=1_001),
    Stage.MINTING: replace(BATCH, minted=3),
    Stage.MINTED: replace(BATCH, minted=10, minted_at=NOON),
    Stage.RELEASED: replace(BATCH, minted=10, minted_at=NOON, released_at=NOON),
    Stage.RECALLED: replace(BATCH, minted=10, minted_at=NOON, released_at=NOON, recalled_at=NOON),
}


def test_a_batch_stands_where_its_facts_say() -> None:
    for stage, batch in AT.items():
        assert batch.stage is stage
    assert replace(AT[Stage.WAITING], approved_at=NOON).stage is Stage.PLANNED


@pytest.mark.parametrize(("stage", "step"), list(itertools.product(Stage, STEPS)))
def test_each_step_is_taken_from_its_stages_and_from_no_other(stage: Stage, step: str) -> None:
    allowed = {
        "approve": {Stage.WAITING},
        "mint": {Stage.PLANNED, Stage.MINTING},
        "release": {Stage.MINTED, Stage.RELEASED},
        "recall": set(Stage),
    }
    if stage in allowed[step]:
        AT[stage].step(step)
    else:
        with pytest.raises((BatchStep, SecondPersonNeeded)):
            AT[stage].step(step)


def test_a_second_person_is_somebody_else_with_an_account() -> None:
    waiting, house = AT[Stage.WAITING], House()
    assert check_approval(waiting, ANA, house, NOON)
    assert check_approval(replace(waiting, created_by=None), DUARTE, house, NOON)
    for approver in (DUARTE, None):
        with pytest.raises(SecondPersonNeeded):
            check_approval(waiting, approver, house, NOON + timedelta(days=30))


def test_one_person_alone_waits_a_day() -> None:
    waiting, house = AT[Stage.WAITING], House(one_person=True)
    for approver in (DUARTE, None):
        with pytest.raises(SecondPersonNeeded):
            check_approval(waiting, approver, house, NOON + timedelta(hours=24, microseconds=-1))
        assert not check_approval(waiting, approver, house, NOON + timedelta(hours=24))


def test_what_needs_no_second_person_is_approved_at_once() -> None:
    assert approval_at_once(KEYS_ALONE_AT_MOST, House(), NOON) == NOON
    assert approval_at_once(KEYS_ALONE_AT_MOST + 1, House(), NOON) is None
    assert approval_at_once(KEYS_ALONE_AT_MOST + 1, House(one_person=True), NOON) is None
    assert approval_at_once(1_000_000, House(pretence=True), NOON) == NOON


def test_a_batch_matches_only_its_own_order() -> None:
    order = Order(product="office-basic", seats=5, months=12, quantity=10)
    assert BATCH.matches(order)
    for change in ({"seats": 6}, {"months": 1}, {"quantity": 9}, {"countries": ("PT",)}, {"kind": Kind.BOOK}):
        assert not BATCH.matches(replace(order, **change))


@pytest.mark.parametrize("broken", [bytes, lambda count: b"\x01" * count, lambda count: os.urandom(count - 1)])
def test_a_random_source_that_is_none_is_noticed_at_its_second_block_at_the_latest(broken: object) -> None:
    source = watched(broken)  # type: ignore[arg-type]
    with pytest.raises(RandomSourceBroken):
        source(21) + source(21)


def test_a_good_random_source_passes_through_unchanged() -> None:
    blocks = [os.urandom(84) for _ in range(100)]
    source = watched(lambda _, left=iter(blocks): next(left))  # type: ignore[misc]
    assert [source(84) for _ in blocks] == blocks


PEPPERS = [Pepper(1, b"o" * 32), Pepper(2, b"n" * 32)]
DIGESTERS = [Digester(pepper) for pepper in PEPPERS]


def test_a_digester_has_the_fingerprint_of_its_pepper() -> None:
    for pepper, digester in zip(PEPPERS, DIGESTERS, strict=True):
        assert peppers.fingerprint(digester) == pepper.fingerprint()


def test_peppers_must_be_at_hand_for_live_keys_and_be_what_they_were() -> None:
    recorded = {pepper.version: pepper.fingerprint() for pepper in PEPPERS}
    peppers.check(DIGESTERS, recorded, [1, 2])
    peppers.check(DIGESTERS, {}, [])
    peppers.check(DIGESTERS[1:], recorded, [2])
    with pytest.raises(PepperMissing) as missing:
        peppers.check(DIGESTERS[1:], recorded, [1, 2])
    assert missing.value.facts == {"versions": [1]}
    with pytest.raises(PepperMissing):
        peppers.check([], recorded, [])
    with pytest.raises(PepperChanged) as changed:
        peppers.check(DIGESTERS, {1: recorded[2], 2: recorded[2]}, [])
    assert changed.value.facts == {"versions": [1]}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("100000000009", 10_000_000_000, 10_000_000_000),
        ("100000000009-100000000017", 10_000_000_000, 10_000_000_001),
        ("1000-0000-0009 – 1000-0000-0017", 10_000_000_000, 10_000_000_001),
        ("100000000009..100000000017", 10_000_000_000, 10_000_000_001),
    ],
)
def test_serials_are_read_however_they_are_set_apart(text: str, first: int, last: int) -> None:
    assert Span.read(text) == Span(first, last)


@pytest.mark.parametrize("text", ["", "1000", "100000000008", "100000000009-10000", "100000000009 to 100000000017"])
def test_what_is_no_serial_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Span.read(text)


def test_only_a_batchs_own_serials_are_part_of_it() -> None:
    assert BATCH.part(None) == Span(1, 10)
    assert BATCH.part(Span(3, 3)).write() == "0000-0000-0035"
    for wrong in (Span(0, 3), Span(3, 11), Span(5, 4)):
        with pytest.raises(Malformed):
            BATCH.part(wrong)


def test_cards_are_for_batches_with_secrets_and_of_a_size_that_a_file_holds() -> None:
    order = Order(product="office-basic", seats=1, months=1, quantity=10_000, cards=True)
    order.check(maximum_seats=5, markets=("PT",), day=NOON.date())
    for wrong in (replace(order, quantity=10_001), replace(order, kind=Kind.BOOK)):
        with pytest.raises(Refusals) as refused:
            wrong.check(maximum_seats=5, markets=("PT",), day=NOON.date())
        assert [fault.pointer for fault in refused.value.faults] == ["/cards"]
