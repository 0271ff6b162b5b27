"""Blocks on pages, "Why?" beside a state, and policies that change: typed, weighed, published, followed."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.actions import publish_draft, save_draft
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Session
from chaveiro.apps.subscriptions.actions import put_block
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from tests.cast import DAY, NOON, World, make_keys, means, open_customer
from tests.web.conftest import PORTUGUESE, signed_in, text_of
from tests.web.desk import at_desk, dora, hidden

pytestmark = pytest.mark.django_db
REASON = "Falta pagar a encomenda de novembro"


@pytest.fixture
def opened(world: World) -> tuple[Actor, Subscription]:
    bruno, outcome = open_customer(world, make_keys(world))
    return bruno, Subscription.objects.get(customer_id=outcome.customer)


def path_of(one: Subscription, tail: str = "") -> str:
    return f"/subscriptions/{identifiers.write('subscription', one.id)}{tail}"


def browser_of(actor: Actor) -> Client:
    return signed_in(Client(headers=PORTUGUESE), actor)


def block(actor: Actor, one: Subscription, kind: str = "abuse") -> Block:
    card = put_block(actor=actor, subscription=one.id, kind=kind, reason=REASON, means=means())
    return Block.objects.get(id=card.id)


def ends(one: Subscription, day: date) -> None:
    Subscription.objects.filter(id=one.id).update(ends_on=day)


# ── blocks ──


def test_an_operator_blocks_and_customer_and_partner_read_why(world: World, opened: Any) -> None:
    bruno, one = opened
    desk = at_desk(world.duarte)
    form = text_of(desk.get(path_of(one, "/block")))
    assert "Bloquear Office Basic de Padaria Sol, Lda." in form
    done = desk.post(path_of(one, "/block"), {"kind": "abuse", "reason": REASON, "do": "put"})
    assert done.status_code == 303, text_of(done)
    for actor in (bruno, world.ana, world.duarte):
        page = text_of(browser_of(actor).get(path_of(one)))
        assert "Bloqueada desde 22 de novembro de 2026: Utilização abusiva." in page
        assert REASON in page
        assert "Quem pode levantar: o operador desta plataforma." in page
        assert "Nada impede" not in page


def test_only_the_side_that_put_it_sees_how_to_lift_it(world: World, opened: Any) -> None:
    bruno, one = opened
    block(world.ana, one, "unpaid")
    lifts = "Levantar o bloqueio"
    assert lifts in text_of(browser_of(world.ana).get(path_of(one)))
    assert lifts not in text_of(browser_of(bruno).get(path_of(one)))
    assert lifts not in text_of(browser_of(world.duarte).get(path_of(one)))


def test_the_partner_who_redeemed_blocks_and_lifts_on_its_pages(world: World, opened: Any) -> None:
    _bruno, one = opened
    ana = at_desk(world.ana)
    assert "Colocar um bloqueio" in text_of(ana.get(path_of(one)))
    assert ana.post(path_of(one, "/block"), {"kind": "unpaid", "reason": REASON, "do": "put"}).status_code == 303
    made = Block.objects.get()
    assert (made.kind, made.holder) == ("unpaid", "channel")
    lifted = ana.post(path_of(one, f"/blocks/{identifiers.write('block', made.id)}/lift"))
    assert lifted.status_code == 303
    assert Block.objects.get().lifted_on == DAY


def test_who_may_not_is_led_nowhere(world: World, opened: Any) -> None:
    bruno, one = opened
    made = block(world.duarte, one)
    lift = path_of(one, f"/blocks/{identifiers.write('block', made.id)}/lift")
    for actor in (bruno, world.rui, world.dalila):
        browser = at_desk(actor)
        assert browser.get(path_of(one, "/block")).status_code == 404
        assert browser.post(path_of(one, "/block"), {"kind": "unpaid", "reason": REASON}).status_code == 404
        assert browser.post(lift).status_code == 404
    assert at_desk(world.ana).post(lift).status_code == 422
    assert Block.objects.filter(lifted_at=None).count() == 1


def test_a_block_without_a_reason_is_not_put_and_nothing_typed_is_lost(world: World, opened: Any) -> None:
    _bruno, one = opened
    answer = at_desk(world.duarte).post(path_of(one, "/block"), {"kind": "legal", "reason": "  ", "do": "put"})
    assert answer.status_code == 422
    assert re.search(r'value="legal"[^>]*checked', text_of(answer))
    assert not Block.objects.exists()


def test_a_block_needs_a_fresh_proof_of_presence(world: World, opened: Any) -> None:
    _bruno, one = opened
    browser = browser_of(world.duarte)
    Session.objects.update(confirmed_at=None, started_at=NOON - timedelta(hours=1))
    answer = browser.post(path_of(one, "/block"), {"kind": "abuse", "reason": REASON, "do": "put"})
    assert not Block.objects.exists()
    assert "Confirme" in text_of(answer)


def test_the_desk_lists_what_stands_and_what_stood(world: World, opened: Any) -> None:
    _bruno, one = opened
    block(world.duarte, one)
    desk = at_desk(world.duarte)
    assert "Padaria Sol, Lda." in text_of(desk.get("/desk/blocks"))
    assert "Padaria Sol, Lda." in text_of(desk.get("/desk/blocks?kind=abuse"))
    assert "Padaria Sol, Lda." not in text_of(desk.get("/desk/blocks?kind=legal"))
    Block.objects.update(lifted_on=DAY, lifted_at=means().now)
    assert "Padaria Sol, Lda." not in text_of(desk.get("/desk/blocks"))
    assert "Padaria Sol, Lda." in text_of(desk.get("/desk/blocks?state=all"))


# ── why ──


def test_beside_the_state_stands_why_by_which_dates_version_and_row(world: World, opened: Any) -> None:
    bruno, one = opened
    browser = browser_of(bruno)
    assert f'href="{browser.at}{path_of(one, "/why")}"' in text_of(browser.get(path_of(one)))  # type: ignore[attr-defined]
    page = text_of(browser.get(path_of(one, "/why")))
    assert "22 de novembro de 2027" in page
    assert "pela linha 1 do registo, de 22 de novembro de 2026" in page
    assert "Política standard, versão 1" in page
    assert "30 dias de tolerância" in page
    assert "120 dias depois do fim" in page
    assert "Até 21 de dezembro de 2027 (inclusive), se ninguém renovar." in page


def answers(page: str) -> list[str]:
    """Yes and no, act by act."""
    return re.findall(r'<td><span class="status [a-z]+">(sim|não)</span></td>', page)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (200, ["sim"] * 5),
        (-29, ["sim"] * 5),
        (-30, ["não", "sim", "sim", "sim", "não"]),
        (-150, ["não", "sim", "sim", "sim", "não"]),
    ],
)
def test_the_table_of_section_4_stands_on_the_page(world: World, opened: Any, days: int, expected: list[str]) -> None:
    bruno, one = opened
    ends(one, DAY + timedelta(days=days))
    assert answers(text_of(browser_of(bruno).get(path_of(one, "/why")))) == expected


def test_every_hindrance_stands_there_with_who_can_lift_it(world: World, opened: Any) -> None:
    bruno, one = opened
    block(world.ana, one, "unpaid")
    block(world.duarte, one, "abuse")
    ends(one, DAY - timedelta(days=40))
    page = text_of(browser_of(bruno).get(path_of(one, "/why")))
    assert "A subscrição terminou e, desde 12 de novembro de 2026, já não pode ser utilizada." in page
    assert "por utilização abusiva" in page
    assert "Só o operador desta plataforma o pode levantar." in page
    assert "o parceiro que a resgatou não foi pago" in page
    assert "Só o parceiro que o colocou o pode levantar." in page


def test_of_a_deleted_subscription_the_customer_gets_nothing_but_that_it_is_so(world: World, opened: Any) -> None:
    bruno, one = opened
    Subscription.objects.filter(id=one.id).update(ends_on=DAY - timedelta(days=130), erased_on=DAY)
    for actor in (bruno, world.ana):
        for tail in ("", "/why", ".ics", ".csv"):
            answer = browser_of(actor).get(path_of(one, tail))
            assert answer.status_code == 422
            assert "Esta subscrição foi eliminada" in text_of(answer) or "eliminad" in text_of(answer)
    assert browser_of(world.duarte).get(path_of(one)).status_code == 200


# ── policies ──


def draft_form(desk: Client, name: str = "standard") -> dict[str, str]:
    page = text_of(desk.get(f"/desk/policies/{name}/draft"))
    fields = dict(re.findall(r'<input type="text" id="([a-z_]+)" name="\1" value="([^"]*)"', page))
    chosen = dict.fromkeys(("right_size", "delegation_right"), "")
    for name_of in chosen:
        options = page.partition(f'<select id="{name_of}"')[2].partition("</select>")[0]
        chosen[name_of] = re.findall(r'value="([a-z_]+)" selected', options)[0]
    return {**fields, **chosen, "version": str(hidden(desk.get(f"/desk/policies/{name}/draft")).get("version", ""))}


def test_an_operator_types_sees_what_would_change_and_publishes(world: World, opened: Any) -> None:
    _bruno, one = opened
    ends(one, DAY - timedelta(days=35))
    desk = at_desk(world.duarte)
    form = draft_form(desk)
    assert form["grace_days"] == "30"
    kept = desk.post("/desk/policies/standard/draft", {**form, "grace_days": "40", "do": "check"})
    assert (kept.status_code, kept["Location"].endswith("/desk/policies/standard/what-if")) == (303, True)
    page = text_of(desk.get("/desk/policies/standard/what-if"))
    assert "O que a versão 2 da política standard mudaria" in page
    assert "40 dias depois do fim" in page
    assert "desativada (dados conservados) → em período de tolerância" in " ".join(page.split())
    token = hidden(desk.get("/desk/policies/standard/what-if"))
    done = desk.post("/desk/policies/standard/publish", token)
    assert done.status_code == 303, text_of(done)
    after = text_of(desk.get("/desk/policies/standard"))
    assert "1 subscrição tem uma versão anterior." in after
    assert "Propor que sigam a versão 2" in after


def test_what_no_rule_takes_is_told_at_its_field_and_kept(world: World) -> None:
    desk = at_desk(world.duarte)
    form = draft_form(desk)
    answer = desk.post("/desk/policies/standard/draft", {**form, "grace_days": "um mês", "do": "check"})
    assert answer.status_code == 422
    assert 'value="um mês"' in text_of(answer)
    assert 'href="#grace_days"' in text_of(answer)
    again = text_of(desk.get("/desk/policies/standard/draft"))
    assert 'value="um mês"' in again
    assert at_desk(dora(world)).get("/desk/policies/standard/what-if").status_code == 303, "back to the form"


def test_a_draft_that_somebody_else_changed_is_not_overwritten_unseen(world: World) -> None:
    desk = at_desk(world.duarte)
    save_draft(actor=world.duarte, name="standard", means=means())
    form = draft_form(desk)
    save_draft(actor=dora(world), name="standard", typed={"grace_days": "50"}, means=means())
    answer = desk.post("/desk/policies/standard/draft", {**form, "grace_days": "40", "do": "later"})
    assert answer.status_code == 422
    assert 'value="40"' in text_of(answer)
    with acting(world.duarte):
        assert catalog.draft("standard").typed["grace_days"] == "50"
    again = {**form, "grace_days": "40", "do": "later", "version": str(hidden(answer)["version"])}
    assert desk.post("/desk/policies/standard/draft", again).status_code == 303


def test_the_language_can_be_switched_in_the_middle_and_nothing_typed_is_lost(world: World) -> None:
    desk = at_desk(world.duarte)
    form = draft_form(desk)
    answer = text_of(desk.post("/desk/policies/standard/draft", {**form, "grace_days": "77", "switch_to": "en"}))
    assert 'value="77"' in answer
    assert "Keep it for later" in answer


def test_the_table_of_what_would_change_can_be_taken_along(world: World, opened: Any) -> None:
    _bruno, _one = opened
    save_draft(actor=world.duarte, name="standard", typed={"retention_days": "150"}, means=means())
    answer = at_desk(world.duarte).get("/desk/policies/standard/what-if.csv")
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 2
    assert rows[1][1:4] == ["Padaria Sol, Lda.", "office-basic", "2027-11-22"]
    assert rows[1][-2:] == ["2028-03-21", "2028-04-20"]


def test_two_people_let_what_exists_follow(world: World, opened: Any) -> None:
    save_draft(actor=world.duarte, name="standard", typed={"retention_days": "150"}, means=means())
    publish_draft(actor=world.duarte, name="standard", means=means())
    desk = at_desk(world.duarte)
    assert desk.post("/desk/policies/standard/follow").status_code == 303
    page = text_of(desk.get("/desk/policies/standard"))
    assert "aguarda uma segunda pessoa" in page
    assert "não pode também aprovar" in page
    assert 'value="approve"' not in page
    address = re.findall(r"/desk/policies/standard/follow/ado_[0-9a-f]{32}", page)[0]
    assert desk.post(address, {"do": "approve"}).status_code == 422
    other = at_desk(dora(world))
    assert "Aprovar: 1 subscrição segue" in text_of(other.get("/desk/policies/standard"))
    assert other.post(address, {"do": "approve"}).status_code == 303
    assert "em curso" in text_of(desk.get("/desk/policies/standard"))


def test_where_something_would_be_taken_away_the_page_says_of_how_many(world: World, opened: Any) -> None:
    save_draft(actor=world.duarte, name="standard", typed={"grace_days": "20"}, means=means())
    desk = at_desk(world.duarte)
    said = "Subscrições cujo acesso terminaria mais cedo: 1."
    assert said in text_of(desk.get("/desk/policies/standard/what-if"))
    publish_draft(actor=world.duarte, name="standard", means=means())
    answer = desk.post("/desk/policies/standard/follow")
    assert answer.status_code == 422
    assert said in text_of(answer)


def test_a_draft_can_be_thrown_away_on_its_page(world: World) -> None:
    save_draft(actor=world.duarte, name="standard", means=means())
    desk = at_desk(world.duarte)
    assert desk.post("/desk/policies/standard/draft", {"do": "drop"}).status_code == 303
    with acting(world.duarte):
        assert catalog.policy_drafts() == []
