"""Pages about data that go and data that leave: for customers, at the desk, and the certificate."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.closing.actions.erasing import erase_due
from chaveiro.apps.closing.models import ErasingDay, Erasure, Evidence
from chaveiro.apps.identity.models import Account, Session
from chaveiro.apps.notices.models import Owed
from chaveiro.console import effects
from chaveiro.console.letters import Desk
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.erasure import CERTIFICATE_KIND
from tests.apps.erasing_scene import DUE, Ended, ended, swept
from tests.apps.test_takeout import another, person_of
from tests.cast import NOON, World, _member, make_keys, means, open_customer
from tests.web.conftest import signed_in, text_of, where

pytestmark = pytest.mark.django_db


@pytest.fixture
def padaria(world: World) -> Ended:
    return ended(world)


@pytest.fixture
def his(padaria: Ended, en: Client) -> Client:
    """Bruno's browser; the link just used is confirmation enough."""
    Owed.objects.all().delete()
    en.cookies["language"] = "en"
    return signed_in(en, padaria.bruno)


class Nowhere:
    """A post office that is never asked."""


def work() -> None:
    """Carry out what is owed, as the worker does."""
    desk = Desk(Nowhere(), means, "http://localhost:8000", "Tagus Software", b"s" * 32)  # type: ignore[arg-type]
    ours = ("data_key", "data_export", "erase_person")
    for number in Owed.objects.filter(kind__in=ours).order_by("id").values_list("id", flat=True):
        effects.carry_out(desk, number)
    Owed.objects.all().delete()


# ── customers ──


def test_everything_is_exported_in_one_click(his: Client, padaria: Ended) -> None:
    page = text_of(his.get("/settings/data"))
    assert "Export everything" in page
    sent = his.post("/settings/data", {"do": "all"})
    waiting = text_of(his.get(where(sent)))
    assert "It is being written." in waiting
    work()
    assert "Download the file" in text_of(his.get(where(sent)))
    file = his.post(where(sent))
    assert file.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(b"".join(file.streaming_content)))  # type: ignore[arg-type]
    assert json.loads(archive.read("customers_customer.json"))[0]["name"] == "Padaria Sol, Lda."
    assert "The whole organisation" in text_of(his.get("/settings/data"))


def test_who_has_no_role_exports_themselves_and_nobody_else(en: Client, padaria: Ended) -> None:
    rita = another(padaria)
    hers = signed_in(en, rita)
    page = text_of(hers.get("/settings/data"))
    assert "Export what is kept of me" in page or "Exportar o que guardam sobre mim" in page
    assert "Bruno" not in page
    assert hers.post("/settings/data", {"do": "all"}).status_code in (403, 404)
    assert hers.get(f"/settings/data/people/{identifiers.write('person', person_of(padaria.bruno))}").status_code == 404
    assert hers.post("/settings/data", {"do": "mine"}).status_code == 303


def test_an_administrator_erases_a_person(his: Client, padaria: Ended) -> None:
    rita = another(padaria)
    address = f"/settings/data/people/{identifiers.write('person', person_of(rita))}"
    assert "Erase Rita Costa for good" in text_of(his.get(address))
    assert where(his.post(address, {"do": "erase"})) == "/settings/data?done=erased"
    work()
    assert Account.objects.get(id=rita.account).given_name == ""
    assert "Rita" not in text_of(his.get("/settings/data"))


def test_the_last_administrator_is_told_why_not(his: Client, padaria: Ended) -> None:
    refused = his.post("/settings/data/me", {"do": "erase"})
    assert refused.status_code == 422
    assert "this is the only one" in text_of(refused)
    assert Account.objects.get(id=padaria.bruno.account).closed_at is None


def test_partners_and_operators_have_no_such_page(world: World, en: Client) -> None:
    assert signed_in(en, world.ana).get("/settings/data").status_code == 404


# ── the certificate ──


def erased(padaria: Ended) -> str:
    swept(DUE - timedelta(days=1))
    erase_due(day=DUE, clock=None, means=means(DUE))
    return identifiers.write("erasure", Erasure.objects.get(kind="subscription").id)


