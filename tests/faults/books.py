"""Whether the books balance after a fault: every assertion of `chaveiro check`, and what the clients remember."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction

from tests.apps.house_of_cards import found, one

# A row of each of these stands for every redemption that opened a customer with one key, and nothing more.
OF_EACH_OPENING = (
    "redemption_redemption",
    "redemption_line",
    "customers_customer",
    "customers_person",
    "subscriptions_subscription",
    "subscriptions_ledgerrow",
    "licences_licence",
    "notices_owed WHERE kind = 'ownership'",
    "notices_owed WHERE kind = 'receipt'",
)


def balance() -> None:
    """Everything that `chaveiro check` asserts holds, and no constraint is still owed."""
    with transaction.atomic():
        assert found() == {}


def opened() -> int:
    """How many one-key openings stand; fails if any of their rows is missing or doubled."""
    redeemed = one("SELECT count(*) FROM keys_key WHERE state = 'redeemed'")
    counts = {rows: one(f"SELECT count(*) FROM {rows}") for rows in OF_EACH_OPENING}
    assert counts == dict.fromkeys(OF_EACH_OPENING, redeemed)
    return int(redeemed)


def references() -> set[str]:
    """The references of all redemptions that stand."""
    connection.ensure_connection()
    return {row[0] for row in connection.connection.execute("SELECT reference FROM redemption_redemption")}


def remember(acknowledged: Collection[str]) -> None:
    """What a client was told is there, each once (K1)."""
    assert len(set(acknowledged)) == len(acknowledged), "two clients hold the same receipt"
    missing = set(acknowledged) - references()
    assert not missing, f"acknowledged and lost: {missing}"
