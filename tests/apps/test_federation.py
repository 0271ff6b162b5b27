"""A provider's statement about somebody leads only to the accounts that it was linked to from inside."""

from __future__ import annotations

from typing import Any

import pytest

from chaveiro.apps.identity.actions import federation, links, ownership
from chaveiro.apps.identity.actions.challenges import Browser
from chaveiro.apps.identity.actions.federation import Gate
from chaveiro.apps.identity.models import Account
from chaveiro.rules import providers
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from chaveiro.rules.factors import ChallengeSpent
from chaveiro.rules.providers import LinkedAlready, NotLinked, Provider
from chaveiro.rules.tokens import Purpose
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db
SOL = Provider("sol", "https://id.sol.example", "chaveiro")
SAID = providers.Testimony("https://id.sol.example", "bruno-at-sol", "bruno@padariasol.example")


class Client:
    """Says what it was told to, whatever the code; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}

    def address(self, provider: Provider, **told: str) -> str:
        self.asked = told
        return f"{provider.issuer}/authorize"

    def testimony(self, provider: Provider, **told: str) -> providers.Testimony:
        assert {name: told[name] for name in ("nonce", "verifier", "back")} == {
            name: self.asked[name] for name in ("nonce", "verifier", "back")
        }
        return SAID


@pytest.fixture
def world() -> World:
    return build_world()


def gate(client: Any, browser: str = "his", secret: bytes = b"s" * 32) -> Gate:
    return Gate(Browser(browser), client, "http://localhost:8000/openid/sol", secret, means())


def test_a_sign_in_comes_back_once_with_what_it_was_for_and_the_same_nonce_and_verifier(world: World) -> None:
    client = Client()
    federation.leave(actor=ANONYMOUS, provider=SOL, gate=gate(client), facts={"for": "sign_in"})
    state = client.asked["state"]
    with pytest.raises(ChallengeSpent):
        federation.come_back(provider=SOL, gate=gate(client, "another"), state=state, code="c")
    asked, said = federation.come_back(provider=SOL, gate=gate(client), state=state, code="c")
    assert (asked.facts["for"], said) == ("sign_in", SAID)
    with pytest.raises(ChallengeSpent):
        federation.come_back(provider=SOL, gate=gate(client), state=state, code="c")


def test_two_sign_ins_have_nothing_in_common(world: World) -> None:
    client, seen = Client(), []
    for _ in range(2):
        federation.leave(actor=ANONYMOUS, provider=SOL, gate=gate(client), facts={})
        seen.append(client.asked)
    assert all(seen[0][name] != seen[1][name] for name in ("state", "nonce", "verifier"))


def test_a_statement_leads_to_nobody_before_it_is_linked_and_an_equal_address_is_not_enough(world: World) -> None:
    Account.objects.filter(id=world.ana.account).update(email=SAID.label)
    with pytest.raises(NotLinked):
        federation.accounts_of(testimony=SAID, means=means())
    federation.link(actor=world.ana, provider="sol", testimony=SAID, means=means())
    with pytest.raises(LinkedAlready):
        federation.link(actor=world.ana, provider="sol", testimony=SAID, means=means())
    federation.link(actor=world.rui, provider="sol", testimony=SAID, means=means())
    found = federation.accounts_of(testimony=SAID, means=means())
    assert [each.actor.account for each in found] == [world.ana.account, world.rui.account]
    other = providers.Testimony("https://id.mar.example", SAID.subject)
    with pytest.raises(NotLinked):
        federation.accounts_of(testimony=other, means=means())


def test_what_was_kept_for_one_account_is_given_to_no_other(world: World) -> None:
    browser = Browser("hers")
    handle = federation.keep_for_later(actor=world.ana, provider=SOL, testimony=SAID, browser=browser, means=means())
    for actor, at in ((world.rui, browser), (world.ana, Browser("another"))):
        with pytest.raises(ChallengeSpent):
            federation.kept(actor=actor, handle=handle, browser=at, means=means(), use_up=False)
    told = {"actor": world.ana, "handle": handle, "browser": browser, "means": means()}
    assert federation.kept(**told, use_up=False) == ("sol", SAID)
    assert federation.kept(**told, use_up=True) == ("sol", SAID)
    with pytest.raises(ChallengeSpent):
        federation.kept(**told, use_up=True)


def test_ownership_is_taken_with_a_statement_that_opens_afterwards(world: World) -> None:
    bruno = open_customer(world, make_keys(world))[0]
    assert bruno.account is not None
    path = links.make(actor=SYSTEM, account=bruno.account, purpose=Purpose.OWNERSHIP, means=means()).path
    secret = path.rpartition("/")[2]
    ownership.with_testimony(secret=secret, provider="sol", testimony=SAID, means=means())
    assert Account.objects.get(id=bruno.account).owned_at == NOON
    assert [each.actor.account for each in federation.accounts_of(testimony=SAID, means=means())] == [bruno.account]
