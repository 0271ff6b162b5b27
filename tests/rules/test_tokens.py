"""Secrets that lead into an account: their form, and how wide a token may be."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from chaveiro.rules.actors import SCOPES, SYSTEM, Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed
from chaveiro.rules.tokens import (
    LINK_IN_TEXT,
    LIVES,
    SECRET_BYTES,
    TOKEN_IN_TEXT,
    Purpose,
    check_name,
    check_scopes,
    is_secret,
    is_token,
    new_token,
    path_of,
    write_secret,
)

ANA = Actor(Kind.CHANNEL, UUID(int=1), UUID(int=2))


def zeros(count: int) -> bytes:
    return bytes(count)


def test_a_token_is_its_prefix_and_32_symbols() -> None:
    assert new_token(zeros) == "chv_" + "a" * 32
    assert is_token("chv_" + "a" * 32)


@pytest.mark.parametrize("text", ["", "chv_", "chv_" + "a" * 31, "chv_" + "A" * 32, "chv_" + "1" * 32, "a" * 36])
def test_what_has_no_tokens_form_is_told_apart_without_a_look_up(text: str) -> None:
    assert not is_token(text)


def test_a_secret_is_made_of_twenty_bytes() -> None:
    assert is_secret(write_secret(bytes(range(SECRET_BYTES))))
    with pytest.raises(Malformed):
        write_secret(bytes(SECRET_BYTES - 1))


def test_links_live_as_long_as_is_promised() -> None:
    hour = timedelta(hours=1)
    assert {Purpose.SIGN_IN: hour, Purpose.OWNERSHIP: timedelta(days=14), Purpose.RESET: hour}.items() <= LIVES.items()
    assert set(LIVES) == set(Purpose)
    assert path_of(Purpose.RESET, "x") == "/reset/x"
    assert path_of(Purpose.OWNERSHIP, "x") == "/ownership/x"
    assert path_of(Purpose.SIGN_IN, "x") == "/sign-in/x"


def test_links_and_tokens_are_found_in_a_text() -> None:
    text = f"GET {path_of(Purpose.SIGN_IN, 'a' * 32)} with {new_token(zeros)}"
    assert "a" * 32 not in TOKEN_IN_TEXT.sub("", LINK_IN_TEXT.sub("", text))


def test_a_token_is_never_wider_than_its_accounts_side() -> None:
    assert check_scopes(ANA, Kind.CHANNEL, ["redemptions:write", "keys:check"]) == ["keys:check", "redemptions:write"]
    assert check_scopes(SYSTEM, Kind.OPERATOR, SCOPES) == sorted(SCOPES)
    for side in (Kind.CHANNEL, Kind.CUSTOMER):
        with pytest.raises(NotAllowed) as refused:
            check_scopes(SYSTEM, side, SCOPES)
        assert refused.value.facts == {"needs": "batches:write policies:write"}


def test_a_token_makes_no_tokens() -> None:
    by_token = Actor(Kind.CHANNEL, UUID(int=1), UUID(int=2), scopes=frozenset({"keys:check"}))
    with pytest.raises(NotAllowed):
        check_scopes(by_token, Kind.CHANNEL, ["keys:check"])


@pytest.mark.parametrize("scopes", [[], ["everything"], ["keys:check", "keys:make"]])
def test_unknown_scopes_and_none_are_refused(scopes: list[str]) -> None:
    with pytest.raises(Malformed):
        check_scopes(ANA, Kind.CHANNEL, scopes)


def test_a_name_is_short_and_printable() -> None:
    assert check_name("  caixa da loja ") == "caixa da loja"
    for name in ("", "  ", "a" * 81, "a\x00b"):
        with pytest.raises(Malformed):
            check_name(name)
