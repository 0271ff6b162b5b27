"""Long work carried out by the worker: done once, gone on with after a stop."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.actions import begin_mint
from chaveiro.console.effects import WorkerStopping, carry_out
from chaveiro.console.letters import Desk
from chaveiro.rules.batches import Kind
from tests.apps import stock
from tests.cast import build_world, means

pytestmark = pytest.mark.django_db

DESK = Desk(
    office=MemoryPostOffice(),
    means=means,
    base_url="https://chaveiro.example",
    vendor="Tagus Software",
    secret=b"thirty-two bytes, only for tests",
)


@pytest.fixture
def mint() -> tuple[UUID, int]:
    """A batch without texts that Duarte ordered: its operation, and the effect that is owed."""
    duarte = build_world().duarte
    with acting(duarte):
        batch = stock.planned(duarte, kind=Kind.BOOK)
        operation = begin_mint(
            actor=duarte, batch=batch, lock=None, vault=wiring.vault(), locksmith=stock.LOCKSMITH, means=means()
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM notices_owed WHERE kind = 'mint'")
        [(owed,)] = cursor.fetchall()
    return operation, owed


def state_of(operation: UUID) -> tuple[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, done FROM operations_operation WHERE id = %s", (operation,))
        state, done = cursor.fetchone()
    return state, done


def test_a_mint_that_is_owed_is_done_and_a_second_run_changes_nothing(mint: tuple[UUID, int]) -> None:
    operation, owed = mint
    for _ in range(2):
        carry_out(DESK, owed)
        assert state_of(operation) == ("done", 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM keys_key")
        assert cursor.fetchone() == (10,)


def test_a_mint_whose_worker_is_told_to_stop_stays_owed_and_is_gone_on_with(mint: tuple[UUID, int]) -> None:
    operation, owed = mint
    with pytest.raises(WorkerStopping):
        carry_out(replace(DESK, stopping=lambda: True), owed)
    assert state_of(operation)[0] == "running"
    carry_out(DESK, owed)
    assert state_of(operation) == ("done", 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM keys_key")
        assert cursor.fetchone() == (10,)
