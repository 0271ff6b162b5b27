"""What a person changes of themselves; a new address counts once its mailbox was shown to be theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.test import Client

from chaveiro.apps.identity.models import Account, AddressChange, Challenge, Passkey, Session
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.console import effects
from chaveiro.console.letters import Desk
from chaveiro.rules.actors import Actor
from chaveiro.rules.outbox import Message
from chaveiro.rules.tokens import Purpose
from tests.authenticator import Authenticator
from tests.cast import NOON, World, make_keys, means, open_customer
from tests.web.conftest import ENGLISH, link_for, signed_in, text_of, where
from tests.web.journey import heading

pytestmark = pytest.mark.django_db


class Office:
    """Keeps what was posted."""

    def __init__(self) -> None:
        self.posted: list[Message] = []

    def post(self, message: Message) -> str:
        self.posted.append(message)
        return "250 taken"


@pytest.fixture
def bruno(world: World) -> Actor:
    actor = open_customer(world, make_keys(world))[0]
    Owed.objects.all().delete()
    return actor


@pytest.fixture
def his(bruno: Actor, en: Client) -> Client:
    """Bruno's browser; he has nothing but a mailbox yet, so the link just used is confirmation enough."""
    en.cookies["language"] = "en"
    return signed_in(en, bruno)


def post_all() -> list[Message]:
    """Carry out everything that is owed, as the worker does."""
    office = Office()
    desk = Desk(office, means, "http://localhost:8000", "Tagus Software", b"s" * 32)
    for number in Owed.objects.order_by("id").values_list("id", flat=True):
        effects.carry_out(desk, number)
    Owed.objects.update(relayed_at=NOON)
    return office.posted


def account(actor: Actor) -> Account:
    return Account.objects.get(id=actor.account)


def test_the_settings_show_what_is_and_lead_to_what_changes_it(his: Client) -> None:
    page = text_of(his.get("/settings"))
    for words in ("Bruno Costa", "bruno.costa@padariasol.example.test", "bruno@padariasol.example", "Lisbon"):
        assert words in page


def test_a_name_is_changed_and_a_broken_one_is_told_at_its_field(his: Client, bruno: Actor) -> None:
    assert his.post("/settings/name", {"given_name": " ", "family_name": "Costa"}).status_code == 422
    assert (
        where(his.post("/settings/name", {"given_name": "Brunó", "family_name": "Costa Lima"})) == "/settings?done=name"
    )
    assert (account(bruno).given_name, account(bruno).family_name) == ("Brunó", "Costa Lima")
    assert Entry.objects.filter(tag="person:changed").count() == 1


def test_language_and_time_zone_are_changed_and_the_page_follows(his: Client, bruno: Actor) -> None:
    for form in ({"account_language": "xx"}, {"time_zone": "Europe/Nowhere"}):
        assert his.post("/settings/language", form).status_code == 422
    answer = his.post("/settings/language", {"account_language": "pt-pt", "time_zone": "Atlantic/Azores"})
    assert answer.cookies["language"].value == "pt-pt"
    assert (account(bruno).language, account(bruno).time_zone) == ("pt-pt", "Atlantic/Azores")


def test_a_new_address_counts_once_its_link_is_followed_and_the_one_before_is_told(his: Client, bruno: Actor) -> None:
    assert where(his.post("/settings/email", {"address": "b@nova.example"})) == "/settings?done=posted"
    assert account(bruno).email == "bruno@padariasol.example"
    assert "b@nova.example" in text_of(his.get("/settings"))
    (letter,) = post_all()
    assert letter.to == "b@nova.example"
    path = next(word for word in letter.text.split() if "/address/" in word).removeprefix("http://localhost:8000")
    anybody = Client(headers=ENGLISH)
    for _ in range(2):
        assert "b@nova.example takes its place" in text_of(anybody.get(path))
    assert account(bruno).email == "bruno@padariasol.example", "looking changes nothing: mail scanners do it"
    assert heading(anybody.post(path)) == "Address confirmed"
    assert account(bruno).email == "b@nova.example"
    assert anybody.post(path).status_code == 404
    told = post_all()
    assert [letter.to for letter in told] == ["bruno@padariasol.example"]
    assert told[0].subject == "O endereço de e-mail da sua conta foi alterado – Tagus Software"


def test_an_older_link_confirms_no_newer_address(his: Client, bruno: Actor) -> None:
    his.post("/settings/email", {"address": "mine@nova.example"})
    (letter,) = post_all()
    path = next(word for word in letter.text.split() if "/address/" in word).removeprefix("http://localhost:8000")
    his.post("/settings/email", {"address": "ana@example.test"})
    post_all()
    assert Client().post(path).status_code == 404
    assert account(bruno).email == "bruno@padariasol.example"


def test_a_wish_that_is_forgotten_is_confirmed_by_nothing(his: Client, bruno: Actor) -> None:
    his.post("/settings/alternate-email", {"address": "b@casa.example"})
    (letter,) = post_all()
    path = next(word for word in letter.text.split() if "/address/" in word).removeprefix("http://localhost:8000")
    assert where(his.post("/settings/alternate-email", {"do": "drop"})) == "/settings"
    assert Client().get(path).status_code == 404
    assert AddressChange.objects.get().confirmed is False


