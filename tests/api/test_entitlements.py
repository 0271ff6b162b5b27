"""May this person use what, today, and if not why: asked by services, administrators, people themselves, partners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.adapters.signing import PublicKeys
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.identity.actions import services, tokens
from chaveiro.apps.identity.models import Account, Token
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.entitlements import DOCUMENT_KIND
from chaveiro.rules.errors import NotAllowed
from tests.api.conftest import Calendar
from tests.api.door import Answer, Caller
from tests.cast import BRUNO, DAY, NOON, World, make_keys, means, new_id, open_customer, token_for

pytestmark = pytest.mark.django_db

END = date(2027, 11, 22)


@dataclass(frozen=True, slots=True)
class Scene:
    """Bruno's organisation, and a service that asks."""

    service: Caller
    bruno: Actor
    customer: Any
    subscription: Any

    @property
    def person(self) -> str:
        return identifiers.write("person", Person.objects.get(account_id=self.bruno.account).id)

    def asked(self, query: str = f"email={BRUNO.email}", **headers: str) -> Answer:
        return self.service.get(f"/entitlements?{query}", **headers)

    def one(self, query: str = f"email={BRUNO.email}") -> dict[str, Any]:
        (one,) = self.asked(query).body["entitlements"]
        return dict(one)


@pytest.fixture
def scene(world: World) -> Scene:
    bruno, outcome = open_customer(world, make_keys(world))
    made = services.add_service(
        actor=SYSTEM, name="Escritório", returns=["https://office.example/callback"], means=means()
    )
    return Scene(Caller(made.token), bruno, outcome.customer, outcome.effects[0].subscription)


def block(scene: Scene, kind: str = "abuse", holder: str = "operator", whole: bool = False) -> Block:
    return Block.objects.create(
        id=new_id(),
        customer_id=scene.customer,
        subscription_id=None if whole else scene.subscription,
        kind=kind,
        holder=holder,
        put_on=DAY,
        put_at=NOON,
    )


def test_a_licensed_person_may_use_until_access_stops(scene: Scene) -> None:
    answer = scene.asked()
    assert answer.status == 200
    assert answer.body["person"] == scene.person
    assert answer.body["organisation"] == {
        "id": identifiers.write("customer", scene.customer),
        "name": "Padaria Sol, Lda.",
    }
    assert answer.body["day"] == "2026-11-22"
    assert answer.body["entitlements"] == [
        {
            "product": "office-basic",
            "subscription": identifiers.write("subscription", scene.subscription),
            "may_use": True,
            "until": "2027-12-22",
            "stage": "active",
            "licensed": True,
            "ends_on": "2027-11-22",
            "access_stops_on": "2027-12-22",
            "erasure_on": "2028-03-21",
            "reasons": [],
            "next_change": {"stage": "grace", "day": "2027-11-22"},
            "detail": None,
            "advice": None,
        }
    ]


@pytest.mark.parametrize(
    ("day", "stage", "may_use", "reason"),
    [
        (END - timedelta(days=1), "active", True, None),
        (END, "grace", True, None),
        (END + timedelta(days=29), "grace", True, None),
        (END + timedelta(days=30), "retained", False, "stage_forbids"),
        (END + timedelta(days=400), "retained", False, "stage_forbids"),
    ],
)
def test_the_calendar_lets_in_to_the_last_day_of_grace(
    scene: Scene, calendar: Calendar, day: date, stage: str, may_use: bool, reason: str | None
) -> None:
    by_day = scene.one(f"email={BRUNO.email}&on={day}")
    calendar.day = day
    today = scene.one()
    assert today == by_day
    assert (today["stage"], today["may_use"]) == (stage, may_use)
    assert [one["code"] for one in today["reasons"]] == ([reason] if reason else [])


def test_what_was_erased_says_so_and_nobody_can_lift_it(scene: Scene) -> None:
    Subscription.objects.update(erased_on=DAY)
    one = scene.one()
    assert (one["stage"], one["may_use"]) == ("deleted", False)
    assert one["reasons"][0] == {
        "code": "subscription_deleted",
        "since": "2026-11-22",
        "lifted_by": [],
        "block": None,
    }


@pytest.mark.parametrize("whole", [False, True])
def test_a_block_stops_at_once_and_lifting_it_lets_in(scene: Scene, whole: bool) -> None:
    before = scene.asked().headers["ETag"]
    put = block(scene, whole=whole)
    one = scene.one()
    assert not one["may_use"]
    assert one["reasons"] == [
        {
            "code": "blocked",
            "since": "2026-11-22",
            "lifted_by": ["operator"],
            "block": {"kind": "abuse", "holder": "operator"},
        }
    ]
    assert scene.asked().headers["ETag"] != before
    Block.objects.filter(id=put.id).update(lifted_at=NOON)
    assert scene.one()["may_use"]
    assert scene.asked().headers["ETag"] == before


def test_a_legal_hold_stops_nobody(scene: Scene) -> None:
    block(scene, "legal_hold")
    assert scene.one()["may_use"]


