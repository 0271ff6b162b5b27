"""Two operators in the place of a mail's proof, and one who says go: never before the day, never alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chaveiro.apps.closing.actions import evidence
from chaveiro.apps.closing.actions.erasing import erase_due
from chaveiro.apps.closing.models import Erasure
from chaveiro.apps.closing.models import Evidence as EvidenceRow
from chaveiro.apps.closing.queries import broken
from chaveiro.apps.closing.queries.erased import ERASED
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import House
from chaveiro.rules.erasure import EvidenceUnfit, NothingToAllow, Waiting
from chaveiro.rules.errors import Contention, Malformed, NotAllowed
from tests.apps.erasing_scene import DUE, Ended, ended, swept
from tests.apps.house_of_cards import ground
from tests.cast import World, _member, build_world, means

pytestmark = pytest.mark.django_db

LETTER = "Registered letter RR 123 456 789 PT, signed for by the customer."
TWO, ALONE = House(one_person=False, pretence=False), House(one_person=True, pretence=False)


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def olga(world: World) -> Actor:
    """A second operator."""
    return _member(world.vendor, "Olga", "operator", Kind.OPERATOR)


@pytest.fixture
def padaria(world: World) -> Ended:
    swept(DUE - timedelta(days=1))
    return ended(world, told=False)


def recorded(world: World, padaria: Ended, **changes: Any) -> Any:
    fields = {"text": LETTER, "told_on": DUE - timedelta(days=20), "means": means(DUE)}
    return evidence.record_evidence(actor=world.duarte, subscription=padaria.subscription, **{**fields, **changes})


def run() -> Any:
    return erase_due(day=DUE, clock=None, means=means(DUE))


def test_evidence_that_another_agreed_to_is_proof(world: World, padaria: Ended, olga: Actor) -> None:
    one = recorded(world, padaria)
    assert run().waiting == {Waiting.NOT_TOLD: 1}
    Subscription.objects.filter(id=padaria.subscription).update(due_on=DUE + timedelta(days=1))
    evidence.approve_evidence(actor=olga, evidence=one, house=TWO, means=means(DUE))
    assert run().subscriptions == (padaria.subscription,), "it is looked at again on the same day"
    assert Erasure.objects.get(kind="subscription").proof["how"] == "evidence"
    assert EvidenceRow.objects.get().text == "", "what somebody typed goes with the rest"
    assert [row for row in ERASED if broken(row, ground())] == []
    tags = Entry.objects.filter(tag__startswith="evidence").order_by("id").values_list("tag", flat=True)
    assert list(tags) == ["evidence:recorded", "evidence:approved"]


def test_nobody_agrees_to_their_own(world: World, padaria: Ended) -> None:
    one = recorded(world, padaria)
    with pytest.raises(EvidenceUnfit, match="same_person"):
        evidence.approve_evidence(actor=world.duarte, evidence=one, house=TWO, means=means(DUE))
    with pytest.raises(EvidenceUnfit, match="too_soon"):
        evidence.approve_evidence(actor=world.duarte, evidence=one, house=ALONE, means=means(DUE))
    later = means(DUE).at(means(DUE).now + timedelta(hours=24), DUE + timedelta(days=1))
    evidence.approve_evidence(actor=world.duarte, evidence=one, house=ALONE, means=later)


def test_evidence_never_moves_the_day(world: World, padaria: Ended, olga: Actor) -> None:
    one = recorded(world, padaria)
    evidence.approve_evidence(actor=olga, evidence=one, house=TWO, means=means(DUE))
    swept(DUE - timedelta(days=2))
    assert erase_due(day=DUE - timedelta(days=1), clock=None, means=means(DUE)).subscriptions == ()


def test_what_was_withdrawn_or_belongs_to_an_earlier_term_counts_nothing(
    world: World, padaria: Ended, olga: Actor
) -> None:
    one = recorded(world, padaria)
    evidence.withdraw_evidence(actor=olga, evidence=one, means=means(DUE))
    with pytest.raises(EvidenceUnfit, match="settled"):
        evidence.approve_evidence(actor=olga, evidence=one, house=TWO, means=means(DUE))
    other = recorded(world, padaria)
    evidence.approve_evidence(actor=olga, evidence=other, house=TWO, means=means(DUE))
    EvidenceRow.objects.filter(id=other).update(term=2)
    assert run().subscriptions == ()


def test_it_needs_words_a_day_that_is_over_and_an_operator(world: World, padaria: Ended) -> None:
    with pytest.raises(Malformed):
        recorded(world, padaria, text=" ")
    with pytest.raises(EvidenceUnfit, match="not_told_yet"):
        recorded(world, padaria, told_on=DUE + timedelta(days=1))
    for actor in (world.ana, padaria.bruno):
        with pytest.raises(NotAllowed):
            evidence.record_evidence(
                actor=actor, subscription=padaria.subscription, text=LETTER, told_on=DUE, means=means(DUE)
            )
    recorded(world, padaria, dry_run=True)
    assert EvidenceRow.objects.count() == 0
    recorded(world, padaria)
    with pytest.raises(Contention):
        recorded(world, padaria)


def test_an_operator_says_go_to_as_many_as_were_asked_for(world: World) -> None:
    swept(DUE - timedelta(days=1))
    for number in range(11):
        ended(world, f"padaria{number}")
    assert run().asked == 11
    with pytest.raises(NotAllowed):
        evidence.allow(actor=world.ana, day=DUE, means=means(DUE))
    with pytest.raises(NothingToAllow):
        evidence.allow(actor=world.duarte, day=DUE - timedelta(days=1), means=means(DUE))
    assert evidence.allow(actor=world.duarte, day=DUE, means=means(DUE)) == 11
    ended(world, "uma-mais".replace("-", ""))
    assert run().asked == 12, "one more was not allowed"
    assert evidence.allow(actor=world.duarte, day=DUE, means=means(DUE)) == 12
    assert len(run().subscriptions) == 12
    with pytest.raises(NothingToAllow):
        evidence.allow(actor=world.duarte, day=DUE, means=means(DUE))
    assert Entry.objects.filter(tag="erasure:allowed").count() == 2
    assert [row for row in ERASED if broken(row, ground())] == []
