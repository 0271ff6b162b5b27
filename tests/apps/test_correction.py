"""A redemption for the wrong customer moves to the right one: both ledgers close, and nobody gets a day for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.closing.actions import (
    Corrected,
    Proposal,
    approve_correction,
    decline_correction,
    preview_correction,
    propose_correction,
    reverse,
    withdraw_correction,
)
from chaveiro.apps.closing.models import Correction
from chaveiro.apps.closing.queries import ASSERTIONS, Ground
from chaveiro.apps.customers.models import Customer, Reach
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.keys.models import Key
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.apps.redemption.actions import Outcome, redeem
from chaveiro.apps.redemption.models import Line, Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.batches import House
from chaveiro.rules.correction import (
    CorrectionBlocked,
    CorrectionSettled,
    CorrectionWaits,
    SecondOperatorNeeded,
)
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound, TermTooShort
from chaveiro.rules.ledger import NothingToMove
from chaveiro.rules.redemption import SumChanged
from chaveiro.rules.reversal import AlreadyReversed, ReversalBlocked
from chaveiro.rules.verdicts import KeyWrongCountry, Refusals
from tests.cast import (
    DAY,
    NOON,
    World,
    build_world,
    digesters,
    make_keys,
    means,
    new_id,
    open_customer,
    opening,
    padaria,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]

HOUSE = House()
LATER = DAY + timedelta(days=100)


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def eva(world: World) -> Actor:
    """Another operator, beside Duarte."""
    from chaveiro.apps.channel.models import Member
    from chaveiro.apps.identity.models import Account

    account = Account.objects.create(
        id=new_id(),
        login_name="eva@example.test",
        kind="operator",
        organisation_id=world.vendor,
        email="eva@example.test",
        given_name="Eva",
        family_name="Melo",
        owned_at=NOON,
        created_at=NOON,
    )
    Member.objects.create(id=new_id(), organisation_id=world.vendor, account=account, role="operator", since=NOON)
    return Actor(Kind.OPERATOR, account.id, world.vendor, roles=frozenset({"operator"}))


def broken(day: date) -> list[dict[str, Any]]:
    """What breaks an assertion about keys, ledgers and licences, asked as the superuser of the test."""
    ground = Ground(day, digesters(), None)  # type: ignore[arg-type]  # no journal is read here
    asked = [one for one in ASSERTIONS if one.id[0] in "KLA"]
    return [found.to_dict() for one in asked for found in one.violations(ground)]


@pytest.fixture(autouse=True)
def _books_close() -> Iterator[None]:
    yield
    assert broken(LATER + timedelta(days=30)) == []


def two_customers(world: World) -> tuple[Outcome, Outcome, Actor, Actor]:
    """Padaria Sol, the wrong one, and Talho Lua, the right one; Ana redeemed for both."""
    bruno, wrong = open_customer(world, make_keys(world))
    carla, right = open_customer(world, make_keys(world), "talholua")
    return wrong, right, bruno, carla


def moved(world: World, approver: Actor, proposal: Proposal, day: date = LATER) -> Corrected:
    proposed = propose_correction(actor=world.ana, proposal=proposal, reason="Cliente errado", means=means(day))
    assert proposed.id is not None
    return approve_correction(actor=approver, correction=proposed.id, means=means(day), house=HOUSE)


def test_what_is_left_moves_and_what_was_used_stays_used(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    [move] = done.plan.moves
    assert (move.used, move.moved) == (5 * 100, 5 * 265)
    old, new = Subscription.objects.order_by("id").first(), Subscription.objects.get(id=done.subscriptions[0])
    assert old is not None
    assert (old.seats, old.closed_at is not None) == (0, True)
    assert (new.customer_id, new.seats, new.ends_on, new.credit) == (right.customer, 5, LATER + timedelta(days=265), 0)
    rows = list(
        LedgerRow.objects.filter(subscription=old).order_by("number").values_list("kind", "reverses", "granted")
    )
    assert rows == [("open", None, 1825), ("correct", 1, 0)]
    assert LedgerRow.objects.get(subscription=new).granted == 5 * 265
    assert Key.objects.filter(customer_id=right.customer, state="redeemed").count() == 2
    assert Line.objects.filter(redemption=wrong.id, reversed=True).count() == 1
    assert Redemption.objects.get(id=done.made).corrects == wrong.id


def test_an_extension_leaves_the_wrong_customer_what_its_own_key_gave(world: World) -> None:
    wrong, right, bruno, _ = two_customers(world)
    before = Subscription.objects.get(id=wrong.effects[0].subscription)
    [longer] = make_keys(world)
    extend = opening(
        [longer], purpose="extend", customer=None, administrator=None, subscription=wrong.effects[0].subscription
    )
    extended = redeem(actor=bruno, order=extend, means=means())
    target = right.effects[0].subscription
    found = preview_correction(
        actor=world.duarte,
        proposal=Proposal(redemption=extended.id, customer=right.customer, purpose="extend", subscription=target),
        means=means(LATER),
    )
    assert found.faults == ()
    proposed = propose_correction(
        actor=world.duarte,
        proposal=Proposal(redemption=extended.id, customer=right.customer, purpose="extend", subscription=target),
        reason="Era para o Talho",
        means=means(LATER),
    )
    with pytest.raises(SecondOperatorNeeded):
        approve_correction(actor=world.duarte, correction=_id(proposed.id), means=means(LATER), house=HOUSE)
    done = approve_correction(
        actor=world.duarte, correction=_id(proposed.id), means=means(LATER), house=House(pretence=True)
    )
    [move] = done.plan.moves
    assert move.used == 0
    left = Subscription.objects.get(id=before.id)
    assert (left.seats, left.ends_on, left.credit, left.closed_at) == (
        before.seats,
        before.ends_on,
        before.credit,
        None,
    )
    assert Subscription.objects.get(id=target).ends_on == date(2028, 11, 22)  # the 366 days of its months
    assert Subscription.objects.get(id=target).seats == 5


def test_a_later_key_of_the_wrong_customers_own_stays_with_it(world: World) -> None:
    wrong, right, bruno, _ = two_customers(world)
    subscription = wrong.effects[0].subscription
    mistaken, own = make_keys(world, 2)
    change = {"customer": None, "administrator": None, "subscription": subscription}
    added = redeem(actor=bruno, order=opening([mistaken], purpose="add", **change), means=means())
    assert Subscription.objects.get(id=subscription).seats == 10
    redeem(actor=bruno, order=opening([own], purpose="extend", **change), means=means(DAY + timedelta(days=50)))
    proposal = Proposal(redemption=added.id, customer=right.customer, purpose="open")
    proposed = propose_correction(actor=world.duarte, proposal=proposal, reason="Engano", means=means(LATER))
    done = approve_correction(
        actor=world.duarte, correction=_id(proposed.id), means=means(LATER), house=House(pretence=True)
    )
    [move] = done.plan.moves
    left = Subscription.objects.get(id=subscription)
    # Ten seats for a hundred days were used, where its own keys gave five.
    assert (move.used, move.moved) == (500, 1825 - 500)
    assert (left.seats, left.assigned) == (5, 1)
    assert left.ends_on > date(2027, 11, 22)


def _id(value: UUID | None) -> UUID:
    assert value is not None
    return value


def test_the_wrong_customer_learns_that_it_moved_and_not_to_whom(world: World) -> None:
    wrong, right, bruno, carla = two_customers(world)
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    with acting(bruno):
        told = redemptions.facts_of(wrong.id)
        with pytest.raises(NotFound):
            redemptions.facts_of(done.made)
    assert (told["corrected_to"], told["reversal_reason"]) == (done.reference, "Cliente errado")
    assert str(right.customer) not in str(told)
    with acting(carla):
        assert redemptions.facts_of(done.made)["corrects"] == wrong.reference
        with pytest.raises(NotFound):
            redemptions.facts_of(wrong.id)
    for entry in Entry.objects.filter(customer_id=wrong.customer):
        assert str(right.customer) not in str(entry.facts)
        assert str(done.made) not in str(entry.facts)


def test_the_seller_reads_what_it_sold_where_it_stands_now(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    live = Reach.objects.filter(organisation=world.reseller, kind="seller", ended_at=None)
    assert not live.filter(customer=wrong.customer).exists()
    assert live.filter(subscription_id=done.subscriptions[0]).exists()


def test_a_customer_that_exists_only_by_the_mistake_is_closed_and_both_are_told(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    assert done.plan.closes_customer
    assert Customer.objects.get(id=wrong.customer).closed_at is not None
    assert Licence.objects.filter(customer=wrong.customer, ended_at=None).count() == 0
    owed = Owed.objects.get(kind="correction")
    assert owed.facts == {"redemption": str(wrong.id), "made": str(done.made)}
    tags = set(Entry.objects.values_list("tag", flat=True))
    assert {"correction:proposed", "redemption:corrected", "customer:closed", "redemption:committed"} <= tags


def test_only_the_partner_who_redeemed_and_operators_propose(world: World) -> None:
    wrong, right, bruno, _ = two_customers(world)
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    for actor, refusal in ((bruno, NotFound), (world.rui, NotFound), (world.dalila, NotFound)):
        with pytest.raises(refusal):
            propose_correction(actor=actor, proposal=proposal, reason="Meu", means=means())
    with pytest.raises(Malformed):
        propose_correction(actor=world.ana, proposal=proposal, reason=" ", means=means())
    proposed = propose_correction(actor=world.ana, proposal=proposal, reason="Engano", means=means())
    with pytest.raises(NotAllowed):
        approve_correction(actor=world.ana, correction=_id(proposed.id), means=means(), house=HOUSE)
    with pytest.raises(CorrectionWaits):
        propose_correction(actor=world.duarte, proposal=proposal, reason="Também", means=means())


def test_an_operators_own_proposal_needs_another_or_a_day(world: World, eva: Actor) -> None:
    wrong, right, _, _ = two_customers(world)
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    proposed = propose_correction(actor=world.duarte, proposal=proposal, reason="Engano", means=means())
    alone = House(one_person=True)
    with pytest.raises(SecondOperatorNeeded) as refused:
        approve_correction(actor=world.duarte, correction=_id(proposed.id), means=means(), house=alone)
    assert refused.value.facts == {"not_before": datetime(2026, 11, 23, 12, tzinfo=UTC)}
    with pytest.raises(SecondOperatorNeeded):
        approve_correction(actor=SYSTEM, correction=_id(proposed.id), means=means(), house=HOUSE)
    approve_correction(actor=eva, correction=_id(proposed.id), means=means(), house=HOUSE)
    assert Entry.objects.get(tag="redemption:corrected").facts["second_person"] is True
    with pytest.raises(CorrectionSettled):
        approve_correction(actor=eva, correction=_id(proposed.id), means=means(), house=HOUSE)


def test_one_person_may_after_a_day(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    proposed = propose_correction(actor=world.duarte, proposal=proposal, reason="Engano", means=means())
    tomorrow = means(DAY + timedelta(days=1))
    approve_correction(actor=world.duarte, correction=_id(proposed.id), means=tomorrow, house=House(one_person=True))
    assert Entry.objects.get(tag="redemption:corrected").facts["second_person"] is False


def test_declined_and_withdrawn_ones_are_over(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    first = _id(propose_correction(actor=world.ana, proposal=proposal, reason="Engano", means=means()).id)
    with pytest.raises(NotAllowed):
        decline_correction(actor=world.ana, correction=first, reason="Não", means=means())
    decline_correction(actor=world.duarte, correction=first, reason="O cliente está certo", means=means())
    second = _id(propose_correction(actor=world.ana, proposal=proposal, reason="De novo", means=means()).id)
    with pytest.raises(NotFound):
        withdraw_correction(actor=world.rui, correction=second, means=means())
    withdraw_correction(actor=world.ana, correction=second, means=means())
    assert sorted(Correction.objects.values_list("state", flat=True)) == ["declined", "withdrawn"]
    assert Redemption.objects.get(id=wrong.id).reversed_at is None


def test_a_dry_run_and_other_numbers_write_nothing(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    assert propose_correction(actor=world.ana, proposal=proposal, reason="x", means=means(), dry_run=True).id is None
    assert not Correction.objects.exists()
    proposed = propose_correction(actor=world.ana, proposal=proposal, reason="Engano", means=means())
    shown = proposed.plan.fingerprint
    act = {"actor": world.duarte, "correction": _id(proposed.id), "house": HOUSE, "fingerprint": shown}
    with pytest.raises(SumChanged):
        approve_correction(**act, means=means(LATER))  # a hundred days were used since it was shown
    approve_correction(**act, means=means(), dry_run=True)
    assert Key.objects.filter(customer_id=right.customer).count() == 1
    approve_correction(**act, means=means())


def test_what_stands_against_it_is_told_all_at_once(world: World) -> None:
    portuguese = make_keys(world, countries=["PT"])
    _, wrong = open_customer(world, portuguese)
    spanish = opening(make_keys(world), customer=padaria("talholua", country="ES"))
    right = redeem(actor=world.ana, order=spanish, means=means())
    proposal = Proposal(redemption=wrong.id, customer=right.customer)
    late = means(date(2027, 11, 18))  # four days are left
    with pytest.raises(Refusals) as refused:
        propose_correction(actor=world.ana, proposal=proposal, reason="Engano", means=late)
    assert [type(fault.refusal) for fault in refused.value.faults] == [KeyWrongCountry, TermTooShort]
    gone = preview_correction(actor=world.ana, proposal=proposal, means=means(date(2027, 12, 1)))
    assert NothingToMove in [type(fault.refusal) for fault in gone.faults]
    same = preview_correction(
        actor=world.ana, proposal=Proposal(redemption=wrong.id, customer=wrong.customer), means=means()
    )
    assert [fault.refusal.facts["what"] for fault in same.faults] == ["same_customer"]


def test_licences_given_by_hand_keep_a_subscription_from_closing(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    Licence.objects.filter(customer=wrong.customer).update(automatic=False)
    found = preview_correction(
        actor=world.ana, proposal=Proposal(redemption=wrong.id, customer=right.customer), means=means()
    )
    assert [fault.refusal for fault in found.faults if isinstance(fault.refusal, CorrectionBlocked)]


def test_a_corrected_redemption_is_over_and_the_new_one_is_not_for_reversal(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    with pytest.raises(AlreadyReversed):
        reverse(actor=world.duarte, redemption=wrong.id, reason="x", means=means(LATER))
    with pytest.raises(ReversalBlocked) as blocked:
        reverse(actor=world.duarte, redemption=done.made, reason="x", means=means(LATER))
    assert blocked.value.facts["what"] == "corrected"
    with pytest.raises(AlreadyReversed):
        preview_correction(
            actor=world.duarte, proposal=Proposal(redemption=wrong.id, customer=right.customer), means=means(LATER)
        )


def test_what_was_moved_may_be_moved_once_more(world: World) -> None:
    wrong, right, _, _ = two_customers(world)
    _, third = open_customer(world, make_keys(world), "florista")
    done = moved(world, world.duarte, Proposal(redemption=wrong.id, customer=right.customer))
    day = LATER + timedelta(days=15)
    again = moved(world, world.duarte, Proposal(redemption=done.made, customer=third.customer), day)
    assert again.plan.moves[0].moved == 5 * (265 - 15)


def test_the_check_finds_a_correction_that_takes_more_than_was_left(world: World) -> None:
    wrong, right, bruno, _ = two_customers(world)
    change = {"customer": None, "administrator": None, "subscription": wrong.effects[0].subscription}
    added = redeem(actor=bruno, order=opening(make_keys(world), purpose="add", **change), means=means())
    proposal = Proposal(redemption=added.id, customer=right.customer)
    proposed = propose_correction(actor=world.duarte, proposal=proposal, reason="x", means=means(LATER))
    approve_correction(actor=world.duarte, correction=_id(proposed.id), means=means(LATER), house=House(pretence=True))
    assert broken(LATER) == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE subscriptions_ledgerrow SET ends_after = ends_after - 7 WHERE kind = 'correct'")
        cursor.execute("UPDATE subscriptions_subscription SET ends_on = ends_on - 7 WHERE version = 3")
        named = {found["assertion"] for found in broken(LATER)}
        cursor.execute("UPDATE subscriptions_ledgerrow SET ends_after = ends_after + 7 WHERE kind = 'correct'")
        cursor.execute("UPDATE subscriptions_subscription SET ends_on = ends_on + 7 WHERE version = 3")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert named == {"subscription_is_its_replay", "what_left_arrived"}
