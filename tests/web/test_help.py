"""Help: articles in both languages, a way to them from every page, and a person to ask."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from chaveiro.rules.actors import Kind
from chaveiro.web import health, signposts
from chaveiro.wording import articles
from tests.cast import World, make_keys, open_customer
from tests.web.conftest import signed_in, text_of

LANGUAGES = ("pt-pt", "en")
# Pages about help itself, and addresses that show no page: what they lead to is the index.
WITHOUT_ARTICLE = (
    "help",
    "feedback",
    "desk/feedback",
    "accessibility",
    "privacy",
    "status",
    "demo",
    "language",
    "theme",
    "sign-out",
)
FOR_PROGRAMS = ("api/", "livez", "readyz", "metrics", ".well-known")


def routes(patterns: Any = None, before: str = "") -> list[str]:
    found = []
    for each in patterns or get_resolver().url_patterns:
        if isinstance(each, URLResolver):
            found += routes(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            found.append(signposts.readable(before + str(each.pattern)))
    return found


def test_every_page_leads_to_an_article() -> None:
    pages = [route for route in routes() if not route.startswith((*FOR_PROGRAMS, *WITHOUT_ARTICLE))]
    assert len(pages) > 15
    assert [route for route in pages if not signposts.article_of(route, Kind.ANONYMOUS)] == []


def test_a_page_without_an_article_would_be_seen() -> None:
    assert signposts.article_of("brand-new/page") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_article_that_a_page_leads_to_exists(language: str) -> None:
    wanted = {*signposts.ARTICLES.values(), *signposts.HOMES.values()}
    assert wanted - set(articles.articles(language)) == set()


def test_both_languages_have_the_same_articles_with_the_same_steps() -> None:
    portuguese, english = articles.articles("pt-pt"), articles.articles("en")
    assert list(portuguese) == list(english)
    assert len(english) >= 12
    for slug, article in english.items():
        other = portuguese[slug]
        assert (other.group, other.order, other.reader) == (article.group, article.order, article.reader)
        assert [step.act for step in other.steps] == [step.act for step in article.steps], slug
        opened = [[step.what for step in each.steps if step.act == "open"] for each in (article, other)]
        assert opened[0] == opened[1], slug
        assert other.title != article.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_of_an_article_leads_to_a_page(language: str) -> None:
    for article in articles.articles(language).values():
        for href in re.findall(r'href="(/[^"#?]*)', article.html):
            get_resolver().resolve(href)
            if href.startswith("/help/") and href != "/help/ask":
                assert href.removeprefix("/help/") in articles.articles(language), f"{article.slug}: {href}"


def test_the_index_lists_every_article_and_each_can_be_read(world: World, pt: Client, en: Client) -> None:
    for browser, language in ((pt, "pt-pt"), (en, "en")):
        index = text_of(browser.get("/help"))
        for slug, article in articles.articles(language).items():
            if article.group != articles.UNLISTED:
                assert f'href="/help/{slug}"' in index
            found = browser.get(f"/help/{slug}")
            assert found.status_code == 200
            assert text_of(found).count("<h1") == 1
            assert article.title in text_of(found)


def test_an_article_that_is_not_there_is_not_found(world: World, pt: Client) -> None:
    assert pt.get("/help/no-such-article").status_code == 404


def test_a_search_finds_words_without_their_accents(world: World, pt: Client) -> None:
    found = text_of(pt.get("/help?q=sessao"))
    assert "Está" not in found.split("<h2")[1]
    assert "/help/several-accounts" in found.split("<section>")[0]


def test_a_search_that_finds_nothing_says_what_to_do(world: World, en: Client) -> None:
    assert "No article has all these words." in text_of(en.get("/help?q=zebra"))


def test_a_key_that_somebody_searches_for_is_not_shown_again(world: World, en: Client) -> None:
    [key] = make_keys(world)
    assert key not in text_of(en.get("/help", {"q": key}))


def test_links_of_an_article_stay_with_the_account(world: World, en: Client) -> None:
    browser = signed_in(en, world.ana)
    found = text_of(browser.get("/help/accessibility"))
    assert re.search(r'href="/a/[0-9a-f]{12}/help/ask"', found)


def test_courses_and_community_are_shown_where_they_are_set(world: World, en: Client, settings: Any) -> None:
    assert "Courses" not in text_of(en.get("/help"))
    settings.TRAINING_URL = "https://courses.example"
    assert 'href="https://courses.example"' in text_of(en.get("/help"))


# ── the state of the service ──


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ([], "Everything works."),
        (["mail_address_missing"], "Not everything works at the moment."),
        (["peppers_wrong", "walls_open"], "Not everything works at the moment."),
    ],
)
def test_the_state_is_told_without_naming_what_is_wrong(
    world: World, en: Client, monkeypatch: pytest.MonkeyPatch, reasons: list[str], words: str
) -> None:
    monkeypatch.setattr(health, "reasons_against", lambda: iter(reasons))
    answer = en.get("/status")
    assert answer.status_code == 200  # the page tells people; programs ask /readyz
    assert words in text_of(answer)
    assert not any(code in text_of(answer) for code in health.REASONS)


# ── asking a person ──


def asked() -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT receiver, customer_id, account_id, page, reference, request, email, message, language"
            " FROM feedback_helprequest ORDER BY id"
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def owed() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notices_owed WHERE kind = 'help_request'")
        return int(cursor.fetchone()[0])


def form_of(browser: Client, path: str = "/help/ask") -> dict[str, str]:
    page = text_of(browser.get(path))
    return dict(re.findall(r'<input type="hidden" name="(once|from|request)" value="([^"]*)"', page))


def test_a_stranger_asks_the_operator_and_sees_what_was_sent(world: World, pt: Client) -> None:
    form = form_of(pt, "/help/ask?from=/redeem/keys&request=0123456789abcdef0123")
    sent = {**form, "message": "A chave não passa.", "email": "carla@example.test", "reference": "R-7K2M-9Q4D"}
    page = text_of(pt.post("/help/ask", sent))
    assert "A pergunta foi enviada" in page
    for told in ("A chave não passa.", "carla@example.test", "R-7K2M-9Q4D", "/redeem/keys", "0123456789abcdef0123"):
        assert told in page
    [kept] = asked()
    assert (kept["receiver"], kept["email"], kept["language"]) == ("operator", "carla@example.test", "pt-pt")
    assert owed() == 1


def test_the_same_form_sent_twice_asks_once(world: World, en: Client) -> None:
    sent = {**form_of(en), "message": "Help"}
    first, second = (en.post("/help/ask", sent) for _ in range(2))
    assert "The question was sent" in text_of(first)
    assert "The question was sent" in text_of(second)
    assert len(asked()) == 1
    assert owed() == 1


def test_a_customer_may_ask_the_partner_or_the_operator(world: World, en: Client) -> None:
    bruno, _outcome = open_customer(world, make_keys(world))
    browser = signed_in(en, bruno)
    page = text_of(browser.get("/help/ask"))
    assert "Sol Informática, Lda., o seu parceiro" in page
    browser.post("/help/ask", {**form_of(browser), "message": "To the partner", "receiver": "partner"})
    browser.post("/help/ask", {**form_of(browser), "message": "To the vendor", "receiver": "operator"})
    assert [(row["receiver"], row["customer_id"]) for row in asked()] == [
        ("partner", bruno.customer),
        ("operator", bruno.customer),
    ]


def test_a_partner_asks_the_operator_whatever_the_form_says(world: World, en: Client) -> None:
    browser = signed_in(en, world.ana)
    browser.post("/help/ask", {**form_of(browser), "message": "Hello", "receiver": "partner"})
    assert [row["receiver"] for row in asked()] == ["operator"]


def test_a_question_without_words_is_told_and_the_rest_is_kept(world: World, en: Client) -> None:
    answer = en.post("/help/ask", {**form_of(en), "message": " ", "email": "nobody", "name": "Carla"})
    assert answer.status_code == 422
    page = text_of(answer)
    assert page.count("Write what you need help with.") == 2
    assert page.count("The e-mail address for the answer is not complete.") == 2
    assert 'value="Carla"' in page
    assert asked() == []


def test_a_key_in_a_question_is_not_passed_on(world: World, en: Client) -> None:
    [key] = make_keys(world)
    page = text_of(en.post("/help/ask", {**form_of(en), "message": f"{key} does not work"}))
    assert key not in page
    assert key not in asked()[0]["message"]


def test_a_form_that_was_open_for_a_day_is_told_and_can_be_sent_again(world: World, en: Client) -> None:
    answer = en.post("/help/ask", {"once": "stale", "message": "Help"})
    assert answer.status_code == 422
    assert "so nothing was sent" in text_of(answer)
    assert ">Help</textarea>" in text_of(answer)
    assert asked() == []


def test_who_asks_too_often_waits(world: World, en: Client) -> None:
    answers = [en.post("/help/ask", {**form_of(en), "message": str(number)}).status_code for number in range(6)]
    assert answers == [200] * 5 + [429]


def test_switching_the_language_keeps_what_was_typed(world: World, en: Client) -> None:
    answer = en.post("/help/ask", {**form_of(en), "message": "half a sen", "switch_to": "pt-pt"})
    assert "Em que precisa de ajuda?" in text_of(answer)
    assert "half a sen" in text_of(answer)
