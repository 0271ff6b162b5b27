"""The customer's administrator chooses the partner of record, for all or for one subscription, changes and ends it."""

from __future__ import annotations

import pytest

from chaveiro.apps.customers.models import Customer, Reach
from chaveiro.apps.delegation import queries
from chaveiro.apps.delegation.actions import choose_partner_of_record, remove_partner_of_record
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.redemption.actions import Order, redeem
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from tests.cast import ATTESTATION, COUNTRIES, DAY, NOON, World, build_world, items, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
SOL, MAR = "1234567", "7654321"


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def bruno(world: World) -> Actor:
    """The administrator of a customer with two subscriptions, for which Ana redeemed."""
    return open_customer(world, make_keys(world) + make_keys(world, product="office-plus"))[0]


def choose(actor: Actor, number: str, **changes: object) -> object:
    return choose_partner_of_record(actor=actor, registration_number=number, means=means(), **changes)  # type: ignore[arg-type]


def subscriptions_of(customer: Actor) -> list[queries.SubscriptionCard]:
    with acting(customer):
        return queries.subscriptions_in_sight(day=DAY, customer=customer.customer)


def extend(actor: Actor, card: queries.SubscriptionCard, world: World) -> None:
    keys = make_keys(world, product=card.product)
    order = Order("extend", items(keys), subscription=card.id, attestation=ATTESTATION, countries=COUNTRIES)
    redeem(actor=actor, order=order, means=means())


def test_a_chosen_partner_sees_the_customer_and_who_it_was_before_sees_it_no_more(world: World, bruno: Actor) -> None:
    Reach.objects.all().delete()  # what Ana sees as the seller
    choose(bruno, SOL)
    choose(bruno, f" {MAR} ")
    with acting(world.rui):
        assert Customer.objects.filter(id=bruno.customer).exists()
    with acting(world.ana):
        assert not Customer.objects.filter(id=bruno.customer).exists()
    standing = PartnerOfRecord.objects.filter(customer_id=bruno.customer, state="confirmed")
    assert [row.organisation_id for row in standing] == [world.rui.organisation]


def test_choosing_who_was_proposed_confirms_the_proposal(world: World, bruno: Actor) -> None:
    choose(bruno, SOL)
    row = PartnerOfRecord.objects.get(customer_id=bruno.customer)
    assert (row.state, row.organisation_id) == ("confirmed", world.reseller)


def test_each_change_is_journalled_with_who_it_was_before_and_choosing_again_changes_nothing(
    world: World, bruno: Actor
) -> None:
    for number in (SOL, SOL, MAR):
        choose(bruno, number)
    assert remove_partner_of_record(actor=bruno, now=NOON) == world.rui.organisation
    assert remove_partner_of_record(actor=bruno, now=NOON) is None
    told = Entry.objects.filter(tag="partner_of_record:changed").order_by("id")
    sol, mar = str(world.reseller), str(world.rui.organisation)
    assert [(entry.facts["before"], entry.facts["organisation"]) for entry in told] == [
        (None, sol),
        (sol, mar),
        (mar, None),
    ]


def test_a_partner_of_one_subscription_extends_that_one_and_the_default_all_the_others(
    world: World, bruno: Actor
) -> None:
    one, other = subscriptions_of(bruno)
    choose(bruno, SOL)
    choose(bruno, MAR, subscription=one.id)
    extend(world.rui, one, world)
    extend(world.ana, other, world)
    for actor, card, reason in ((world.rui, other, NotFound), (world.ana, one, NotAllowed)):
        with pytest.raises(reason):
            extend(actor, card, world)
    remove_partner_of_record(actor=bruno, now=NOON, subscription=one.id)
    extend(world.ana, one, world)


def test_the_commit_itself_refuses_a_partner_that_ended_while_it_looked(
    world: World, bruno: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _other = subscriptions_of(bruno)
    choose(bruno, SOL)
    choose(bruno, MAR, subscription=one.id)
    monkeypatch.setattr("chaveiro.apps.redemption.actions.ordering.may_redeem", lambda *_given, **_named: None)
    with pytest.raises(NotAllowed):
        extend(world.ana, one, world)


def test_a_partner_knows_which_subscriptions_it_may_extend(world: World, bruno: Actor) -> None:
    one, other = subscriptions_of(bruno)
    choose(bruno, SOL)
    choose(bruno, MAR, subscription=one.id)
    with acting(world.ana):
        mine = queries.subscriptions_in_sight(day=DAY, organisation=world.ana.organisation)
    assert {card.id: card.is_of_record for card in mine} == {one.id: False, other.id: True}


@pytest.mark.parametrize(("number", "refusal"), [("12345", Malformed), ("abcdefg", Malformed), ("9999999", NotFound)])
def test_a_number_that_nobody_has_is_refused(world: World, bruno: Actor, number: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        choose(bruno, number)
    assert not Entry.objects.filter(tag="partner_of_record:changed").exists()


def test_nobody_but_an_administrator_chooses_and_nobody_for_another_customer(world: World, bruno: Actor) -> None:
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    [hers] = subscriptions_of(carla)
    for actor in (world.ana, world.duarte, Actor(bruno.kind, bruno.account, customer=bruno.customer)):
        with pytest.raises(NotAllowed):
            choose(actor, SOL)
        with pytest.raises(NotAllowed):
            remove_partner_of_record(actor=actor, now=NOON)
    with pytest.raises(NotFound):
        choose(bruno, SOL, subscription=hers.id)


def test_the_database_refuses_whoever_only_says_that_they_administer(world: World, bruno: Actor) -> None:
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    pretending = Actor(carla.kind, carla.account, customer=bruno.customer, roles=carla.roles)
    with pytest.raises(NotAllowed):
        choose(pretending, SOL)


def test_a_dry_run_says_who_it_would_be_and_changes_nothing(world: World, bruno: Actor) -> None:
    assert choose(bruno, MAR, dry_run=True) == world.rui.organisation
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()
