"""Whose bucket a request counts in."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from chaveiro.rules.errors import Malformed
from chaveiro.rules.limits import BASKET_AT_MOST, LIMITS, Rate, Side, bucket, caller, rate_of, refusal

SECRET = b"thirty-two bytes, only for tests"
TOKEN, ACCOUNT = UUID(int=1), UUID(int=2)


def test_a_caller_is_known_by_the_surest_thing() -> None:
    assert caller(token=TOKEN, account=ACCOUNT, address="192.0.2.1").side is Side.TOKEN
    assert caller(account=ACCOUNT, address="192.0.2.1").side is Side.ACCOUNT
    assert caller(address="192.0.2.1").side is Side.ADDRESS


def test_one_household_of_addresses_is_one_caller_and_its_neighbours_are_not() -> None:
    assert caller(address="2001:db8:0:1::1") == caller(address="2001:db8:0:1:ffff::9%eth0")
    assert caller(address="2001:db8:0:1::1") != caller(address="2001:db8:0:2::1")
    assert caller(address="192.0.2.1") != caller(address="192.0.2.2")


def test_an_old_address_written_as_a_new_one_is_the_same_caller() -> None:
    assert caller(address="::ffff:192.0.2.1") == caller(address="192.0.2.1")


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(Malformed):
        caller(address="unknown")


def test_a_bucket_is_one_callers_for_one_limit_and_says_nothing_without_the_secret() -> None:
    ana = caller(token=TOKEN)
    assert bucket("key_checks", ana, SECRET) == bucket("key_checks", ana, SECRET)
    assert bucket("key_checks", ana, SECRET) != bucket("redemptions", ana, SECRET)
    assert bucket("key_checks", ana, SECRET) != bucket("key_checks", caller(account=TOKEN), SECRET)
    assert bucket("key_checks", ana, SECRET) != bucket("key_checks", ana, b"another secret of thirty-two byt")


def test_a_full_basket_fits_every_limit_on_checks() -> None:
    assert all(rate.burst >= BASKET_AT_MOST for rate in LIMITS["key_checks"].values())


# Codes guard an account: there an address, behind which many people may sit, gets more than one account.
OF_AN_ACCOUNT = {"codes"}


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_every_limit_is_written_down_for_every_side_and_strangers_get_least(limit: str) -> None:
    rates = LIMITS[limit]
    assert set(rates) == set(Side)
    least = Side.ACCOUNT if limit in OF_AN_ACCOUNT else Side.ADDRESS
    assert rates[least].burst == min(rate.burst for rate in rates.values())
    assert rate_of(limit, caller(account=ACCOUNT)) is rates[Side.ACCOUNT]


def test_a_rate_lets_something_through() -> None:
    with pytest.raises(ValueError, match="lets something through"):
        Rate(timedelta(seconds=1), 0)


def test_a_refusal_says_when_to_come_back_in_whole_seconds() -> None:
    assert refusal("key_checks", timedelta(milliseconds=1)).facts["retry_after"] == 1
    assert refusal("key_checks", timedelta(seconds=2.2)).facts["retry_after"] == 3
    assert refusal("key_checks", timedelta(seconds=1)).code == "try_later"
