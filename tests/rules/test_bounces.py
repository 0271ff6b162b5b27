"""The way back of a notice: found by who was written to, made up by nobody else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.bounces import check_return_address, notice_of, return_path
from chaveiro.rules.errors import Malformed

NOTICE = UUID("01a0c450-6de5-71da-85e2-ce6a3f15106c")
HOME = "bounces@vendor.example"
SECRET = b"thirty-two bytes, only for tests"


@given(st.uuids())
def test_a_way_back_leads_to_its_notice_and_fits_a_local_part(notice: UUID) -> None:
    way_back = return_path(HOME, notice, SECRET)
    assert notice_of(way_back, HOME, SECRET) == notice
    assert len(way_back.partition("@")[0]) <= 64


def test_servers_that_shout_or_add_brackets_lead_there_too() -> None:
    assert notice_of(f"<{return_path(HOME, NOTICE, SECRET).upper()}>", HOME, SECRET) == NOTICE


@pytest.mark.parametrize("place", range(len("bounces+"), len("bounces+") + 49))
def test_an_address_with_one_symbol_changed_leads_nowhere(place: int) -> None:
    way_back = return_path(HOME, NOTICE, SECRET)
    other = "b" if way_back[place] == "a" else "a"
    assert notice_of(way_back[:place] + other + way_back[place + 1 :], HOME, SECRET) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "bounces@vendor.example",
        "no address",
        "bounces+x.y@vendor.example",
        f"other+{NOTICE.hex}.aaaaaaaaaaaaaaaa@x",
    ],
)
def test_what_we_did_not_make_leads_nowhere(address: str) -> None:
    assert notice_of(address, HOME, SECRET) is None


def test_another_installation_s_secret_or_name_makes_no_way_back_of_ours() -> None:
    assert notice_of(return_path(HOME, NOTICE, b"another secret of that length...."), HOME, SECRET) is None
    assert notice_of(return_path("bounces@other.example", NOTICE, SECRET), HOME, SECRET) is None
    assert notice_of(return_path("returns@vendor.example", NOTICE, SECRET), HOME, SECRET) is None


def test_without_a_return_address_there_is_no_way_back() -> None:
    assert return_path("", NOTICE, SECRET) == ""
    assert notice_of(return_path(HOME, NOTICE, SECRET), "", SECRET) is None


def test_a_return_address_is_taken_in_lower_case() -> None:
    assert check_return_address(" Bounces@Vendor.Example ") == HOME
    assert check_return_address("") == ""


@pytest.mark.parametrize(
    "text", ["bounces", "a b@vendor.example", "fifteen-letters@vendor.example", "x+y@vendor.example"]
)
def test_a_return_address_that_leaves_no_room_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Malformed, match="14 letters"):
        check_return_address(text)
