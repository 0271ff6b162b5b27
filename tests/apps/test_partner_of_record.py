"""A partner of record is proposed by its redemption and settled by the customer's administrator, by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from chaveiro.apps.customers.models import Customer, Reach
from chaveiro.apps.delegation.actions import confirm_partner_of_record, decline_partner_of_record
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotAllowed, NotFound
from tests.cast import NOON, World, build_world, make_keys, open_customer

pytestmark = pytest.mark.django_db
SETTLING = (confirm_partner_of_record, decline_partner_of_record)


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def bruno(world: World) -> Actor:
    """The administrator of a customer for which Ana redeemed, and so proposed her organisation."""
    return open_customer(world, make_keys(world))[0]


def proposed(customer: Actor) -> PartnerOfRecord:
    return PartnerOfRecord.objects.get(customer_id=customer.customer, state="proposed")


def told(tag: str) -> list[dict[str, object]]:
    return [entry.facts for entry in Entry.objects.filter(tag=tag)]


def test_a_confirmed_partner_reads_the_customer_and_the_journal_says_so(world: World, bruno: Actor) -> None:
    proposal = proposed(bruno)
    Reach.objects.all().delete()  # what Ana sees as the seller
    with acting(world.ana):
        assert not Customer.objects.filter(id=bruno.customer).exists()
    assert confirm_partner_of_record(actor=bruno, proposal=proposal.id, now=NOON) == world.reseller
    proposal.refresh_from_db()
    assert (proposal.state, proposal.settled_at) == ("confirmed", NOON)
    with acting(world.ana):
        assert Customer.objects.filter(id=bruno.customer).exists()
    assert told("partner_of_record:confirmed") == [{"organisation": str(world.reseller)}]


def test_a_declined_partner_reads_no_more_than_before(world: World, bruno: Actor) -> None:
    proposal, before = proposed(bruno), Reach.objects.count()
    assert decline_partner_of_record(actor=bruno, proposal=proposal.id, now=NOON) == world.reseller
    proposal.refresh_from_db()
    assert (proposal.state, Reach.objects.count()) == ("declined", before)
    assert told("partner_of_record:declined") == [{"organisation": str(world.reseller)}]


@pytest.mark.parametrize("settle", SETTLING)
def test_what_is_settled_is_not_settled_again(bruno: Actor, settle: Callable[..., UUID]) -> None:
    proposal = proposed(bruno).id
    decline_partner_of_record(actor=bruno, proposal=proposal, now=NOON)
    with pytest.raises(NotFound):
        settle(actor=bruno, proposal=proposal, now=NOON)


@pytest.mark.parametrize("settle", SETTLING)
def test_an_untouched_proposal_lapses_after_ninety_days(bruno: Actor, settle: Callable[..., UUID]) -> None:
    proposal = proposed(bruno).id
    with pytest.raises(NotFound):
        settle(actor=bruno, proposal=proposal, now=NOON + timedelta(days=90))
    last = NOON + timedelta(days=90, seconds=-1)
    settle(actor=bruno, proposal=proposal, now=last)


def test_nobody_settles_another_customer_s_proposal(world: World, bruno: Actor) -> None:
    proposal = proposed(bruno).id
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    with pytest.raises(NotFound):
        confirm_partner_of_record(actor=carla, proposal=proposal, now=NOON)
    for actor in (world.ana, world.dalila, world.duarte):
        with pytest.raises(NotAllowed):
            confirm_partner_of_record(actor=actor, proposal=proposal, now=NOON)
    assert proposed(bruno).id == proposal
