"""The sample service in a process of its own, that knows only the public documents, beside a real server.

It lets somebody in, and keeps them out the instant that the clock leaves grace, a block is put or a licence goes; it
says why, and who can lift it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.identity.models import Account, Session
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from tests.api.test_entitlements import _made
from tests.cast import BRUNO, NOON, build_world, make_keys, new_id, open_customer
from tests.conftest import Server
from tests.examples.sample import PROBE_TOKEN, ROOT, Somebody, probe, sample_service
from tests.web.browser import serving
from tests.web.conftest import link_for

pytestmark = pytest.mark.timeout(240)

END = date(2027, 11, 22)


class Stage:
    """Two processes, and Bruno's organisation on a test clock between them."""

    def __init__(self, provider: str, service: str, bruno: Actor) -> None:
        self.provider, self.service, self.bruno = provider, service, bruno

    def turn(self, day: date) -> None:
        Clock.objects.update(day=day)

    def enter(self, language: str = "en") -> Somebody:
        somebody = Somebody(language)
        assert self.bruno.account is not None
        home = somebody.signs_in(self.provider, self.service, link_for(self.bruno.account, Purpose.SIGN_IN))
        assert home.address == f"{self.service}/"
        return somebody


@pytest.fixture
def stage(real_database: str, server: Server, tmp_path: Path) -> Iterator[Stage]:
    world = build_world()
    bruno, outcome = open_customer(world, make_keys(world))
    clock = Clock.objects.create(id=new_id(), name="Relógio", day=date(2026, 11, 22), **_made(Clock))
    Customer.objects.filter(id=outcome.customer).update(is_test=True, clock=clock)
    with serving(server, real_database, tmp_path) as provider, sample_service(provider, tmp_path) as service:
        yield Stage(provider, service, bruno)


def test_a_person_is_let_in_and_kept_out_at_the_right_instants(stage: Stage) -> None:
    somebody = stage.enter()
    assert stage.bruno.customer is not None

    def sees() -> tuple[int, str]:
        page = somebody.opens(f"{stage.service}/")
        return page.status, page.text

    status, text = sees()
    assert status == 200
    assert "You can work." in text
    assert "Padaria Sol, Lda." in text
    for day, allowed in ((END - timedelta(days=1), 1), (END, 1), (END + timedelta(days=29), 1)):
        stage.turn(day)
        assert (sees()[0] == 200) == allowed, day
    put = Block.objects.create(
        id=new_id(), customer_id=stage.bruno.customer, kind="abuse", holder="operator", put_on=END, put_at=NOON
    )
    status, text = sees()
    assert status == 403
    assert "blocked" in text
    assert "the vendor" in text
    Block.objects.filter(id=put.id).update(lifted_at=NOON)
    assert sees()[0] == 200
    Licence.objects.update(ended_at=NOON)
    status, text = sees()
    assert (status, "no_licence" in text, "an administrator of your organisation" in text) == (403, True, True)
    Licence.objects.update(ended_at=None)
    assert sees()[0] == 200
    stage.turn(END + timedelta(days=30))
    status, text = sees()
    assert (status, "stage_forbids" in text) == (403, True)
    Subscription.objects.update(ends_on=END + timedelta(days=365))
    assert sees()[0] == 200
    Subscription.objects.update(erased_on=END)
    status, text = sees()
    assert (status, "subscription_deleted" in text, "nobody" in text) == (403, True, True)
    Account.objects.filter(id=stage.bruno.account).update(closed_at=NOON)
    status, text = sees()
    assert (status, "person_unknown" in text) == (403, True)


def test_the_declared_check_says_the_same(stage: Stage) -> None:
    assert probe(stage.service, BRUNO.email) == (
        200,
        {"allowed": True, "code": None, "lifted_by": [], "detail": ""},
    )
    stage.turn(END + timedelta(days=30))
    status, told = probe(stage.service, BRUNO.email)
    assert (status, told["allowed"], told["code"]) == (403, False, "stage_forbids")
    assert told["lifted_by"] == ["administrator", "partner"]
    assert probe(stage.service, "nobody@nowhere.example")[0] == 403
    assert probe(stage.service, BRUNO.email, token="wrong")[0] == 401


def test_signing_out_of_the_service_signs_out_here(stage: Stage) -> None:
    somebody = stage.enter("pt-PT")
    assert "Pode trabalhar." in somebody.opens(f"{stage.service}/").text
    gone = somebody.opens(f"{stage.service}/sign-out")
    assert gone.address == f"{stage.service}/"
    assert "Inicie sessão" in gone.text
    assert not Session.objects.filter(ended_at=None).exists()


def test_an_answer_that_belongs_to_another_browser_signs_nobody_in(stage: Stage) -> None:
    assert Somebody().opens(f"{stage.service}/callback?code=x&state=y&iss={stage.provider}").status == 400
    assert Somebody().opens(f"{stage.service}/nowhere").status == 404


def test_whoever_cannot_be_asked_about_is_kept_out(real_database: str, tmp_path: Path) -> None:
    with sample_service("http://127.0.0.1:9", tmp_path) as service:
        status, told = probe(service, BRUNO.email)
    assert (status, told["allowed"], told["code"]) == (503, False, "cannot_tell")
    assert PROBE_TOKEN not in (tmp_path / "sample.log").read_text()
    assert BRUNO.email not in (tmp_path / "sample.log").read_text()


def test_it_knows_nothing_of_the_platform_s_insides() -> None:
    """Standard library, one library for signatures, and its own three files."""
    allowed = {*sys.stdlib_module_names, "jwt", "entitlements", "signing_in"}
    for file in sorted((ROOT / "examples" / "sample_service").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert {str(name).partition(".")[0] for name in names} <= allowed, file.name
