"""After the password, a second step; and who must have one is led to set one up before anything else."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.identity.actions import codes
from chaveiro.apps.identity.models import Account, OneTimeCodes, Session
from chaveiro.rules.actors import Actor
from chaveiro.rules.factors import step_of
from chaveiro.rules.tokens import Purpose
from tests.authenticator import Authenticator
from tests.cast import NOON, World, means
from tests.web.conftest import AtAccount, link_for, signed_in, text_of, where
from tests.web.journey import heading

pytestmark = pytest.mark.django_db
PASSWORD = "broa de milho e manteiga"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, world: World) -> Any:
    """The instant of every request; a test moves it on."""

    class Clock:
        seconds = 0

        def means(self) -> Any:
            now = means()
            return now.at(NOON + timedelta(seconds=self.seconds), now.day)

    found = Clock()
    monkeypatch.setattr(wiring, "means", found.means)
    monkeypatch.setattr(wiring, "now", lambda: found.means().now)
    return found


def login(actor: Actor, password: str = PASSWORD) -> dict[str, str]:
    row = Account.objects.get(id=actor.account)
    if password == PASSWORD:
        Account.objects.filter(id=actor.account).update(password=make_password(PASSWORD))
    return {"name": row.login_name, "password": password}


def shown(actor: Actor, clock: Any) -> str:
    row = OneTimeCodes.objects.get(account_id=actor.account)
    assert actor.account is not None
    seed = wiring.vault().open(bytes(row.sealed), codes._lending(actor.account))
    return wiring.authenticator_code(seed)(step_of(NOON + timedelta(seconds=clock.seconds)))


def set_up(actor: Actor, clock: Any) -> list[str]:
    kit = codes.Codes(wiring.vault(), wiring.authenticator_code, clock.means())
    codes.begin(actor=actor, codes=kit)
    made = codes.switch_on(actor=actor, typed=shown(actor, clock), codes=kit)
    clock.seconds += 60
    return [code.grouped() for code in made]


def question(page: Any) -> str:
    found = re.search(r'name="question" value="([^"]+)"', text_of(page))
    assert found
    return found[1]


def test_a_password_alone_signs_nobody_in_where_codes_are_on(world: World, en: Client, clock: Any) -> None:
    set_up(world.ana, clock)
    page = en.post("/sign-in", login(world.ana))
    assert heading(page) == "Second step"
    assert not Session.objects.exists()
    answer = en.post("/sign-in/code", {"question": question(page), "do": "code", "code": shown(world.ana, clock)})
    assert where(answer) == "/home"
    assert Session.objects.get().how == "password"


def test_a_wrong_code_is_told_at_its_field_and_a_recovery_code_does(world: World, en: Client, clock: Any) -> None:
    made = set_up(world.ana, clock)
    page = en.post("/sign-in", login(world.ana))
    asked = question(page)
    page = en.post("/sign-in/code", {"question": asked, "do": "code", "code": "000000"})
    assert page.status_code == 422
    assert "This code is wrong, too old, or was used before." in text_of(page)
    assert 'id="code-error"' in text_of(page)
    answer = en.post("/sign-in/code", {"question": asked, "do": "code", "code": made[0]})
    assert answer.status_code == 303


def test_the_tries_at_one_question_are_few_and_then_the_password_is_asked_again(
    world: World, en: Client, clock: Any
) -> None:
    set_up(world.ana, clock)
    asked = question(en.post("/sign-in", login(world.ana)))
    for _ in range(5):
        assert en.post("/sign-in/code", {"question": asked, "do": "code", "code": "000000"}).status_code == 422
    right = shown(world.ana, clock)
    assert en.post("/sign-in/code", {"question": asked, "do": "code", "code": right}).status_code == 409
    asked = question(en.post("/sign-in", login(world.ana)))
    assert en.post("/sign-in/code", {"question": asked, "do": "code", "code": right}).status_code == 303


def test_who_has_the_password_guesses_ten_codes_at_once_from_any_network_and_then_waits(
    world: World, clock: Any
) -> None:
    set_up(world.ana, clock)
    told = login(world.ana)
    statuses = []
    for network in range(12):
        browser = Client(REMOTE_ADDR=f"192.0.2.{network}")
        asked = question(browser.post("/sign-in", told))
        answer = browser.post("/sign-in/code", {"question": asked, "do": "code", "code": "000000"})
        statuses.append(answer.status_code)
    assert statuses == [422] * 10 + [429] * 2


def test_a_stranger_without_the_password_cannot_make_the_account_wait(world: World, en: Client, clock: Any) -> None:
    set_up(world.ana, clock)
    stranger = Client(REMOTE_ADDR="192.0.2.66")
    for _ in range(15):
        assert stranger.post("/sign-in", login(world.ana, "wrong wrong wrong")).status_code == 422
        answer = stranger.post("/sign-in/code", {"question": "x" * 43, "do": "code", "code": "000000"})
        assert answer.status_code == 409
    asked = question(en.post("/sign-in", login(world.ana)))
    answer = en.post("/sign-in/code", {"question": asked, "do": "code", "code": shown(world.ana, clock)})
    assert answer.status_code == 303


def test_the_question_of_one_browser_is_not_answered_by_another(
    world: World, en: Client, pt: Client, clock: Any
) -> None:
    set_up(world.ana, clock)
    asked = question(en.post("/sign-in", login(world.ana)))
    right = shown(world.ana, clock)
    assert pt.post("/sign-in/code", {"question": asked, "do": "code", "code": right}).status_code == 409
    assert en.post("/sign-in/code", {"question": asked, "do": "code", "code": right}).status_code == 303
    assert en.post("/sign-in/code", {"question": asked, "do": "code", "code": right}).status_code == 409


def test_the_page_can_be_read_in_the_other_language_and_then_answered(world: World, en: Client, clock: Any) -> None:
    set_up(world.ana, clock)
    page = en.post("/sign-in", login(world.ana))
    page = en.post("/sign-in/code", {"question": question(page), "switch_to": "pt-pt"})
    assert heading(page) == "Segundo passo"
    answer = en.post("/sign-in/code", {"question": question(page), "do": "code", "code": shown(world.ana, clock)})
    assert answer.status_code == 303


def test_a_link_asks_for_the_code_too(world: World, en: Client, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECOND_FACTOR_AFTER_LINKS", True)
    set_up(world.ana, clock)
    assert world.ana.account is not None
    path = link_for(world.ana.account, Purpose.SIGN_IN)
    page = en.post(path)
    assert heading(page) == "Second step"
    assert not Session.objects.exists()
    assert en.post(path).status_code == 404, "the link is used up"
    answer = en.post("/sign-in/code", {"question": question(page), "do": "code", "code": shown(world.ana, clock)})
    assert answer.status_code == 303
    assert Session.objects.get().how == "link"


def test_the_operator_is_led_to_a_second_factor_before_anything_else(world: World, en: Client, clock: Any) -> None:
    en.cookies["language"] = "en"
    answer = en.post("/sign-in", login(world.duarte))
    assert answer.status_code == 303
    at = str(answer["Location"]).removesuffix("/home")
    en.__class__ = AtAccount
    en.at = at  # type: ignore[attr-defined]
    for path in ("/home", "/settings", "/redeem"):
        assert where(en.get(path)) == "/settings/security/second-step"
    assert where(en.post("/settings/name", {"given_name": "X", "family_name": "Y"})) == "/settings/security/second-step"
    assert Account.objects.get(id=world.duarte.account).given_name == "Duarte", "a form of theirs is not acted upon"
    page = en.get("/settings/security/second-step")
    assert "so a password alone is not enough" in text_of(page)
    assert en.post("/settings/security/second-step", {"do": "begin"}).status_code == 303
    page = en.get("/settings/security/second-step")
    assert en.get("/settings/security/second-step/picture.svg")["Content-Type"] == "image/svg+xml"
    page = en.post("/settings/security/second-step", {"do": "on", "code": shown(world.duarte, clock)})
    assert heading(page) == "Your recovery codes"
    assert len(set(re.findall(r"<strong>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</strong>", text_of(page)))) == 10
    assert en.get("/home").status_code == 200
    assert en.get("/settings/security/second-step/picture.svg").status_code == 404


def test_a_partner_s_owner_is_led_to_one_and_its_sales_people_are_not(world: World, clock: Any) -> None:
    for actor, path in ((world.rui, "/settings/security/second-step"), (world.ana, None)):
        browser = Client()
        home = str(browser.post("/sign-in", login(actor))["Location"])
        answer = browser.get(home)
        assert (where(answer) if answer.status_code == 303 else None) == path


def test_links_of_a_demonstration_need_none(world: World, en: Client, clock: Any) -> None:
    assert signed_in(en, world.duarte).get("/home").status_code == 200


def test_links_need_one_elsewhere(world: World, en: Client, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "SECOND_FACTOR_AFTER_LINKS", True)
    assert where(signed_in(en, world.duarte).get("/home")) == "/settings/security/second-step"


def test_a_passkey_is_the_second_step_of_who_must_have_one(world: World, en: Client, clock: Any) -> None:
    device = Authenticator(settings.BASE_URL)
    signed_in(en, world.duarte)
    asked = json.loads(en.post("/settings/security/passkeys/options").content)
    answer = en.post("/settings/security/passkeys/new", {"credential": json.dumps(device.make(asked))})
    assert where(answer) == "/settings/security?done=passkey"
    other = Client()
    page = other.post("/sign-in", login(world.duarte))
    assert heading(page) in ("Second step", "Segundo passo")
    told = {"question": question(page)}
    asked = json.loads(other.post("/sign-in/code/passkey", told).content)
    answer = other.post("/sign-in/code", {**told, "do": "passkey", "credential": json.dumps(device.show(asked))})
    assert where(answer) == "/home"
    assert other.get(str(answer["Location"])).status_code == 200


def test_a_passkey_alone_signs_in_and_asks_for_nothing_else(world: World, en: Client, clock: Any) -> None:
    set_up(world.ana, clock)
    device = Authenticator(settings.BASE_URL)
    signed_in(en, world.ana)
    asked = json.loads(en.post("/settings/security/passkeys/options").content)
    assert where(en.get("/settings/security/passkeys/new")).startswith("/confirm-it-is-you")
    en.post("/confirm-it-is-you", {"do": "code", "code": shown(world.ana, clock)})
    en.post("/settings/security/passkeys/new", {"credential": json.dumps(device.make(asked)), "name": "My telephone"})
    other = Client()
    asked = json.loads(other.post("/sign-in/passkey/options").content)
    answer = other.post("/sign-in/passkey", {"credential": json.dumps(device.show(asked)), "next": "/settings"})
    assert where(answer) == "/settings"
    assert Session.objects.order_by("started_at", "id").last().how == "passkey"  # type: ignore[union-attr]


@pytest.mark.parametrize("credential", ["", "[]", "{}", "not json", "9" * 30_000, '{"id": 1000000000000}'])
def test_what_is_no_passkey_s_answer_is_told_on_the_page(world: World, en: Client, credential: str) -> None:
    page = en.post("/sign-in/passkey", {"credential": credential})
    assert page.status_code == 422
    assert "The passkey did not open this." in text_of(page)
