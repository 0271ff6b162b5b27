"""A redemption is taken back whole: keys for sale again, the ledger with its opposite row, everybody told."""

from __future__ import annotations

from datetime import date

import pytest

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.keys.models import Key
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.actions import redeem
from chaveiro.apps.redemption.models import Line
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.reversal import AlreadyReversed, ReversalBlocked, ReversalTooLate
from tests.cast import NOON, World, build_world, make_keys, means, new_id, open_customer, opening

pytestmark = [pytest.mark.django_db, pytest.mark.money]


@pytest.fixture
def world() -> World:
    return build_world()


def test_an_opening_is_taken_back_and_its_customer_closed(world: World) -> None:
    texts = make_keys(world, 2)
    bruno, outcome = open_customer(world, texts)
    done = reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means(date(2026, 11, 25)))
    assert done.customer_closed
    assert set(Key.objects.values_list("state", "customer_id")) == {("released", None)}
    subscription = Subscription.objects.get()
    assert (subscription.seats, subscription.assigned, subscription.closed_at is not None) == (0, 0, True)
    assert list(LedgerRow.objects.order_by("number").values_list("kind", "reverses")) == [
        ("open", None),
        ("reverse", 1),
    ]
    assert Customer.objects.get().closed_at is not None
    assert Account.objects.get(id=bruno.account).closed_at is not None
    assert Licence.objects.get().ended_at is not None
    assert PartnerOfRecord.objects.get().state == "ended"
    assert Line.objects.filter(reversed=True).count() == 2
    assert Entry.objects.filter(tag="redemption:reversed").exists()
    assert Owed.objects.filter(kind="reversal").exists()


def test_the_keys_of_a_reversed_redemption_can_be_redeemed_again(world: World) -> None:
    texts = make_keys(world)
    _, outcome = open_customer(world, texts)
    reverse(actor=world.ana, redemption=outcome.id, reason="Cliente errado", means=means())
    _, second = open_customer(world, texts, "certa")
    assert second.id != outcome.id
    assert Line.objects.filter(reversed=False).count() == 1


def test_an_extension_is_taken_back_to_what_was_before(world: World) -> None:
    opened, longer = make_keys(world, 2)
    bruno, outcome = open_customer(world, [opened])
    before = Subscription.objects.values("seats", "ends_on", "credit").get()
    extend = opening(
        [longer], purpose="extend", customer=None, administrator=None, subscription=outcome.effects[0].subscription
    )
    done = redeem(actor=bruno, order=extend, means=means())
    with pytest.raises(ReversalBlocked) as blocked:
        reverse(actor=world.ana, redemption=outcome.id, reason="Não", means=means())
    assert blocked.value.facts == {"what": "later_changes", "number": 1}
    with pytest.raises(NotFound):
        reverse(actor=world.ana, redemption=done.id, reason="Não fui eu", means=means())
    with pytest.raises(NotAllowed):
        reverse(actor=bruno, redemption=done.id, reason="Enganei-me", means=means())
    reverse(actor=world.duarte, redemption=done.id, reason="Pedido do cliente", means=means())
    assert Subscription.objects.values("seats", "ends_on", "credit").get() == before
    assert Customer.objects.get().closed_at is None
    reverse(actor=world.ana, redemption=outcome.id, reason="Agora sim", means=means())
    kinds = list(LedgerRow.objects.order_by("number").values_list("kind", "reverses"))
    assert kinds == [("open", None), ("extend", None), ("reverse", 2), ("reverse", 1)]


def test_the_partner_has_three_days_and_the_operator_any(world: World) -> None:
    _, outcome = open_customer(world, make_keys(world))
    late = means(date(2026, 11, 26))
    with pytest.raises(ReversalTooLate) as refused:
        reverse(actor=world.ana, redemption=outcome.id, reason="Tarde", means=late)
    assert refused.value.facts == {"until": date(2026, 11, 25)}
    reverse(actor=world.duarte, redemption=outcome.id, reason="Reclamação 77", means=late)
    with pytest.raises(AlreadyReversed):
        reverse(actor=world.duarte, redemption=outcome.id, reason="Outra vez", means=late)


def test_a_reason_is_needed_and_a_dry_run_writes_nothing(world: World) -> None:
    _, outcome = open_customer(world, make_keys(world))
    with pytest.raises(Malformed):
        reverse(actor=world.ana, redemption=outcome.id, reason="  ", means=means())
    reverse(actor=world.ana, redemption=outcome.id, reason="Ver", means=means(), dry_run=True)
    assert Key.objects.get().state == "redeemed"


def test_foreign_partners_find_nothing_to_reverse(world: World) -> None:
    _, outcome = open_customer(world, make_keys(world))
    for stranger in (world.rui, world.dalila):
        with pytest.raises(NotFound):
            reverse(actor=stranger, redemption=outcome.id, reason="Meu", means=means())


def test_people_and_licences_that_came_later_block(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    account = Account.objects.create(
        id=new_id(),
        login_name="sofia@padariasol.example.test",
        kind="customer",
        customer_id=outcome.customer,
        email="sofia@padariasol.example",
        given_name="Sofia",
        family_name="Reis",
        created_at=NOON,
    )
    sofia = Person.objects.create(
        id=new_id(),
        customer_id=outcome.customer,
        account=account,
        user_name="sofia",
        country_of_use="PT",
        created_at=NOON,
    )
    with pytest.raises(ReversalBlocked) as blocked:
        reverse(actor=world.ana, redemption=outcome.id, reason="Não", means=means())
    assert blocked.value.facts == {"what": "people", "number": 1}
    assert sofia.customer_id == bruno.customer
