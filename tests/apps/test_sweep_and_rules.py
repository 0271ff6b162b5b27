"""The database's agenda and the rulebook's are one: the slots of any life, and what a sweep makes of any past."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.closing.actions import sweeping
from chaveiro.apps.closing.actions.sweeping import sweep
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.notices import (
    Kind,
    Life,
    must_put_off,
    next_look,
    owes_outside_address,
    put_off_until,
    settle,
    slots,
)
from chaveiro.rules.policies import DEFAULT_POLICY, Policy
from tests.apps.lives import lay, look
from tests.cast import means
from tests.conftest import SEED

pytestmark = pytest.mark.django_db

DAY = date(2028, 2, 29)
SLOTS = "SELECT kind, due, sent FROM closing_slots(%s, %s, %s::jsonb, %s, %s, %s, %s) ORDER BY due, place"


def policies(chance: random.Random) -> list[Policy]:
    made = [DEFAULT_POLICY, replace(DEFAULT_POLICY, grace_days=1, retention_days=3, notice_days=(1,))]
    while len(made) < 8:
        grace, notices = chance.randint(1, 60), chance.sample(range(1, 121), chance.randint(1, 6))
        made.append(
            replace(
                DEFAULT_POLICY,
                grace_days=grace,
                retention_days=grace + chance.randint(1, 150),
                notice_days=tuple(sorted(notices, reverse=True)),
            )
        )
    return made


def lives(chance: random.Random, count: int, around: date) -> Iterator[Life]:
    """Lives of which most have something to do about that day."""
    kinds = policies(chance)
    for _ in range(count):
        policy = chance.choice(kinds)
        near = chance.random() < 0.3
        ends_on = around + timedelta(days=chance.randint(*((-8, 8) if near else (-policy.retention_days - 30, 70))))
        first_day = min(around, ends_on - timedelta(days=chance.choice([-20, 1, 7, 28, 59, 60, 119, 120, 365, 1461])))
        life = Life(first_day=first_day, ends_on=ends_on, policy=policy)
        match chance.randint(0, 9):
            case 0:
                first_day = around - timedelta(days=chance.randint(0, 40))
                put_off = first_day + timedelta(days=chance.randint(30, 60)) if chance.random() < 0.5 else None
                life = replace(life, closed=True, first_day=first_day, erase_on=put_off)
            case 1:
                life = replace(life, renews=True)
            case 2:
                life = replace(life, erased_on=around - timedelta(days=chance.randint(0, 3)))
            case 3 | 4:
                life = replace(life, erase_on=around + timedelta(days=chance.randint(-10, 30)))
        yield life


def test_the_database_has_the_slots_of_the_rulebook() -> None:
    for life in lives(random.Random(SEED), 400, DAY):
        numbers = json.dumps(life.policy.to_dict())
        values = (life.first_day, life.ends_on, numbers, life.erase_on, life.closed, life.renews, life.erased_on)
        told = look(SLOTS, *values)
        assert told == [(slot.name, slot.due, slot.sent) for slot in slots(life)], life


def test_a_policy_older_than_its_fields_has_their_defaults_in_the_database_too() -> None:
    first, ends_on = date(2026, 3, 1), date(2027, 3, 1)
    told = look(SLOTS, first, ends_on, "{}", None, False, False, None)
    life = Life(first_day=first, ends_on=ends_on, policy=DEFAULT_POLICY)
    assert [name for name, _, _ in told] == [slot.name for slot in slots(life)]


def expected(life: Life, day: date, held: bool, written: set[str]) -> tuple[set[tuple[str, str]], Life, date]:
    """What a sweep of that day writes by the rulebook: slots with their state; the life and the next look after it."""
    if life.closed and life.erased_on is None and life.erase_on is None:
        life = replace(life, erase_on=life.erases_on)
    told = any(name.startswith("erasure-7") for name in written)
    if must_put_off(life, day, told=told, proven=False, held=held):
        life = replace(life, erase_on=put_off_until(day, None))
    settled = settle(life, day, written, held=held)
    rows = {(slot.name, "superseded") for slot in settled.superseded}
    if settled.sent is not None:
        rows.add((settled.sent.name, "owed"))
    return rows, life, next_look(life, day, held=held)


def differences(chance: random.Random, count: int) -> list[object]:
    """The lives of which the sweep and the rulebook do not say the same."""
    laid = list(lives(chance, count, DAY))
    held = [chance.random() < 0.1 for _ in laid]
    ids = lay(laid, held=held)
    past = {one: _past(chance, life) for one, life in zip(ids, laid, strict=True)}
    _write_past(past, dict(zip(ids, laid, strict=True)))
    assert sweep(day=DAY, means=means(DAY)).looked_at == len(laid)

    found: dict[UUID, set[tuple[str, str]]] = {one: set() for one in ids}
    for one, kind, state in look("SELECT subscription_id, kind, state FROM notices_notice WHERE written_on = %s", DAY):
        found[one].add((kind, state))
    rows = Subscription.objects.in_bulk(ids)
    wrong: list[object] = []
    for one, life, hold in zip(ids, laid, held, strict=True):
        # Its administrator owns the account at an address outside: nobody asks for one.
        wanted, after, look_on = expected(life, DAY, hold, past[one])
        told = (found[one], rows[one].erase_on, rows[one].due_on)
        if told != (wanted, after.erase_on, look_on):
            wrong.append((life, hold, past[one], told))
    return wrong


@pytest.mark.parametrize("share", range(4))
def test_a_sweep_writes_what_the_rulebook_says_of_each_row(share: int) -> None:
    assert differences(random.Random(f"{SEED} {share}"), 250) == []


@pytest.mark.parametrize(
    ("true", "planted"),
    [
        ("a.due DESC, a.place DESC", "a.due, a.place"),
        ("a.sent DESC, ", ""),
        ("WHERE a.due <= %(day)s AND NOT a.silenced", "WHERE a.due <= %(day)s"),
        ("slot.kind <> ALL (d.kinds) AS open", "true AS open"),
        ("f.erases_on - %(day)s < %(proof_days)s AND NOT told.of_it", "f.erases_on <= %(day)s AND NOT told.of_it"),
        ("NOT f.held AND f.erased_on IS NULL", "f.erased_on IS NULL"),
        ("(f.closed OR %(day)s >= f.ends_on)", "true"),
        ("min(a.due) FILTER (WHERE a.due > %(day)s) AS due", "min(a.due) AS due"),
        ("a.silenced OR d.told_on <= %(day)s", "d.told_on <= %(day)s"),
        ("s.paid_by = 'direct' AS renews", "false AS renews"),
        ("coalesce(s.erase_on, first.day + %(closed_days)s)", "first.day + %(closed_days)s"),
    ],
)
def test_a_fault_in_the_statement_is_found(monkeypatch: pytest.MonkeyPatch, true: str, planted: str) -> None:
    assert true in sweeping.SETTLE
    monkeypatch.setattr(sweeping, "SETTLE", sweeping.SETTLE.replace(true, planted))
    assert differences(random.Random("planted"), 250)


def _past(chance: random.Random, life: Life) -> set[str]:
    """The slots that an earlier sweep has settled: some of the first ones that were due before."""
    due = [slot.name for slot in slots(life) if slot.due < DAY]
    return set(due[: chance.randint(0, len(due))])


def _write_past(past: dict[UUID, set[str]], lives: dict[UUID, Life]) -> None:
    with connection.cursor() as cursor:
        for one, names in past.items():
            for name in names:
                cursor.execute(
                    """INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, due_on,
                        written_on, facts, state, attempts, try_at, address, server, direct, outcome)
                    SELECT id, customer_id, 1, %s, 'contact', %s, %s, jsonb_build_object('erase_on', %s::date),
                        'bounced', 1, now(), '', '', false, '' FROM subscriptions_subscription WHERE id = %s""",
                    (name, DAY - timedelta(days=1), DAY - timedelta(days=1), lives[one].erases_on, one),
                )


def test_an_outside_address_is_asked_for_where_the_rulebook_owes_it() -> None:
    laid = list(lives(random.Random(f"{SEED} outside"), 200, DAY))
    ids = lay(laid)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_account SET owned_at = NULL")
    sweep(day=DAY, means=means(DAY))
    asked = {one for (one,) in look("SELECT subscription_id FROM notices_notice WHERE kind = 'outside_address'")}
    assert asked == {one for one, life in zip(ids, laid, strict=True) if owes_outside_address(life, DAY)}
    assert asked
    assert Kind.OUTSIDE_ADDRESS == "outside_address"
