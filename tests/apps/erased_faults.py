"""Faults in what was erased, each planted behind the database's back, and the assertions that catch them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from chaveiro import wiring
from chaveiro.apps.closing.actions import destroying
from chaveiro.apps.closing.actions.erasing import erase_due
from tests.apps.erasing_scene import DUE, Ended, ended, swept, tell
from tests.apps.house_of_cards import do, without_guards
from tests.cast import World, means


def erased(world: World) -> Ended:
    """Padaria Sol, erased to the last name, its keys destroyed."""
    swept(DUE - timedelta(days=1))
    scene = ended(world)
    erase_due(day=DUE, clock=None, means=means(DUE))
    tell(scene.subscription, kind="erased")
    swept(DUE)
    erase_due(day=DUE + timedelta(days=1), clock=None, means=means(DUE + timedelta(days=1)))
    assert destroying.destroy_left(keys=wiring.data_keys(), means=means(DUE)) == 2
    do("UPDATE notices_notice SET address = '', server = '', outcome = ''")
    return scene


def without_its_record(scene: Ended) -> None:
    without_guards("closing_erasure")
    do("DELETE FROM closing_erasure WHERE subscription_id = %s", scene.subscription)


def without_a_journal_entry(scene: Ended) -> None:
    without_guards("journal_entry")
    do("ALTER TABLE journal_entry DISABLE TRIGGER USER")
    do("DELETE FROM journal_entry WHERE tag = 'subscription:erased'")


def a_day_early(scene: Ended) -> None:
    without_guards("closing_erasure", "subscriptions_subscription")
    do("UPDATE subscriptions_subscription SET erased_on = erased_on - 1")
    do("UPDATE closing_erasure SET day = day - 1 WHERE kind = 'subscription'")
    do("UPDATE closing_erasingday SET day = day - 1")
    do("UPDATE subscriptions_ledgerrow SET day = day - 1 WHERE kind = 'forfeit'")
    do("UPDATE closing_erasure SET proof = jsonb_set(proof, '{told_on}', '\"2028-03-13\"') WHERE kind = 'subscription'")


def told_of_another_day(scene: Ended) -> None:
    do('UPDATE notices_notice SET facts = \'{"erase_on": "2028-03-20"}\'')


def told_too_lately(scene: Ended) -> None:
    without_guards("closing_erasure")
    do("UPDATE closing_erasure SET proof = jsonb_set(proof, '{told_on}', '\"2028-03-15\"') WHERE kind = 'subscription'")


def a_name_left(scene: Ended) -> None:
    do("UPDATE customers_customer SET name = 'Padaria Sol, Lda.'")


def an_address_left_in_a_notice(scene: Ended) -> None:
    do("UPDATE notices_notice SET address = 'bruno@padariasol.example'")


def a_session_left(scene: Ended) -> None:
    do(
        "INSERT INTO identity_session (id, account_id, browser, how, agent, network, started_at, seen_at, ends_at,"
        " forgotten) VALUES (gen_random_uuid(), %s, '', 'link', 'a browser', '', now(), now(), now(), false)",
        scene.bruno.account,
    )


def a_key_that_stayed(scene: Ended) -> None:
    without_guards("closing_erasure")
    do("UPDATE closing_erasure SET key_destroyed_at = NULL, at = '2020-01-01' WHERE kind = 'subscription'")


def a_key_that_only_the_row_says_is_gone(scene: Ended) -> None:
    without_guards("closing_erasure")
    do("UPDATE closing_erasure SET customer_id = gen_random_uuid() WHERE kind = 'customer'")


def a_customer_before_its_subscription(scene: Ended) -> None:
    without_guards("subscriptions_subscription", "closing_erasure")
    do("UPDATE subscriptions_subscription SET erased_on = NULL")
    do("DELETE FROM closing_erasure WHERE kind = 'subscription'")
    do("UPDATE closing_erasingday SET erased = 0")


def credit_after_the_erasure(scene: Ended) -> None:
    without_guards("subscriptions_subscription")
    do("UPDATE subscriptions_subscription SET credit = 4")


def a_licence_after_the_erasure(scene: Ended) -> None:
    without_guards("licences_licence")
    do("UPDATE licences_licence SET ended_at = NULL")


def more_than_allowed(scene: Ended) -> None:
    without_guards("closing_erasingday")
    do("UPDATE closing_erasingday SET most = 0")


def miscounted(scene: Ended) -> None:
    do("UPDATE closing_erasingday SET erased = 2")


RECORD, END, TOLD = "P1 erased_with_a_record", "P1 erased_after_its_end", "P1 told_before_it_was_erased"
LEFT, KEY, LAST = "P1 nothing_personal_is_left", "P1 its_key_is_destroyed", "P1 a_customer_goes_last"
AFTER, MANY = "P2 nothing_after_the_erasure", "P3 no_more_than_allowed_a_day"
PLANTED: tuple[tuple[Callable[[Ended], None], frozenset[str]], ...] = (
    (without_its_record, frozenset({RECORD, MANY})),
    (without_a_journal_entry, frozenset({RECORD})),
    (a_day_early, frozenset({END})),
    (told_of_another_day, frozenset({TOLD})),
    (told_too_lately, frozenset({TOLD})),
    (a_name_left, frozenset({LEFT})),
    (an_address_left_in_a_notice, frozenset({LEFT})),
    (a_session_left, frozenset({LEFT})),
    (a_key_that_stayed, frozenset({KEY})),
    (a_key_that_only_the_row_says_is_gone, frozenset({KEY})),
    (a_customer_before_its_subscription, frozenset({LAST})),
    (credit_after_the_erasure, frozenset({AFTER})),
    (a_licence_after_the_erasure, frozenset({AFTER})),
    (more_than_allowed, frozenset({MANY})),
    (miscounted, frozenset({MANY})),
)
