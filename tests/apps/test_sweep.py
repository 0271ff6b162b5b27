"""The sweep writes down what is owed, once: on the day, late, twice, twenty at once."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.apps.clocks.actions import go_quiet
from chaveiro.apps.clocks.models import Clock, Platform
from chaveiro.apps.closing.actions import living
from chaveiro.apps.closing.actions.sweeping import CLAIM_REAL, Swept, sweep
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.notices import Life
from chaveiro.rules.platform_clock import DayWentBack, Doubt
from chaveiro.rules.policies import DEFAULT_POLICY
from tests.apps.house_of_cards import do, one
from tests.apps.lives import SEATS, lay, look, put_hold, renew
from tests.cast import DAY, NOON, build_world, make_keys, means, new_id, open_customer

pytestmark = pytest.mark.django_db

ENDS_ON = date(2027, 11, 22)
BY_HAND = [
    ("ends-60", date(2027, 9, 23)),
    ("ends-30", date(2027, 10, 23)),
    ("ends-7", date(2027, 11, 15)),
    ("ends-1", date(2027, 11, 21)),
    ("ended", date(2027, 11, 22)),
    ("access_stopped", date(2027, 12, 22)),
    ("erasure-30", date(2028, 2, 20)),
    ("erasure-7", date(2028, 3, 14)),
]


def on(day: date, **changes: Any) -> Swept:
    return sweep(day=day, means=means(day), **changes)


def slots_written(state: str = "owed") -> list[tuple[str, date]]:
    """The slots in that state by the day on which they were written; the question for an address is its own test."""
    return look(
        "SELECT DISTINCT kind, written_on FROM notices_notice WHERE state = %s AND kind <> 'outside_address'"
        " ORDER BY written_on, kind",
        state,
    )


def every_day(first: date, until: date) -> None:
    day = first
    while day < until:
        on(day)
        day += timedelta(days=1)


@pytest.fixture
def subscription() -> UUID:
    world = build_world()
    open_customer(world, make_keys(world))
    return Subscription.objects.get().id


def test_a_year_swept_every_day_writes_each_slot_on_its_day(subscription: UUID) -> None:
    every_day(DAY, date(2028, 3, 15))
    assert slots_written() == BY_HAND
    assert one("SELECT count(*) FROM notices_notice WHERE state <> 'owed'") == 0
    assert one("SELECT count(*) FROM notices_notice WHERE due_on <> written_on") == 0


def test_the_day_after_nothing_is_looked_at(subscription: UUID) -> None:
    assert on(DAY).looked_at == 1
    assert on(DAY).looked_at == 0
    assert on(date(2027, 9, 22)).looked_at == 0
    assert on(date(2027, 9, 23)).looked_at == 1


def test_a_notice_holds_ids_days_and_numbers_only(subscription: UUID) -> None:
    on(date(2027, 9, 23))
    for (facts,) in look("SELECT facts FROM notices_notice"):
        assert json.loads(facts) == {
            "ends_on": "2027-11-22",
            "access_stops_on": "2027-12-22",
            "erase_on": "2028-03-21",
            "seats": 5,
        }


def test_it_goes_to_administrators_at_both_addresses_to_the_contact_and_to_the_partner(subscription: UUID) -> None:
    do("UPDATE identity_account SET alternate_email = 'bruno@other.example' WHERE customer_id IS NOT NULL")
    do("UPDATE customers_customer SET contact_email = 'office@padariasol.example'")
    on(date(2027, 9, 23))
    account = one("SELECT account_id FROM customers_person")
    partner = one("SELECT organisation_id FROM delegation_partnerofrecord")
    recipients = {row for (row,) in look("SELECT recipient FROM notices_notice WHERE kind = 'ends-60'")}
    # Ana's firm has no owner and no address for notices yet.
    assert recipients == {f"account:{account}", f"account:{account}:alternate", "contact"}
    do("UPDATE channel_organisation SET notice_email = 'avisos@sol.example' WHERE id = %s", partner)
    do("UPDATE delegation_partnerofrecord SET state = 'confirmed'")
    on(date(2027, 10, 23))
    recipients = {row for (row,) in look("SELECT recipient FROM notices_notice WHERE kind = 'ends-30'")}
    assert recipients == {f"account:{account}", f"account:{account}:alternate", "contact", f"partner:{partner}"}
    do("UPDATE channel_organisation SET notice_email = ''")
    do("UPDATE channel_member SET role = 'owner' WHERE organisation_id = %s", partner)
    on(date(2027, 11, 15))
    owner = one("SELECT account_id FROM channel_member WHERE organisation_id = %s", partner)
    assert one("SELECT recipient FROM notices_notice WHERE kind = 'ends-7' AND organisation_id IS NOT NULL") == (
        f"partner:{partner}:account:{owner}"
    )


def test_a_partner_chosen_for_the_subscription_is_told_in_the_place_of_the_default_one(subscription: UUID) -> None:
    do("UPDATE channel_organisation SET notice_email = 'avisos@partner.example'")
    do("UPDATE delegation_partnerofrecord SET state = 'confirmed'")
    other = one("SELECT id FROM channel_organisation WHERE name LIKE 'Mar %%'")
    do(
        """INSERT INTO delegation_partnerofrecord (id, customer_id, subscription_id, organisation_id, state,
            proposed_at) SELECT %s, customer_id, id, %s, 'confirmed', opened_at FROM subscriptions_subscription""",
        new_id(),
        other,
    )
    on(date(2027, 9, 23))
    partners = look("SELECT organisation_id FROM notices_notice WHERE organisation_id IS NOT NULL AND kind = 'ends-60'")
    assert partners == [(other,)]


def test_where_nobody_is_left_to_tell_the_slot_is_settled_all_the_same(subscription: UUID) -> None:
    do("UPDATE customers_role SET ended_at = now()")
    do("DELETE FROM delegation_partnerofrecord")
    assert on(date(2027, 9, 23)).nobody == 2
    assert look("SELECT DISTINCT recipient, state FROM notices_notice") == [("nobody", "dropped")]
    assert on(date(2027, 9, 23)).looked_at == 0


@pytest.mark.parametrize(
    ("day", "told", "superseded"),
    [
        (date(2027, 11, 1), "ends-30", 1),
        (date(2027, 11, 30), "ended", 4),
        (date(2028, 1, 30), "access_stopped", 5),
        (date(2028, 3, 1), "erasure-30", 6),
    ],
)
def test_after_an_outage_only_the_latest_is_told_with_true_dates(
    subscription: UUID, day: date, told: str, superseded: int
) -> None:
    do("UPDATE identity_account SET owned_at = now()")
    on(day)
    assert slots_written() == [(told, day)]
    assert len(slots_written("superseded")) == superseded
    assert one("SELECT facts ->> 'erase_on' FROM notices_notice WHERE state = 'owed' LIMIT 1") == "2028-03-21"


def test_an_outage_over_the_last_notice_puts_the_erasure_off_and_tells_the_new_date_at_once(subscription: UUID) -> None:
    on(date(2028, 2, 20))
    swept = on(date(2028, 4, 1), quiet_until=date(2028, 4, 8))
    assert swept.put_off == 1
    assert slots_written()[-1] == ("erasure-7@2028-04-15", date(2028, 4, 1))
    assert Subscription.objects.get().erase_on == date(2028, 4, 15)
    assert ("erasure-7", date(2028, 4, 1)) in slots_written("superseded")
    facts = look("SELECT facts ->> 'term', facts ->> 'day' FROM journal_entry WHERE tag LIKE '%%:erasure_put_off'")
    assert facts == [("1", "2028-04-15")]
    assert one("SELECT facts ->> 'erase_on' FROM notices_notice WHERE kind LIKE 'erasure-7@%%' LIMIT 1") == "2028-04-15"
    # Nothing proves it by then: once more, a fortnight later.
    every_day(date(2028, 4, 2), date(2028, 4, 16))
    assert slots_written()[-1] == ("erasure-7@2028-04-29", date(2028, 4, 15))


def test_what_was_accepted_outside_waits_a_week_for_the_rest_and_is_then_put_off(subscription: UUID) -> None:
    every_day(date(2028, 2, 20), date(2028, 3, 15))
    do("UPDATE notices_notice SET state = 'accepted', outside = true, settled_on = written_on WHERE kind = 'erasure-7'")
    every_day(date(2028, 3, 15), date(2028, 3, 28))
    assert Subscription.objects.get().erase_on is None
    assert Subscription.objects.get().due_on == date(2028, 3, 28)
    on(date(2028, 3, 28))
    assert Subscription.objects.get().erase_on == date(2028, 4, 11)


def test_a_renewal_makes_a_new_term_and_an_erasure_put_off_falls_with_the_old_end(subscription: UUID) -> None:
    on(date(2028, 4, 1))
    assert Subscription.objects.get().erase_on is not None
    renew(subscription, date(2028, 4, 2), date(2029, 4, 2))
    assert Subscription.objects.get().erase_on is None
    on(date(2028, 4, 2))
    assert one("SELECT count(*) FROM notices_notice WHERE term = 2") == 0
    on(date(2029, 2, 1))
    assert look("SELECT DISTINCT kind FROM notices_notice WHERE term = 2 AND kind <> 'outside_address'") == [
        ("ends-60",)
    ]


def test_a_renewal_while_the_clock_stood_leaves_nothing_to_say(subscription: UUID) -> None:
    on(date(2027, 9, 1))
    renew(subscription, date(2027, 11, 10), date(2028, 11, 22))
    assert on(date(2027, 11, 20)).owed == 0
    assert one("SELECT count(*) FROM notices_notice") == 0


def test_the_journal_tells_of_grace_and_of_the_end_of_access_once(subscription: UUID) -> None:
    every_day(date(2027, 11, 22), date(2027, 12, 25))
    told = look(
        "SELECT tag, facts ->> 'day', actor_kind FROM journal_entry WHERE subject_kind = 'subscription' ORDER BY id"
    )
    assert told[1:] == [
        ("subscription:grace_started", "2027-11-22", "system"),
        ("subscription:access_stopped", "2027-12-22", "system"),
    ]


def test_under_a_legal_hold_no_erasure_is_told_and_none_put_off(subscription: UUID) -> None:
    block = put_hold(Subscription.objects.get().customer_id, None)
    every_day(date(2028, 2, 19), date(2028, 4, 1))
    assert not [kind for kind, _ in slots_written() if kind.startswith("erasure")]
    assert Subscription.objects.get().due_on == date(2028, 4, 1)
    do("UPDATE subscriptions_block SET lifted_at = now() WHERE id = %s", block)
    on(date(2028, 4, 1))
    assert slots_written()[-1] == ("erasure-7@2028-04-15", date(2028, 4, 1))


def test_what_a_reversal_closed_is_told_a_fortnight_before_it_is_erased(subscription: UUID) -> None:
    do("UPDATE customers_customer SET closed_at = %s", NOON)
    do("UPDATE customers_role SET ended_at = %s", NOON)
    do("UPDATE identity_account SET closed_at = %s WHERE customer_id IS NOT NULL", NOON)
    do("UPDATE subscriptions_subscription SET closed_at = %s", NOON)
    every_day(DAY, date(2026, 12, 9))
    assert Subscription.objects.get().erase_on == date(2026, 12, 22)
    assert slots_written() == [("erasure-7@2026-12-22", date(2026, 12, 8))]
    assert one("SELECT count(*) FROM notices_notice WHERE state = 'owed'") == 1, "whoever had the role until it closed"


def test_once_erased_that_is_told_and_the_sweep_never_looks_again(subscription: UUID) -> None:
    every_day(date(2028, 3, 13), date(2028, 3, 21))
    do("UPDATE subscriptions_subscription SET erased_on = '2028-03-21'")
    on(date(2028, 3, 21))
    assert slots_written()[-1] == ("erased", date(2028, 3, 21))
    assert Subscription.objects.get().due_on == date.max
    assert on(date(2040, 1, 1)).looked_at == 0


def test_a_test_clock_has_its_own_sweep(subscription: UUID) -> None:
    clock = Clock.objects.create(id=new_id(), name="a clock", day=DAY, created_at=NOON)
    do("UPDATE customers_customer SET is_test = true, clock_id = %s", clock.id)
    do("UPDATE subscriptions_subscription SET clock_id = %s", clock.id)
    assert on(date(2027, 9, 23)).looked_at == 0
    assert on(date(2027, 9, 23), clock=new_id()).looked_at == 0
    assert on(date(2027, 9, 23), clock=clock.id).looked_at == 1


def test_a_limit_is_kept_and_the_next_sweep_does_the_rest() -> None:
    lay([Life(first_day=DAY, ends_on=date(2027, 11, 22), policy=DEFAULT_POLICY)] * 5)
    assert on(date(2027, 9, 23), limit=3).looked_at == 3
    assert on(date(2027, 9, 23)).looked_at == 2
    assert one("SELECT count(*) FROM notices_notice") == 5
    assert one("SELECT (facts ->> 'seats')::integer FROM notices_notice LIMIT 1") == SEATS


def test_a_dry_run_tells_and_changes_nothing(subscription: UUID) -> None:
    assert on(date(2027, 9, 23), dry_run=True).owed == 2
    assert one("SELECT count(*) FROM notices_notice") == 0
    assert Subscription.objects.get().due_on == date.min


def test_what_is_due_is_found_by_its_index() -> None:
    lay([Life(first_day=DAY, ends_on=date(2027, 11, 22), policy=DEFAULT_POLICY)] * 300)
    do("UPDATE subscriptions_subscription SET due_on = '2027-09-23'")
    do(
        "UPDATE subscriptions_subscription SET due_on = '2027-01-01' WHERE id IN "
        "(SELECT id FROM subscriptions_subscription LIMIT 3)"
    )
    do("ANALYZE subscriptions_subscription")
    with connection.cursor() as cursor:
        plan = cursor.connection.execute(f"EXPLAIN {CLAIM_REAL}", {"day": date(2027, 1, 2), "most": 100}).fetchall()
    told = "".join(line for (line,) in plan)
    assert re.search(r"Index Scan (using|on) subscription_due\b", told)
    assert "Seq Scan" not in told


# ── the platform's own day ──


def test_a_day_is_lived_once_and_only_where_something_is_due(subscription: UUID) -> None:
    assert living.is_due(means=means(DAY))
    assert living.live(means=means(DAY)).swept.looked_at == 1
    assert not living.is_due(means=means(DAY))
    assert living.is_due(means=means(DAY + timedelta(days=1)))


def test_a_day_before_the_mark_does_nothing_until_somebody_says_that_the_clock_was_wrong(subscription: UUID) -> None:
    living.live(means=means(date(2027, 9, 1)))
    with pytest.raises(DayWentBack):
        living.live(means=means(date(2027, 8, 31)))
    mark = living.wind_back(means=means(date(2027, 8, 31)))
    assert (mark.day, mark.quiet_until) == (date(2027, 8, 31), date(2027, 9, 7))
    assert living.live(means=means(date(2027, 8, 31))).quiet_until == date(2027, 9, 7)
    tags = [tag for (tag,) in look("SELECT tag FROM journal_entry WHERE tag LIKE 'clock:%%' ORDER BY id")]
    assert tags == ["clock:wound_back", "clock:quiet"]


def test_forty_days_without_a_clock_are_made_good_and_nothing_is_erased_for_a_week(subscription: UUID) -> None:
    living.live(means=means(date(2027, 11, 1)))
    lived = living.live(means=means(date(2027, 12, 11)))
    assert (lived.quiet_until, lived.quiet_why) == (date(2027, 12, 18), Doubt.OUTAGE)
    assert slots_written()[-1] == ("ended", date(2027, 12, 11))
    assert Platform.objects.get().quiet_until == date(2027, 12, 18)
    for number in range(12, 18):
        assert living.live(means=means(date(2027, 12, number))).quiet_until == date(2027, 12, 18)
    assert living.live(means=means(date(2027, 12, 18))).quiet_until is None


def test_after_a_restore_an_erasure_put_off_waits_for_the_quiet_too(subscription: UUID) -> None:
    living.live(means=means(date(2028, 3, 31)))
    with acting(SYSTEM):
        go_quiet(date(2028, 5, 1), Doubt.RESTORED, now=NOON)
    living.live(means=means(date(2028, 4, 1)))
    assert Subscription.objects.get().erase_on == date(2028, 4, 14)
    living.live(means=means(date(2028, 4, 2)))
    living.live(means=means(date(2028, 4, 14)))
    assert Subscription.objects.get().erase_on == date(2028, 5, 8)


def test_a_dry_run_of_a_day_leaves_the_mark_alone(subscription: UUID) -> None:
    assert living.live(means=means(date(2027, 9, 23)), dry_run=True).swept.owed == 2
    assert not Platform.objects.exists()


def test_of_the_address_outside_nobody_is_asked_once_the_owner_came_by_it(subscription: UUID) -> None:
    do("UPDATE identity_account SET owned_at = now()")
    on(date(2027, 9, 23))
    assert one("SELECT count(*) FROM notices_notice WHERE kind = 'outside_address'") == 0
    do("UPDATE identity_account SET email = 'bruno@padariasol.example.test' WHERE customer_id IS NOT NULL")
    on(date(2027, 10, 23))
    assert one("SELECT count(*) FROM notices_notice WHERE kind = 'outside_address'") == 1
    on(date(2027, 11, 15))
    assert one("SELECT count(*) FROM notices_notice WHERE kind = 'outside_address'") == 1
