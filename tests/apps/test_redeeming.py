"""Redeeming: all keys or none, for a real customer, once and for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from django.db import connection

from chaveiro.apps.customers.models import Customer, Person, Role
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.actions import preview, redeem
from chaveiro.apps.redemption.models import Line, Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.redemption import Item, SumChanged
from chaveiro.rules.verdicts import Refusals
from tests.cast import (
    DAY,
    World,
    administrator_of,
    build_world,
    items,
    make_keys,
    means,
    open_customer,
    opening,
    padaria,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]


@pytest.fixture
def world() -> World:
    return build_world()


def codes(refused: pytest.ExceptionInfo[Refusals]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.refusal.code) for fault in refused.value.faults]


def test_a_key_opens_organisation_subscription_and_administrator_with_a_licence(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world, seats=25))
    subscription = Subscription.objects.get(customer_id=outcome.customer)
    assert (subscription.seats, subscription.ends_on, subscription.credit) == (25, date(2027, 11, 22), 0)
    assert subscription.assigned == 1
    customer = Customer.objects.get(id=outcome.customer)
    assert (customer.country, customer.domain_prefix) == ("PT", "padariasol")
    person = Person.objects.get(customer=customer)
    assert (person.user_name, person.account.login_name) == ("bruno.costa", "bruno.costa@padariasol.example.test")
    assert list(Role.objects.values_list("person_id", "name")) == [(person.id, "administrator")]
    licence = Licence.objects.get()
    assert (licence.person_id, licence.subscription_id, licence.automatic) == (person.id, subscription.id, True)
    assert Key.objects.get().state == "redeemed"
    assert LedgerRow.objects.get().granted == 25 * 365
    proposal = PartnerOfRecord.objects.get()
    assert (proposal.organisation_id, proposal.state) == (world.reseller, "proposed")
    assert Owed.objects.get(kind="ownership").facts["account"] == str(bruno.account)
    tags = set(Entry.objects.values_list("tag", flat=True))
    assert tags == {
        "redemption:committed",
        "customer:opened",
        "subscription:opened",
        "licence:assigned",
        "partner_of_record:proposed",
    }


def test_each_product_of_a_basket_opens_a_subscription_of_its_own(world: World) -> None:
    texts = make_keys(world, 2, seats=5) + make_keys(world, 1, "office-plus", seats=3, months=1)
    _, outcome = open_customer(world, texts)
    assert {(done.product, done.after.seats) for done in outcome.effects} == {("office-basic", 10), ("office-plus", 3)}
    assert Licence.objects.count() == 2
    assert Line.objects.count() == 3


def test_all_faults_of_keys_and_form_are_told_at_once_and_nothing_is_spent(world: World) -> None:
    good = make_keys(world)[0]
    spent = make_keys(world)
    open_customer(world, spent, "outra")
    inert = make_keys(world, state="minted")[0]
    order = opening(
        [good, spent[0], inert, "not a key?", good],
        customer=padaria("P!", name="", country="XX"),
        attestation=None,
    )
    with pytest.raises(Refusals) as refused:
        redeem(actor=world.ana, order=order, means=means())
    assert codes(refused) == [
        ("/attestation", "attestation_missing"),
        ("/customer/name", "missing"),
        ("/customer/country", "malformed"),
        ("/customer/domain_prefix", "malformed"),
        ("/keys/1", "key_redeemed"),
        ("/keys/2", "key_not_released"),
        ("/keys/3", "key_symbol"),
        ("/keys/4", "key_duplicate"),
    ]
    assert Redemption.objects.count() == 1


def test_a_prefix_is_never_used_twice(world: World) -> None:
    first, second = make_keys(world, 2)
    open_customer(world, [first])
    with pytest.raises(Refusals) as refused:
        redeem(actor=world.ana, order=opening([second]), means=means())
    assert codes(refused) == [("/customer/domain_prefix", "prefix_taken")]
    assert Key.objects.filter(state="released").count() == 1


def test_a_country_without_market_is_refused_with_its_reason(world: World) -> None:
    order = opening(make_keys(world), customer=padaria(country="KP"))
    with pytest.raises(Refusals) as refused:
        redeem(actor=world.ana, order=order, means=means())
    assert codes(refused) == [("/customer/country", "country_not_served")]
    assert refused.value.first.facts == {"country": "KP", "product": "office-basic"}


def test_the_administrator_adds_and_extends_and_the_partner_may_not_yet(world: World) -> None:
    opened, more, longer = make_keys(world, 3, seats=10)
    bruno, outcome = open_customer(world, [opened])
    subscription = outcome.effects[0].subscription
    add = opening([more], purpose="add", customer=None, administrator=None, subscription=subscription)
    done = redeem(actor=bruno, order=add, means=means(date(2027, 5, 22)))
    assert done.effects[0].after.seats == 20
    extend = replace(add, purpose="extend", items=items([longer]), seats_after={"office-basic": 15})
    done = redeem(actor=bruno, order=extend, means=means(date(2027, 6, 1)))
    assert done.effects[0].after.seats == 15
    assert Subscription.objects.get().version == 3
    assert list(LedgerRow.objects.order_by("number").values_list("kind", "term")) == [
        ("open", 1),
        ("add", 2),
        ("extend", 3),
    ]
    with pytest.raises(NotAllowed):
        redeem(actor=world.ana, order=replace(add, items=items(make_keys(world))), means=means())


def test_a_partner_of_record_extends_with_unchanged_seats_only(world: World) -> None:
    opened, longer, more = make_keys(world, 3, seats=10)
    _, outcome = open_customer(world, [opened])
    PartnerOfRecord.objects.update(state="confirmed")
    extend = opening(
        [longer], purpose="extend", customer=None, administrator=None, subscription=outcome.effects[0].subscription
    )
    assert redeem(actor=world.ana, order=extend, means=means()).effects[0].after.seats == 10
    for refused in (
        replace(extend, items=items([more]), purpose="add"),
        replace(extend, items=items([more]), seats_after={"office-basic": 5}),
    ):
        with pytest.raises(NotAllowed):
            redeem(actor=world.ana, order=refused, means=means())


def test_foreign_and_absent_subscriptions_answer_alike(world: World) -> None:
    mine, theirs, third = make_keys(world, 3)
    bruno, _ = open_customer(world, [mine])
    _, foreign = open_customer(world, [theirs], "outra")
    refusals = []
    for subscription in (foreign.effects[0].subscription, world.vendor):
        order = opening([third], purpose="extend", customer=None, administrator=None, subscription=subscription)
        with pytest.raises(NotFound) as refused:
            redeem(actor=bruno, order=order, means=means())
        refusals.append(refused.value.facts)
    assert refusals[0] == refusals[1]


def test_a_changed_sum_is_shown_and_nothing_is_spent(world: World) -> None:
    order = opening(make_keys(world))
    shown = preview(actor=world.ana, order=order, means=means()).plan.fingerprint
    tomorrow = means(date(2026, 11, 23))
    with pytest.raises(SumChanged) as changed:
        redeem(actor=world.ana, order=replace(order, fingerprint=shown), means=tomorrow)
    assert Key.objects.get().state == "released"
    now = changed.value.facts["fingerprint"]
    assert redeem(actor=world.ana, order=replace(order, fingerprint=now), means=tomorrow).fingerprint == now


def test_a_preview_writes_nothing_and_tells_the_same_effects(world: World) -> None:
    order = opening(make_keys(world))
    weighed = preview(actor=world.ana, order=order, means=means())
    assert weighed.faults == ()
    assert not Customer.objects.exists()
    assert not Entry.objects.exists()
    done = redeem(actor=world.ana, order=order, means=means())
    assert done.effects[0].sum == weighed.plan.effects[0].sum


def test_an_operator_does_not_redeem(world: World) -> None:
    with pytest.raises(NotAllowed):
        redeem(actor=world.duarte, order=opening(make_keys(world)), means=means())


def test_the_customer_learns_that_it_was_itself_and_a_stranger_does_not(world: World) -> None:
    texts = make_keys(world, 2)
    bruno, outcome = open_customer(world, texts[:1])
    carla, _ = open_customer(world, texts[1:], "carla")
    subscription = outcome.effects[0].subscription
    again = opening(texts[:1], purpose="add", customer=None, administrator=None, subscription=subscription)
    assert _verdicts(bruno, again) == ["key_redeemed_by_you"]
    own = Subscription.objects.get(customer_id=carla.customer).id
    assert _verdicts(carla, replace(again, subscription=own)) == ["key_redeemed"]


def _verdicts(actor: Actor, order: object) -> list[str]:
    return [verdict.code for verdict in preview(actor=actor, order=order, means=means()).verdicts]


def test_every_verdict_of_a_key_is_reached(world: World) -> None:
    good, expired = make_keys(world)[0], make_keys(world, activate_before=DAY)[0]
    cases = {
        good: "ok",
        "": "key_empty",
        good[:-1]: "key_length",
        good[:-1] + "*": "key_symbol",
        good[::-1]: "key_checksum",
        "01234-56789-ABCDE-FGHJK-MW5RN": "key_unknown",
        expired: "key_expired",
        make_keys(world, state="minted")[0]: "key_not_released",
        make_keys(world, state="revoked")[0]: "key_revoked",
        make_keys(world, countries=["BR"])[0]: "key_wrong_country",
    }
    assert _verdicts(world.ana, opening(list(cases))) == list(cases.values())
    bruno, outcome = open_customer(world, make_keys(world))
    other = opening(
        make_keys(world, 1, "office-plus"),
        purpose="add",
        customer=None,
        administrator=None,
        subscription=outcome.effects[0].subscription,
    )
    assert _verdicts(bruno, other) == ["key_wrong_product"]


def test_a_held_key_is_held_for_others_and_not_for_its_own_draft(world: World) -> None:
    text = make_keys(world)[0]
    draft = world.vendor
    Hold.objects.create(key=Key.objects.get(), draft_id=draft, since=means().now, until=means(date(2026, 11, 25)).now)
    assert _verdicts(world.ana, opening([text])) == ["key_held"]
    assert _verdicts(world.ana, opening([text], draft=draft)) == ["ok"]
    later = preview(actor=world.ana, order=opening([text]), means=means(date(2026, 11, 26)))
    assert [verdict.code for verdict in later.verdicts] == ["ok"]


def test_a_fifty_key_basket_is_checked_in_three_statements(world: World) -> None:
    order = opening(make_keys(world, 50, seats=1))
    statements: list[str] = []
    raw = connection.connection
    original = raw.execute

    def counting(query: str, *args: object, **kwargs: object) -> object:
        statements.append(query)
        return original(query, *args, **kwargs)

    raw.execute = counting
    try:
        weighed = preview(actor=world.ana, order=order, means=means())
    finally:
        del raw.execute
    assert weighed.faults == ()
    scope = [query for query in statements if "set_config" in query]
    assert len(statements) - len(scope) <= 3


def test_the_receipt_is_read_by_who_may_and_absent_for_the_rest(world: World) -> None:
    from chaveiro.apps.identity.actions import acting
    from chaveiro.apps.redemption.queries import facts_of

    texts = make_keys(world, 2)
    bruno, outcome = open_customer(world, texts[:1])
    carla, _ = open_customer(world, texts[1:], "carla")
    for reader in (bruno, world.ana, world.duarte):
        with acting(reader):
            assert facts_of(outcome.id)["reference"] == outcome.reference
    for stranger in (carla, world.rui, world.dalila):
        with acting(stranger), pytest.raises(NotFound):
            facts_of(outcome.id)


def test_an_item_keeps_no_text_of_a_key() -> None:
    item = Item.of("84G7Z-WYRD6-Z1RV0-WHE6M-14GA6", means().digesters)
    assert "84G7Z" not in repr(item)
    assert item.last_five == "14GA6"


def test_administrator_of_the_customer_is_bruno(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    assert administrator_of(outcome.customer) == bruno
