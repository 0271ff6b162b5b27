"""Erasure: on its day and never before, with proof, once for good; the ledger stays, names go."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from chaveiro import wiring
from chaveiro.apps.clocks.models import Clock, Platform
from chaveiro.apps.closing.actions import destroying
from chaveiro.apps.closing.actions.erasing import erase_due
from chaveiro.apps.closing.models import ErasingDay, Erasure
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.customers.models import Customer, Person, Role
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.notices.models import Notice, Owed
from chaveiro.apps.redemption.actions import Order, redeem
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Block, LedgerRow, Subscription
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.datakeys import DataKeyDestroyed, Whose
from chaveiro.rules.erasure import Waiting
from chaveiro.rules.errors import Refusal
from tests.apps.erasing_scene import DUE, ENDS, Ended, ended, swept, tell
from tests.cast import ATTESTATION, COUNTRIES, World, build_world, items, make_keys, means, new_id

DAY_BEFORE = DUE - timedelta(days=1)


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def padaria(world: World) -> Ended:
    """Due on DUE and proven, on a platform whose clock ran until the day before."""
    swept(DAY_BEFORE)
    return ended(world)


def run(day: date = DUE, clock: Any = None, **changes: Any) -> Any:
    return erase_due(day=day, clock=clock, means=means(day), **changes)


def blank_the_customer(day: date = DUE + timedelta(days=1)) -> Any:
    """The `erased` notice was written and settled; the day after, the names go."""
    for row in Subscription.objects.filter(erased_on__isnull=False):
        tell(row.id, kind="erased", state="accepted")
    swept(day - timedelta(days=1))
    return run(day)


# ── when ──


def test_on_its_day_it_is_erased_and_not_a_day_before(padaria: Ended) -> None:
    swept(DAY_BEFORE - timedelta(days=1))
    assert run(DAY_BEFORE).subscriptions == ()
    swept(DAY_BEFORE)
    assert run().subscriptions == (padaria.subscription,)
    assert Subscription.objects.get(id=padaria.subscription).erased_on == DUE


def test_run_again_it_changes_nothing(padaria: Ended) -> None:
    run()
    rows, entries = LedgerRow.objects.count(), Entry.objects.count()
    swept(DUE)
    assert run().subscriptions == ()
    assert run(DUE + timedelta(days=1)).subscriptions == ()
    assert (LedgerRow.objects.count(), Entry.objects.count()) == (rows, entries)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "bounced"}, Waiting.NOT_TOLD),
        ({"state": "owed"}, Waiting.NOT_TOLD),
        ({"facts": {"erase_on": "2028-03-20"}}, Waiting.NOT_TOLD),
        ({"facts": {"erase_on": "soon"}}, Waiting.NOT_TOLD),
        ({"term": 2}, Waiting.NOT_TOLD),
        ({"kind": "access_stopped"}, Waiting.NOT_TOLD),
        ({"outside": False}, Waiting.INSIDE_ONLY),
        ({"outside": None}, Waiting.INSIDE_ONLY),
        ({"organisation_id": UUID(int=7), "recipient": f"partner:{UUID(int=7)}"}, Waiting.NOT_TOLD),
        ({"returns": False}, Waiting.NO_WAY_BACK),
        ({"settled_on": DUE - timedelta(days=6)}, Waiting.TOLD_LATELY),
        ({"settled_on": None}, Waiting.TOLD_LATELY),
    ],
)
def test_without_proof_it_waits(padaria: Ended, change: dict[str, Any], why: Waiting) -> None:
    Notice.objects.filter(subscription_id=padaria.subscription).update(**change)
    outcome = run()
    assert outcome.subscriptions == ()
    assert outcome.waiting == {why: 1}
    assert Erasure.objects.count() == 0


def test_a_legal_hold_keeps_the_data_whosesoever_it_is(padaria: Ended) -> None:
    for subscription in (padaria.subscription, None):
        hold = Block.objects.create(
            id=new_id(),
            customer_id=padaria.customer,
            subscription_id=subscription,
            kind="legal_hold",
            holder="operator",
            put_on=DUE,
            put_at=means().now,
        )
        assert run().waiting == {Waiting.HOLD: 1}
        Block.objects.filter(id=hold.id).update(lifted_at=means().now)
    assert run().subscriptions == (padaria.subscription,)


@pytest.mark.parametrize(
    "clock",
    [
        {"day": DUE - timedelta(days=2)},  # a day was missed
        {"day": DUE + timedelta(days=1)},  # it went back
        {"day": None},
        {"day": DAY_BEFORE, "quiet_until": DUE + timedelta(days=1)},
    ],
)
def test_a_platform_that_doubts_its_clock_erases_nothing(padaria: Ended, clock: dict[str, Any]) -> None:
    """P1: after a jump, a restore, or an outage over a day. Found here too, before the sweep writes it down."""
    Platform.objects.filter(id=1).update(**clock)
    assert run().waiting == {Waiting.QUIET: 1}
    Platform.objects.all().delete()
    assert run().waiting == {Waiting.QUIET: 1}


def test_a_renewal_that_came_first_wins(world: World, padaria: Ended) -> None:
    keys = make_keys(world, 1, "office-basic")
    order = Order(
        purpose="extend",
        items=items(keys),
        customer=padaria.customer,
        subscription=padaria.subscription,
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    redeem(actor=padaria.bruno, order=order, means=means(DUE))
    assert run().subscriptions == ()
    assert Subscription.objects.get(id=padaria.subscription).erased_on is None


def test_an_erasure_that_came_first_refuses_the_renewal_and_spends_nothing(world: World, padaria: Ended) -> None:
    run()
    keys = make_keys(world, 1, "office-basic")
    order = Order(
        purpose="extend",
        items=items(keys),
        customer=padaria.customer,
        subscription=padaria.subscription,
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    with pytest.raises(Refusal) as refused:
        redeem(actor=padaria.bruno, order=order, means=means(DUE))
    assert "subscription_deleted" in repr(refused.value.facts) + refused.value.code
    assert Redemption.objects.count() == 1


def test_what_was_decided_before_the_lock_is_never_carried_out(
    world: World, padaria: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: an eraser that believes what it read before somebody renewed."""
    with acting(SYSTEM):
        stale = queries.one(padaria.subscription, None)
    test_a_renewal_that_came_first_wins(world, padaria)
    monkeypatch.setattr(queries, "due", lambda **_: [stale])
    monkeypatch.setattr(queries, "one", lambda *_: stale)
    with pytest.raises(AssertionError, match="the lock was had"):
        run()


