"""Ids are opaque, prefixed, and grow with time."""

from __future__ import annotations

import os

import pytest

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import scrub


def test_an_id_reads_back_from_its_public_form_and_no_scrubber_takes_it_for_a_key() -> None:
    for milliseconds in range(1_800_000_000_000, 1_800_000_000_200):
        value = identifiers.make(milliseconds, os.urandom)
        text = identifiers.write("subscription", value)
        assert identifiers.read("subscription", text) == value
        assert scrub(text) == text


def test_later_ids_are_greater_and_are_version_seven() -> None:
    values = [identifiers.make(1_800_000_000_000 + step, os.urandom) for step in range(50)]
    assert values == sorted(values)
    assert {value.version for value in values} == {7}


@pytest.mark.parametrize("text", ["", "sub_", "sub_xyz", "cus_" + "0" * 32, "sub_" + "G" * 32, "sub_" + "0" * 33])
def test_what_is_no_id_of_the_kind_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        identifiers.read("subscription", text)
