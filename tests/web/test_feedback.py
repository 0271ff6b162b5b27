"""The question under each page: kept without a name, told further within an hour, read by the operator alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.cast import World, make_keys, open_customer
from tests.web.conftest import signed_in, text_of

COLUMNS = "page, language, useful, satisfaction, affected, text, quote"


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM feedback_answer ORDER BY id")
        return list(cursor.fetchall())


def say(browser: Client, useful: str = "no", page: str = "/help") -> str:
    """Answer the question under a page; the address of what follows."""
    answer = browser.post("/feedback", {"useful": useful, "page": page})
    assert answer.status_code == 303
    return str(answer["Location"])


def test_the_question_stands_under_a_page_in_both_languages(world: World, pt: Client, en: Client) -> None:
    assert "Estas informações foram úteis?" in text_of(pt.get("/help"))
    assert "Was this information useful?" in text_of(en.get("/help"))


def test_yes_is_kept_at_once_and_more_can_be_told_later(world: World, pt: Client) -> None:
    where = say(pt, "yes", "/redeem")
    assert rows() == [("redeem", "pt-pt", True, None, "[]", "", "")]
    assert "O que afetou a sua experiência?" in text_of(pt.get(where))
    told = {"satisfaction": "4", "affected-words": "yes", "quote": "Chave de produto", "text": "Bom, mas longo."}
    assert pt.post(where, told)["Location"].endswith("/feedback/thanks")
    assert rows() == [("redeem", "pt-pt", True, 4, '["words"]', "Bom, mas longo.", "Chave de produto")]


def test_it_is_told_once(world: World, en: Client) -> None:
    where = say(en)
    en.post(where, {"text": "first"})
    en.post(where, {"text": "second"})
    assert [row[5] for row in rows()] == ["first"]


def test_a_key_in_the_text_is_not_kept(world: World, en: Client) -> None:
    [key] = make_keys(world)
    en.post(say(en), {"text": f"My key {key} does not work", "quote": key})
    assert key not in str(rows())
    assert "does not work" in str(rows())


def test_a_page_is_told_by_its_pattern_never_by_a_secret(world: World, en: Client) -> None:
    where = say(en, page="/ownership/abcdefghijklmnopqrstuvwxyz234567")
    assert rows()[0][0] == "ownership/<secret>"
    assert "abcdefghijklmnopqrstuvwxyz234567" not in where
    assert "abcdefghijklmnopqrstuvwxyz234567" not in text_of(en.get(where))


@pytest.mark.parametrize("page", ["https://elsewhere.example/", "//elsewhere.example", "/no-such-page", ""])
def test_a_page_that_is_none_of_ours_leads_back_to_the_start(world: World, en: Client, page: str) -> None:
    found = text_of(en.get(say(en, page=page)))
    assert "elsewhere" not in found
    assert re.search(r'<a href="/">Go back to the page', found)


def test_a_text_that_is_too_long_is_told_at_its_field_and_kept_on_the_page(world: World, en: Client) -> None:
    where = say(en)
    answer = en.post(where, {"text": "x" * 2001, "satisfaction": "2"})
    assert answer.status_code == 422
    assert text_of(answer).count("The text is longer than 2,000 characters.") == 2
    assert "x" * 2001 in text_of(answer)
    assert rows()[0][3] is None


def test_what_is_not_among_the_choices_is_left_out(world: World, en: Client) -> None:
    en.post(say(en), {"satisfaction": "9", "affected-nonsense": "yes", "affected-slow": "yes"})
    assert rows()[0][3:5] == (None, '["slow"]')


def test_an_address_that_was_made_up_is_not_found(world: World, en: Client) -> None:
    assert en.get("/feedback/made-up").status_code == 404


def test_switching_the_language_keeps_what_was_typed(world: World, en: Client) -> None:
    answer = en.post(say(en), {"switch_to": "pt-pt", "text": "half a sen", "satisfaction": "3"})
    assert "Diga-nos mais sobre esta página" in text_of(answer)
    assert "half a sen" in text_of(answer)
    assert rows()[0][5] == ""


def test_nothing_names_who_was_signed_in(world: World, en: Client) -> None:
    browser = signed_in(en, world.ana)
    browser.post("/feedback", {"useful": "no", "page": "/home"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(feedback_answer)::text FROM feedback_answer")
        [(kept,)] = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM journal_entry WHERE tag LIKE 'feedback%'")
        assert cursor.fetchone() == (0,)
    assert str(world.ana.account) not in kept


def test_who_answers_too_often_waits(world: World, en: Client) -> None:
    answers = [en.post("/feedback", {"useful": "yes", "page": "/"}).status_code for _ in range(31)]
    assert answers[:30] == [303] * 30
    assert answers[30] == 429


def test_only_the_operator_reads_the_answers(world: World, en: Client, pt: Client) -> None:
    en.post(say(en), {"quote": "Select the box", "text": "Which box?"})
    desk = signed_in(pt, world.duarte)
    listed = text_of(desk.get("/desk/feedback"))
    assert "Select the box" in listed
    assert "Which box?" in listed
    assert "Select the box" not in text_of(desk.get("/desk/feedback?language=pt-pt"))
    assert "Select the box" in text_of(desk.get("/desk/feedback?useful=no&language=en&page=help&told=yes"))
    bruno, _outcome = open_customer(world, make_keys(world))
    for actor in (world.ana, bruno):
        assert signed_in(Client(), actor).get("/desk/feedback").status_code == 404


def test_the_list_goes_on_where_a_page_ended(world: World, en: Client, django_assert_max_num_queries: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO feedback_answer (id, at, page, language, version, useful, affected, text, quote)"
            " SELECT gen_random_uuid(), now(), 'help', 'en', '1', true, '[]', 'no. ' || n, ''"
            " FROM generate_series(1, 60) AS n"
        )
    desk = signed_in(en, world.duarte)
    with django_assert_max_num_queries(15):
        first = text_of(desk.get("/desk/feedback"))
    assert first.count("no. ") == 50
    following = re.search(r'href="(\?[^"]*after=[^"]*)"', first)
    assert following is not None
    assert text_of(desk.get("/desk/feedback" + following[1].replace("&amp;", "&"))).count("no. ") == 10
