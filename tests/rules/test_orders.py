"""Reading what somebody asks to be redeemed: only its form, every fault of it at once."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.orders import KEYS_AT_MOST, read
from chaveiro.rules.verdicts import Refusals

ZONES = {"Europe/Lisbon", "Africa/Luanda"}
IDENTIFIER = UUID("01a0c450-6d30-715f-a1d6-bc7e6693e0a2")


def faults(body: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refusals) as refused:
        read(body, ZONES)
    return [(fault.pointer, fault.refusal.code) for fault in refused.value.faults]


def test_an_opening_is_read_whole() -> None:
    sheet = read(
        {
            "purpose": "open",
            "keys": ["  84g7z ", ""],
            "customer": {
                "name": "Padaria Sol, Lda.",
                "country": "ao",
                "language": "pt",
                "domain_prefix": "padariasol",
                "tax_number": None,
                "time_zone": "Africa/Luanda",
            },
            "administrator": {"given_name": "Bruno", "family_name": "Costa", "email": "bruno@padariasol.example"},
            "seats_after": {"office-basic": 5},
            "partner_of_record": "1234567",
            "fingerprint": "0123456789abcdef",
            "attestation": True,
        },
        ZONES,
    )
    assert sheet.keys == ("  84g7z ", "")
    assert sheet.customer == NewCustomer("Padaria Sol, Lda.", "AO", "pt-pt", "padariasol", time_zone="Africa/Luanda")
    assert sheet.administrator == Administrator("Bruno", "Costa", "bruno@padariasol.example")
    assert (sheet.seats_after, sheet.partner_of_record, sheet.fingerprint) == (
        {"office-basic": 5},
        "1234567",
        "0123456789abcdef",
    )
    assert (sheet.attestation, sheet.start_over, sheet.subscription) == (True, False, None)


def test_a_second_organisation_with_a_tax_number_is_meant_only_where_that_is_said() -> None:
    for customer, meant in (({"tax_number_again": True}, True), ({"tax_number_again": False}, False), ({}, False)):
        sheet = read({"purpose": "open", "customer": customer}, ZONES)
        assert sheet.tax_number_again is meant
        assert sheet.customer == NewCustomer("", "", "", "")
    assert read({"purpose": "extend", "customer": f"cus_{IDENTIFIER.hex}"}, ZONES).tax_number_again is False
    assert faults({"purpose": "open", "customer": {"tax_number_again": "yes"}}) == [
        ("/customer/tax_number_again", "malformed")
    ]
    assert faults({"purpose": "open", "tax_number_again": True}) == [("/tax_number_again", "malformed")]


def test_ids_are_read_in_their_public_form() -> None:
    body = {"purpose": "extend", "customer": f"cus_{IDENTIFIER.hex}", "subscription": f"sub_{IDENTIFIER.hex}"}
    sheet = read(body, ZONES)
    assert (sheet.customer, sheet.subscription) == (IDENTIFIER, IDENTIFIER)
    crossed = {**body, "subscription": body["customer"]}
    assert faults(crossed) == [("/subscription", "malformed")]


def test_nobody_as_partner_of_record_is_not_the_same_as_nothing_said() -> None:
    silent, nobody = read({"purpose": "open"}, ZONES), read({"purpose": "open", "partner_of_record": None}, ZONES)
    assert (silent.names_partner, nobody.names_partner) == (False, True)
    assert silent.partner_of_record is nobody.partner_of_record is None


def test_an_empty_text_is_not_the_same_as_none() -> None:
    assert faults({"purpose": "extend", "subscription": "", "customer": ""}) == [
        ("/customer", "malformed"),
        ("/subscription", "malformed"),
    ]
    assert read({"purpose": "open", "partner_of_record": ""}, ZONES).partner_of_record == ""


def test_every_fault_is_told_at_once_with_its_place() -> None:
    body = {
        "purpose": "steal",
        "keys": ["x", 1, None],
        "customer": {"name": 1, "country": "PT", "colour": "red", "time_zone": "Europe/Atlantis"},
        "administrator": "Bruno",
        "seats_after": {"office-basic": 0, "a/b~c": True},
        "attestation": "yes",
        "start_over": 1,
        "fingerprint": "x" * 501,
        "colour": "red",
    }
    assert faults(body) == [
        ("/colour", "malformed"),
        ("/purpose", "malformed"),
        ("/keys/1", "malformed"),
        ("/keys/2", "malformed"),
        ("/customer/colour", "malformed"),
        ("/customer/name", "malformed"),
        ("/customer/time_zone", "malformed"),
        ("/administrator", "malformed"),
        ("/seats_after/office-basic", "malformed"),
        ("/seats_after/a~1b~0c", "malformed"),
        ("/fingerprint", "malformed"),
        ("/attestation", "malformed"),
        ("/start_over", "malformed"),
    ]


def test_what_is_left_out_of_a_customer_is_for_the_rules_to_miss() -> None:
    sheet = read({"purpose": "open", "customer": {}, "administrator": {}}, ZONES)
    assert isinstance(sheet.customer, NewCustomer)
    assert {fault.refusal.code for fault in sheet.customer.faults({"PT"})} == {"missing"}


@pytest.mark.parametrize("body", [None, [], "open", 1])
def test_a_body_is_an_object(body: Any) -> None:
    assert faults(body) == [("", "malformed")]


def test_a_purpose_is_needed_and_keys_have_an_end() -> None:
    assert faults({}) == [("/purpose", "missing")]
    assert faults({"purpose": "open", "keys": [""] * (KEYS_AT_MOST + 1)}) == [("/keys", "malformed")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = ("purpose", "keys", "customer", "administrator", "subscription", "seats_after", "fingerprint", "attestation")


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_json_is_sent_is_read_or_refused_with_places(body: dict[str, Any]) -> None:
    sheet, pointers = None, []
    try:
        sheet = read(json.loads(json.dumps(body)), ZONES)
    except Refusals as refused:
        pointers = [fault.pointer for fault in refused.faults]
    assert (sheet is None) == bool(pointers)
    assert all(pointer.startswith("/") for pointer in pointers)
    assert sheet is None or all(isinstance(key, str) for key in sheet.keys)
