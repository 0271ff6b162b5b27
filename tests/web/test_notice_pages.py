"""The inbox, the notices of a subscription and the desk's list: who sees what, what is unread, what did not arrive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.notices.models import Notice
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.outbox import PostRefused
from tests.api.door import Answer, Caller
from tests.cast import NOON, token_for
from tests.console.notice_scene import ENDS, Scene, build_scene
from tests.web.conftest import PORTUGUESE, signed_in, text_of
from tests.web.desk import at_desk
from tests.web.test_redeeming_cost import STATEMENTS_AT_MOST, Statements

pytestmark = pytest.mark.django_db
DAY = ENDS - timedelta(days=30)


@pytest.fixture
def scene(noon: None) -> Scene:
    return build_scene()


def ask(actor: Actor, path: str) -> Answer:
    return Caller(token_for(actor)).get(path)


@pytest.fixture
def bruno(scene: Scene) -> Client:
    return signed_in(Client(headers=PORTUGUESE), scene.bruno)


@pytest.fixture
def duarte(scene: Scene) -> Client:
    return at_desk(scene.world.duarte)


@pytest.fixture
def ana(scene: Scene) -> Client:
    return signed_in(Client(headers=PORTUGUESE), scene.world.ana)


def path(notice: Notice) -> str:
    return f"/notices/{identifiers.write('notice', notice.id)}"


def of_subscription(scene: Scene) -> str:
    return f"/subscriptions/{identifiers.write('subscription', scene.subscription.id)}"


def bounce(scene: Scene, **changes: Any) -> Notice:
    scene.office.faults.append(PostRefused(outcome="mail.example answered 550 5.1.1"))
    notice = scene.owe(**changes)
    scene.post(DAY)
    return notice


def test_bruno_reads_in_the_inbox_what_the_mail_said(scene: Scene, bruno: Client) -> None:
    notice = scene.owe("ends-30")
    scene.post(DAY)
    listed = text_of(bruno.get("/notices"))
    assert "Antes do fim (30 dias)" in listed
    read = text_of(bruno.get(path(notice)))
    for told in scene.office.posted[0].text.split("\n\n")[1:3]:
        assert " ".join(told.split()) in read
    assert "memory" in read


def test_an_unread_notice_is_counted_until_it_is_opened(scene: Scene, bruno: Client) -> None:
    first, _second = scene.owe("ends-60"), scene.owe("ends-30")
    assert '<span class="count">2<span class="aside"> por ler' in text_of(bruno.get("/home"))
    bruno.get(path(first))
    first.refresh_from_db()
    assert first.read_at is not None
    assert '<span class="count">1<span class="aside"> por ler' in text_of(bruno.get("/home"))


def test_asking_for_the_head_of_a_page_reads_nothing(scene: Scene, bruno: Client) -> None:
    notice = scene.owe()
    bruno.head(path(notice))
    notice.refresh_from_db()
    assert notice.read_at is None


def test_somebody_else_who_looks_at_it_has_not_read_it_for_bruno(scene: Scene, duarte: Client) -> None:
    notice = scene.owe()
    assert duarte.get(path(notice)).status_code == 200
    notice.refresh_from_db()
    assert notice.read_at is None


def test_a_second_address_makes_no_second_entry_and_what_was_not_needed_none(scene: Scene, bruno: Client) -> None:
    scene.owe("ends-30")
    scene.owe("ends-30", recipient=f"account:{scene.bruno.account}:alternate")
    scene.owe("ends-60", state="superseded")
    assert text_of(bruno.get("/notices")).count("Antes do fim") == 1
    assert text_of(bruno.get(f"{of_subscription(scene)}/notices")).count("Antes do fim") == 3


def test_a_notice_that_did_not_arrive_shows_at_home_at_its_subscription_and_at_the_desk(
    scene: Scene, bruno: Client, duarte: Client
) -> None:
    assert "não chegou" not in text_of(bruno.get("/home"))
    bounce(scene)
    assert "1 aviso não chegou." in text_of(bruno.get("/home"))
    assert "1 aviso não chegou." in text_of(bruno.get(of_subscription(scene)))
    assert "1 aviso não chegou." in text_of(duarte.get(of_subscription(scene)))
    assert "1 aviso não chegou" in text_of(duarte.get("/home"))
    listed = text_of(bruno.get(f"{of_subscription(scene)}/notices"))
    assert "mail.example answered 550 5.1.1" in listed
    assert "Bruno Costa" in listed


def test_its_partner_knows_that_one_did_not_arrive_and_not_whose(scene: Scene, ana: Client) -> None:
    scene.partner_address()
    bounce(scene)
    assert "1 aviso não chegou." in text_of(ana.get(of_subscription(scene)))
    listed = text_of(ana.get(f"{of_subscription(scene)}/notices"))
    assert "Um aviso não chegou" in listed
    assert "Bruno" not in listed
    assert "Um aviso não chegou" in text_of(ana.get("/notices"))


def test_after_a_renewal_an_old_failure_is_no_alarm_any_more(scene: Scene, bruno: Client) -> None:
    bounce(scene)
    type(scene.subscription).objects.update(term=2)
    assert "não chegou" not in text_of(bruno.get("/home"))


def test_the_desk_finds_notices_by_state_kind_and_day(scene: Scene, duarte: Client) -> None:
    bounce(scene, kind="ends-30")
    scene.owe("ends-60", day=DAY - timedelta(days=30), state="accepted", outcome="accepted by memory")
    everything = text_of(duarte.get("/desk/notices"))
    assert "Antes do fim (30 dias)" in everything
    assert "Antes do fim (60 dias)" in everything
    for query, there in (("state=bounced", "30"), ("since=" + DAY.isoformat(), "30"), ("until=2027-09-30", "60")):
        listed = text_of(duarte.get(f"/desk/notices?{query}"))
        assert f"Antes do fim ({there} dias)" in listed
        assert f"Antes do fim ({90 - int(there)} dias)" not in listed
    assert "Não há avisos aqui." in text_of(duarte.get("/desk/notices?kind=erasure"))
    assert "Antes do fim (30 dias)" in text_of(duarte.get("/desk/notices?kind=ends&state=bounced"))
    table = duarte.get("/desk/notices.csv?state=bounced").content.decode()
    assert "ends-30" in table
    assert "ends-60" not in table
    assert "bruno@" not in table


def test_a_long_list_goes_on_where_it_stopped(scene: Scene, duarte: Client) -> None:
    for number in range(60):
        scene.owe(f"ends-{number + 1}", day=DAY - timedelta(days=number % 7), state="accepted")
    first = duarte.get("/desk/notices?state=accepted")
    following = text_of(first).count("Antes do fim")
    address = first.content.decode().partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = duarte.get("/desk/notices" + address.replace("&amp;", "&"))
    assert (following, text_of(second).count("Antes do fim")) == (51, 11)  # one in the filter


@pytest.mark.parametrize("after", ["x", "2027-10-23", "2027-10-23.not_zz", "9999-99-99.not_" + "0" * 32])
def test_a_place_that_is_none_begins_at_the_beginning(scene: Scene, duarte: Client, after: str) -> None:
    scene.owe()
    assert "Antes do fim" in text_of(duarte.get(f"/desk/notices?after={after}"))


def test_the_pages_of_notices_ask_little(scene: Scene, bruno: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = scene.owe()
    statements = Statements(monkeypatch)
    pages = ("/notices", path(notice), f"{of_subscription(scene)}/notices")
    few = {page: statements.of(bruno, page) for page in pages}
    assert max(few.values()) <= STATEMENTS_AT_MOST, few
    for days in range(20):
        scene.owe(f"ends-{days + 40}")
    assert {page: statements.of(bruno, page) for page in pages} == few | {path(notice): few[path(notice)] - 1}


# --- the API --------------------------------------------------------------------------------------------------------


def test_the_api_tells_every_notice_of_a_subscription_the_oldest_first(scene: Scene) -> None:
    scene.owe("ends-60", day=DAY - timedelta(days=30), state="accepted", settled_at=NOON, settled_on=DAY)
    scene.owe("ends-30", recipient=f"account:{scene.bruno.account}:alternate")
    scene.owe("ends-30", recipient="contact")
    answer = ask(scene.bruno, f"{of_subscription(scene)}/notices")
    assert answer.status == 200
    told = answer.body["items"]
    assert [one["kind"] for one in told] == ["ends-60", "ends-30", "ends-30"]
    assert told[0]["recipient"] == {"kind": "own", "name": "Bruno Costa", "alternate": False, "partner": None}
    assert told[0]["state"] == "accepted"
    assert told[0]["settled_on"] == DAY.isoformat()
    assert "bruno@" not in answer.raw.decode()
    first = ask(scene.bruno, f"{of_subscription(scene)}/notices?limit=2").body
    rest = ask(scene.bruno, f"{of_subscription(scene)}/notices?limit=2&cursor={first['next_cursor']}").body
    assert [one["id"] for one in first["items"] + rest["items"]] == [one["id"] for one in told]
    assert rest["has_more"] is False


def test_a_partner_reads_by_api_what_was_written_to_it(scene: Scene) -> None:
    scene.owe("ends-30")
    scene.owe("ends-30", recipient=scene.partner_address())
    [told] = ask(scene.world.ana, f"{of_subscription(scene)}/notices").body["items"]
    assert told["recipient"]["kind"] == "partner"
    assert told["recipient"]["partner"] == identifiers.write("partner", scene.world.reseller)


def test_a_cursor_that_is_none_is_refused(scene: Scene) -> None:
    assert ask(scene.bruno, f"{of_subscription(scene)}/notices?cursor=xyz").status == 422
