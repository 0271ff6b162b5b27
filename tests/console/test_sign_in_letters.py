"""A forgotten password: one letter to each address, a link for each of its accounts, and no mailbox is filled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.identity.actions import links, sessions
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices.actions import owe
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk
from chaveiro.rules.actors import Actor
from chaveiro.rules.outbox import Message
from chaveiro.rules.tokens import Purpose
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
LINK = re.compile(r"https://chaveiro\.example/(reset|ownership)/([a-z2-7]{32})")


@dataclass
class House:
    """The house with its post office; `minutes` is how late it is past noon."""

    world: World
    bruno: Actor
    office: MemoryPostOffice
    minutes: int = 0

    def carry_out_all(self) -> list[Message]:
        """Carry out what is owed for forgotten passwords, and answer the letters that were posted by it."""
        before = len(self.office.posted)
        instant = means().at(NOON + timedelta(minutes=self.minutes), means().day)
        desk = Desk(self.office, lambda: instant, "https://chaveiro.example", "Tagus Software", b"s" * 32)
        for kind in ("reset", "reset_letter"):
            for number in owed(kind):
                carry_out(desk, number)
        return self.office.posted[before:]

    def forgot(self, name: str) -> list[Message]:
        sessions.ask_reset(name=name, now=NOON)
        return self.carry_out_all()


def owed(kind: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
        return [number for (number,) in cursor.fetchall()]


@pytest.fixture
def house() -> House:
    world = build_world()
    bruno, _ = open_customer(world, make_keys(world))
    return House(world, bruno, MemoryPostOffice())


def links_in(message: Message) -> list[tuple[str, UUID | None]]:
    found = []
    for where, secret in LINK.findall(message.text):
        purpose = Purpose.RESET if where == "reset" else Purpose.OWNERSHIP
        found.append((where, links.look(secret=secret, purpose=purpose, now=NOON).actor.account))
    return found


def test_one_letter_holds_a_link_for_each_account_of_the_address_and_names_its_organisation(house: House) -> None:
    Account.objects.filter(id=house.world.rui.account).update(email="Ana@example.test")
    (message,) = house.forgot("ana@example.test")
    assert message.to.lower() == "ana@example.test"
    assert {account for _where, account in links_in(message)} == {house.world.ana.account, house.world.rui.account}
    assert "Sol Informática, Lda.: escolha aqui uma palavra-passe nova" in message.text
    assert "Mar Sistemas, Lda.: escolha aqui uma palavra-passe nova" in message.html
    assert message.subject == "Escolher uma palavra-passe nova em Tagus Software"


def test_nothing_is_posted_where_nobody_has_the_address(house: House) -> None:
    assert house.forgot("carla@nowhere.example") == []


def test_a_letter_goes_to_the_account_and_never_to_what_was_typed(house: House) -> None:
    name = Account.objects.get(id=house.world.ana.account).login_name
    (message,) = house.forgot(name)
    assert message.to == "ana@example.test"


def test_who_never_took_ownership_is_led_there(house: House) -> None:
    (message,) = house.forgot("bruno@padariasol.example")
    assert links_in(message) == [("ownership", house.bruno.account)]


def test_nobody_fills_a_mailbox_by_asking_again_and_again(house: House) -> None:
    assert len(house.forgot("ana@example.test")) == 1
    assert house.forgot("ana@example.test") == []
    house.minutes = 6
    assert len(house.forgot("ana@example.test")) == 1


def test_an_effect_that_runs_again_posts_nothing_more(house: House) -> None:
    assert len(house.forgot("ana@example.test")) == 1
    assert house.carry_out_all() == []


@pytest.mark.parametrize("before", [True, False])
def test_a_closed_account_gets_no_link_and_the_others_of_its_address_do(house: House, before: bool) -> None:
    ana, rui = house.world.ana.account, house.world.rui.account
    Account.objects.filter(id=rui).update(email="ana@example.test")
    if before:
        sessions.ask_reset(name="ana@example.test", now=NOON)
    else:
        owe("reset_letter", {"accounts": [str(ana), str(rui)]}, NOON)
    Account.objects.filter(id=ana if before else rui).update(closed_at=NOON)
    (message,) = house.carry_out_all()
    assert [account for _where, account in links_in(message)] == [rui if before else ana]
