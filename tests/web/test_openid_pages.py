"""Signing in elsewhere: leaving, coming back once, and only to accounts that were linked from inside them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from chaveiro import wiring
from chaveiro.adapters.openid import OpenId
from chaveiro.apps.identity.models import Account, Challenge, Session
from chaveiro.apps.identity.models import Testimony as Linked
from chaveiro.apps.notices.models import Owed
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from tests.adapters.openid_provider import CLIENT, SECRET, OpenIdProvider, providing
from tests.cast import NOON, World, make_keys, open_customer
from tests.web.conftest import ENGLISH, link_for, signed_in, text_of, where
from tests.web.journey import heading

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def running() -> Iterator[OpenIdProvider]:
    with providing() as provider:
        yield provider


@pytest.fixture
def sol(running: OpenIdProvider, world: World, monkeypatch: pytest.MonkeyPatch) -> OpenIdProvider:
    """The provider of Sol, in the settings of this installation."""
    running.spoil = lambda claims: None
    known = {"name": "sol", "issuer": running.address, "client_id": CLIENT, "client_secret": SECRET, "label": "Sol ID"}
    other = {**known, "name": "mar", "label": "Mar ID"}
    monkeypatch.setattr(settings, "OIDC", json.dumps([known, other]))
    client = OpenId(time.time)
    monkeypatch.setattr(wiring, "openid", lambda: client)
    return running


def leave(browser: Client, sol: OpenIdProvider, path: str, **form: str) -> str:
    """Leave for the provider and agree there; answers where the provider sends the browser back to."""
    page = browser.post(path, form)
    assert page.status_code == 200, text_of(page)
    address = str(page["Refresh"]).removeprefix("0; url=")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    back = urlsplit(asked["redirect_uri"]).path
    return f"{back}?code={sol.agree(address)}&state={asked['state']}"


def link(browser: Client, sol: OpenIdProvider) -> None:
    back = leave(browser, sol, "/settings/security/providers/sol")
    answer = Client.get(browser, back)
    page = Client.get(browser, str(answer["Location"]))
    assert heading(page) == "Link Sol ID"
    assert "bruno@padariasol.example" in text_of(page)
    answer = Client.post(browser, str(answer["Location"]), {"do": "link"})
    assert where(answer) == "/settings/security?done=linked"


@pytest.fixture
def ana(world: World) -> Client:
    return signed_in(elsewhere(), confirmed(world.ana))


def confirmed(actor: Actor) -> Actor:
    """With nothing but a mailbox, so that the link just used is confirmation enough."""
    Account.objects.filter(id=actor.account).update(password="!")
    return actor


def elsewhere() -> Client:
    """Another browser, which reads English whoever signs in at it."""
    found = Client(headers=ENGLISH)
    found.cookies["language"] = "en"
    return found


def test_a_sign_in_that_was_linked_leads_to_its_account(ana: Client, sol: OpenIdProvider, world: World) -> None:
    link(ana, sol)
    other = elsewhere()
    answer = other.get(leave(other, sol, "/sign-in/with/sol", next="/settings"))
    assert where(answer) == "/settings"
    session = Session.objects.order_by("id").last()
    assert session is not None
    assert (session.account_id, session.how, session.confirmed_at) == (world.ana.account, "oidc", None)
    assert Owed.objects.get(kind="security").facts["what"] == "provider_linked"


def test_an_equal_address_leads_nowhere(sol: OpenIdProvider, world: World) -> None:
    Account.objects.filter(id=world.ana.account).update(email="bruno@padariasol.example")
    other = elsewhere()
    page = other.get(leave(other, sol, "/sign-in/with/sol"))
    assert page.status_code == 422
    assert "no account here is linked to that sign-in" in text_of(page)
    assert not Session.objects.exists()


def test_one_sign_in_linked_to_two_accounts_leads_to_the_choice(ana: Client, sol: OpenIdProvider, world: World) -> None:
    link(ana, sol)
    rui = signed_in(elsewhere(), confirmed(world.rui))
    link(rui, sol)
    other = elsewhere()
    answer = other.get(leave(other, sol, "/sign-in/with/sol"))
    assert where(answer) == "/accounts"
    assert Linked.objects.count() == 2


def test_a_state_comes_back_once(ana: Client, sol: OpenIdProvider) -> None:
    link(ana, sol)
    other = elsewhere()
    back = leave(other, sol, "/sign-in/with/sol")
    assert other.get(back).status_code == 303
    assert other.get(back).status_code == 409


def test_a_state_comes_back_to_its_own_browser_and_provider_only(ana: Client, sol: OpenIdProvider) -> None:
    link(ana, sol)
    victim, attacker = elsewhere(), elsewhere()
    back = leave(attacker, sol, "/sign-in/with/sol")
    assert victim.get(back).status_code == 409, "nobody is signed in as somebody else by a link"
    assert not [each for each in victim.cookies if each.endswith("session")]
    back = leave(victim, sol, "/sign-in/with/sol")
    assert victim.get(back.replace("/openid/sol", "/openid/mar")).status_code == 409
    assert victim.get(back).status_code == 409, "a state that was brought to the wrong place is used up"


def test_a_statement_with_another_nonce_signs_nobody_in(ana: Client, sol: OpenIdProvider) -> None:
    link(ana, sol)
    sol.spoil = lambda claims: claims.update(nonce="another")
    other = elsewhere()
    page = other.get(leave(other, sol, "/sign-in/with/sol"))
    assert page.status_code == 422
    assert "What the other service said of you does not hold" in text_of(page)
    assert Session.objects.count() == 1


def test_a_person_who_says_no_there_comes_back_to_a_page_that_says_so(sol: OpenIdProvider) -> None:
    other = elsewhere()
    back = leave(other, sol, "/sign-in/with/sol")
    state = parse_qs(urlsplit(back).query)["state"][0]
    page = other.get(f"/openid/sol?error=access_denied&state={state}")
    assert page.status_code == 403
    assert heading(page) == "Sol ID sent you back without signing you in"
    assert other.get(back).status_code == 409


def test_a_link_is_decided_by_the_account_that_asked_for_it(ana: Client, sol: OpenIdProvider, world: World) -> None:
    answer = Client.get(ana, leave(ana, sol, "/settings/security/providers/sol"))
    path = where(answer)
    signed_in(ana, confirmed(world.rui))
    assert ana.get(path).status_code == 409, "another account at the same browser"
    assert ana.post(path, {"do": "link"}).status_code == 409
    stranger = elsewhere()
    assert where(stranger.get(path)).startswith("/sign-in")
    assert not Linked.objects.exists()


def test_what_was_not_linked_is_forgotten(ana: Client, sol: OpenIdProvider) -> None:
    answer = Client.get(ana, leave(ana, sol, "/settings/security/providers/sol"))
    path = where(answer)
    assert where(ana.post(path, {"do": "leave"})) == "/settings/security"
    assert ana.post(path, {"do": "link"}).status_code == 409
    assert not Linked.objects.exists()


def test_a_linked_sign_in_is_not_linked_twice_and_goes_unless_it_is_the_last_way_in(
    ana: Client, sol: OpenIdProvider, world: World
) -> None:
    link(ana, sol)
    row = Linked.objects.get()
    page = ana.post(f"/settings/security/elsewhere/{row.id}")
    assert page.status_code == 422
    assert "nobody could sign in to the account any more" in text_of(page)
    Account.objects.filter(id=world.ana.account).update(password=make_password("x"))
    Session.objects.update(confirmed_at=NOON)
    answer = Client.get(ana, leave(ana, sol, "/settings/security/providers/sol"))
    page = Client.post(ana, str(answer["Location"]), {"do": "link"})
    assert "leads to your account already" in text_of(page)
    assert where(ana.post(f"/settings/security/elsewhere/{row.id}")) == "/settings/security?done=unlinked"
    assert not Linked.objects.exists()


def test_ownership_is_taken_with_a_sign_in_elsewhere(world: World, sol: OpenIdProvider) -> None:
    bruno = open_customer(world, make_keys(world))[0]
    assert bruno.account is not None
    path = link_for(bruno.account, Purpose.OWNERSHIP)
    browser = elsewhere()
    assert "Take ownership with Sol ID" in text_of(browser.get(path))
    assert browser.post(path, {"do": "provider:sol"}).status_code == 422, "the partner was not decided on"
    back = leave(browser, sol, path, do="provider:sol", partner="confirm")
    secret = path.rpartition("/")[2]
    assert secret not in str(list(Challenge.objects.values()))
    assert where(browser.get(back)) == "/home"
    assert Account.objects.get(id=bruno.account).owned_at == NOON
    assert browser.get(path).status_code == 404
    other = elsewhere()
    assert where(other.get(leave(other, sol, "/sign-in/with/sol"))) == "/home"


def test_neither_nonce_nor_verifier_nor_state_is_kept(sol: OpenIdProvider) -> None:
    browser = elsewhere()
    page = browser.post("/sign-in/with/sol")
    asked: dict[str, Any] = parse_qs(urlsplit(str(page["Refresh"]).removeprefix("0; url=")).query)
    kept = str(list(Challenge.objects.values()))
    for name in ("state", "nonce", "code_challenge"):
        assert asked[name][0] not in kept
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", asked["nonce"][0])


def test_a_provider_that_is_not_in_the_settings_does_not_exist(sol: OpenIdProvider) -> None:
    assert elsewhere().post("/sign-in/with/lua").status_code == 404
    assert elsewhere().get("/openid/lua?code=x&state=y").status_code == 404


def test_without_providers_no_page_speaks_of_them(world: World, en: Client) -> None:
    assert "Sign in with" not in text_of(en.get("/sign-in")).replace("Sign in with a passkey", "")
    assert "Sign-ins elsewhere" not in text_of(signed_in(en, world.ana).get("/settings/security"))
