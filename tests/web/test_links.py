"""No page leads nowhere: every link of every page that somebody can reach is followed."""

from __future__ import annotations

import pytest
from django.test import Client

from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from tests.cast import World, make_keys, open_customer
from tests.web.conftest import PORTUGUESE, link_for
from tests.web.crawl import Answer, crawl, links_of, route_of


def follow(client: Client, start: str) -> tuple[list[str], set[str]]:
    """Dead links, and the routes of the pages that were seen."""

    def ask(address: str) -> Answer:
        answer = client.get(address)
        is_page = "html" in answer.get("Content-Type", "")
        return Answer(answer.status_code, answer.get("Location", ""), answer.content.decode() if is_page else "")

    found = crawl(ask, [start])
    return found.dead, set(found.pages)


@pytest.mark.parametrize("who", ["stranger", "operator", "distributor", "partner", "customer"])
@pytest.mark.django_db
def test_every_link_that_somebody_can_reach_leads_somewhere(world: World, who: str) -> None:
    bruno, _outcome = open_customer(world, make_keys(world, 2))
    open_customer(world, make_keys(world, 1, "office-plus"), "oficinadomar")
    people: dict[str, Actor] = {"operator": world.duarte, "distributor": world.dalila, "partner": world.ana}
    actor = {**people, "customer": bruno}.get(who)
    client, start = Client(headers=PORTUGUESE), "/"
    if actor is not None:
        assert actor.account is not None
        start = client.post(link_for(actor.account, Purpose.SIGN_IN))["Location"]
    dead, seen = follow(client, start)
    assert dead == []
    assert len(seen) > 5


def test_the_crawler_sees_a_link_that_leads_nowhere() -> None:
    pages = {"/": '<a href="/redeem">a</a><a href="/nowhere">b</a>', "/redeem": '<a href="/sign-in">c</a>'}

    def ask(address: str) -> Answer:
        return Answer(200, "", pages[address]) if address in pages else Answer(404)

    found = crawl(ask, ["/"])
    assert found.dead == ["/nowhere: 404", "/sign-in: 404"]


def test_links_are_told_apart_from_what_is_not_ours() -> None:
    html = '<a href="/redeem#keys">a</a><a href="https://example.test/x">b</a><a href="mailto:a@b.example">c</a>'
    assert links_of(html, "/home") == ["/redeem"]
    assert route_of("/a/0123456789ab/home") == route_of("/home")
    assert route_of("/nowhere/at/all") is None