# ── what ──


def test_seat_time_is_given_up_in_the_ledger_and_the_account_closes(world: World, padaria: Ended) -> None:
    Subscription.objects.filter(id=padaria.subscription).update(credit=3)
    run()
    last = LedgerRow.objects.filter(subscription_id=padaria.subscription).latest("number")
    row = Subscription.objects.get(id=padaria.subscription)
    assert (last.kind, last.why, last.day, last.number, last.term) == ("forfeit", "erasure", DUE, 2, 1)
    assert (last.credit_before, last.credit_after, last.ends_after) == (3, 0, ENDS)
    assert (row.version, row.credit, row.ends_on, row.assigned) == (2, 0, ENDS, 0)
    assert Licence.objects.filter(ended_at=None).count() == 0


def test_what_somebody_typed_about_it_goes_and_the_ledger_keeps_its_numbers(padaria: Ended) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE subscriptions_ledgerrow SET why = 'Sr. Costa asked'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    before = LedgerRow.objects.values().get()
    Block.objects.create(
        id=new_id(),
        customer_id=padaria.customer,
        subscription_id=padaria.subscription,
        kind="unpaid",
        holder="operator",
        reason="Sr. Costa did not answer",
        put_on=DUE,
        put_at=means().now,
    )
    run()
    assert LedgerRow.objects.values().get(number=1) == {**before, "why": ""}
    assert Block.objects.get().reason == ""
    assert Erasure.objects.get(kind="subscription").rows == {"subscriptions_ledgerrow": 1, "subscriptions_block": 1}