def test_without_a_licence_the_administrator_can_give_one(scene: Scene) -> None:
    Licence.objects.update(ended_at=NOON)
    one = scene.one()
    assert (one["may_use"], one["licensed"]) == (False, False)
    assert one["reasons"][0]["code"] == "no_licence"
    assert one["reasons"][0]["lifted_by"] == ["administrator"]


def test_the_reason_is_told_in_the_language_that_is_asked_for(scene: Scene) -> None:
    Licence.objects.update(ended_at=NOON)
    told = {
        language: scene.service.in_(language).get(f"/entitlements?email={BRUNO.email}").body["entitlements"][0]
        for language in ("pt-PT", "en")
    }
    assert told["pt-PT"]["detail"] != told["en"]["detail"]
    assert all(one["detail"].endswith(".") and one["advice"].endswith(".") for one in told.values())


def test_what_is_known_already_is_not_sent_again(scene: Scene) -> None:
    etag = scene.asked().headers["ETag"]
    again = scene.asked(If_None_Match=etag)
    assert (again.status, again.raw) == (304, b"")
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert scene.asked(If_None_Match=f'"other", W/{etag}').status == 304
    assert scene.asked(If_None_Match='"other"').status == 200


def test_a_customer_on_a_test_clock_is_answered_by_its_day(scene: Scene) -> None:
    clock = Clock.objects.create(
        id=new_id(), name="Relógio", day=END + timedelta(days=30), organisation_id=None, **_made(Clock)
    )
    Customer.objects.filter(id=scene.customer).update(is_test=True, clock=clock)
    answer = scene.asked()
    assert answer.body["day"] == "2027-12-22"
    assert not answer.body["entitlements"][0]["may_use"]


