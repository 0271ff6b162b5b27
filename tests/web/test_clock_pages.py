"""The pages of test clocks: made, moved, filled, read; and the banner on every page about a customer on one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.adapters import clock as clock_adapter
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.closing.actions import begin_move, make_clock
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.actions import Outcome, redeem
from chaveiro.console import clock_days
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import House
from chaveiro.web import organisation_home
from tests.cast import DAY, NOON, World, administrator_of, make_keys, means, opening
from tests.web.clock_desk import desk
from tests.web.conftest import signed_in as signed_in_at
from tests.web.conftest import text_of, where

START = date(2027, 3, 1)
REAL_MEANS = wiring.means
SANDBOX = House(pretence=True)


@pytest.fixture(autouse=True)
def sandbox(settings: Any) -> None:
    settings.SANDBOX = True


def signed_in(client: Client, actor: Actor, language: str = "en") -> Client:
    """Somebody who reads that language."""
    Account.objects.filter(id=actor.account).update(language=language)
    return signed_in_at(client, actor)


def public(clock: UUID) -> str:
    return identifiers.write("clock", clock)


def a_clock(actor: Actor, name: str = "Ensaio") -> UUID:
    return make_clock(actor=actor, name=name, day=START, house=SANDBOX, means=means())


def opened_on(world: World, clock: UUID) -> Outcome:
    order = replace(opening(make_keys(world)), is_test=True, clock=clock)
    return redeem(actor=world.ana, order=order, means=means())


def test_a_partner_makes_a_clock_and_comes_to_its_page(world: World, en: Client) -> None:
    ana = signed_in(en, world.ana)
    made = ana.post("/clocks", {"name": "Ensaio", "day": "2027-03-01"})
    clock = Clock.objects.get()
    assert (clock.day, clock.organisation_id) == (START, world.reseller)
    assert where(made).endswith(f"/clocks/{public(clock.id)}")
    assert "The day of this clock: 1 March 2027" in text_of(ana.get(f"/clocks/{public(clock.id)}"))


def test_what_is_wrong_is_told_and_what_was_typed_stays(world: World, en: Client) -> None:
    ana = signed_in(en, world.ana)
    told = ana.post("/clocks", {"name": "", "day": "2027-03-01"})
    assert told.status_code == 422
    assert 'value="2027-03-01"' in told.content.decode()
    assert ana.post("/clocks", {"name": "Ensaio", "day": "soon"}).status_code == 422
    assert not Clock.objects.exists()


def test_moving_is_left_to_the_worker_and_the_page_tells_how_far_it_is(world: World, en: Client) -> None:
    ana, clock = signed_in(en, world.ana), a_clock(world.ana)
    moved = ana.post(f"/clocks/{public(clock)}/move", {"days": "10", "day": ""})
    assert where(moved).endswith(f"/clocks/{public(clock)}")
    assert Owed.objects.get(kind="clock.move").facts["until"] == "2027-03-11"
    words = "The clock shows 1 March 2027 and goes on to 11 March 2027."
    assert words in text_of(ana.get(f"/clocks/{public(clock)}"))
    told = ana.get(f"/clocks/{public(clock)}/progress").json()
    assert (told["live"], told["done"], told["total"], told["words"]) == (True, 0, 10, words)


def test_going_back_or_too_far_is_refused_with_the_reason(world: World, en: Client) -> None:
    ana, clock = signed_in(en, world.ana), a_clock(world.ana)
    for form, said in (
        ({"days": "", "day": "2027-02-28"}, "lies before 1 March 2027"),
        ({"days": "4000", "day": ""}, "One move takes at most 3,653 days"),
        ({"days": "0", "day": ""}, ""),
    ):
        told = ana.post(f"/clocks/{public(clock)}/move", form)
        assert told.status_code == 422
        assert said in text_of(told)
    assert not Owed.objects.filter(kind="clock.move").exists()


def test_a_test_customer_is_put_onto_a_clock_by_its_page(world: World, en: Client) -> None:
    ana, clock = signed_in(en, world.ana), a_clock(world.ana)
    order = replace(opening(make_keys(world)), is_test=True)
    customer = redeem(actor=world.ana, order=order, means=means()).customer
    assert "Padaria Sol" in text_of(ana.get(f"/clocks/{public(clock)}"))
    ana.post(f"/clocks/{public(clock)}/customers", {"customer": identifiers.write("customer", customer)})
    assert Customer.objects.get().clock_id == clock
    assert ana.post(f"/clocks/{public(clock)}/customers", {"customer": "nobody"}).status_code == 422


def test_the_diary_tells_each_day_what_happened(world: World, en: Client) -> None:
    ana, clock = signed_in(en, world.ana), a_clock(world.ana)
    opened_on(world, clock)
    until = date(2028, 3, 1)
    operation = begin_move(actor=SYSTEM, clock=clock, until=until, house=SANDBOX, means=means(), by_worker=False)
    clock_days.move(desk(), operation=operation, clock=clock, until=until)
    page = text_of(ana.get(f"/clocks/{public(clock)}"))
    assert "A key opened the subscription: 5 licences, last day 29 February 2028." in page
    assert "The subscription ended; everything works on in the days of grace." in page
    assert "1 January 2028" in page  # 60 days before the end
    assert "Access stops: Padaria Sol, Lda." in page  # a day to go to


def test_every_page_about_a_customer_on_a_clock_says_so(world: World, en: Client, pt: Client) -> None:
    clock = a_clock(world.ana)
    outcome = opened_on(world, clock)
    subscription = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    customer = identifiers.write("customer", outcome.customer)
    said = "Test clock “Ensaio”: here it is 1 March 2027."
    ana = signed_in(en, world.ana)
    assert said in text_of(ana.get(f"/subscriptions/{subscription}"))
    assert said in text_of(ana.get(f"/customers/{customer}"))
    assert said not in text_of(ana.get("/home"))
    bruno = signed_in(pt, administrator_of(outcome.customer), "pt-pt")
    assert "Relógio de teste «Ensaio»: aqui é 1 de março de 2027." in text_of(bruno.get("/home"))


def test_pages_of_a_customer_on_a_clock_go_by_its_day(world: World, en: Client) -> None:
    clock = a_clock(world.ana)
    outcome = opened_on(world, clock)
    Clock.objects.update(day=date(2028, 3, 11))
    bruno = signed_in(en, administrator_of(outcome.customer))
    assert "in grace" in text_of(bruno.get("/home"))
    Clock.objects.update(day=date(2028, 3, 31))
    assert "disabled (data kept)" in text_of(bruno.get("/home"))


def test_whoever_belongs_to_a_customer_on_a_clock_lives_on_its_day(
    world: World, en: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "means", REAL_MEANS)
    monkeypatch.setattr(clock_adapter, "now", lambda: NOON)
    outcome = opened_on(world, a_clock(world.ana))
    seen: list[date] = []
    real = organisation_home.context

    def context(*told: Any) -> Any:
        seen.append(wiring.means().day)
        return real(*told)

    monkeypatch.setattr(organisation_home, "context", context)
    signed_in(en, administrator_of(outcome.customer)).get("/home")
    assert seen == [START]
    assert wiring.means().day == DAY  # and nobody after them


def test_an_ended_clock_is_not_moved_any_more(world: World, en: Client) -> None:
    ana, clock = signed_in(en, world.ana), a_clock(world.ana)
    ana.post(f"/clocks/{public(clock)}/end")
    page = text_of(ana.get(f"/clocks/{public(clock)}"))
    assert "This clock was ended" in page
    assert ana.post(f"/clocks/{public(clock)}/move", {"days": "1", "day": ""}).status_code == 422


def test_operators_have_their_own_clocks_and_see_those_of_partners(world: World, en: Client) -> None:
    clock = a_clock(world.ana)
    duarte = signed_in(en, world.duarte)
    assert "Ensaio" in text_of(duarte.get("/desk/clocks"))
    assert duarte.get(f"/desk/clocks/{public(clock)}").status_code == 200
    assert duarte.get("/clocks").status_code == 404


def test_outside_a_sandbox_a_partner_has_no_clocks_and_no_link_to_them(world: World, en: Client, settings: Any) -> None:
    settings.SANDBOX = settings.DEMO = False
    ana = signed_in(en, world.ana)
    assert ana.get("/clocks").status_code == 422
    assert "Test clocks" not in text_of(ana.get("/home"))


def test_the_strip_of_a_subscription_shows_the_day_of_its_clock_as_today(world: World, en: Client) -> None:
    clock = a_clock(world.ana)
    outcome = opened_on(world, clock)
    Clock.objects.update(day=date(2028, 3, 11))
    subscription = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    assert "Today, 11 March" in text_of(signed_in(en, world.ana).get(f"/subscriptions/{subscription}"))
