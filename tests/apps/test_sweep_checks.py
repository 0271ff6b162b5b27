"""What `chaveiro check` says of notices and dates: nothing after true sweeps, and each planted fault by its name."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chaveiro.apps.closing.actions import living
from chaveiro.apps.closing.queries import broken
from chaveiro.apps.closing.queries.life import N1, N2, P1_DATES
from chaveiro.apps.subscriptions.models import Subscription
from tests.apps.house_of_cards import do, ground, without_guards
from tests.apps.lives import put_hold
from tests.cast import DAY, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

# What the tests below plant and see caught.
CAUGHT = frozenset(
    {
        "N1 no_notice_before_it_is_due",
        "N1 notices_tell_the_days_of_their_term",
        "N1 what_is_superseded_goes_to_nobody",
        "N2 every_owed_slot_is_settled",
        "N2 the_sweep_looks_again_in_time",
        "P1 an_erasure_is_never_put_forward",
    }
)


def found() -> set[str]:
    return {assertion.name for assertion in (*N1, *N2, *P1_DATES) if broken(assertion, ground())}


def live(first: date, until: date) -> None:
    day = first
    while day < until:
        living.live(means=means(day))
        day += timedelta(days=1)


@pytest.fixture(autouse=True)
def swept() -> None:
    """A year and a half of one subscription, with an outage of forty days over its last notice."""
    world = build_world()
    open_customer(world, make_keys(world))
    live(DAY, DAY + timedelta(days=3))
    live(date(2027, 9, 23), date(2027, 9, 25))
    live(date(2028, 3, 20), date(2028, 3, 25))
    assert found() == set()


def test_a_slot_that_nobody_settled_is_found() -> None:
    do("DELETE FROM notices_notice WHERE kind = 'ended'")
    assert found() == {"every_owed_slot_is_settled", "the_sweep_looks_again_in_time"}


def test_a_hold_is_a_reason_to_be_silent_on_erasures_only() -> None:
    do("DELETE FROM notices_notice WHERE kind = 'erasure-30'")
    assert "every_owed_slot_is_settled" in found()
    put_hold(Subscription.objects.get().customer_id, None)
    assert found() == set()
    do("DELETE FROM notices_notice WHERE kind = 'access_stopped'")
    assert "every_owed_slot_is_settled" in found()


def test_a_look_set_too_late_is_found() -> None:
    do("UPDATE subscriptions_subscription SET due_on = '9000-01-01', erase_on = '2028-06-01'")
    assert "the_sweep_looks_again_in_time" in found()


def test_what_changed_since_the_last_sweep_is_no_breach() -> None:
    do("DELETE FROM notices_notice WHERE kind = 'ended'")
    do("UPDATE subscriptions_subscription SET due_on = '0001-01-01'")
    assert found() == set()


def test_a_notice_before_its_day_is_found() -> None:
    do("UPDATE notices_notice SET written_on = due_on - 1 WHERE kind = 'access_stopped'")
    assert found() == {"no_notice_before_it_is_due"}


def test_a_notice_that_names_another_end_is_found() -> None:
    do("""UPDATE notices_notice SET facts = facts || '{"ends_on": "2027-11-23"}' WHERE kind = 'ended'""")
    assert found() == {"notices_tell_the_days_of_their_term"}


def test_a_deletion_notice_of_less_than_a_week_is_found() -> None:
    do("""UPDATE notices_notice SET facts = facts || '{"erase_on": "2028-03-26"}' WHERE kind LIKE 'erasure-7@%%'""")
    assert found() == {"notices_tell_the_days_of_their_term"}


def test_what_was_superseded_and_posted_all_the_same_is_found() -> None:
    do("UPDATE notices_notice SET state = 'accepted' WHERE state = 'superseded' AND kind = 'ended'")
    assert found() == {"what_is_superseded_goes_to_nobody"}


def test_an_erasure_put_forward_is_found() -> None:
    without_guards("subscriptions_subscription")
    do("UPDATE subscriptions_subscription SET erase_on = '2027-11-25'")
    assert "an_erasure_is_never_put_forward" in found()
