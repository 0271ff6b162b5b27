"""Erasing under faults: a renewal at the same moment, twenty erasers at once, and each statement killed once.

P2: renewing and erasing the same subscription never both succeed. Whatever is killed, wherever: either all of an
erasure stands or nothing, and the next run ends what the last one began.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import Error, connection, transaction

from chaveiro import wiring
from chaveiro.apps.closing.actions import destroying
from chaveiro.apps.closing.actions.erasing import _erase, erase_due
from chaveiro.apps.closing.models import ErasingDay, Erasure
from chaveiro.apps.closing.queries import broken
from chaveiro.apps.closing.queries.erased import ERASED
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.redemption.actions import Order, redeem
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.errors import Refusal
from tests.apps.erasing_scene import DUE, Ended, ended, swept, tell
from tests.apps.house_of_cards import ground
from tests.cast import ATTESTATION, COUNTRIES, World, build_world, items, make_keys, means
from tests.conftest import SEED, Server
from tests.faults.racing import all_at_once, code_of
from tests.faults.test_redeem_statement_fails import Failing

pytestmark = pytest.mark.money

DAY_AFTER = DUE + timedelta(days=1)
ROUNDS, ROUNDS_IN_PROVE = 50, 10_000


@pytest.fixture
def world(real_database: str) -> World:
    return build_world()


def run(day: Any = DUE) -> Any:
    return erase_due(day=day, clock=None, means=means(day))


def allowed(most: int) -> None:
    """So many may go today: these tests are not about how many."""
    ErasingDay.objects.update_or_create(day=DUE, defaults={"most": most, "allowed_by": UUID(int=1)})


def renewal(world: World, scene: Ended) -> Callable[[], Any]:
    order = Order(
        purpose="extend",
        items=items(make_keys(world, 1)),
        customer=scene.customer,
        subscription=scene.subscription,
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    return lambda: redeem(actor=scene.bruno, order=order, means=means(DUE))


def faults_found() -> list[str]:
    """The assertions about erasures that do not hold."""
    whole = replace(ground(), keys=wiring.data_keys())
    with transaction.atomic():
        return [assertion.name for assertion in ERASED if broken(assertion, whole)]


def race(world: World, rounds: int) -> Counter[str]:
    """Renewals against erasers, a subscription each round; who won, counted."""
    swept(DUE - timedelta(days=1))
    allowed(rounds + 10)
    chance, won = random.Random(SEED), Counter[str]()
    for number in range(rounds):
        scene = ended(world, f"corrida{number}")
        acts: list[Callable[[], Any]] = [renewal(world, scene), run, run]
        chance.shuffle(acts)
        answers = all_at_once(acts)
        erased = Subscription.objects.get(id=scene.subscription).erased_on == DUE
        renewed = Redemption.objects.filter(customer_id=scene.customer).count() == 2
        refused = [code_of(answer) for answer in answers if isinstance(answer, Refusal)]
        assert (erased, renewed) in ((True, False), (False, True)), f"round {number}: {erased} and {renewed} {refused}"
        assert bool(refused) == erased, refused
        rows = list(LedgerRow.objects.filter(subscription_id=scene.subscription).order_by("number"))
        assert [row.kind for row in rows] == ["open", "forfeit" if erased else "extend"]
        assert Erasure.objects.filter(subscription_id=scene.subscription).count() == int(erased)
        won["erased" if erased else "renewed"] += 1
    return won


def test_a_renewal_against_an_erasure_has_one_winner(world: World) -> None:
    won = race(world, ROUNDS)
    print(f"CHAVEIRO_SEED={SEED}, {ROUNDS} races: {dict(won)}")
    assert won.total() == ROUNDS
    assert faults_found() == []


@pytest.mark.prove
@pytest.mark.timeout(7200)
def test_ten_thousand_renewals_against_erasures(world: World) -> None:
    won = race(world, ROUNDS_IN_PROVE)
    print(f"CHAVEIRO_SEED={SEED}, {ROUNDS_IN_PROVE} races: {dict(won)}")
    assert min(won["erased"], won["renewed"]) > 0, "one of them never won: they do not meet"
    assert faults_found() == []


def test_twenty_erasers_at_once_erase_each_once(world: World) -> None:
    swept(DUE - timedelta(days=1))
    for number in range(8):
        ended(world, f"muitas{number}")
    answers = all_at_once([run] * 20)
    assert sum(len(answer.subscriptions) for answer in answers) == 8
    assert Erasure.objects.filter(kind="subscription").count() == 8
    assert ErasingDay.objects.get().erased == 8
    assert faults_found() == []


def test_twenty_erasers_never_pass_the_bound(world: World) -> None:
    swept(DUE - timedelta(days=1))
    for number in range(12):
        ended(world, f"limite{number}")
    ErasingDay.objects.create(day=DUE, most=10)
    # Each was told twelve by the list; the day's own row counts what really goes.
    acts = [partial(_one_by_one, place) for place in range(6)]
    all_at_once(acts)
    assert Erasure.objects.filter(kind="subscription").count() == 10
    assert ErasingDay.objects.get().erased == 10


def _one_by_one(place: int) -> None:
    found = list(Subscription.objects.filter(erased_on=None).order_by("id").values_list("id", flat=True))
    random.Random(place).shuffle(found)
    for subscription in found:
        _erase(subscription, DUE, None, means(DUE))


# ── each statement killed once ──


@pytest.fixture
def failing(server: Server, real_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    with psycopg.connect(server.superuser(real_database), autocommit=True) as stranger:
        planted = Failing(stranger)
        monkeypatch.setattr(psycopg.Connection, "wait", lambda link, *a, **o: planted.wait(link, *a, **o))
        yield planted


def whole_life(scene: Ended) -> None:
    """From the day to the last name and the last key."""
    run()
    for row in Subscription.objects.filter(id=scene.subscription, erased_on__isnull=False):
        if row.customer.name and not told(row.id):
            tell(row.id, kind="erased")
    swept(DUE)
    run(DAY_AFTER)
    destroying.destroy_left(keys=wiring.data_keys(), means=means(DAY_AFTER))


def told(subscription: UUID) -> bool:
    return Notice.objects.filter(subscription_id=subscription, kind="erased").exists()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["ended_before", "answer_lost", "disk_full"])
def test_killed_at_any_statement_the_next_run_ends_it(failing: Failing, fault: str) -> None:
    world = build_world()
    swept(DUE - timedelta(days=1))
    allowed(500)
    reached, number = True, 0
    # Every statement until one run needs no more of them; in a usual run each third, by the printed seed.
    first = random.Random(SEED).randrange(3)
    while reached:
        number += 3 if number else 1 + first
        scene = ended(world, f"morta{number}")
        swept(DUE - timedelta(days=1))
        failing.fail(number, fault)
        try:
            run()
        except (psycopg.Error, Error):
            connection.close()
        reached = failing.has_failed()
        assert number < 200, "it never ends"
        whole_life(scene)
        assert Subscription.objects.get(id=scene.subscription).erased_on == DUE
        assert Erasure.objects.filter(customer_id=scene.customer).exclude(key_destroyed_at=None).count() == 2
        assert LedgerRow.objects.filter(subscription_id=scene.subscription, kind="forfeit").count() == 1
    print(f"CHAVEIRO_SEED={SEED}, {fault}: {number} statements")
    assert number > 10
    assert faults_found() == []
