"""Sessions: the account in an address, how long a sign-in lasts, and how little is kept of where it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chaveiro.rules.sessions import (
    AGENT_LENGTH_AT_MOST,
    IDLE_AT_MOST,
    LIFE,
    agent_of,
    browser_name,
    ends_at,
    network_of,
    prefix_of,
    split,
    system_name,
    tag_of,
)

ACCOUNT = UUID("01a0c450-6d23-74bf-b753-7a518401b6b4")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML) Chrome/140.0 Safari/537.36 Edg/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 (KHTML) Version/19.0 Safari/604.1"
CHROME = (
    "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
)


def test_an_account_stands_in_an_address_by_the_random_end_of_its_id() -> None:
    assert tag_of(ACCOUNT) == "7a518401b6b4"
    assert split(f"{prefix_of(ACCOUNT)}/home") == ("7a518401b6b4", "/home")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/7a518401b6b4", ("7a518401b6b4", "/")),
        ("/a/7a518401b6b4/", ("7a518401b6b4", "/")),
        ("/a/7a518401b6b4/a/0123456789ab/home", ("7a518401b6b4", "/a/0123456789ab/home")),
        ("/a/7A518401B6B4/home", ("", "/a/7A518401B6B4/home")),
        ("/a/7a518401b6b/home", ("", "/a/7a518401b6b/home")),
        ("/a/7a518401b6b4home", ("", "/a/7a518401b6b4home")),
        ("/accounts", ("", "/accounts")),
        ("/x/a/7a518401b6b4/home", ("", "/x/a/7a518401b6b4/home")),
        ("", ("", "")),
    ],
)
def test_only_a_whole_prefix_is_an_account(path: str, found: tuple[str, str]) -> None:
    assert split(path) == found


def test_a_session_lasts_twelve_hours_from_its_last_use_and_thirty_days_in_all() -> None:
    assert ends_at(NOON, NOON) == NOON + IDLE_AT_MOST
    late = NOON + LIFE - timedelta(hours=1)
    assert ends_at(NOON, late) == NOON + LIFE


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_network_is_kept(address: str, network: str) -> None:
    assert network_of(address) == network


def test_what_a_browser_calls_itself_is_cut_and_cleaned() -> None:
    assert agent_of("Fire\x00fox\n\x1b[31m") == "Firefox[31m"
    assert len(agent_of("x" * 10_000)) == AGENT_LENGTH_AT_MOST


@pytest.mark.parametrize(
    ("agent", "names"),
    [
        (FIREFOX, ("Firefox", "Linux")),
        (EDGE, ("Microsoft Edge", "Windows")),
        (SAFARI, ("Safari", "iPhone")),
        (CHROME, ("Chrome", "Android")),
        ("curl/8.5", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_browser_is_named_as_people_know_it(agent: str, names: tuple[str, str]) -> None:
    assert (browser_name(agent), system_name(agent)) == names
