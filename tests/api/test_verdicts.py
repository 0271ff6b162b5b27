"""Every verdict of the rules is reached through the API, with its code for ever and its sentence in both languages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from chaveiro.api import redemptions
from chaveiro.apps.redemption.actions import drafting
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers, limits
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import Contention
from chaveiro.rules.keys import group, mint
from chaveiro.rules.limits import Rate, Side
from tests.api.conftest import Calendar
from tests.api.door import Answer, Caller, act_body, opening_body
from tests.cast import DAY, World, make_keys, means, open_customer, token_for

pytestmark = [pytest.mark.django_db, pytest.mark.money]


@dataclass(slots=True)
class Scene:
    """Who sends what, and the place that shall be named."""

    caller: Caller
    body: dict[str, Any]
    pointer: str | None
    around: dict[str, Any] = field(default_factory=dict)  # what a check of the key alone needs to know as well


@dataclass(slots=True)
class Stage:
    """Where the scenes play: Ana sells to new customers, Bruno looks after his own."""

    world: World
    ana: Caller
    calendar: Calendar

    def keys(self, count: int = 1, **changes: Any) -> list[str]:
        return make_keys(self.world, count, **changes)

    def bruno(self, **changes: Any) -> tuple[Caller, str]:
        """Bruno, and his subscription."""
        actor, outcome = open_customer(self.world, self.keys(**changes))
        subscription = Subscription.objects.get(customer_id=outcome.customer)
        return Caller(token_for(actor)), identifiers.write("subscription", subscription.id)

    def opening(self, keys: list[str], pointer: str, **around: Any) -> Scene:
        return Scene(self.ana, opening_body(keys, "another"), pointer, around)

    def extending(self, pointer: str, *, having: dict[str, Any], by: dict[str, Any], **sent: Any) -> Scene:
        caller, subscription = self.bruno(**having)
        body = act_body("extend", self.keys(**by), subscription, **sent)
        return Scene(caller, body, pointer, {"subscription": subscription})


def key_empty(stage: Stage) -> Scene:
    return stage.opening(["  "], "/keys/0")


def key_length(stage: Stage) -> Scene:
    return stage.opening([stage.keys()[0][:-2]], "/keys/0")


def key_symbol(stage: Stage) -> Scene:
    [key] = stage.keys()
    return stage.opening(["U" + key[1:]], "/keys/0")


def key_checksum(stage: Stage) -> Scene:
    [key] = stage.keys()
    return stage.opening([("1" if key[0] == "0" else "0") + key[1:]], "/keys/0")


def key_duplicate(stage: Stage) -> Scene:
    [key] = stage.keys()
    return stage.opening([key, key.lower()], "/keys/1")


def key_unknown(stage: Stage) -> Scene:
    return stage.opening([group(mint(1, os.urandom)[0])], "/keys/0")


def key_redeemed(stage: Stage) -> Scene:
    keys = stage.keys()
    open_customer(stage.world, keys)
    return stage.opening(keys, "/keys/0")


def key_redeemed_by_you(stage: Stage) -> Scene:
    keys = stage.keys()
    actor, _ = open_customer(stage.world, keys)
    return Scene(Caller(token_for(actor)), {"purpose": "open", "keys": keys, "attestation": True}, "/keys/0")


def key_held(stage: Stage) -> Scene:
    keys = stage.keys(2)
    code = ResumeCode.made(os.urandom(13))
    holder = drafting.begin(actor=stage.world.rui, means=means(), code=code)
    drafting.keep_keys(actor=holder, code=code, texts=keys, sealer=_NoSealer(), means=means())
    return stage.opening(keys[:1], "/keys/0")


class _NoSealer:
    """Nothing needs sealing where every key is good."""

    def seal(self, code: str, context: str, text: str) -> bytes:
        raise AssertionError

    def open(self, code: str, context: str, sealed: bytes) -> str:
        raise AssertionError


def key_expired(stage: Stage) -> Scene:
    return stage.opening(stage.keys(activate_before=DAY), "/keys/0")


def key_not_released(stage: Stage) -> Scene:
    return stage.opening(stage.keys(state="minted"), "/keys/0")


def key_revoked(stage: Stage) -> Scene:
    return stage.opening(stage.keys(state="revoked"), "/keys/0")


def key_wrong_country(stage: Stage) -> Scene:
    return stage.opening(stage.keys(countries=["ES"]), "/keys/0", country="PT")


def key_wrong_product(stage: Stage) -> Scene:
    return stage.extending("/keys/0", having={}, by={"product": "office-plus"})


def seats_over_maximum(stage: Stage) -> Scene:
    return stage.opening(stage.keys(2, product="office-one", seats=5), "/keys")


def seats_below_licences(stage: Stage) -> Scene:
    scene = stage.extending("/seats_after/office-basic", having={}, by={}, seats_after={"office-basic": 4})
    Subscription.objects.update(assigned=5)
    return scene


def term_too_short(stage: Stage) -> Scene:
    scene = stage.extending("/keys", having={"months": 1}, by={"months": 1})
    stage.calendar.day = date(2026, 12, 22) + timedelta(days=28)
    return scene


def horizon_exceeded(stage: Stage) -> Scene:
    return stage.extending("/keys", having={}, by={"months": 60})


def country_not_served(stage: Stage) -> Scene:
    scene = stage.opening(stage.keys(), "/customer/country")
    scene.body["customer"]["country"] = "DE"
    return scene


def subscription_deleted(stage: Stage) -> Scene:
    scene = stage.extending("/subscription", having={}, by={})
    Subscription.objects.update(erased_on=DAY)
    return scene


def paid_directly(stage: Stage) -> Scene:
    scene = stage.extending("/subscription", having={}, by={})
    Subscription.objects.update(paid_by="direct")
    return scene


def role_required(stage: Stage) -> Scene:
    _, subscription = stage.bruno()
    return Scene(stage.ana, act_body("add", stage.keys(), subscription), None)


def attestation_missing(stage: Stage) -> Scene:
    scene = stage.opening(stage.keys(), "/attestation")
    del scene.body["attestation"]
    return scene


def missing(stage: Stage) -> Scene:
    scene = stage.opening(stage.keys(), "/administrator")
    del scene.body["administrator"]
    return scene


def prefix_taken(stage: Stage) -> Scene:
    stage.bruno()
    scene = stage.opening(stage.keys(), "/customer/domain_prefix")
    scene.body["customer"]["domain_prefix"] = "padariasol"
    return scene


def tax_number_known(stage: Stage) -> Scene:
    first = opening_body(stage.keys())
    first["customer"]["tax_number"] = "501 234 567"
    assert stage.ana.post("/redemptions", first).status == 201
    scene = stage.opening(stage.keys(), "/customer/tax_number")
    scene.body["customer"]["tax_number"] = "PT501234567"
    return scene


def seats_not_allowed(stage: Stage) -> Scene:
    return stage.extending("/seats_after/office-basic", having={"months": 1}, by={}, seats_after={"office-basic": 2})


def sum_changed(stage: Stage) -> Scene:
    scene = stage.opening(stage.keys(), "")
    scene.body["fingerprint"], scene.pointer = "another sum", None
    return scene


OF_KEYS = [
    key_empty,
    key_length,
    key_symbol,
    key_checksum,
    key_duplicate,
    key_unknown,
    key_redeemed,
    key_redeemed_by_you,
    key_held,
    key_expired,
    key_not_released,
    key_revoked,
    key_wrong_country,
    key_wrong_product,
]
OF_ORDERS = [
    seats_over_maximum,
    seats_below_licences,
    term_too_short,
    horizon_exceeded,
    country_not_served,
    subscription_deleted,
    paid_directly,
    role_required,
    attestation_missing,
    missing,
    prefix_taken,
    tax_number_known,
    seats_not_allowed,
    sum_changed,
]


@pytest.fixture
def stage(world: World, ana: Caller, calendar: Calendar) -> Stage:
    return Stage(world, ana, calendar)


def said(answer: Answer, code: str, pointer: str | None) -> str:
    """The sentence of the code; it stands at its place, or is the whole answer."""
    if pointer is None:
        assert answer.body["code"] == code
        return str(answer.body["detail"])
    assert (pointer, code) in answer.codes, answer.codes
    return next(str(error["detail"]) for error in answer.body["errors"] if error["code"] == code)


@pytest.mark.parametrize("scene_of", OF_KEYS + OF_ORDERS, ids=lambda scene: scene.__name__)
def test_a_verdict_has_one_code_and_a_sentence_in_each_language(
    stage: Stage, scene_of: Callable[[Stage], Scene]
) -> None:
    scene, code = scene_of(stage), scene_of.__name__
    english = scene.caller.in_("en").post("/redemptions?validate_only=true", scene.body)
    portuguese = scene.caller.in_("pt-PT").post("/redemptions?validate_only=true", scene.body)
    committed = scene.caller.post("/redemptions", scene.body)
    assert english.status == portuguese.status == committed.status >= 400
    assert english.headers["Content-Type"] == "application/problem+json"
    assert (english.headers["Content-Language"], portuguese.headers["Content-Language"]) == ("en", "pt-PT")
    sentences = {said(answer, code, scene.pointer) for answer in (english, portuguese)}
    assert len(sentences) == 2
    assert all(sentence.strip() for sentence in sentences)
    assert said(committed, code, scene.pointer) in sentences


@pytest.mark.parametrize("scene_of", OF_KEYS, ids=lambda scene: scene.__name__)
def test_the_check_of_a_key_gives_the_same_verdict(stage: Stage, scene_of: Callable[[Stage], Scene]) -> None:
    scene = scene_of(stage)
    english, portuguese = (
        scene.caller.in_(language).post("/key-checks", {"keys": scene.body["keys"], **scene.around}).body["results"][-1]
        for language in ("en", "pt-PT")
    )
    assert english["verdict"] == portuguese["verdict"] == scene_of.__name__
    assert english["detail"] != portuguese["detail"]
    assert english["facts"] == portuguese["facts"]


def test_the_facts_of_a_verdict_are_told_in_a_form_for_programs(stage: Stage) -> None:
    def facts(scene: Scene) -> dict[str, Any]:
        answer = scene.caller.post("/redemptions?validate_only=true", scene.body)
        found: dict[str, Any] = answer.body["errors"][0]["facts"]
        return found

    [key] = stage.keys()
    wrong = stage.opening([("1" if key[0] == "0" else "0") + key[1:]], "/keys/0")
    assert facts(wrong) == {"positions": [1], "repair": key}
    assert facts(key_wrong_country(stage)) == {"country": "PT", "countries": ["ES"]}
    over = facts(seats_over_maximum(stage))
    assert (over["maximum"], over["over_by"]) == (5, 5)
    short = facts(term_too_short(stage))
    assert short["instead"][0] == {"act": "further_keys", "count": 1, "seats": 5, "months": 1}


def test_asking_too_often_is_refused_in_both_languages_with_the_time_to_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {**limits.LIMITS["key_checks"], Side.TOKEN: Rate(timedelta(seconds=1), 200)}
    monkeypatch.setattr(limits, "LIMITS", {**limits.LIMITS, "key_checks": rates})
    basket = {"keys": ["nothing"] * 150}
    assert stage.ana.post("/key-checks", basket).status == 200
    english, portuguese = (stage.ana.in_(language).post("/key-checks", basket) for language in ("en", "pt-PT"))
    assert (english.status, english.body["code"], english.headers["Retry-After"]) == (429, "try_later", "100")
    assert english.body["detail"] != portuguese.body["detail"]
    assert Caller(token_for(stage.world.rui)).post("/key-checks", basket).status == 200


def test_somebody_faster_is_told_in_both_languages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(**_: object) -> None:
        raise Contention(what="keys")

    monkeypatch.setattr(redemptions, "redeem", lost)
    body = opening_body(stage.keys())
    english, portuguese = (stage.ana.in_(language).post("/redemptions", body) for language in ("en", "pt-PT"))
    assert english.body["code"] == portuguese.body["code"] == "try_later"
    assert english.body["detail"] != portuguese.body["detail"]
