"""Several accounts at one browser: each has its own addresses, tabs never mix, and strangers learn nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chaveiro import wiring
from chaveiro.apps.identity.actions import links
from chaveiro.apps.identity.actions.accounts import close_account
from chaveiro.apps.identity.models import Account, Session
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.models import Draft
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.sessions import prefix_of
from chaveiro.rules.tokens import Purpose
from tests.cast import NOON, World, make_keys, means, open_customer
from tests.web.conftest import ENGLISH, PORTUGUESE, link_for, text_of, where

PASSWORD = "broa de milho e manteiga"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def prefix(actor: Actor) -> str:
    assert actor.account is not None
    return prefix_of(actor.account)


def enter(browser: Client, *actors: Actor) -> Client:
    """The same browser, with these accounts signed in beside those that are."""
    for actor in actors:
        assert actor.account is not None
        assert browser.post(link_for(actor.account, Purpose.SIGN_IN))["Location"] == f"{prefix(actor)}/home"
    return browser


def with_password(actor: Actor, password: str = PASSWORD, **changes: str) -> str:
    """The actor's account gets a password; answers its name."""
    row = Account.objects.get(id=actor.account)
    row.password = make_password(password)
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()
    return row.login_name


def plain(page: Any) -> str:
    """A page without what differs from one request to the next."""
    text = re.sub(r'value="[A-Za-z0-9]{64}"', "", text_of(page))
    return re.sub(r'nonce="[^"]*"', "", text.replace(page["X-Request-Id"], ""))


# ── tabs ──


