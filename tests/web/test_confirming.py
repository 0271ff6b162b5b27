"""The most dangerous acts ask once more who is there, and lose nothing of what was sent."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from chaveiro import wiring
from chaveiro.apps.identity.models import Account, Challenge, Session
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.models import Owed
from chaveiro.config.urls import urlpatterns as all_of_ours
from chaveiro.rules.actors import Actor
from chaveiro.rules.factors import mailed_code
from chaveiro.web.guards import signed_in as guarded
from chaveiro.web.step_up import stepped_up, stepped_up_to_post
from tests.authenticator import Authenticator
from tests.cast import NOON, World, means
from tests.web.conftest import signed_in, text_of, where
from tests.web.journey import heading

pytestmark = pytest.mark.django_db
PASSWORD = "broa de milho e manteiga"


@guarded
@stepped_up
def grave(request: Any) -> HttpResponse:
    return HttpResponse("done " + ",".join(request.POST.getlist("what")))


@guarded
@stepped_up_to_post
def looked_at(request: Any) -> HttpResponse:
    return HttpResponse(f"done {request.method}")


urlpatterns = [path("grave", grave), path("looked-at", looked_at), *all_of_ours]


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch, world: World) -> Any:
    """Ten minutes after signing in; a test moves it on."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def ana(world: World, en: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Ana's browser, ten minutes after she signed in."""
    Account.objects.filter(id=world.ana.account).update(password=make_password(PASSWORD))
    en.cookies["language"] = "en"
    browser = signed_in(en, world.ana)
    move(monkeypatch, 10)
    return browser


def move(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    def at() -> Any:
        now = means()
        return now.at(NOON + timedelta(minutes=minutes), now.day)

    monkeypatch.setattr(wiring, "means", at)
    monkeypatch.setattr(wiring, "now", lambda: at().now)


def capsule(page: Any) -> str:
    found = re.search(r'name="capsule" value="([^"]+)"', text_of(page))
    assert found
    return html.unescape(found[1])


def test_a_page_leads_to_the_confirmation_and_back(ana: Client) -> None:
    answer = ana.get("/grave?x=1")
    assert where(answer) == "/confirm-it-is-you?next=%2Fgrave%3Fx%3D1"
    page = ana.get(where(answer))
    assert heading(page) == "Confirm that it is you"
    answer = ana.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD, "next": "/grave?x=1"})
    assert where(answer) == "/grave?x=1"
    assert ana.get("/grave?x=1").content == b"done "
    assert Entry.objects.filter(tag="session:confirmed").count() == 1


def test_a_form_travels_through_the_confirmation_and_is_sent_by_a_button(ana: Client) -> None:
    page = ana.post("/grave?x=1", {"what": ["one", "tw<o"]})
    assert heading(page) == "Confirm that it is you"
    page = ana.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD, "capsule": capsule(page)})
    assert heading(page) == "Confirmed"
    target = re.search(r'action="([^"]*/grave[^"]*)"', text_of(page))
    assert target
    assert target[1].endswith("/grave?x=1")
    fields = re.findall(r'name="what" value="([^"]*)"', text_of(page))
    assert [html.unescape(field) for field in fields] == ["one", "tw<o"]
    assert ana.post("/grave?x=1", {"what": [html.unescape(field) for field in fields]}).content == b"done one,tw<o"


def test_a_wrong_password_confirms_nothing_and_keeps_the_form(ana: Client) -> None:
    page = ana.post("/grave", {"what": "one"})
    page = ana.post("/confirm-it-is-you", {"do": "password", "password": "wrong", "capsule": capsule(page)})
    assert page.status_code == 422
    assert capsule(page)
    assert where(ana.get("/grave")).startswith("/confirm-it-is-you")


def test_five_minutes_later_it_is_asked_again(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ana.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD})
    move(monkeypatch, 14.9)
    assert ana.get("/grave").status_code == 200
    move(monkeypatch, 15)
    assert ana.get("/grave").status_code == 303


def test_a_form_that_holds_a_key_is_not_carried_and_says_so(ana: Client) -> None:
    for form in ({"key-1": "x"}, {"keys": "x"}, {"password": "x"}, {"text": "ABCDE-FGHJK-MNPQR-STVWX-YZ012"}):
        page = ana.post("/grave", form)
        assert "so it was not kept" in text_of(page)
        assert "capsule" not in text_of(page)
        assert "STVWX" not in text_of(page)
    page = ana.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD, "lost": "1"})
    assert "Go back to the page, and send it once more." in text_of(page)


