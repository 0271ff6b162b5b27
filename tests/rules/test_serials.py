"""Serial numbers: eleven digits and one that checks them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules import errors, serials

numbers = st.integers(0, serials.GREATEST)


@given(numbers)
def test_a_serial_reads_as_its_number_also_in_groups(number):
    serial = serials.write(number)
    assert len(serial) == serials.DIGITS
    assert serials.read(serial) == number
    assert serials.read(serials.group(serial)) == number
    assert serials.read(f" {serials.group(serial).replace('-', ' – ')}\r\n") == number


@pytest.mark.parametrize("checked", ["07945", "86095742719", "36574261809", "33392005961"])
def test_the_check_digit_is_that_of_iso_7064_mod_11_10(checked):
    """The standard's own example, two German tax numbers and a Croatian one, which use the same system."""
    assert serials.check_digit(checked[:-1]) == checked[-1]


@given(numbers)
def test_a_serial_ends_in_the_check_digit_of_its_number(number):
    assert serials.write(number) == f"{number:011}{serials.check_digit(f'{number:011}')}"


@given(numbers, st.integers(0, 11), st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(number, place, change):
    serial = serials.write(number)
    wrong = serial[:place] + str((int(serial[place]) + change) % 10) + serial[place + 1 :]
    with pytest.raises(errors.Malformed) as refused:
        serials.read(wrong)
    assert refused.value.facts == {"field": "serial", "reason": "check_digit"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "digits"),
        ("13", "length"),
        ("0000000000130", "length"),
        ("0000 0000 001X", "digits"),
        ("٠٠٠٠٠٠٠٠٠٠١٣", "digits"),
        ("0" * 101, "length"),
    ],
)
def test_what_is_no_serial_is_refused_with_the_reason(text, reason):
    with pytest.raises(errors.Malformed) as refused:
        serials.read(text)
    assert refused.value.facts == {"field": "serial", "reason": reason}


@given(st.integers(0, serials.GREATEST - 3_000), st.integers(0, 2_500))
def test_a_range_is_its_serials_one_by_one(first, count):
    written = serials.write_range(first, count)
    assert [int(serial[:-1]) for serial in written] == list(range(first, first + count))
    assert written[-3:] == [serials.write(number) for number in range(first + max(count - 3, 0), first + count)]


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, -1), (serials.GREATEST + 1, 1), (serials.GREATEST, 2)])
def test_numbers_without_a_serial_are_refused(first, count):
    with pytest.raises(errors.Malformed):
        serials.write_range(first, count)


def test_the_last_serial_can_be_written():
    assert serials.read(serials.write(serials.GREATEST)) == serials.GREATEST
