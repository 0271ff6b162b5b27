"""Accounts, tokens and one-time links: who gets in, and who does not any more."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.hashers import check_password
from django.db import ProgrammingError, connection

from chaveiro.apps.customers.queries import standing
from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import accounts, acting, digest_of, links, ownership, sessions, tokens
from chaveiro.apps.identity.actions.accounts import LoginNameTaken, Newcomer
from chaveiro.apps.identity.actions.sessions import Arrival
from chaveiro.apps.identity.models import Account
from chaveiro.apps.identity.queries import Identified
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.sessions import How
from chaveiro.rules.tokens import LinkSpent, Purpose
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

MEANS = means()
SOON = NOON + timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    return build_world()


def journalled(tag: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(e)::text FROM journal_entry e WHERE tag = %s ORDER BY id", (tag,))
        return [json.loads(row[0]) for row in cursor.fetchall()]


def everything_kept() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(t, '') FROM (SELECT row_to_json(x)::text t FROM identity_token x"
            " UNION ALL SELECT row_to_json(x)::text FROM identity_link x"
            " UNION ALL SELECT row_to_json(x)::text FROM journal_entry x) all_rows"
        )
        return str(cursor.fetchone()[0])


# --- tokens --------------------------------------------------------------------------------------------------------


def made_token(actor: Actor, **changes: Any) -> tokens.MadeToken:
    fields: dict[str, Any] = {"account": actor.account, "name": "caixa", "scopes": ["keys:check"], "means": MEANS}
    return tokens.create_token(actor=changes.pop("by", actor), **{**fields, **changes})


def test_a_token_is_its_account_narrowed_to_its_scopes(world: World) -> None:
    made = made_token(world.ana, scopes=["redemptions:write", "keys:check"])
    found = tokens.authenticate(made.text, now=SOON)
    assert found is not None
    assert found.token == made.id
    assert found.language == "pt-pt"
    assert found.actor == Actor(
        Kind.CHANNEL,
        world.ana.account,
        world.reseller,
        scopes=frozenset({"keys:check", "redemptions:write"}),
    )
    assert [entry["subject_id"] for entry in journalled("token:created")] == [str(made.id)]


def test_only_a_digest_of_a_token_is_kept(world: World) -> None:
    made = made_token(world.ana)
    kept = everything_kept()
    assert made.text not in kept
    assert made.text.removeprefix("chv_") not in kept
    assert digest_of(made.text).hex() in kept


@pytest.mark.parametrize("text", ["", "chv_", "chv_" + "a" * 32, "Bearer x", "chv_" + "a" * 10_000])
def test_an_unknown_token_is_nobody(world: World, text: str) -> None:
    assert tokens.authenticate(text, now=SOON) is None


def test_a_revoked_token_fails_with_the_next_request(world: World) -> None:
    made = made_token(world.ana)
    tokens.revoke_token(actor=world.ana, token=made.id, now=SOON)
    tokens.revoke_token(actor=world.ana, token=made.id, now=SOON + timedelta(seconds=1))
    assert tokens.authenticate(made.text, now=SOON) is None
    assert len(journalled("token:revoked")) == 1


def test_a_token_ends_with_its_day_and_with_its_account(world: World) -> None:
    short = made_token(world.ana, expires_at=NOON + timedelta(hours=1))
    assert tokens.authenticate(short.text, now=NOON + timedelta(minutes=59)) is not None
    assert tokens.authenticate(short.text, now=NOON + timedelta(hours=1)) is None
    lasting = made_token(world.ana)
    assert world.ana.account is not None
    accounts.close_account(actor=world.duarte, account=world.ana.account, now=SOON)
    assert tokens.authenticate(lasting.text, now=SOON) is None
    with pytest.raises(NotFound):
        made_token(world.ana, by=SYSTEM)


def test_nobody_makes_or_ends_a_token_of_somebody_else(world: World) -> None:
    made = made_token(world.ana)
    for other in (world.rui, world.dalila, world.duarte):
        with pytest.raises(NotAllowed):
            made_token(world.ana, by=other)
        with pytest.raises(NotFound):
            tokens.revoke_token(actor=other, token=made.id, now=SOON)
        with acting(other):
            assert queries.tokens(world.ana.account or UUID(int=0)) == []


def test_a_token_can_neither_make_nor_revoke_tokens(world: World) -> None:
    made = made_token(world.ana)
    found = tokens.authenticate(made.text, now=SOON)
    assert found is not None
    with pytest.raises(NotAllowed):
        made_token(found.actor)
    with pytest.raises(NotAllowed):
        tokens.revoke_token(actor=found.actor, token=made.id, now=SOON)


def test_a_partners_token_cannot_be_made_wide_enough_to_mint(world: World) -> None:
    with pytest.raises(NotAllowed):
        made_token(world.ana, scopes=["batches:write"])
    assert made_token(world.duarte, scopes=["batches:write"]).scopes == ("batches:write",)


# --- links ---------------------------------------------------------------------------------------------------------


def made_link(account: UUID | None, purpose: Purpose = Purpose.SIGN_IN, **changes: Any) -> str:
    assert account is not None
    path = links.make(actor=SYSTEM, account=account, purpose=purpose, means=MEANS, **changes).path
    return path.rsplit("/", 1)[1]


def sign_in(secret: str) -> Identified:
    arrival = Arrival(digest_of("a secret"), None, How.LINK)
    return sessions.by_link(secret=secret, arrival=arrival, means=MEANS.at(SOON, MEANS.day))[0]


def test_a_sign_in_link_works_once(world: World) -> None:
    secret = made_link(world.duarte.account)
    assert links.look(secret=secret, purpose=Purpose.SIGN_IN, now=SOON).actor.account == world.duarte.account
    assert sign_in(secret).actor == Actor(Kind.OPERATOR, world.duarte.account, world.vendor)
    with pytest.raises(LinkSpent):
        sign_in(secret)
    assert secret not in everything_kept()
    assert [entry["facts"] for entry in journalled("session:started")] == [{"by": "link"}]


def test_looking_at_a_link_does_not_use_it_up(world: World) -> None:
    secret = made_link(world.duarte.account)
    for _ in range(3):
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=SOON)
    sign_in(secret)


def test_an_hour_later_a_sign_in_link_is_spent(world: World) -> None:
    secret = made_link(world.duarte.account)
    links.look(secret=secret, purpose=Purpose.SIGN_IN, now=NOON + timedelta(minutes=59))
    with pytest.raises(LinkSpent):
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=NOON + timedelta(hours=1))


@pytest.mark.parametrize("secret", ["", "a" * 32, "a" * 31, "../../etc", "A" * 32])
def test_an_unknown_link_answers_like_a_spent_one(world: World, secret: str) -> None:
    with pytest.raises(LinkSpent):
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=SOON)


def test_a_link_does_only_what_it_was_made_for(world: World) -> None:
    secret = made_link(world.duarte.account, Purpose.OWNERSHIP)
    with pytest.raises(LinkSpent):
        sign_in(secret)


def test_only_the_house_makes_links(world: World) -> None:
    assert world.ana.account is not None
    with pytest.raises(NotAllowed):
        links.make(actor=world.duarte, account=world.ana.account, purpose=Purpose.SIGN_IN, means=MEANS)


def test_the_same_secret_again_is_the_same_link(world: World) -> None:
    first = made_link(world.ana.account, secret=bytes(20))
    assert made_link(world.ana.account, secret=bytes(20)) == first
    assert len(journalled("link:made")) == 1


def test_two_people_at_once_one_gets_in(world: World) -> None:
    secret = made_link(world.duarte.account)
    found = links.look(secret=secret, purpose=Purpose.SIGN_IN, now=SOON)
    links.use(actor=found.actor, secret=secret, purpose=Purpose.SIGN_IN, now=SOON)
    with pytest.raises(LinkSpent):
        links.use(actor=found.actor, secret=secret, purpose=Purpose.SIGN_IN, now=SOON)


# --- accounts ------------------------------------------------------------------------------------------------------

MARTA = Newcomer("Marta@vendor.example", "Marta", "Reis")


def test_an_operator_opens_an_operator_who_signs_in_by_link(world: World) -> None:
    account = accounts.open_operator(actor=world.duarte, newcomer=MARTA, means=MEANS, organisation=world.vendor)
    secret = made_link(account)
    actor = sign_in(secret).actor
    with acting(actor):
        assert standing(actor).roles == {"operator"}
        assert queries.account(account).login_name == "marta@vendor.example"
    assert [entry["subject_id"] for entry in journalled("operator:added")] == [str(account)]


def test_the_house_opens_the_first_operator() -> None:
    account = accounts.open_operator(actor=SYSTEM, newcomer=MARTA, means=MEANS)
    with acting(SYSTEM):
        assert queries.account(account).kind is Kind.OPERATOR


def test_nobody_of_the_channel_opens_accounts(world: World) -> None:
    with pytest.raises(NotAllowed):
        accounts.open_operator(actor=world.ana, newcomer=MARTA, means=MEANS)
    with pytest.raises(NotAllowed):
        accounts.open_channel_account(actor=world.dalila, organisation=world.reseller, newcomer=MARTA, means=MEANS)


def test_the_database_itself_lets_nobody_of_the_channel_make_an_operator(world: World) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), acting(world.ana):
        Account.objects.create(id=UUID(int=9), login_name="x", kind="operator", email="x", created_at=NOON)


def test_a_login_name_is_one_accounts(world: World) -> None:
    accounts.open_operator(actor=world.duarte, newcomer=MARTA, means=MEANS)
    with pytest.raises(LoginNameTaken):
        accounts.open_channel_account(actor=world.duarte, organisation=world.reseller, newcomer=MARTA, means=MEANS)


def test_one_address_may_lead_to_several_accounts(world: World) -> None:
    for login in ("marta.um", "marta.dois"):
        newcomer = Newcomer("marta@example.test", "Marta", "Reis", login_name=login)
        accounts.open_channel_account(actor=SYSTEM, organisation=world.reseller, newcomer=newcomer, means=MEANS)
    with acting(SYSTEM):
        found = queries.open_accounts_with("MARTA@example.test")
    assert [card.login_name for card in found] == ["marta.um", "marta.dois"]


@pytest.mark.parametrize(
    "newcomer",
    [
        Newcomer("no address", "Marta", "Reis"),
        Newcomer("marta@", "Marta", "Reis"),
        Newcomer("marta@example.test\nBcc: x", "Marta", "Reis"),
        Newcomer("marta@example.test", "", "Reis"),
        Newcomer("marta@example.test", "Marta", "R" * 151),
    ],
)
def test_an_account_needs_an_address_and_names(newcomer: Newcomer) -> None:
    with pytest.raises(Malformed):
        accounts.open_operator(actor=SYSTEM, newcomer=newcomer, means=MEANS)


def test_a_closed_account_has_no_way_in(world: World) -> None:
    secret = made_link(world.ana.account)
    assert world.ana.account is not None
    accounts.close_account(actor=world.duarte, account=world.ana.account, now=SOON)
    accounts.close_account(actor=world.duarte, account=world.ana.account, now=SOON)
    with pytest.raises(LinkSpent):
        links.look(secret=secret, purpose=Purpose.SIGN_IN, now=SOON)
    assert len(journalled("person:deleted")) == 1


def test_an_operator_closes_others_and_never_themselves(world: World) -> None:
    assert world.duarte.account is not None
    for actor in (world.duarte, world.ana):
        with pytest.raises(NotAllowed):
            accounts.close_account(actor=actor, account=world.duarte.account, now=SOON)


def test_an_operators_page_cannot_change_anothers_password(world: World) -> None:
    with pytest.raises(ProgrammingError, match="changed by itself"), acting(world.duarte):
        Account.objects.filter(id=world.ana.account).update(password="x")
    with pytest.raises(ProgrammingError, match="closed by an operator"), acting(world.ana):
        Account.objects.filter(id=world.ana.account).update(closed_at=NOON)


def test_bruno_takes_ownership_with_a_password_nobody_else_knows(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world, 1))
    secret = made_link(bruno.account, Purpose.OWNERSHIP)
    found = ownership.with_password(secret=secret, password="a long sentence of his own", now=SOON)
    assert found.actor == Actor(Kind.CUSTOMER, bruno.account, customer=bruno.customer)
    row = Account.objects.get(id=bruno.account)
    assert check_password("a long sentence of his own", row.password)
    assert row.owned_at == SOON
    with pytest.raises(LinkSpent):
        ownership.with_password(secret=secret, password="another sentence", now=SOON)
    assert [entry["customer_id"] for entry in journalled("ownership:taken")] == [str(bruno.customer)]


# --- standing ------------------------------------------------------------------------------------------------------


def test_roles_are_those_that_stand_now(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world, 1))
    bare = Actor(Kind.CUSTOMER, bruno.account, customer=bruno.customer)
    with acting(bare):
        assert standing(bare).roles == {"administrator"}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customers_role SET ended_at = %s", (SOON,))
    with acting(bare):
        assert standing(bare).roles == frozenset()


def test_a_member_of_the_channel_has_its_membership_and_no_more(world: World) -> None:
    bare = Actor(Kind.CHANNEL, world.ana.account, world.reseller)
    with acting(bare):
        assert standing(bare).roles == {"sales"}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channel_member SET ended_at = %s WHERE account_id = %s", (SOON, world.ana.account))
    with acting(bare):
        assert standing(bare).roles == frozenset()


def test_the_scopes_of_a_token_stay_when_roles_are_added(world: World) -> None:
    made = made_token(world.ana)
    found = tokens.authenticate(made.text, now=SOON)
    assert found is not None
    with acting(found.actor):
        assert standing(found.actor).scopes == {"keys:check"}
