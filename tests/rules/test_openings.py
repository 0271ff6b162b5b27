"""A new customer's fields: what is kept and shown for ever holds no product key that was typed into the wrong place."""

from __future__ import annotations

import os

import pytest

from chaveiro.rules.keys import group, mint
from chaveiro.rules.openings import Administrator, NewCustomer, holds_a_key, suggested_prefix

NAMES = (
    "Padaria Sol, Lda.",
    "Associação Humanitária dos Bombeiros Voluntários de Vila Nova de Famalicão 1890-2026",
    "SOCIEDADE PORTUGUESA DE EMPREENDIMENTOS TURISTICOS",
    "R 25 DE ABRIL 74 1 DTO 4000 123 PORTO",
    "sociedadedetransportesdocentro",
    "PT501964843",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_and_organisations_are_not_taken_for_keys(name: str) -> None:
    assert not holds_a_key(name)


def test_a_key_in_any_field_is_a_fault_of_that_field() -> None:
    key = group(mint(1, os.urandom)[0])
    small = key.replace("-", "").lower()
    customer = NewCustomer(f"Padaria {key}", "PT", "pt-pt", small, tax_number=small)
    assert [(fault.pointer, fault.refusal.code) for fault in customer.faults({"PT"})] == [
        ("/customer/name", "malformed"),
        ("/customer/domain_prefix", "malformed"),
        ("/customer/tax_number", "malformed"),
    ]
    person = Administrator(f"Bruno {key}", key, f"{small}@padariasol.example")
    assert [fault.pointer for fault in person.faults()] == [
        "/administrator/given_name",
        "/administrator/family_name",
        "/administrator/email",
    ]


def test_a_prefix_is_not_made_of_a_key() -> None:
    key = group(mint(1, os.urandom)[0])
    assert suggested_prefix(f"Padaria {key}") == f"padariakey{key[-5:].lower()}"