def test_two_accounts_have_two_homes_in_two_tabs(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    enter(pt, world.ana, bruno)
    assert "Sol Informática, Lda." in text_of(pt.get(f"{prefix(world.ana)}/home"))
    assert "Padaria Sol, Lda." in text_of(pt.get(f"{prefix(bruno)}/home"))


def test_a_form_acts_as_the_account_whose_page_it_was_on_whoever_signed_in_since(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    browser = Client(enforce_csrf_checks=True, headers=PORTUGUESE)
    _enter_with_forms(browser, bruno)
    page = text_of(browser.get(f"{prefix(bruno)}/settings/sessions"))
    elsewhere = enter(Client(), bruno)
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    _enter_with_forms(browser, world.ana)
    answer = browser.post(f"{prefix(bruno)}/settings/sessions", {"end": "others", "csrfmiddlewaretoken": token})
    assert answer["Location"] == f"{prefix(bruno)}/settings/sessions"
    assert elsewhere.get(f"{prefix(bruno)}/settings/sessions").status_code == 303, "Bruno ended his other sessions"
    assert browser.get(f"{prefix(world.ana)}/settings/sessions").status_code == 200, "and none of Ana's"


def _enter_with_forms(browser: Client, actor: Actor) -> None:
    assert actor.account is not None
    path = link_for(actor.account, Purpose.SIGN_IN)
    token = text_of(browser.get(path)).partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert browser.post(path, {"csrfmiddlewaretoken": token}).status_code == 303


def test_a_form_of_an_account_that_left_acts_as_nobody_and_is_told_back(world: World, pt: Client) -> None:
    enter(pt, world.ana, world.duarte)
    pt.post(f"{prefix(world.ana)}/sign-out")
    typed = {"end": "others", "note": "<b>uma nota</b>"}
    page = pt.post(f"{prefix(world.ana)}/settings/sessions", typed)
    assert page.status_code == 403
    assert "Esta conta já não tem sessão iniciada neste navegador" in text_of(page)
    assert f'action="{prefix(world.ana)}/settings/sessions"' in text_of(page)
    assert 'name="note" value="&lt;b&gt;uma nota&lt;/b&gt;"' in text_of(page)
    assert Session.objects.filter(ended_at=None).count() == 1, "Duarte's session stands"


def test_a_form_that_anybody_may_send_is_not_taken_from_the_page_of_an_account_that_left(
    world: World, pt: Client
) -> None:
    enter(pt, world.ana)
    pt.post(f"{prefix(world.ana)}/sign-out")
    assert pt.post(f"{prefix(world.ana)}/redeem").status_code == 403
    assert not Draft.objects.exists(), "what Ana began would have gone on as nobody's"
    assert pt.post(f"{prefix(world.ana)}/language", {"switch_to": "en", "next": "/redeem"})["Location"] == "/redeem"


@pytest.mark.parametrize("name", ["password", "again", "key", "many", "code"])
def test_secrets_of_a_form_that_came_too_late_are_not_told_back(world: World, pt: Client, name: str) -> None:
    enter(pt, world.ana)
    pt.post(f"{prefix(world.ana)}/sign-out")
    page = text_of(pt.post(f"{prefix(world.ana)}/redeem", {name: "segredo a sete", "do": "next"}))
    assert "segredo a sete" not in page
    assert "Enviar de novo" not in page, "half a form is not sent again"


def test_a_key_in_any_field_is_not_told_back(world: World, pt: Client) -> None:
    enter(pt, world.ana)
    pt.post(f"{prefix(world.ana)}/sign-out")
    key = make_keys(world)[0]
    assert key not in text_of(pt.post(f"{prefix(world.ana)}/redeem", {"note": f"a chave {key}"}))


def test_a_form_that_came_too_late_still_needs_its_token(world: World) -> None:
    browser = Client(enforce_csrf_checks=True, headers=PORTUGUESE)
    page = browser.post(f"{prefix(world.ana)}/redeem", {"note": "de outro sítio"})
    assert page.status_code == 403
    assert "de outro sítio" not in text_of(page), "a form of somebody else's site is not offered to be sent again"


def test_an_address_without_account_is_nobodys_whoever_is_signed_in(world: World, pt: Client) -> None:
    enter(pt, world.ana)
    assert pt.post("/settings/sessions", {"end": "others"}).status_code == 403
    assert 'href="/sign-in"' not in text_of(pt.get("/")), "the header leads to the accounts instead"
    assert 'href="/accounts"' in text_of(pt.get("/"))
    assert "Ana Silva" not in text_of(pt.get("/"))


def test_programs_and_files_have_no_address_under_an_account(world: World, pt: Client) -> None:
    enter(pt, world.ana)
    for path in ("/livez", "/api/v1/openapi.json", "/.well-known/jwks.json", "/static/chaveiro/sheet.css"):
        answers = pt.get(path), pt.get(prefix(world.ana) + path)
        assert [answer.status_code for answer in answers] == [200, 404]
        answers[0].close()


# ── being led in ──


def test_a_page_of_the_signed_in_leads_to_the_only_account(world: World, pt: Client) -> None:
    enter(pt, world.ana)
    assert pt.get("/home?page=2")["Location"] == f"{prefix(world.ana)}/home?page=2"


def test_a_page_of_the_signed_in_asks_which_of_several_accounts(world: World, pt: Client) -> None:
    enter(pt, world.ana, world.duarte)
    answer = pt.get("/settings/sessions")
    assert answer["Location"] == "/accounts?next=%2Fsettings%2Fsessions"
    page = text_of(pt.get(answer["Location"]))
    assert "Selecione uma conta" in page
    for actor in (world.ana, world.duarte):
        assert f'href="{prefix(actor)}/settings/sessions"' in page


def test_a_stranger_is_led_to_sign_in_and_then_on(world: World, pt: Client) -> None:
    name = with_password(world.ana)
    answer = pt.get("/settings/sessions")
    assert answer["Location"] == "/sign-in?next=%2Fsettings%2Fsessions"
    assert 'name="next" value="/settings/sessions"' in text_of(pt.get(answer["Location"]))
    answer = pt.post("/sign-in", {"name": name, "password": PASSWORD, "next": "/settings/sessions"})
    assert answer["Location"] == f"{prefix(world.ana)}/settings/sessions"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "home", "/a\nb"])
