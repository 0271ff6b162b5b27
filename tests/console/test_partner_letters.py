"""Both sides are told who is partner of record: the customer's administrators, who it is now, who it was."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import connection

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.delegation.actions import (
    choose_partner_of_record,
    confirm_partner_of_record,
    decline_partner_of_record,
    remove_partner_of_record,
)
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk
from chaveiro.rules.actors import Actor
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
ANA, BRUNO, RUI = "ana@example.test", "bruno@padariasol.example", "rui@example.test"


@dataclass(frozen=True, slots=True)
class Scene:
    """Bruno's organisation, which Ana opened; its post."""

    world: World
    bruno: Actor
    office: MemoryPostOffice
    desk: Desk

    def carry_out(self) -> dict[str, str]:
        """Carry out what is owed of partners, each twice; the text of each letter by its reader."""
        self.office.posted.clear()
        for kind in ("partner_of_record", "partner_letter"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
                numbers = [number for (number,) in cursor.fetchall()]
            for number in numbers * 2:
                carry_out(self.desk, number)
        told = {message.to: message.text for message in self.office.posted}
        assert len(told) == len(self.office.posted)
        return told

    def choose(self, number: str, **changes: object) -> None:
        choose_partner_of_record(actor=self.bruno, registration_number=number, means=means(), **changes)  # type: ignore[arg-type]

    def proposal(self) -> PartnerOfRecord:
        return PartnerOfRecord.objects.get(customer_id=self.bruno.customer, state="proposed")


@pytest.fixture
def scene() -> Scene:
    world = build_world()
    bruno, _ = open_customer(world, make_keys(world))
    office = MemoryPostOffice()
    desk = Desk(
        office=office, means=means, base_url="https://chaveiro.example", vendor="Tagus Software", secret=b"x" * 32
    )
    return Scene(world, bruno, office, desk)


def test_a_choice_is_told_to_the_customer_and_to_the_partner_once(scene: Scene) -> None:
    scene.choose("7654321")
    told = scene.carry_out()
    assert set(told) == {BRUNO, RUI}
    for text in told.values():
        assert "Mar Sistemas, Lda. (número 7654321) passa a ser o parceiro de registo de Padaria Sol, Lda." in text


def test_a_change_is_told_to_who_it_was_too(scene: Scene) -> None:
    confirm_partner_of_record(actor=scene.bruno, proposal=scene.proposal().id, now=NOON)
    assert set(scene.carry_out()) == {BRUNO, ANA}
    scene.choose("7654321")
    told = scene.carry_out()
    assert set(told) == {BRUNO, ANA, RUI}
    assert "Padaria Sol, Lda. deixou de ter Sol Informática, Lda. como parceiro de registo." in told[ANA]


def test_an_end_and_a_refusal_are_told_to_both_sides(scene: Scene) -> None:
    decline_partner_of_record(actor=scene.bruno, proposal=scene.proposal().id, now=NOON)
    told = scene.carry_out()
    assert set(told) == {BRUNO, ANA}
    assert "recusou a proposta de ter Sol Informática, Lda." in told[ANA]
    scene.choose("7654321")
    scene.carry_out()
    remove_partner_of_record(actor=scene.bruno, now=NOON)
    told = scene.carry_out()
    assert set(told) == {BRUNO, RUI}
    assert "deixou de ter Mar Sistemas, Lda." in told[RUI]
    assert "passa a ser" not in told[RUI]


def test_confirming_another_proposal_tells_whom_it_ends(scene: Scene) -> None:
    scene.choose("7654321")
    scene.carry_out()
    confirm_partner_of_record(actor=scene.bruno, proposal=scene.proposal().id, now=NOON)
    told = scene.carry_out()
    assert set(told) == {BRUNO, ANA, RUI}
    assert "deixou de ter Mar Sistemas, Lda." in told[RUI]


def test_a_letter_about_one_subscription_names_it(scene: Scene) -> None:
    from chaveiro.apps.subscriptions.models import Subscription

    one = Subscription.objects.get(customer_id=scene.bruno.customer)
    scene.choose("7654321", subscription=one.id)
    assert "Isto aplica-se apenas a Office Basic." in scene.carry_out()[BRUNO]


def test_choosing_who_it_is_already_writes_to_nobody(scene: Scene) -> None:
    scene.choose("7654321")
    scene.carry_out()
    scene.choose("7654321")
    assert scene.carry_out() == {}