def test_an_alternate_address_is_taken_away_without_a_letter_to_it(his: Client, bruno: Actor) -> None:
    Account.objects.filter(id=bruno.account).update(alternate_email="b@casa.example")
    assert where(his.post("/settings/alternate-email", {"address": ""})) == "/settings?done=address"
    assert account(bruno).alternate_email == ""
    assert [letter.to for letter in post_all()] == ["bruno@padariasol.example"]


@pytest.mark.parametrize(
    "typed", ["", "bruno", "b@", "@nova.example", "a b@nova.example", "b@nova.example\r\nBcc: x@y.example"]
)
def test_what_is_no_address_is_told_at_its_field(his: Client, bruno: Actor, typed: str) -> None:
    page = his.post("/settings/email", {"address": typed})
    assert page.status_code == 422
    assert "Enter an e-mail address, like name@example.com." in text_of(page)


def test_a_new_password_signs_everybody_else_out_and_is_told(his: Client, bruno: Actor) -> None:
    elsewhere = signed_in(Client(), bruno)
    good = "broa de milho e manteiga"
    assert his.post("/settings/security/password", {"password": "short", "again": "short"}).status_code == 422
    answer = his.post("/settings/security/password", {"password": good, "again": good})
    assert where(answer) == "/settings/security?done=password"
    assert check_password(good, account(bruno).password)
    assert his.get("/settings").status_code == 200
    assert where(elsewhere.get("/settings")).startswith("/sign-in")
    assert Session.objects.filter(ended_at=None).count() == 1
    (letter,) = post_all()
    assert letter.to == "bruno@padariasol.example"
    assert good not in letter.text


def test_passkeys_are_listed_named_and_removed(his: Client, bruno: Actor) -> None:
    Session.objects.update(confirmed_at=NOON)
    for _ in range(2):
        device = Authenticator(settings.BASE_URL)
        asked = json.loads(his.post("/settings/security/passkeys/options").content)
        his.post("/settings/security/passkeys/new", {"credential": json.dumps(device.make(asked)), "name": "Desk"})
    first, second = Passkey.objects.order_by("created_at", "id")
    his.post(f"/settings/security/passkeys/{first.id}", {"do": "rename", "name": "Telephone"})
    page = text_of(his.get("/settings/security"))
    assert "Telephone" in page
    assert "Desk" in page
    assert (
        where(his.post(f"/settings/security/passkeys/{first.id}", {"do": "remove"}))
        == "/settings/security?done=removed"
    )
    page = his.post(f"/settings/security/passkeys/{second.id}", {"do": "remove"})
    assert page.status_code == 422
    assert "nobody could sign in to the account any more" in text_of(page)


def test_another_s_passkey_is_absent(his: Client, world: World) -> None:
    device = Authenticator(settings.BASE_URL)
    asked = json.loads(his.post("/settings/security/passkeys/options").content)
    his.post("/settings/security/passkeys/new", {"credential": json.dumps(device.make(asked))})
    Session.objects.update(confirmed_at=NOON)
    path = f"/settings/security/passkeys/{Passkey.objects.get().id}"
    Account.objects.filter(id=world.ana.account).update(password="!")
    stranger = signed_in(Client(headers=ENGLISH), world.ana)
    for answer in (stranger.get(path), stranger.post(path, {"do": "remove"})):
        assert answer.status_code == 404
    assert Passkey.objects.count() == 1


def take_with(browser: Client, path: str, device: Authenticator, **form: Any) -> Any:
    asked = browser.post(f"{path}/passkey", form)
    if asked.status_code != 200:
        return asked
    credential = json.dumps(device.make(json.loads(asked.content)))
    return browser.post(path, {**form, "do": "passkey", "credential": credential})


def test_ownership_is_taken_with_a_passkey_and_it_opens_afterwards(bruno: Actor, en: Client) -> None:
    assert bruno.account is not None
    path, device = link_for(bruno.account, Purpose.OWNERSHIP), Authenticator(settings.BASE_URL)
    page = text_of(en.get(path))
    assert "With a passkey (recommended)" in page
    assert "One licence of each product that was opened is yours." in page
    assert take_with(en, path, device).status_code == 422, "the partner of record is decided on first"
    assert en.post(path, {"do": "passkey", "credential": ""}).status_code == 422
    assert where(take_with(en, path, device, partner="confirm")) == "/home"
    row = account(bruno)
    assert (row.owned_at, row.password) == (NOON, "!")
    assert Session.objects.get().how == "passkey"
    assert en.post(f"{path}/passkey").status_code == 404
    other = Client()
    asked = json.loads(other.post("/sign-in/passkey/options").content)
    assert where(other.post("/sign-in/passkey", {"credential": json.dumps(device.show(asked))})) == "/home"


def test_a_passkey_that_does_not_hold_leaves_the_link_good(bruno: Actor, en: Client) -> None:
    assert bruno.account is not None
    path = link_for(bruno.account, Purpose.OWNERSHIP)
    page = take_with(en, path, Authenticator("http://evil.example"), partner="decline")
    assert page.status_code == 422
    assert "The passkey did not open this." in text_of(page)
    assert where(take_with(en, path, Authenticator(settings.BASE_URL), partner="decline")) == "/home"


def test_the_mailed_code_is_in_its_letter_and_nowhere_in_the_rows(his: Client, bruno: Actor) -> None:
    his.post("/confirm-it-is-you", {"do": "mail"})
    (letter,) = post_all()
    code = next(word for word in letter.text.split() if len(word) == 8 and word.isdecimal())
    assert code not in str(list(Owed.objects.values()))
    assert code not in str(list(Challenge.objects.values()))