def _made(model: Any) -> dict[str, Any]:
    """What else a row of the clock needs, whatever columns it has by now."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.name in ("id", "name", "day", "organisation_id", "organisation") or field.null or field.has_default():
            continue
        kind = field.get_internal_type()
        values[field.name] = {"DateTimeField": NOON, "DateField": DAY, "TextField": "x"}.get(kind, 1)
    return values


def test_people_are_found_by_address_by_sign_in_name_and_by_person(scene: Scene) -> None:
    name = Account.objects.get(id=scene.bruno.account).login_name
    answers = [scene.asked(f"email={who}") for who in (BRUNO.email, BRUNO.email.upper(), name)]
    answers.append(scene.asked(f"person={scene.person}"))
    assert {answer.body["person"] for answer in answers} == {scene.person}


def test_an_address_of_several_people_asks_for_the_person(world: World, scene: Scene) -> None:
    open_customer(world, make_keys(world), prefix="padarialua")
    answer = scene.asked()
    assert (answer.status, answer.body["code"]) == (422, "several_people")
    assert scene.person in answer.body["facts"]["people"]
    assert len(answer.body["facts"]["people"]) == 2


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "missing"),
        ("email=", 422, "missing"),
        (f"email={BRUNO.email}&person=per_{'0' * 32}", 422, "malformed"),
        ("person=nobody", 404, "not_found"),
        (f"person=per_{'0' * 32}", 404, "not_found"),
        ("email=nobody@nowhere.example", 404, "not_found"),
        (f"email={BRUNO.email}&on=tomorrow", 422, "malformed"),
    ],
)
def test_who_is_not_named_rightly_is_told_so(scene: Scene, query: str, status: int, code: str) -> None:
    answer = scene.asked(query)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_of_two_subscriptions_of_a_product_the_one_that_lets_in_counts(world: World, scene: Scene) -> None:
    """A later one without a licence does not keep out whom an earlier one lets in."""
    other = Subscription.objects.get(id=scene.subscription)
    other.id, other.ends_on = new_id(), END + timedelta(days=365)
    other.save(force_insert=True)
    assert scene.one()["subscription"] == identifiers.write("subscription", scene.subscription)
    Licence.objects.update(ended_at=NOON)
    assert scene.one()["subscription"] == identifiers.write("subscription", other.id)


# ── who may ask ──


def test_an_administrator_asks_about_their_own_people_and_a_stranger_about_nobody(scene: Scene, carla: Caller) -> None:
    bruno = Caller(token_for(scene.bruno))
    assert bruno.get(f"/entitlements?email={BRUNO.email}").body["person"] == scene.person
    foreign = carla.get(f"/entitlements?person={scene.person}")
    absent = carla.get(f"/entitlements?person=per_{'0' * 32}")
    assert (foreign.status, absent.status) == (404, 404)
    assert {**foreign.body, "request_id": ""} == {**absent.body, "request_id": ""}


def test_a_partner_asks_about_whom_it_reaches_and_no_other_partner(world: World, scene: Scene, ana: Caller) -> None:
    assert ana.get(f"/entitlements?person={scene.person}").status == 200
    assert Caller(token_for(world.rui)).get(f"/entitlements?person={scene.person}").status == 404
    assert Caller(token_for(world.rui)).get(f"/entitlements?email={BRUNO.email}").status == 404
    connection.connection.execute("UPDATE customers_reach SET ended_at = now()")
    assert ana.get(f"/entitlements?person={scene.person}").status == 404


def test_a_partner_sees_only_the_subscriptions_that_it_reaches(world: World, scene: Scene, ana: Caller) -> None:
    other = Subscription.objects.get(id=scene.subscription)
    other.id, other.product_id = new_id(), Subscription.objects.get(id=scene.subscription).product_id + 1
    other.save(force_insert=True)
    assert len(scene.asked().body["entitlements"]) == 2
    assert len(ana.get(f"/entitlements?person={scene.person}").body["entitlements"]) == 1


def test_people_without_a_role_ask_about_themselves_alone(world: World, scene: Scene) -> None:
    connection.connection.execute("UPDATE customers_role SET ended_at = now()")
    bruno = Caller(token_for(scene.bruno))
    assert bruno.get(f"/entitlements?person={scene.person}").status == 200
    account = Account.objects.get(id=scene.bruno.account)
    account.id, account.login_name, account.email = new_id(), "berta@padariasol.example.test", "berta@x.example"
    account.save(force_insert=True)
    berta = Person.objects.create(
        id=new_id(),
        customer_id=scene.customer,
        account=account,
        user_name="berta",
        country_of_use="PT",
        created_at=NOON,
    )
    assert bruno.get(f"/entitlements?person={identifiers.write('person', berta.id)}").status == 404
    assert bruno.get("/entitlements?email=berta@x.example").status == 404


def test_a_token_needs_the_scope(scene: Scene, ana: Caller) -> None:
    for scopes, status in ((["keys:check"], 403), (["entitlements:read"], 200), (["subscriptions:read"], 200)):
        made = tokens.create_token(
            actor=scene.bruno, account=scene.bruno.account, name="x", scopes=scopes, means=means()
        )
        assert Caller(made.text).get(f"/entitlements?email={BRUNO.email}").status == status


def test_no_good_token_is_no_token(scene: Scene) -> None:
    assert Caller(None).get(f"/entitlements?email={BRUNO.email}").status == 401
    assert Caller("chv_" + "a" * 32).get(f"/entitlements?email={BRUNO.email}").status == 401
    text = token_for(scene.bruno)
    Token.objects.update(revoked_at=NOON)
    assert Caller(text).get(f"/entitlements?email={BRUNO.email}").status == 401


def test_a_service_s_token_opens_nothing_else(scene: Scene) -> None:
    for path in ("/subscriptions", "/journal", "/redemptions", "/batches"):
        assert scene.service.get(path).status == 401


def test_the_old_token_of_a_service_works_through_the_overlap_and_no_longer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = connection.connection.execute("SELECT id FROM identity_service").fetchone()
    made = services.rotate_service(actor=SYSTEM, service=row[0], overlap_hours=2, means=means())
    assert Caller(made.token).get(f"/entitlements?email={BRUNO.email}").status == 200
    assert scene.asked().status == 200
    later = means().at(NOON + timedelta(hours=3), DAY)
    monkeypatch.setattr(wiring, "means", lambda: later)
    assert scene.asked().status == 401
    assert Caller(made.token).get(f"/entitlements?email={BRUNO.email}").status == 200
    services.remove_service(actor=SYSTEM, service=row[0], now=later.now)
    assert Caller(made.token).get(f"/entitlements?email={BRUNO.email}").status == 401


def test_only_operators_keep_services(world: World, scene: Scene) -> None:
    for actor in (world.ana, world.dalila, scene.bruno):
        with pytest.raises(NotAllowed):
            services.add_service(actor=actor, name="X", returns=["https://x.example/"], means=means())
    made = services.add_service(actor=world.duarte, name="X", returns=["https://x.example/"], means=means())
    assert Caller(made.token).get(f"/entitlements?email={BRUNO.email}").status == 200


# ── the signed document ──


def test_the_document_holds_the_dates_and_verifies_by_the_published_keys(scene: Scene) -> None:
    block(scene, "unpaid", "system")
    answer = scene.service.get(f"/entitlements/document?person={scene.person}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/jose"
    keys = PublicKeys.from_jwks(wiring.keyring().jwks())
    claims = keys.read(answer.raw.decode(), DOCUMENT_KIND)
    assert claims["version"] == 1
    assert claims["sub"] == scene.person
    assert (claims["iat"], claims["exp"]) == (int(NOON.timestamp()), int((NOON + timedelta(minutes=15)).timestamp()))
    (one,) = claims["entitlements"]
    assert (one["access_stops_on"], one["erasure_on"]) == ("2027-12-22", "2028-03-21")
    assert one["reasons"][0]["block"] == {"kind": "unpaid", "holder": "system"}
    assert datetime.fromtimestamp(claims["iat"], UTC) == NOON


def test_the_answer_and_the_document_need_one_statement_each(
    scene: Scene, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authentication, isolation and answer are one statement, and nothing is asked beside it."""
    sent: list[str] = []
    import psycopg

    plain = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(str(query))
        return plain(self, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    assert scene.asked().status == 200
    assert len(sent) == 1
    assert "closing_entitled" in sent[0]
