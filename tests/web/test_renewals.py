"""The renewals list at the desk and for a partner: buckets, filters in the address, pages, file and pictures."""

from __future__ import annotations

import csv
import re
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.delegation.actions import choose_partner_of_record
from chaveiro.rules import identifiers
from chaveiro.web import renewals
from chaveiro.web.charts import HEIGHT, WIDTH, panel
from chaveiro.web.renewal_charts import columns
from tests.apps.test_renewals import ends, spread
from tests.cast import DAY, World, make_keys, means, open_customer
from tests.web.conftest import signed_in, text_of
from tests.web.desk import at_desk

pytestmark = pytest.mark.django_db


def listed(page: str) -> list[str]:
    """The subscriptions of the table, in its order."""
    return re.findall(r"/subscriptions/(sub_\w+)\">", page)


def public(subscription: Any) -> str:
    return identifiers.write("subscription", subscription)


def whole(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def test_the_desk_lists_what_asks_for_an_act_and_each_bucket_leads_to_its_own(world: World) -> None:
    made, browser = spread(world), at_desk(world.duarte)
    page = text_of(browser.get("/desk/renewals"))
    assert listed(page) == [public(made[name]) for name in ("retained", "grace", "1", "7", "30", "60")]
    for name in ("60", "30", "7", "1", "grace", "retained"):
        assert f"/desk/renewals?bucket={name}" in page
        assert listed(text_of(browser.get(f"/desk/renewals?bucket={name}"))) == [public(made[name])]
    assert listed(text_of(browser.get("/desk/renewals?bucket=later"))) == [public(made["later"])]
    assert listed(text_of(browser.get("/desk/renewals?bucket=nonsense"))) == listed(page)


def test_the_pages_go_on_with_their_filters(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spread(world, ["60", "30", "7"])
    monkeypatch.setattr(renewals, "ROWS", 2)
    browser = at_desk(world.duarte)
    first = text_of(browser.get("/desk/renewals?country=PT&sort=seats"))
    more = re.search(r'href="(\?[^"]+)" rel="next"', first)
    assert more is not None
    second = text_of(browser.get("/desk/renewals" + more[1].replace("&amp;", "&")))
    assert len(listed(first)) == 2
    assert len(listed(second)) == 1
    assert not {*listed(first)} & {*listed(second)}
    assert 'value="PT" selected' in second


def test_an_unknown_partner_s_number_is_told_at_its_field(world: World) -> None:
    spread(world, ["30"])
    page = text_of(at_desk(world.duarte).get("/desk/renewals?partner=9999999"))
    assert 'href="#partner"' in page
    assert listed(page) == []


def test_a_partner_lists_its_own_and_extends_from_there_once_it_is_of_record(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    own = outcome.effects[0].subscription
    ends(own, 20)
    client = signed_in(pt, world.ana)
    page = text_of(client.get("/renewals"))
    assert public(own) in page
    assert not re.search(r"sub_\w+/renew", page)
    choose_partner_of_record(actor=bruno, registration_number="1234567", means=means())
    assert f"/subscriptions/{public(own)}/renew" in text_of(client.get("/renewals"))
    assert 'name="partner"' not in page
    assert listed(text_of(signed_in(Client(), world.rui).get("/renewals"))) == []


def test_nobody_else_has_the_list(world: World) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    for actor, paths in (
        (bruno, ("/renewals", "/renewals.csv", "/desk/renewals", "/charts/renewals.csv", "/charts/redemptions.csv")),
        (world.ana, ("/desk/renewals", "/desk/renewals.csv")),
    ):
        client = signed_in(Client(), actor)
        for path in paths:
            assert client.get(path).status_code == 404, path


def test_the_file_has_every_row_of_the_list_whatever_the_portions(
    world: World, monkeypatch: pytest.MonkeyPatch, en: Client
) -> None:
    made = spread(world)
    monkeypatch.setattr(renewals.queries, "PORTION_AT_MOST", 2)
    client = signed_in(en, world.ana)
    client.post("/language", {"switch_to": "en", "next": "/"})
    answer = client.get("/renewals.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(StringIO(whole(answer).removeprefix("\ufeff"))))
    assert [row["Subscription identifier"] for row in rows] == [
        public(made[name]) for name in ("retained", "grace", "1", "7", "30", "60")
    ]
    assert [row["Days to the end"] for row in rows] == ["-30", "-3", "1", "7", "8", "45"]


def test_a_customer_s_name_in_the_file_is_never_a_formula(world: World) -> None:
    made = spread(world, ["30"])
    from tests.apps.house_of_cards import do

    do(
        "UPDATE customers_customer SET name = '=1+1' WHERE id ="
        " (SELECT customer_id FROM subscriptions_subscription WHERE id = %s)",
        made["30"],
    )
    text = whole(at_desk(world.duarte).get("/desk/renewals.csv"))
    assert "'=1+1" in text


def test_the_pictures_are_told_in_words_in_a_table_and_in_a_file(world: World) -> None:
    spread(world, ["60", "30"])
    browser = at_desk(world.duarte)
    home = text_of(browser.get("/home"))
    assert "2 subscrições terminam de novembro de 2026 a novembro de 2027" in home
    assert "2 resgates desde" in home
    assert home.count("<svg") >= 3
    table = re.findall(r'<th scope="row">([^<]+)</th><td class="figure">(\d+)</td><td class="figure">(\d+)</td>', home)
    assert ("janeiro de 2027", "1", "5") in table
    months = text_of(browser.get("/charts/renewals.csv"))
    assert "janeiro de 2027;1;5" in months
    assert "novembro de 2026;2;0" in text_of(browser.get("/charts/redemptions.csv?by=month"))


def test_redemptions_are_shown_by_day_week_or_month_as_the_address_says(world: World) -> None:
    open_customer(world, make_keys(world))
    browser = at_desk(world.duarte)
    assert "22 de novembro de 2026</th>" in text_of(browser.get("/home"))
    assert "16 de novembro de 2026</th>" in text_of(browser.get("/home?by=week"))
    assert "novembro de 2026</th>" in text_of(browser.get("/home?by=month"))
    assert browser.get("/home?by=nonsense").status_code == 200


def test_without_anything_the_picture_says_so_and_draws_nothing(world: World) -> None:
    page = text_of(at_desk(world.duarte).get("/desk/renewals"))
    assert "Nenhuma subscrição termina de novembro de 2026 a novembro de 2027." in page
    assert "preserveAspectRatio" not in page


@pytest.mark.parametrize(
    ("step", "count", "first"), [("day", 30, (10, 24)), ("week", 26, (5, 25)), ("month", 13, (11, 1))]
)
def test_the_columns_end_with_the_one_that_has_today_in_it(step: str, count: int, first: tuple[int, int]) -> None:
    begins = columns(step, DAY)
    assert len(begins) == count
    assert begins == sorted(begins)
    assert begins[-1] <= DAY
    assert (begins[0].month, begins[0].day) == first


def test_columns_stay_within_the_picture_and_the_highest_fills_it() -> None:
    drawn = panel("x", [0, 1, 1000, 500], ["a", "b", "c", "d"], [0, 1, 0, 250])
    assert [bar.height for bar in drawn.bars] == [3, HEIGHT, HEIGHT // 2]
    assert [bar.part for bar in drawn.bars] == [3, 0, HEIGHT // 4]
    assert all(bar.y + bar.height == HEIGHT and bar.x + bar.width <= WIDTH for bar in drawn.bars)
    assert (drawn.highest, drawn.highest_at, drawn.total) == (1000, "c", 1501)
    assert panel("x", [0, 0], ["a", "b"]).bars == ()


def test_the_list_takes_few_statements_however_long_it_is(world: World, django_assert_max_num_queries: Any) -> None:
    spread(world)
    browser = at_desk(world.duarte)
    for path in ("/desk/renewals", "/home"):
        with django_assert_max_num_queries(15):
            browser.get(path)


def test_days_of_the_list_are_those_of_the_last_covered_day(world: World) -> None:
    made = spread(world, ["30"])
    assert made
    assert "29 de novembro de 2026" in text_of(at_desk(world.duarte).get("/desk/renewals"))
    assert date(2026, 11, 30) - DAY == date(2026, 11, 30) - date(2026, 11, 22)