def test_a_certificate_tells_anybody_who_has_its_address_in_ids(client: Client, padaria: Ended) -> None:
    public = erased(padaria)
    client.cookies["language"] = "en"
    page = text_of(client.get(f"/erasures/{public}"))
    assert "The data of a subscription were erased" in page
    assert identifiers.write("subscription", padaria.subscription) in page
    assert "Padaria" not in page
    assert "bruno" not in page.lower()
    assert client.get(f"/erasures/{identifiers.write('erasure', UUID(int=7))}").status_code == 404
    assert client.get(f"/erasures/{public}.pdf").content[:5] == b"%PDF-"


def test_its_signed_form_says_the_same_and_holds(client: Client, padaria: Ended) -> None:
    public = erased(padaria)
    claims = wiring.keyring().read(client.get(f"/erasures/{public}.jws").content.decode(), CERTIFICATE_KIND)
    assert claims["id"] == public
    assert claims["subscription"] == identifiers.write("subscription", padaria.subscription)
    assert (claims["day"], claims["proof"]["how"], claims["key_destroyed_at"]) == ("2028-03-21", "notice", None)
    work()
    again = wiring.keyring().read(client.get(f"/erasures/{public}.jws").content.decode(), CERTIFICATE_KIND)
    assert again["key_destroyed_at"] is not None
    assert {name: value for name, value in again.items() if name != "key_destroyed_at"} == {
        name: value for name, value in claims.items() if name != "key_destroyed_at"
    }


# ── the desk ──


@pytest.fixture
def olga(world: World) -> Actor:
    return _member(world.vendor, "Olga", "operator", Kind.OPERATOR)


def at_desk(client: Client, actor: Actor) -> Client:
    client.cookies["language"] = "en"
    browser = signed_in(client, actor)
    Session.objects.filter(account_id=actor.account).update(confirmed_at=NOON)
    return browser


def test_the_desk_shows_what_is_due_and_why_it_waits(world: World, en: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "means", lambda: means(DUE))
    swept(DUE - timedelta(days=1))
    ended(world, told=False)
    desk = at_desk(en, world.duarte)
    page = text_of(desk.get("/desk/erasures"))
    assert "Padaria Sol, Lda." in page
    assert "No notice that names the day was accepted by a mail server." in page


def test_two_operators_replace_a_mail_s_proof(
    world: World, en: Client, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "means", lambda: means(DUE))
    swept(DUE - timedelta(days=1))
    padaria = ended(world, told=False)
    address = f"/desk/erasures/{identifiers.write('subscription', padaria.subscription)}"
    desk = at_desk(en, world.duarte)
    refused = desk.post(address, {"do": "record", "text": "Letter RR123", "told_on": "soon"})
    assert refused.status_code == 422
    assert "Letter RR123" in text_of(refused), "nothing typed is lost"
    assert where(desk.post(address, {"do": "record", "text": "Letter RR123", "told_on": "2028-03-01"})) == address
    evidence = identifiers.write("evidence", Evidence.objects.get().id)
    own = desk.post(address, {"do": "approve", "evidence": evidence})
    assert own.status_code == 422
    assert "cannot agree to it" in text_of(own)
    hers = at_desk(Client(), olga)
    assert where(hers.post(address, {"do": "approve", "evidence": evidence})) == address
    assert "Proven: it goes with the next run." in text_of(hers.get(address))
    assert erase_due(day=DUE, clock=None, means=means(DUE)).subscriptions == (padaria.subscription,)
    assert "Erased on" in text_of(hers.get(address))
    assert "era_" in text_of(hers.get("/desk/erasures?state=done"))


def test_more_than_usual_ask_at_the_desk(world: World, en: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "means", lambda: means(DUE))
    swept(DUE - timedelta(days=1))
    for number in range(11):
        ended(world, f"padaria{number}")
    assert erase_due(day=DUE, clock=None, means=means(DUE)).asked == 11
    desk = at_desk(en, world.duarte)
    assert "11 erasures are due and 10 are usual" in text_of(desk.get("/desk/erasures"))
    assert where(desk.post("/desk/erasures/allow", {"day": "2028-03-21"})) == "/desk/erasures?allowed=1"
    assert ErasingDay.objects.get().allowed_by == world.duarte.account
    assert len(erase_due(day=DUE, clock=None, means=means(DUE)).subscriptions) == 11


def test_a_stranger_s_subscription_is_nobody_s_page(world: World, en: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world, 1))
    assert signed_in(en, bruno).get("/desk/erasures").status_code == 404
