"""The vendor's desk: keys ordered, approved by a second person, made, fetched once, released, recalled, replaced."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pyrage
import pytest
from django.db import connection
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.identity.models import Session
from chaveiro.apps.keys.models import Batch, Export, Key
from chaveiro.apps.operations.models import Operation
from chaveiro.rules import serials
from chaveiro.rules.batches import House
from tests.cast import NOON, World, make_keys, open_customer
from tests.web.conftest import signed_in, text_of
from tests.web.desk import LOCK, ORDER, PASSPHRASE, at_desk, carried_out, dora, hidden, ordered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def serials_apart(db: None) -> None:
    """Serials of orders begin beyond those that the cast's own keys have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('keys_serial_number', 20000000000)")


@pytest.fixture
def duarte(world: World) -> Client:
    return at_desk(world.duarte)


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation where keys are worth money, run by several people."""
    monkeypatch.setattr(wiring, "house", House)


def body(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_keys_go_from_the_order_to_the_shelf_on_pages_alone(world: World, duarte: Client) -> None:
    checked = duarte.post("/desk/batches/new", {**ORDER, "do": "check"})
    page = text_of(checked)
    assert "180 meses de licença" in page
    assert "Encomendar 3 chaves" in page
    assert Batch.objects.count() == 0
    placed = duarte.post("/desk/batches/new", {**hidden(checked), **LOCK, "do": "order"})
    operation = placed["Location"]
    assert "0 de 3 concluídas" in text_of(duarte.get(operation))
    assert carried_out()
    page = text_of(duarte.get(operation))
    assert "3 de 3 concluídas" in page
    assert "A exportação está pronta" in page
    number = Batch.objects.get().number
    got = duarte.post(f"/desk/batches/{number}/export")
    assert got["Cache-Control"] == "no-store"
    lines = pyrage.passphrase.decrypt(body(got), PASSPHRASE).decode().splitlines()
    assert lines[0] == "serial,key"
    assert len(lines) == 4
    again = duarte.post(f"/desk/batches/{number}/export")
    assert again.status_code == 409
    assert "já foi transferida" in text_of(again)
    checked = duarte.post(f"/desk/batches/{number}/release", {"which": "all", "do": "check"})
    assert "3 chaves ficam à venda" in text_of(checked)
    assert set(Key.objects.values_list("state", flat=True)) == {"minted"}
    assert duarte.post(f"/desk/batches/{number}/release", {**hidden(checked), "do": "release"}).status_code == 303
    assert set(Key.objects.values_list("state", flat=True)) == {"released"}
    keys = [line.split(",")[1] for line in lines[1:]]
    open_customer(world, keys[:1])
    page = text_of(duarte.get(f"/desk/batches/{number}"))
    assert "à venda" in page
    assert not any(key in page for key in keys)


def test_the_same_order_sent_twice_is_one_order(world: World, duarte: Client) -> None:
    checked = duarte.post("/desk/batches/new", {**ORDER, "do": "check"})
    form = {**hidden(checked), **LOCK, "do": "order"}
    first, second = duarte.post("/desk/batches/new", form), duarte.post("/desk/batches/new", form)
    assert first["Location"] == second["Location"]
    assert Batch.objects.count() == Operation.objects.count() == 1


def test_every_fault_of_an_order_is_told_at_once_and_what_was_typed_stays(world: World, duarte: Client) -> None:
    wrong = {**ORDER, "count": "many", "seats": "301", "months": "0", "last_day": "2020-01-01", "do": "check"}
    refused = duarte.post("/desk/batches/new", wrong)
    page = text_of(refused)
    assert refused.status_code == 422
    assert "<title>Erro:" in page
    for field in ("count", "seats", "months", "last_day"):
        assert f'id="{field}-error"' in page, field
    assert 'value="many"' in page
    assert Batch.objects.count() == 0


@pytest.mark.parametrize(
    ("lock", "field"),
    [
        ({}, "lock"),
        ({"lock": "passphrase", "passphrase": "short", "passphrase_again": "short"}, "passphrase"),
        ({"lock": "passphrase", "passphrase": PASSPHRASE, "passphrase_again": "another one, too"}, "passphrase_again"),
        ({"lock": "recipient", "recipient": "age1nonsense"}, "recipient"),
    ],
)
def test_an_export_that_nobody_could_open_is_not_ordered(
    world: World, duarte: Client, lock: dict[str, str], field: str
) -> None:
    checked = duarte.post("/desk/batches/new", {**ORDER, "do": "check"})
    refused = duarte.post("/desk/batches/new", {**hidden(checked), **lock, "do": "order"})
    assert refused.status_code == 422
    assert f'id="{field}-error"' in text_of(refused)
    assert Batch.objects.count() == 0


def test_a_suggested_passphrase_opens_the_export_and_is_kept_nowhere(world: World, duarte: Client) -> None:
    checked = duarte.post("/desk/batches/new", {**ORDER, "do": "check"})
    suggestion = hidden(checked)["suggestion"]
    assert re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}", suggestion)
    duarte.post("/desk/batches/new", {**hidden(checked), "lock": "suggested", "do": "order"})
    assert carried_out()
    assert suggestion not in str(Operation.objects.values())
    got = duarte.post(f"/desk/batches/{Batch.objects.get().number}/export")
    assert pyrage.passphrase.decrypt(body(got), suggestion).startswith(b"serial,key")


def test_cards_come_with_the_export_in_one_sealed_archive(world: World, duarte: Client) -> None:
    ordered(duarte, cards="yes")
    assert carried_out()
    got = duarte.post(f"/desk/batches/{Batch.objects.get().number}/export")
    assert got["Content-Disposition"].endswith('.zip.age"')
    archive = zipfile.ZipFile(io.BytesIO(pyrage.passphrase.decrypt(body(got), PASSPHRASE)))
    assert archive.namelist() == ["keys.csv", "cards.pdf"]
    assert len(archive.read("keys.csv").splitlines()) == 4
    assert archive.read("cards.pdf").startswith(b"%PDF")


def test_more_than_a_thousand_keys_wait_for_another_operator_and_the_page_says_who_can(
    world: World, duarte: Client
) -> None:
    checked = duarte.post("/desk/batches/new", {**ORDER, "count": "1 001", "do": "check"})
    assert "outro operador aprova o lote" in text_of(checked)
    operation = ordered(duarte, count="1001")
    assert "aguarda aprovação" in text_of(duarte.get(operation))
    number = Batch.objects.get().number
    page = text_of(duarte.get(f"/desk/batches/{number}"))
    assert "é outro operador que aprova" in page
    assert "Aprovar 1\u00a0001 chaves" not in page
    assert duarte.post(f"/desk/batches/{number}/approve").status_code == 422
    assert not carried_out()
    second = at_desk(dora(world))
    assert "Aprovar 1\u00a0001 chaves" in text_of(second.get(f"/desk/batches/{number}"))
    assert second.post(f"/desk/batches/{number}/approve").status_code == 303
    assert carried_out()
    assert Batch.objects.get().minted == 1_001


def test_who_runs_an_installation_alone_may_approve_a_day_later(
    world: World, duarte: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "house", lambda: House(one_person=True))
    ordered(duarte, count="1001")
    page = text_of(duarte.get(f"/desk/batches/{Batch.objects.get().number}"))
    assert "a partir de 23 de novembro de 2026" in page


def test_work_that_is_cancelled_leaves_no_key_worth_anything(world: World, duarte: Client) -> None:
    operation = ordered(duarte)
    assert duarte.post(f"{operation}/cancel").status_code == 303
    assert Batch.objects.get().recalled_at is not None
    assert not carried_out()
    assert Key.objects.count() == Export.objects.count() == 0
    assert "cancelad" in text_of(duarte.get(operation))
    assert duarte.post(f"{operation}/cancel").status_code == 422


def test_some_serials_are_released_and_the_others_stay(world: World, duarte: Client) -> None:
    ordered(duarte)
    assert carried_out()
    batch = Batch.objects.get()
    first, last = serials.write(batch.first_number), serials.write(batch.first_number + 1)
    some = {"which": "part", "first": first, "last": serials.group(last)}
    checked = duarte.post(f"/desk/batches/{batch.number}/release", {**some, "do": "check"})
    assert "2 chaves ficam à venda" in text_of(checked)
    duarte.post(f"/desk/batches/{batch.number}/release", {**hidden(checked), "do": "release"})
    assert list(Key.objects.order_by("number").values_list("state", flat=True)) == ["released", "released", "minted"]
    foreign = duarte.post(f"/desk/batches/{batch.number}/release", {"which": "part", "first": "1", "do": "check"})
    assert foreign.status_code == 422
    assert 'id="first-error"' in text_of(foreign)


def test_a_recall_says_what_it_touches_asks_why_and_leaves_redemptions_alone(world: World, duarte: Client) -> None:
    keys = make_keys(world, 5)
    open_customer(world, keys[:2])
    number = Batch.objects.get().number
    page = text_of(duarte.get(f"/desk/batches/{number}/recall"))
    assert "<dd>3</dd>" in page
    assert "<dd>2</dd>" in page
    unexplained = duarte.post(f"/desk/batches/{number}/recall", {"reason": " "})
    assert unexplained.status_code == 422
    assert 'id="reason-error"' in text_of(unexplained)
    assert duarte.post(f"/desk/batches/{number}/recall", {"reason": "cartões furtados"}).status_code == 303
    assert sorted(Key.objects.values_list("state", flat=True)) == ["redeemed"] * 2 + ["revoked"] * 3
    assert "cartões furtados" in text_of(duarte.get(f"/desk/batches/{number}"))


def test_many_keys_that_are_for_sale_are_recalled_by_two(world: World, duarte: Client) -> None:
    make_keys(world, 1_001)
    number = Batch.objects.get().number
    assert "Pedir a recolha" in text_of(duarte.get(f"/desk/batches/{number}/recall"))
    duarte.post(f"/desk/batches/{number}/recall", {"reason": "cartões furtados"})
    assert set(Key.objects.values_list("state", flat=True)) == {"released"}
    assert duarte.post(f"/desk/batches/{number}/recall", {}).status_code == 422
    second = at_desk(dora(world))
    page = text_of(second.get(f"/desk/batches/{number}"))
    assert "cartões furtados" in page
    assert "Duarte Silva" in page
    assert second.post(f"/desk/batches/{number}/recall", {}).status_code == 303
    assert set(Key.objects.values_list("state", flat=True)) == {"revoked"}


def test_a_recall_that_waits_can_be_dropped(world: World, duarte: Client) -> None:
    make_keys(world, 1_001)
    number = Batch.objects.get().number
    duarte.post(f"/desk/batches/{number}/recall", {"reason": "engano"})
    assert duarte.post(f"/desk/batches/{number}/drop-recall").status_code == 303
    assert Batch.objects.get().recall_asked_at is None
    assert duarte.post(f"/desk/batches/{number}/drop-recall").status_code == 422


def test_a_lost_key_is_replaced_by_one_that_carries_the_same(world: World, duarte: Client) -> None:
    (lost,) = make_keys(world, seats=7)
    serial = serials.write(Key.objects.get().number)
    led = duarte.get(f"/desk/keys/replace?serial={serials.group(serial)}")
    assert led.status_code == 303
    page = text_of(duarte.get(led["Location"]))
    assert lost not in page
    assert "7 licenças durante 12 meses" in page
    begun = duarte.post(led["Location"], {**LOCK, "do": "replace"})
    assert begun.status_code == 303, text_of(begun)
    assert carried_out()
    old, new = Key.objects.order_by("number")
    assert (old.state, old.replaced_by, new.state, new.batch.seats) == ("revoked", new.number, "released", 7)
    assert "já foi substituída" in text_of(duarte.get(led["Location"])).lower()


def test_a_serial_that_is_none_leads_nowhere(world: World, duarte: Client) -> None:
    refused = duarte.get("/desk/keys/replace?serial=123")
    assert refused.status_code == 422
    assert 'id="serial-error"' in text_of(refused)
    assert duarte.get("/desk/keys/100000000009/replace").status_code == 404


def test_the_desk_is_the_operators_alone(world: World, duarte: Client) -> None:
    make_keys(world, holder=world.reseller)
    number = Batch.objects.get().number
    ana = signed_in(Client(), world.ana)
    for path in ("batches", "batches/new", f"batches/{number}", f"batches/{number}/export", "products", "policies"):
        assert ana.get(f"/desk/{path}").status_code == 404, path
    for step in ("approve", "release", "recall", "drop-recall", "export"):
        assert ana.post(f"/desk/batches/{number}/{step}").status_code == 404, step


def test_batches_are_listed_filtered_and_paged(world: World, duarte: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for product in ("office-basic", "office-plus", "office-basic"):
        make_keys(world, product=product)
    ordered(duarte, count="1001")
    row = '<tr><td class="figure"><a'
    assert text_of(duarte.get("/desk/batches?stage=waiting")).count(row) == 1
    assert text_of(duarte.get("/desk/batches?product=office-plus")).count(row) == 1
    monkeypatch.setattr("chaveiro.web.desk.batches.ROWS", 2)
    first = text_of(duarte.get("/desk/batches"))
    following = re.search(r'href="(\?after=\d+)"', first)
    assert following is not None
    second = text_of(duarte.get(f"/desk/batches{following[1]}"))
    assert (first.count(row), second.count(row)) == (2, 2)


@pytest.mark.parametrize("path", ["batches", "batches/{}", "batches/{}/release", "batches/{}/recall", "batches/new"])
def test_a_page_asks_the_database_a_few_things_however_many_batches_there_are(
    world: World, duarte: Client, path: str
) -> None:
    for _ in range(12):
        make_keys(world)
    statements = []

    def counted(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    address = f"/desk/{path}".format(Batch.objects.latest("number").number)
    with connection.execute_wrapper(counted):
        assert duarte.get(address).status_code == 200
    assert 0 < len(statements) <= 12


def test_what_is_dear_needs_somebody_who_proved_to_be_there(world: World, duarte: Client) -> None:
    make_keys(world)
    number = Batch.objects.get().number
    Session.objects.update(confirmed_at=None, started_at=NOON - timedelta(hours=1))
    for step in ("export", "approve", "release", "recall"):
        asked = duarte.post(f"/desk/batches/{number}/{step}", {"reason": "furto", "do": "release"})
        assert b"confirm-it-is-you" in asked.content or "confirm-it-is-you" in asked.headers.get("Location", ""), step
    serial = serials.write(Key.objects.get().number)
    assert "confirm-it-is-you" in duarte.get(f"/desk/keys/{serial}/replace")["Location"]
    assert set(Key.objects.values_list("state", flat=True)) == {"released"}