def test_a_capsule_of_another_session_or_one_that_was_changed_holds_nothing(
    ana: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = capsule(ana.post("/grave", {"what": "one"}))
    other = Client()
    move(monkeypatch, 0)
    Account.objects.filter(id=world.rui.account).update(password=make_password(PASSWORD))
    signed_in(other, world.rui)
    move(monkeypatch, 10)
    for browser, held in ((other, kept), (ana, kept[:-1] + ("A" if kept[-1] != "A" else "B"))):
        answer = browser.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD, "capsule": held})
        assert where(answer) == "/settings/security"


def test_a_page_that_may_be_looked_at_asks_only_for_what_is_sent(ana: Client) -> None:
    assert ana.get("/looked-at").content == b"done GET"
    assert heading(ana.post("/looked-at")) == "Confirm that it is you"


def test_a_stranger_is_led_to_sign_in_and_nothing_is_done(world: World) -> None:
    assert where(Client().get("/grave")).startswith("/sign-in")
    assert Client().post("/grave", {"what": "one"}).status_code == 403
    assert Client().post("/confirm-it-is-you", {"do": "password", "password": PASSWORD}).status_code == 403


def test_a_passkey_confirms(ana: Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    device = Authenticator(settings.BASE_URL)
    ana.post("/confirm-it-is-you", {"do": "password", "password": PASSWORD})
    asked = json.loads(ana.post("/settings/security/passkeys/options").content)
    ana.post("/settings/security/passkeys/new", {"credential": json.dumps(device.make(asked))})
    move(monkeypatch, 30)
    asked = json.loads(ana.post("/confirm-it-is-you/passkey").content)
    answer = ana.post(
        "/confirm-it-is-you", {"do": "passkey", "credential": json.dumps(device.show(asked)), "next": "/grave"}
    )
    assert where(answer) == "/grave"
    assert ana.get("/grave").status_code == 200


def bare(world: World, client: Client, actor: Actor) -> Client:
    """A browser signed in by a link, to an account that has neither password nor passkey."""
    client.cookies["language"] = "en"
    Account.objects.filter(id=actor.account).update(password="!")
    return signed_in(client, actor)


def sent_code() -> str:
    question = Challenge.objects.get(purpose="mailed_code")
    assert Owed.objects.get(kind="mailed_code").facts["question"] == str(question.id)
    return mailed_code(wiring.derived_secret("mailed codes"), question.id.bytes)


def test_who_has_only_a_mailbox_is_mailed_a_code(world: World, en: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = bare(world, en, world.ana)
    assert browser.get("/grave").status_code == 200, "the link was such a proof, a moment ago"
    move(monkeypatch, 10)
    assert browser.get("/grave").status_code == 303
    page = browser.post("/confirm-it-is-you", {"do": "mail", "next": "/grave"})
    assert "a…@example.test" in text_of(page)
    found = re.search(r'name="question" value="([^"]+)"', text_of(page))
    assert found
    told = {"do": "mailed", "question": found[1], "next": "/grave"}
    assert browser.post("/confirm-it-is-you", {**told, "code": "00000000"}).status_code == 422
    assert where(browser.post("/confirm-it-is-you", {**told, "code": sent_code()})) == "/grave"
    assert browser.get("/grave").status_code == 200


def test_a_mailed_code_opens_once_and_after_five_wrong_ones_not_at_all(
    world: World, en: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = bare(world, en, world.ana)
    move(monkeypatch, 10)
    page = browser.post("/confirm-it-is-you", {"do": "mail"})
    told = {"do": "mailed", "question": re.findall(r'name="question" value="([^"]+)"', text_of(page))[0]}
    right = sent_code()
    for _ in range(5):
        assert browser.post("/confirm-it-is-you", {**told, "code": "00000000"}).status_code == 422
    assert browser.post("/confirm-it-is-you", {**told, "code": right}).status_code == 422
    assert Session.objects.get().confirmed_at is None


def test_who_has_a_password_is_neither_mailed_a_code_nor_let_in_by_one(ana: Client, world: World) -> None:
    assert ana.post("/confirm-it-is-you", {"do": "mail"}).status_code == 422
    assert not Owed.objects.filter(kind="mailed_code").exists()
    assert ana.post("/confirm-it-is-you", {"do": "mailed", "code": "00000000", "question": "x"}).status_code == 422
    assert Session.objects.get().confirmed_at is None
