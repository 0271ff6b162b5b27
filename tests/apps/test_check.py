"""Every assertion of `chaveiro check`: silent over true rows, and each catches a violation that was planted for it.

What the database refuses by itself is planted behind its back: constraints dropped, triggers off, as a bad restore or
somebody with too many rights would. The test's transaction takes everything back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.closing.queries import ASSERTIONS
from chaveiro.apps.redemption.actions import redeem
from tests.apps.erased_faults import PLANTED as OF_ERASURES
from tests.apps.house_of_cards import (
    DAYS_OF_A_KEY,
    SEATS_OF_A_KEY,
    Cards,
    build,
    do,
    found,
    ground,
    one,
    without_guards,
)
from tests.apps.test_sweep_checks import CAUGHT
from tests.cast import ATTESTATION, COUNTRIES, NOON, Order, items, means, open_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def cards() -> Cards:
    return build()


def test_true_rows_break_nothing(cards: Cards) -> None:
    assert found() == {}


def test_added_extended_and_reversed_seat_time_breaks_nothing(cards: Cards) -> None:
    extend(cards, "add", cards.keys[2])
    last = extend(cards, "extend", cards.keys[3])
    assert found() == {}
    reverse(actor=cards.world.duarte, redemption=last, reason="engano", means=means())
    assert found() == {}


def test_a_reversed_opening_and_its_keys_redeemed_again_break_nothing(cards: Cards) -> None:
    reverse(actor=cards.world.duarte, redemption=cards.redemption, reason="cliente errado", means=means())
    assert found() == {}
    open_customer(cards.world, cards.keys[:1], "outra")
    assert found() == {}


def extend(cards: Cards, purpose: str, key: str) -> UUID:
    order = Order(
        purpose=purpose,
        items=items([key]),
        customer=cards.customer,
        subscription=one("SELECT id FROM subscriptions_subscription"),
        attestation=ATTESTATION,
        countries=COUNTRIES,
    )
    return redeem(actor=cards.bruno, order=order, means=means()).id


def test_an_empty_database_breaks_nothing() -> None:
    assert found() == {}


# --- K ---


def key_spent_twice(cards: Cards) -> None:
    _, other = open_customer(cards.world, cards.keys[2:3], "outra")
    without_guards("redemption_line", "keys_key")
    do("UPDATE redemption_line SET key_id = %s WHERE redemption_id = %s", cards.spent, other.id)
    do("UPDATE keys_key SET state = 'released', customer_id = NULL, redeemed_at = NULL WHERE number = %s", cards.sold)


def redemption_forgotten(cards: Cards) -> None:
    without_guards("redemption_redemption", "redemption_line")
    do("DELETE FROM redemption_line")
    do("DELETE FROM redemption_redemption")
    do("UPDATE keys_key SET state = 'released', customer_id = NULL, redeemed_at = NULL")
    do("UPDATE subscriptions_ledgerrow SET granted = 0, redemption_id = NULL")


def redemption_without_entry(cards: Cards) -> None:
    do("ALTER TABLE journal_entry DISABLE TRIGGER ALL")
    do("DELETE FROM journal_entry")


def redemption_without_ledger_row(cards: Cards) -> None:
    without_guards("subscriptions_ledgerrow")
    do("UPDATE subscriptions_ledgerrow SET redemption_id = NULL")


def reversed_by_half(cards: Cards) -> None:
    do("UPDATE redemption_redemption SET reversed_at = %s", NOON)


def redeemed_by_nobody(cards: Cards) -> None:
    do(
        "UPDATE keys_key SET state = 'redeemed', customer_id = %s, redeemed_at = %s WHERE number = %s",
        cards.customer,
        NOON,
        cards.sold,
    )


def spent_and_for_sale(cards: Cards) -> None:
    do("UPDATE keys_key SET state = 'released', customer_id = NULL, redeemed_at = NULL WHERE number = %s", cards.spent)


def sold_before_its_release(cards: Cards) -> None:
    do("UPDATE keys_batch SET released_at = NULL")


def bearer_without_a_digest(cards: Cards) -> None:
    do("UPDATE keys_key SET digest = NULL WHERE number = %s", cards.sold)


def held_though_redeemed(cards: Cards) -> None:
    do(
        "INSERT INTO keys_hold (key_id, draft_id, since, until) VALUES (%s, %s, %s, %s)",
        cards.spent,
        uuid4(),
        NOON,
        NOON,
    )


def serial_lost(cards: Cards) -> None:
    do("DELETE FROM keys_key WHERE number = %s", cards.sold)


def state_of_no_kind(cards: Cards) -> None:
    without_guards("keys_key")
    do("UPDATE keys_key SET state = 'lost' WHERE number = %s", cards.sold)


def ranges_that_overlap(cards: Cards) -> None:
    without_guards("keys_batch")
    do(
        "INSERT INTO keys_batch SELECT (jsonb_populate_record(b, %s)).* FROM keys_batch b",
        json.dumps(
            {"id": str(uuid4()), "number": 2, "quantity": 1, "minted": 0, "minted_at": None, "released_at": None}
        ),
    )


def key_of_no_batch(cards: Cards) -> None:
    do("SET LOCAL session_replication_role = replica")
    do(
        "INSERT INTO keys_key (number, batch_id, state, digest, pepper, last_five)"
        " VALUES (%s, %s, 'minted', %s, 1, %s)",
        cards.spent - 1,
        uuid4(),
        b"d" * 32,
        "AAAAA",
    )


def tally_of_one_more(cards: Cards) -> None:
    do("INSERT INTO keys_tally (batch_id, state, amount) SELECT id, 'released', 1 FROM keys_batch LIMIT 1")


def one_text_for_two_keys(cards: Cards) -> None:
    without_guards("keys_key")
    do("UPDATE keys_key SET digest = (SELECT digest FROM keys_key WHERE number = %s)", cards.spent)


def line_of_more_seats(cards: Cards) -> None:
    do("UPDATE redemption_line SET seats = seats + 1 WHERE key_id = %s", cards.spent)
    do("SET LOCAL session_replication_role = replica")
    do("UPDATE subscriptions_ledgerrow SET granted = granted + %s", DAYS_OF_A_KEY)


def row_of_more_days(cards: Cards) -> None:
    do("SET LOCAL session_replication_role = replica")
    more = 2 * SEATS_OF_A_KEY
    do("UPDATE subscriptions_ledgerrow SET granted = granted + %s, ends_after = ends_after + 1", more)
    do("UPDATE subscriptions_subscription SET ends_on = ends_on + 1")


def two_answers(cards: Cards) -> None:
    without_guards("operations_answer")
    for _ in range(2):
        remember(status=201)


def answer_of_a_fault(cards: Cards) -> None:
    remember(status=503)


def remember(*, status: int) -> None:
    do(
        "INSERT INTO operations_answer (actor_id, method, path, key, body_digest, status, body, at)"
        " VALUES (%s, 'POST', '/api/v1/redemptions', 'abc', %s, %s, '{}', %s)",
        "0190b0aa-0000-7000-8000-000000000001",
        b"d" * 32,
        status,
        NOON,
    )


# --- L ---


def account_that_does_not_close(cards: Cards) -> None:
    do("SET LOCAL session_replication_role = replica")
    do("UPDATE subscriptions_ledgerrow SET ends_after = ends_after - 1")
    do("UPDATE subscriptions_subscription SET ends_on = ends_on - 1")


def correction_of_nothing(cards: Cards) -> None:
    do("UPDATE redemption_redemption SET corrects = gen_random_uuid()")


def subscription_changed_without_a_row(cards: Cards) -> None:
    do("UPDATE subscriptions_subscription SET ends_on = ends_on + 30")


def subscription_without_a_ledger(cards: Cards) -> None:
    do("SET LOCAL session_replication_role = replica")
    do("DELETE FROM subscriptions_ledgerrow")


def term_that_nobody_started(cards: Cards) -> None:
    do("SET LOCAL session_replication_role = replica")
    do("UPDATE subscriptions_ledgerrow SET term = 2")
    do("UPDATE subscriptions_subscription SET term = 2")


# --- A ---


def more_licences_than_counted(cards: Cards) -> None:
    do("UPDATE subscriptions_subscription SET assigned = 0")


def two_licences_for_one_person(cards: Cards) -> None:
    without_guards("licences_licence")
    do(
        "INSERT INTO licences_licence SELECT (jsonb_populate_record(l, %s)).* FROM licences_licence l",
        json.dumps({"id": str(uuid4())}),
    )
    do("UPDATE subscriptions_subscription SET assigned = 2")


def licence_for_another_product(cards: Cards) -> None:
    other = one("INSERT INTO catalog_product (code, created_at) VALUES ('mail', %s) RETURNING id", NOON)
    do("UPDATE licences_licence SET product_id = %s", other)


def licence_of_a_stranger(cards: Cards) -> None:
    carla, _ = open_customer(cards.world, cards.keys[2:3], "outra")
    without_guards("licences_licence")
    theirs = one("SELECT id FROM customers_person WHERE customer_id = %s", carla.customer)
    do("UPDATE licences_licence SET ended_at = %s WHERE customer_id = %s", NOON, carla.customer)
    do("UPDATE subscriptions_subscription SET assigned = 0 WHERE customer_id = %s", carla.customer)
    do("UPDATE licences_licence SET person_id = %s WHERE customer_id = %s", theirs, cards.customer)


def account_of_a_stranger(cards: Cards) -> None:
    do("UPDATE identity_account SET customer_id = %s", uuid4())


# --- S ---


def key_in_a_name(cards: Cards) -> None:
    do("UPDATE customers_customer SET name = %s", f"Chave {cards.keys[2]}, obrigado")


def key_in_a_job(cards: Cards) -> None:
    args = json.dumps({"text": f"primeira\n{cards.keys[2].lower()}\núltima"})
    do("INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('q', 't', %s)", args)


def key_in_bytes(cards: Cards) -> None:
    without_guards("keys_key")
    do(
        "UPDATE keys_key SET digest = %s WHERE number = %s",
        cards.keys[2].replace("-", "").encode() + b"\x00\xff padd"[:7],
        cards.sold + 1,
    )


def key_in_wide_letters(cards: Cards) -> None:
    wide = "".join(chr(ord(symbol) + 0xFEE0) for symbol in cards.keys[2].replace("-", ""))
    do("UPDATE redemption_redemption SET reversal_reason = %s", wide)


def pepper_in_a_result(cards: Cards) -> None:
    secret = ground().secrets["KEY_PEPPERS"]
    do(
        "INSERT INTO operations_operation (id, kind, state, subject_id, total, done, failed, result, fault, created_at)"
        " VALUES (%s, 'mint', 'failed', '', 0, 0, 0, '{}', %s, %s)",
        uuid4(),
        f"pepper 1:{secret}= is bad",
        NOON,
    )


def token_in_a_form(cards: Cards) -> None:
    token = "chv_" + "abcdefgh" * 4
    do(
        "INSERT INTO identity_token (id, account_id, name, digest, scopes, created_at)"
        " VALUES (%s, %s, 'ci', sha256(%s::bytea), '{}', %s)",
        uuid4(),
        cards.bruno.account,
        token.encode(),
        NOON,
    )
    do("UPDATE redemption_redemption SET attestation = %s", json.dumps({"agent": f"curl {token}"}))


def password_as_it_is(cards: Cards) -> None:
    do("UPDATE identity_account SET password = 'correct horse battery staple'")


# Whoever changes keys past the triggers leaves the counts behind.
TALLIES = "K3 tallies_tell_the_keys"
PLANTED: tuple[tuple[Callable[[Cards], None], frozenset[str]], ...] = (
    (key_spent_twice, frozenset({"K1 key_stands_once", "K2 redeemed_by_a_line", TALLIES})),
    (
        redemption_forgotten,
        frozenset({"K1 redemption_stays", "L1 seat_days_close", "L2 subscription_is_its_replay", TALLIES}),
    ),
    (redemption_without_entry, frozenset({"K1 redemption_is_whole"})),
    (redemption_without_ledger_row, frozenset({"K1 redemption_is_whole"})),
    (reversed_by_half, frozenset({"K1 reversed_whole"})),
    (redeemed_by_nobody, frozenset({"K2 redeemed_by_a_line"})),
    (spent_and_for_sale, frozenset({"K2 redeemed_by_a_line"})),
    (sold_before_its_release, frozenset({"K2 path_begins_with_release"})),
    (bearer_without_a_digest, frozenset({"K2 secret_by_kind"})),
    (held_though_redeemed, frozenset({"K2 held_is_for_sale"})),
    (serial_lost, frozenset({"K3 batch_is_complete", "K3 states_add_up"})),
    (state_of_no_kind, frozenset({"K3 states_add_up", TALLIES})),
    (ranges_that_overlap, frozenset({"K3 serials_are_unique"})),
    (key_of_no_batch, frozenset({"K3 serials_are_unique", TALLIES})),
    (tally_of_one_more, frozenset({TALLIES})),
    (one_text_for_two_keys, frozenset({"K3 digests_are_unique"})),
    (line_of_more_seats, frozenset({"K4 line_carries_the_key", "L1 seat_days_close", "L2 subscription_is_its_replay"})),
    (row_of_more_days, frozenset({"K4 row_grants_its_lines"})),
    (two_answers, frozenset({"K5 answer_is_given_once"})),
    (answer_of_a_fault, frozenset({"K5 answer_is_of_a_request"})),
    (account_that_does_not_close, frozenset({"L1 seat_days_close", "L2 subscription_is_its_replay"})),
    (correction_of_nothing, frozenset({"L1 what_left_arrived"})),
    (subscription_changed_without_a_row, frozenset({"L2 subscription_is_its_replay"})),
    (subscription_without_a_ledger, frozenset({"K1 redemption_is_whole", "L2 subscription_is_its_replay"})),
    (term_that_nobody_started, frozenset({"L2 terms_start_with_a_new_end"})),
    (more_licences_than_counted, frozenset({"A1 licences_fit_the_seats"})),
    (two_licences_for_one_person, frozenset({"A1 licence_is_held_once"})),
    (licence_for_another_product, frozenset({"A1 licence_is_of_its_product"})),
    (licence_of_a_stranger, frozenset({"A1 one_customer_along_keys"})),
    (account_of_a_stranger, frozenset({"A1 one_customer_along_keys"})),
    (key_in_a_name, frozenset({"S1 no_secret_in_the_database"})),
    (key_in_a_job, frozenset({"S1 no_secret_in_the_database"})),
    (key_in_bytes, frozenset({"S1 no_secret_in_the_database"})),
    (key_in_wide_letters, frozenset({"S1 no_secret_in_the_database"})),
    (pepper_in_a_result, frozenset({"S1 no_secret_in_the_database"})),
    (token_in_a_form, frozenset({"S1 no_secret_in_the_database"})),
    (password_as_it_is, frozenset({"S1 passwords_are_hashed"})),
)


@pytest.mark.parametrize(("plant", "caught_by"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_a_planted_violation_is_caught_and_nothing_else(
    cards: Cards, plant: Callable[[Cards], None], caught_by: frozenset[str]
) -> None:
    plant(cards)
    assert set(found()) == caught_by


def test_each_assertion_has_a_violation_that_it_catches() -> None:
    caught = CAUGHT.union(*(names for _, names in PLANTED), *(names for _, names in OF_ERASURES))
    # The journal's is planted where entries are really committed and sealed.
    assert {f"{assertion.id} {assertion.name}" for assertion in ASSERTIONS} - caught == {
        "H1 journal_is_what_was_sealed"
    }


def test_a_leak_is_told_by_place_and_serial_and_never_repeated(cards: Cards) -> None:
    key_in_a_name(cards)
    told = found()["S1 no_secret_in_the_database"]
    assert told == [
        {
            "table": "customers_customer",
            "column": "name",
            "row": str(cards.customer),
            "what": "a whole key",
            "serial": cards.sold,
        }
    ]
