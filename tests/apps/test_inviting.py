"""Letting people in: an account, its role, and a letter that leads in, all or nothing; and by operators only."""

from __future__ import annotations

import pytest

from chaveiro.apps.channel.models import Member
from chaveiro.apps.closing.actions.inviting import (
    OwnershipTaken,
    invite_member,
    invite_operator,
    send_ownership_again,
)
from chaveiro.apps.identity.actions.accounts import LoginNameTaken, Newcomer
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.errors import Malformed, NotAllowed
from tests.cast import World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

EVA = Newcomer("eva@example.test", "Eva", "Melo")


@pytest.fixture
def world() -> World:
    return build_world()


def test_a_member_gets_account_role_and_letter_in_one_act(world: World) -> None:
    made = invite_member(actor=world.duarte, organisation=world.reseller, newcomer=EVA, role="owner", means=means())
    assert Member.objects.get(account_id=made).role == "owner"
    assert Owed.objects.get(kind="ownership").facts == {"account": str(made), "customer": None}
    assert set(Entry.objects.values_list("tag", flat=True)) == {"person:added", "role:granted"}


def test_a_role_that_is_none_leaves_no_account_behind(world: World) -> None:
    with pytest.raises(Malformed):
        invite_member(actor=world.duarte, organisation=world.reseller, newcomer=EVA, role="boss", means=means())
    assert not Account.objects.filter(email=EVA.email).exists()
    assert not Owed.objects.exists()


def test_an_operator_is_invited_once(world: World) -> None:
    made = invite_operator(actor=world.duarte, newcomer=EVA, means=means())
    assert Account.objects.get(id=made).kind == "operator"
    with pytest.raises(LoginNameTaken):
        invite_operator(actor=world.duarte, newcomer=EVA, means=means())


def test_partners_and_customers_invite_nobody_here(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    assert bruno.account is not None
    for actor in (world.ana, world.dalila, bruno):
        with pytest.raises(NotAllowed):
            invite_member(actor=actor, organisation=world.reseller, newcomer=EVA, role="owner", means=means())
        with pytest.raises(NotAllowed):
            invite_operator(actor=actor, newcomer=EVA, means=means())
        with pytest.raises(NotAllowed):
            send_ownership_again(actor=actor, account=bruno.account, now=means().now)


def test_the_letter_is_sent_again_until_ownership_is_taken(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    assert bruno.account is not None
    before = Owed.objects.filter(kind="ownership").count()
    send_ownership_again(actor=world.duarte, account=bruno.account, now=means().now)
    assert Owed.objects.filter(kind="ownership").count() == before + 1
    assert Entry.objects.get(tag="ownership:sent").customer_id == outcome.customer
    Account.objects.filter(id=bruno.account).update(owned_at=means().now)
    with pytest.raises(OwnershipTaken):
        send_ownership_again(actor=world.duarte, account=bruno.account, now=means().now)
