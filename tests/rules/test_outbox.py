"""What may be owed, and how long is waited between attempts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chaveiro.rules.errors import Malformed
from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, KINDS, WAITS, Queue, check_owed, wait_after


def test_facts_are_ids_and_numbers() -> None:
    assert (
        check_owed("ownership", {"account": str(UUID(int=7))}) == '{"account":"00000000-0000-0000-0000-000000000007"}'
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"email": "bruno@padariasol.example"},
        {"name": "Padaria Sol, Lda."},
        {"key": "7G2QX-4M9TB-KZ3W8-P5HND-RC6VJ"},
        {"amount": 1.5},
    ],
)
def test_addresses_names_keys_and_fractions_are_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        check_owed("ownership", facts)


def test_an_effect_that_nobody_carries_out_is_refused() -> None:
    with pytest.raises(Malformed):
        check_owed("fireworks", {})


def test_a_mint_never_stands_before_a_letter() -> None:
    assert KINDS["mint"] is Queue.LONG
    assert KINDS["ownership"] is Queue.SHORT


def test_waits_grow_and_a_night_without_the_mail_server_is_outlived() -> None:
    waits = [wait_after(attempts) for attempts in range(1, ATTEMPTS_AT_MOST + 1)]
    assert waits[:-1] == sorted(WAITS)
    assert waits[-1] is None
    assert sum(WAITS, timedelta()) > timedelta(hours=24)