def test_signing_in_leads_to_pages_of_ours_only(world: World, pt: Client, wanted: str) -> None:
    name = with_password(world.ana)
    answer = pt.post("/sign-in", {"name": name, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == f"{prefix(world.ana)}/home"


def test_a_page_wanted_for_one_account_is_not_shown_to_another(world: World, pt: Client) -> None:
    name = with_password(world.ana)
    wanted = f"{prefix(world.duarte)}/settings/sessions"
    answer = pt.post("/sign-in", {"name": name, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == f"{prefix(world.ana)}/home"
    again = pt.post("/sign-in", {"name": name, "password": PASSWORD, "next": f"{prefix(world.ana)}/settings/sessions"})
    assert again["Location"] == f"{prefix(world.ana)}/settings/sessions"


def test_an_account_that_is_not_here_and_one_that_never_was_answer_alike(world: World, pt: Client, en: Client) -> None:
    enter(en, world.duarte)
    for browser in (pt, en):
        answers = []
        for tag in (prefix(world.ana), "/a/0123456789ab"):
            with CaptureQueriesContext(connection) as asked:
                page = browser.get(f"{tag}/receipts/R-0000-0000")
            body = (page.status_code, page["Location"].replace(tag.replace("/", "%2F"), ""), page.content)
            answers.append((*body, len(asked)))
        assert answers[0] == answers[1]
        assert answers[0][1] == "/sign-in?next=%2Freceipts%2FR-0000-0000"


def test_a_foreign_page_and_one_that_does_not_exist_are_the_same_bytes(world: World, pt: Client) -> None:
    _, outcome = open_customer(world, make_keys(world))
    enter(pt, world.rui)
    pages = [pt.get(f"{prefix(world.rui)}/receipts/{one}") for one in (outcome.reference, "R-0000-0000")]
    assert [page.status_code for page in pages] == [404, 404]
    bodies = {
        plain(page).replace(one.lower(), "").replace(one, "")
        for page, one in zip(pages, (outcome.reference, "R-0000-0000"), strict=True)
    }
    assert len(bodies) == 1


# ── the choice ──


def test_the_choice_shows_who_is_here_and_greys_whose_session_ended(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(pt, world.ana)
    monkeypatch.setattr(wiring, "now", lambda: NOON + timedelta(hours=13))
    enter_later = links.make(
        actor=SYSTEM,
        account=world.duarte.account,
        purpose=Purpose.SIGN_IN,
        means=means(),
        expires_at=NOON + timedelta(days=1),
    ).path
    later = means().at(NOON + timedelta(hours=13), means().day)
    monkeypatch.setattr(wiring, "means", lambda: later)
    assert pt.post(enter_later).status_code == 303
    page = text_of(pt.get("/accounts"))
    ended, _, rest = page.partition('<li class="ended">')[2].partition("</li>")
    assert "Ana Silva: iniciar sessão de novo" in ended
    assert "Sol Informática, Lda., parceiro" in ended
    assert "ana@example.test" in ended
    assert f'href="{prefix(world.duarte)}/home"' in rest
    name = Account.objects.get(id=world.ana.account).login_name
    tag = prefix(world.ana).removeprefix("/a/")
    assert f'value="{name}"' in text_of(pt.get(f"/sign-in?as={tag}")), "the name stands in the form, not in the address"
    pt.post("/accounts", {"out": tag})
    assert "Ana Silva" not in text_of(pt.get("/accounts"))
    assert pt.get(f"{prefix(world.duarte)}/settings/sessions").status_code == 200


def test_signing_one_out_leaves_the_others_and_signing_all_out_forgets_the_browser(world: World, pt: Client) -> None:
    enter(pt, world.ana, world.duarte, world.dalila)
    assert pt.post(f"{prefix(world.duarte)}/sign-out")["Location"] == "/accounts"
    page = text_of(pt.get("/accounts"))
    assert ("Duarte" in page, "Ana" in page, "Dalila" in page) == (False, True, True)
    assert pt.post("/accounts", {"out": "all"})["Location"] == "/"
    assert pt.cookies["session"].value == ""
    assert "Ninguém tem sessão iniciada neste navegador" in text_of(pt.get("/accounts"))
    assert Session.objects.filter(ended_at=None).count() == 0


def test_a_name_for_signing_in_again_is_told_only_to_the_browser_that_had_it(world: World, pt: Client) -> None:
    tag = prefix(world.ana).removeprefix("/a/")
    assert pt.get(f"/sign-in?as={tag}").content.count(b"example.test") == 0


def test_the_header_lists_the_accounts_and_marks_the_one_of_the_page(world: World, pt: Client) -> None:
    enter(pt, world.ana, world.duarte)
    with CaptureQueriesContext(connection) as asked:
        page = text_of(pt.get(f"{prefix(world.ana)}/settings/sessions"))
    menu = page.partition('<details class="menu">')[2].partition("</details>")[0]
    assert f'href="{prefix(world.ana)}/home" aria-current="true"' in menu
    assert f'href="{prefix(world.duarte)}/home"' in menu
    assert "Iniciar sessão com outra conta" in menu
    assert sum("customers_at_browser" in each["sql"] for each in asked.captured_queries) == 1
    assert len([each for each in asked.captured_queries if each["sql"].startswith("SELECT")]) <= 4


def test_a_receipt_of_another_account_of_mine_says_whose_it_is(world: World, pt: Client, en: Client) -> None:
    _, outcome = open_customer(world, make_keys(world))
    enter(pt, world.rui, world.ana)
    page = text_of(pt.get(f"{prefix(world.rui)}/receipts/{outcome.reference}"))
    assert "Esta página pertence a outra das suas contas: Ana Silva, Sol Informática, Lda." in page
    assert f'href="{prefix(world.ana)}/receipts/{outcome.reference}"' in page
    enter(en, world.rui, world.dalila)
    page = text_of(en.get(f"{prefix(world.rui)}/receipts/{outcome.reference}"))
    assert "Dalila" in page, "who is in the menu of the page"
    assert "outra das suas contas" not in page


# ── an end ──


def test_a_session_that_is_ended_elsewhere_ends_with_the_next_request(world: World, pt: Client, en: Client) -> None:
    enter(pt, world.ana)
    enter(en, world.ana)
    page = text_of(pt.get(f"{prefix(world.ana)}/settings/sessions"))
    assert page.count('name="end"') == 2, "the other one, and all others"
    session = page.partition('name="end" value="')[2].partition('"')[0]
    pt.post(f"{prefix(world.ana)}/settings/sessions", {"end": session})
    assert en.get(f"{prefix(world.ana)}/settings/sessions")["Location"].startswith("/sign-in?next=")
    assert pt.get(f"{prefix(world.ana)}/settings/sessions").status_code == 200
    assert "Iniciar sessão de novo" in text_of(pt.post("/settings/sessions"))


def test_the_sessions_page_tells_browser_system_network_and_how(world: World) -> None:
    browser = enter(Client(headers={**PORTUGUESE, "User-Agent": FIREFOX}, REMOTE_ADDR="203.0.113.77"), world.ana)
    page = text_of(browser.get(f"{prefix(world.ana)}/settings/sessions"))
    assert "Firefox em Linux" in page
    assert "203.0.113.0/24" in page
    assert "203.0.113.77" not in page
    assert "Sessão iniciada por uma ligação" in page


def test_nobody_ends_the_session_of_another_account(world: World, pt: Client, en: Client) -> None:
    enter(pt, world.ana)
    enter(en, world.duarte)
    session = str(Session.objects.get(account_id=world.ana.account).id)
    for end in (session, "not an id"):
        assert where(en.post(f"{prefix(world.duarte)}/settings/sessions", {"end": end})) == "/settings/sessions"
    assert pt.get(f"{prefix(world.ana)}/settings/sessions").status_code == 200


def test_a_closed_account_is_signed_out_with_the_next_request_and_leaves_the_choice(world: World, pt: Client) -> None:
    enter(pt, world.ana, world.dalila)
    assert world.ana.account is not None
    close_account(actor=world.duarte, account=world.ana.account, now=NOON)
    assert pt.get(f"{prefix(world.ana)}/settings/sessions")["Location"].startswith("/sign-in?next=")
    assert "Ana Silva" not in text_of(pt.get("/accounts"))


def test_the_secret_of_the_browser_changes_with_each_sign_in_and_cannot_be_planted(world: World, pt: Client) -> None:
    thief = enter(Client(), world.rui)
    pt.cookies["session"] = thief.cookies["session"].value
    enter(pt, world.ana)
    assert thief.get(f"{prefix(world.ana)}/settings/sessions").status_code == 303
    assert "Ana" not in text_of(thief.get("/accounts"))
    cookie = pt.cookies["session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert not Session.objects.filter(browser=cookie.value.encode()).exists(), "the digest is kept, not the secret"


# ── signing in ──


def test_an_address_of_several_accounts_signs_in_those_whose_password_it_is(world: World, pt: Client) -> None:
    for actor in (world.ana, world.rui):
        with_password(actor, email="ana@example.test")
    with_password(world.dalila, "outra palavra-passe dela", email="ana@example.test")
    answer = pt.post("/sign-in", {"name": "ana@example.test", "password": PASSWORD})
    assert answer["Location"] == "/accounts"
    page = text_of(pt.get("/accounts"))
    assert ("Ana" in page, "Rui" in page, "Dalila" in page) == (True, True, False)


def test_who_is_unknown_and_what_is_wrong_are_the_same_bytes_and_the_same_work(world: World) -> None:
    name = with_password(world.ana)
    answers = []
    for typed in ({"name": name}, {"name": "nobody@example.test"}, {"name": "duarte@example.test"}):
        browser = Client(headers=ENGLISH)
        with CaptureQueriesContext(connection) as asked:
            page = browser.post("/sign-in", {**typed, "password": "x"})
        answers.append((page.status_code, plain(page).replace(typed["name"], ""), len(asked)))
    assert answers[0][0] == 422
    assert answers[0] == answers[1] == answers[2]


def test_a_forgotten_password_answers_alike_whatever_was_typed(world: World) -> None:
    with_password(world.ana)
    answers = []
    for typed in ("ana@example.test", "nobody@example.test"):
        with CaptureQueriesContext(connection) as asked:
            page = Client(headers=PORTUGUESE).post("/sign-in/forgotten", {"name": typed})
        answers.append((page.status_code, plain(page), len(asked)))
    assert answers[0] == answers[1]
    assert "Veja a sua caixa de correio" in answers[0][1]
    assert Owed.objects.filter(kind="reset").count() == 2
    assert Client(headers=PORTUGUESE).post("/sign-in/forgotten", {"name": " "}).status_code == 422


def test_a_new_password_by_link_signs_out_everywhere_and_signs_in_nowhere(world: World, pt: Client, en: Client) -> None:
    enter(en, world.ana)
    assert world.ana.account is not None
    path = link_for(world.ana.account, Purpose.RESET)
    assert "Escolher uma palavra-passe nova" in text_of(pt.get(path))
    short = pt.post(path, {"password": "curta", "again": "curta"})
    assert short.status_code == 422
    page = pt.post(path, {"password": PASSWORD, "again": PASSWORD})
    assert "A palavra-passe foi mudada" in text_of(page)
    assert PASSWORD not in text_of(page)
    assert en.get(f"{prefix(world.ana)}/settings/sessions")["Location"].startswith("/sign-in?next=")
    assert pt.get(path).status_code == 404
    name = Account.objects.get(id=world.ana.account).login_name
    answer = pt.post("/sign-in", {"name": name, "password": PASSWORD})
    assert answer["Location"] == f"{prefix(world.ana)}/home"


def test_whoever_guesses_from_one_place_does_not_keep_the_owner_out(world: World, pt: Client, en: Client) -> None:
    name = with_password(world.ana)
    for _ in range(25):
        page = pt.post("/sign-in", {"name": name, "password": "x"}, REMOTE_ADDR="203.0.113.9")
    assert page.status_code == 429
    assert en.post("/sign-in", {"name": name, "password": PASSWORD}, REMOTE_ADDR="198.51.100.4").status_code == 303


@pytest.mark.parametrize(("language", "title"), [(PORTUGUESE, "Iniciar sessão"), (ENGLISH, "Sign in")])
def test_the_page_of_signing_in_is_whole_in_both_languages_without_script(
    world: World, language: dict[str, str], title: str
) -> None:
    page = text_of(Client(headers=language).get("/sign-in"))
    assert f"<h1>{title}</h1>" in page
    form = page.partition('<form id="journey"')[2].partition("</form>")[0]
    assert 'type="submit"' in form
    assert 'autocomplete="current-password"' in form


def test_another_language_keeps_the_name_and_where_one_wanted_to_go(world: World, pt: Client) -> None:
    sent = {"name": "ana@example.test", "password": PASSWORD, "next": "/home?x=1", "switch_to": "en"}
    page = text_of(pt.post("/sign-in", sent))
    assert "<h1>Sign in</h1>" in page
    assert 'value="ana@example.test"' in page
    assert 'name="next" value="/home?x=1"' in page
    assert PASSWORD not in page
