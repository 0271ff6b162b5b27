"""One-time codes, recovery codes, who needs a second factor, and the last way in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.errors import Malformed
from chaveiro.rules.factors import (
    CodeRefused,
    LastWayIn,
    RecoveryCode,
    SecondFactorNeeded,
    Ways,
    accepted_step,
    check_label,
    check_leaves_a_way,
    digits_of,
    is_confirmed,
    mailed_code,
    may_be_carried,
    needs_second_factor,
    step_of,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = step_of(NOON)


def code_at(step: int) -> str:
    return f"{step % 1_000_000:06d}"


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_code_of_this_half_minute_or_of_a_neighbour_opens(off: int) -> None:
    assert accepted_step(code_at(HERE + off), code_at=code_at, now=NOON, last_step=0) == HERE + off


@pytest.mark.parametrize("off", [-2, 2, 100])
def test_an_older_or_a_later_code_opens_nothing(off: int) -> None:
    with pytest.raises(CodeRefused):
        accepted_step(code_at(HERE + off), code_at=code_at, now=NOON, last_step=0)


@pytest.mark.parametrize("used", [HERE, HERE + 1])
def test_a_code_that_was_used_or_one_older_than_it_opens_nothing(used: int) -> None:
    with pytest.raises(CodeRefused):
        accepted_step(code_at(HERE), code_at=code_at, now=NOON, last_step=used)


def test_a_code_may_be_typed_in_groups() -> None:
    assert digits_of(" 123 456 ") == "123456"
    assert digits_of("123-456") == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "12345é", "１２３４５", "1" * 5_000])
def test_what_is_not_six_digits_is_refused_like_a_wrong_code(typed: str) -> None:
    with pytest.raises(CodeRefused):
        digits_of(typed)


def test_a_recovery_code_is_read_whatever_its_case_and_dashes() -> None:
    made = RecoveryCode.made(bytes(range(10)))
    assert made.grouped().count("-") == 3
    assert RecoveryCode.read(made.grouped().lower().replace("0", "o").replace("-", " ")) == made


@pytest.mark.parametrize("typed", ["", "ABCD", "U" * 16, "1" * 17])
def test_what_is_no_recovery_code_is_refused_like_a_wrong_one(typed: str) -> None:
    with pytest.raises(CodeRefused):
        RecoveryCode.read(typed)


def test_recovery_codes_take_all_their_bits_from_the_source() -> None:
    assert RecoveryCode.made(b"\xff" * 10).symbols == "Z" * 16
    assert RecoveryCode.made(b"\x00" * 10).symbols == "0" * 16
    with pytest.raises(Malformed):
        RecoveryCode.made(b"\x00" * 9)


def test_letter_and_page_work_the_mailed_code_out_alike_and_no_other_question_has_it() -> None:
    secret = b"s" * 32
    assert mailed_code(secret, b"one") == mailed_code(secret, b"one")
    assert mailed_code(secret, b"one") != mailed_code(secret, b"two")
    assert mailed_code(secret, b"one") != mailed_code(b"t" * 32, b"one")
    assert len(mailed_code(secret, b"one")) == 8


@pytest.mark.parametrize(
    ("actor", "needs"),
    [
        (Actor(Kind.OPERATOR), True),
        (Actor(Kind.CHANNEL, roles=frozenset({"owner"})), True),
        (Actor(Kind.CHANNEL, roles=frozenset({"sales"})), False),
        (Actor(Kind.CUSTOMER, roles=frozenset({"administrator"})), False),
        (SYSTEM, False),
    ],
)
def test_whoever_can_mint_or_owns_a_partner_needs_a_second_factor(actor: Actor, needs: bool) -> None:
    assert needs_second_factor(actor) is needs


def test_a_confirmation_stands_for_five_minutes() -> None:
    assert is_confirmed(NOON, NOON)
    assert is_confirmed(NOON, NOON + timedelta(minutes=4, seconds=59))
    assert not is_confirmed(NOON, NOON + timedelta(minutes=5))
    assert not is_confirmed(NOON, NOON - timedelta(seconds=1)), "a clock that went back confirms nothing"
    assert not is_confirmed(None, NOON)


def test_the_last_way_in_is_never_taken_away() -> None:
    with pytest.raises(LastWayIn):
        check_leaves_a_way(Ways(one_time_codes=True, recovery_codes=10), needs_second=False)
    for after in (Ways(password=True), Ways(passkeys=1), Ways(providers=1)):
        check_leaves_a_way(after, needs_second=False)


def test_who_needs_a_second_factor_keeps_one() -> None:
    with pytest.raises(SecondFactorNeeded):
        check_leaves_a_way(Ways(password=True, recovery_codes=3), needs_second=True)
    check_leaves_a_way(Ways(password=True, one_time_codes=True), needs_second=True)
    check_leaves_a_way(Ways(passkeys=1), needs_second=True)


def test_a_passkey_is_called_something() -> None:
    assert check_label("  my telephone ", otherwise="x") == "my telephone"
    assert check_label("  ", otherwise="Chrome on Windows") == "Chrome on Windows"
    for name in ("x" * 61, "two\nlines"):
        with pytest.raises(Malformed):
            check_label(name, otherwise="")


@pytest.mark.parametrize("name", ["key", "key-1", "keys", "password", "again", "secret"])
def test_a_form_with_keys_or_passwords_is_not_carried_through_a_confirmation(name: str) -> None:
    assert not may_be_carried(["reason", name])
    assert may_be_carried(["reason", "batch"])