def test_the_ledger_lets_nothing_else_be_changed(padaria: Ended) -> None:
    for change in ("granted = 0", "why = 'another'", "why = ''", "day = day + 1"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE subscriptions_ledgerrow SET {change}")
    run()
    for change in ("granted = 0", "why = 'another'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE subscriptions_ledgerrow SET {change}")


def test_what_was_erased_does_not_come_back(padaria: Ended) -> None:
    run()
    for change in ("erased_on = NULL", "ends_on = ends_on + 365", "version = version + 1"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE subscriptions_subscription SET {change}")
    for statement in (
        "DELETE FROM closing_erasure WHERE day IS NOT NULL",
        "UPDATE closing_erasure SET proof = '{}' WHERE day IS NOT NULL",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_journal_tells_it_in_ids_and_the_record_says_by_which_proof(padaria: Ended) -> None:
    notice = Notice.objects.get()
    run()
    record = Erasure.objects.get(kind="subscription")
    assert record.proof == {"how": "notice", "id": str(notice.id), "told_on": "2028-03-14", "direct": False}
    entry = Entry.objects.get(tag="subscription:erased")
    assert entry.subject_id == str(padaria.subscription)
    assert entry.facts["erasure"] == str(record.id)
    assert entry.facts["proof"] == record.proof


def test_what_is_still_owed_of_it_is_not_posted_any_more(padaria: Ended) -> None:
    owed = tell(padaria.subscription, kind="erasure-30", state="owed", settled_on=None, recipient="other")
    run()
    assert Notice.objects.get(id=owed.id).state == "superseded"


# ── how many ──


def test_more_than_usual_stop_and_ask_and_none_is_erased_until_somebody_says_go(world: World) -> None:
    swept(DAY_BEFORE)
    for number in range(11):
        ended(world, f"padaria{number}")
    first = run()
    assert (first.subscriptions, first.asked) == ((), 11)
    assert Entry.objects.filter(tag="erasure:asked").count() == 1
    assert run().asked == 11
    assert Entry.objects.filter(tag="erasure:asked").count() == 1
    ErasingDay.objects.filter(day=DUE).update(most=11)
    assert len(run().subscriptions) == 11
    assert ErasingDay.objects.get().erased == 11


def test_ten_a_day_are_usual(world: World) -> None:
    swept(DAY_BEFORE)
    for number in range(10):
        ended(world, f"padaria{number}")
    assert len(run(limit=3).subscriptions) == 10


def test_a_test_clock_erases_by_its_own_day_and_is_never_asked(world: World) -> None:
    clock = Clock.objects.create(id=new_id(), name="a year", day=DUE, created_at=means().now)
    for number in range(11):
        one = ended(world, f"padaria{number}")
        Customer.objects.filter(id=one.customer).update(is_test=True, clock=clock)
        Subscription.objects.filter(id=one.subscription).update(clock=clock)
    swept(DAY_BEFORE)
    assert run().subscriptions == ()
    assert len(run(clock=clock.id).subscriptions) == 11
    assert ErasingDay.objects.count() == 0


# ── the last of a customer ──


def test_names_wait_for_the_last_notice_and_go_with_it(padaria: Ended) -> None:
    run()
    assert Customer.objects.get(id=padaria.customer).name == "Padaria Sol, Lda."
    assert run().customers == ()
    assert blank_the_customer().customers == (padaria.customer,)
    customer = Customer.objects.get(id=padaria.customer)
    assert (customer.name, customer.tax_number, customer.contact_email) == ("", "", "")
    assert customer.domain_prefix == "padariasol", "nobody else ever gets mail that was meant for them"
    assert customer.closed_at is not None
    account = Account.objects.get(id=padaria.bruno.account)
    assert (account.email, account.given_name, account.family_name, account.alternate_email) == ("", "", "", "")
    assert account.login_name == f"erased-{account.id.hex}"
    assert account.closed_at is not None
    assert Person.objects.get().user_name == f"erased-{Person.objects.get().id.hex}"
    assert Role.objects.filter(ended_at=None).count() == 0
    assert Redemption.objects.get().attestation.keys() == {"wording", "language", "at"}
    assert set(Notice.objects.values_list("address", "server", "outcome")) == {("", "", "")}
    assert Entry.objects.filter(tag="customer:erased").count() == 1


def test_names_wait_thirty_days_at_most(padaria: Ended) -> None:
    run()
    tell(padaria.subscription, kind="erased", state="owed", settled_on=None)
    for days in (1, 29):
        swept(DUE + timedelta(days=days - 1))
        assert run(DUE + timedelta(days=days)).customers == ()
    swept(DUE + timedelta(days=29))
    assert run(DUE + timedelta(days=30)).customers == (padaria.customer,)
    assert Notice.objects.get(kind="erased").state == "dropped"


def test_a_customer_with_another_subscription_keeps_its_people(world: World, padaria: Ended) -> None:
    keys = make_keys(world, 1, "office-plus", months=24)
    order = Order(
        purpose="open",
        items=items(keys),
        customer=padaria.customer,
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    redeem(actor=padaria.bruno, order=order, means=means())
    assert run().subscriptions == (padaria.subscription,)
    assert Erasure.objects.filter(kind="customer").count() == 0


def test_a_customer_that_opened_a_new_one_meanwhile_lives_on(world: World, padaria: Ended) -> None:
    run()
    order = Order(
        purpose="open",
        items=items(make_keys(world, 1, "office-plus")),
        customer=padaria.customer,
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    redeem(actor=padaria.bruno, order=order, means=means(DUE))
    assert blank_the_customer().customers == ()
    assert Customer.objects.get(id=padaria.customer).name == "Padaria Sol, Lda."
    assert Erasure.objects.filter(kind="customer").count() == 0


# ── the keys ──


def test_the_data_key_is_destroyed_after_the_commit_and_never_made_again(padaria: Ended) -> None:
    keys = wiring.data_keys()
    keys.make(Whose.SUBSCRIPTION, padaria.subscription)
    run()
    record = Erasure.objects.get(kind="subscription")
    assert Owed.objects.filter(kind="data_key", facts__erasure=str(record.id)).count() == 1
    assert keys.exists(Whose.SUBSCRIPTION, padaria.subscription)
    assert destroying.destroy_key(erasure=record.id, keys=keys, means=means(DUE))
    assert not destroying.destroy_key(erasure=record.id, keys=keys, means=means(DUE))
    assert not keys.exists(Whose.SUBSCRIPTION, padaria.subscription)
    with pytest.raises(DataKeyDestroyed):
        keys.make(Whose.SUBSCRIPTION, padaria.subscription)
    assert Erasure.objects.get(kind="subscription").key_destroyed_at == means(DUE).now
    assert Entry.objects.filter(tag="subscription:key_destroyed").count() == 1


def test_keys_that_were_left_are_destroyed_later(padaria: Ended) -> None:
    run()
    blank_the_customer()
    assert destroying.destroy_left(keys=wiring.data_keys(), means=means(DUE)) == 2
    assert destroying.destroy_left(keys=wiring.data_keys(), means=means(DUE)) == 0
    assert wiring.data_keys().is_destroyed(Whose.CUSTOMER, padaria.customer)
    assert settings.DATA_KEYS_FOLDER.stat().st_mode & 0o077 == 0
