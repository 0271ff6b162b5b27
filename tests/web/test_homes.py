"""The first page of each: what is theirs, nothing of anybody else's."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import World, make_keys, open_customer
from tests.web.conftest import signed_in, text_of

pytestmark = pytest.mark.django_db


def test_a_customer_sees_its_subscriptions_with_what_happens_when(world: World, pt: Client, en: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world, 2))
    page = text_of(signed_in(pt, bruno).get("/home"))
    assert "Padaria Sol, Lda." in page
    assert "Válida até 21 de novembro de 2027 (inclusive)" in page
    assert "Depois, em período de tolerância, com uso normal, até 21 de dezembro de 2027" in page
    assert "licenças atribuídas: 1 de 10" in page
    assert outcome.reference in page
    page = text_of(signed_in(en, bruno).get("/home"))
    assert "Valid until 21 November 2027 (inclusive)" not in page, "the account speaks Portuguese"
