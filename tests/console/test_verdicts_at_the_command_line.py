"""Every verdict of the rules is reached from the command line, in both languages; asking spends and holds nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.redemption.actions import committing, drafting
from chaveiro.apps.redemption.models import Redemption
from chaveiro.rules import identifiers
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.keys import group, mint
from tests import cast
from tests.cast import DAY, World, make_keys, open_customer
from tests.console.conftest import login_of
from tests.console.desk import Desk, acting_body, opening_body

LANGUAGES = ("pt", "en")


@dataclass(frozen=True, slots=True)
class Case:
    """What is presented to `keys judge`, and the place in it whose verdict is meant."""

    texts: list[str]
    options: tuple[str, ...] = ()
    index: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """A world with Padaria Sol in it, whose administrator is Bruno."""

    world: World
    bruno: Actor
    subscription: str
    spent: str


@pytest.fixture
def scene(world: World) -> Scene:
    (spent,) = make_keys(world, seats=5)
    bruno, outcome = open_customer(world, [spent])
    subscription = outcome.effects[0].subscription
    assert subscription is not None
    return Scene(world, bruno, identifiers.write("subscription", subscription), spent)


def key_empty(scene: Scene) -> Case:
    return Case(["  "])


def key_length(scene: Scene) -> Case:
    return Case(["84G7Z-WYRD6"])


def key_symbol(scene: Scene) -> Case:
    return Case(["U4G7Z-WYRD6-Z1RV0-WHE6M-14GA6"])


def key_checksum(scene: Scene) -> Case:
    return Case(["74G7Z-WYRD6-Z1RV0-WHE6M-14GA6"])


def key_duplicate(scene: Scene) -> Case:
    (key,) = make_keys(scene.world)
    return Case([key, key.lower()], index=1)


def key_unknown(scene: Scene) -> Case:
    return Case([group(mint(1, lambda count: bytes(range(7, 7 + count)))[0])])


def key_redeemed(scene: Scene) -> Case:
    return Case([scene.spent])


def key_redeemed_by_you(scene: Scene) -> Case:
    return Case([scene.spent], ("--as", login_of(scene.bruno)))


def key_held(scene: Scene) -> Case:
    (key,) = make_keys(scene.world)
    code = ResumeCode.made(bytes(range(20)))
    holder = drafting.begin(actor=ANONYMOUS, means=cast.means(), code=code)
    drafting.keep_keys(actor=holder, code=code, texts=[key], sealer=wiring.sealer(), means=cast.means())
    return Case([key])


def key_expired(scene: Scene) -> Case:
    return Case(make_keys(scene.world, activate_before=DAY))


def key_not_released(scene: Scene) -> Case:
    return Case(make_keys(scene.world, state="minted"))


def key_revoked(scene: Scene) -> Case:
    return Case(make_keys(scene.world, state="revoked"))


def key_wrong_country(scene: Scene) -> Case:
    return Case(make_keys(scene.world, countries=["ES", "FR"]), ("--country", "pt"))


def key_wrong_product(scene: Scene) -> Case:
    return Case(make_keys(scene.world, product="office-plus"), ("--subscription", scene.subscription))


def ok(scene: Scene) -> Case:
    return Case(make_keys(scene.world, countries=["ES", "FR"]), ("--country", "ES"))


JUDGED = (
    ok,
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
)
FACTS: Mapping[str, Mapping[str, Any]] = {
    "key_length": {"symbols": 10},
    "key_symbol": {"positions": [1], "repair": "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"},
    "key_checksum": {"positions": [1], "repair": "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"},
    "key_duplicate": {"first": 0},
    "key_redeemed_by_you": {"at": "2026-11-22T12:00:00Z"},
    "key_held": {"until": "2026-11-25T12:00:00Z"},
    "key_expired": {"activate_before": "2026-11-22"},
    "key_wrong_country": {"country": "PT", "countries": ["ES", "FR"]},
    "key_wrong_product": {"product": "office-plus", "wanted": "office-basic"},
}


@pytest.mark.parametrize("case_of", JUDGED, ids=lambda case_of: case_of.__name__)
def test_a_key_is_judged_as_the_rules_say_in_both_languages(
    scene: Scene, desk: Desk, case_of: Callable[[Scene], Case]
) -> None:
    case, code = case_of(scene), case_of.__name__
    said = set()
    for language in LANGUAGES:
        told = desk.does("keys", "judge", *case.options, "--language", language, stdin=json.dumps(case.texts))[
            case.index
        ]
        assert (told["index"], told["verdict"]) == (case.index, code)
        assert told["facts"] == FACTS.get(code, {})
        said.add(told["detail"])
    assert len(said) == (1 if code == "ok" else 2)
    assert (None in said) == (code == "ok")


def test_all_keys_of_a_text_are_judged_at_once_and_nothing_is_held_or_spent(scene: Scene, desk: Desk) -> None:
    good, expired = make_keys(scene.world)[0], make_keys(scene.world, activate_before=DAY)[0]
    letter = f"Bom dia,\nas chaves são {good} e {expired.lower()}; a antiga era {scene.spent}.\n"
    before = list(Key.objects.order_by("number").values_list("number", "state"))
    told = desk.does("keys", "judge", stdin=letter)
    assert [one["verdict"] for one in told] == ["ok", "key_expired", "key_redeemed"]
    assert (told[0]["product"], told[0]["seats"], told[0]["months"]) == ("office-basic", 5, 12)
    assert list(Key.objects.order_by("number").values_list("number", "state")) == before
    assert not Hold.objects.exists()


def test_a_person_reads_serials_and_not_the_keys_again(scene: Scene, desk: Desk) -> None:
    (key,) = make_keys(scene.world)
    ended = desk.plainly("keys", "judge", stdin=key)
    assert ended.code == 0
    assert key not in ended.out
    assert "office-basic, 5 × 12" in ended.out


def test_a_mistyped_key_is_shown_with_its_repair(scene: Scene, desk: Desk) -> None:
    lines = desk.plainly("keys", "judge", stdin="74G7Z-WYRD6-Z1RV0-WHE6M-14GA6").out.splitlines()
    assert lines[1].split()[:2] == ["74G7Z-WYRD6-Z1RV0-WHE6M-14GA6", "key_checksum"]
    assert lines[1].endswith("→ 84G7Z-WYRD6-Z1RV0-WHE6M-14GA6")


def test_a_basket_holds_two_hundred_keys(scene: Scene, desk: Desk) -> None:
    code, refusal = desk.refuses("keys", "judge", stdin=json.dumps([""] * 201))
    assert (code, refusal["code"], refusal["most"], refusal["given"]) == (4, "basket_too_large", 200, 201)
    assert desk.refuses("keys", "judge", stdin="[1, 2]")[0] == 2
    assert desk.refuses("keys", "judge", stdin="[")[0] == 2


def test_the_subscription_of_nobody_is_not_found(scene: Scene, desk: Desk) -> None:
    nowhere = "sub_" + "0" * 32
    assert desk.refuses("keys", "judge", "--subscription", nowhere, stdin=scene.spent)[0] == 3
    stranger, _ = open_customer(scene.world, make_keys(scene.world), prefix="oficinacarla")
    carla = login_of(stranger)
    assert desk.refuses("keys", "judge", "--subscription", scene.subscription, "--as", carla, stdin="x" * 25)[0] == 3
    assert desk.refuses("keys", "judge", "--as", "ninguem@example.test", stdin=scene.spent)[0] == 3


# --- what stands against a whole basket ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Basket:
    """An order that is refused with a code at a place, and the account that asks for it."""

    body: str
    login: str
    pointer: str = "/keys"
    exit_code: int = 4
    day: date = DAY


def seats_over_maximum(scene: Scene) -> Basket:
    keys = make_keys(scene.world, 2, seats=5, product="office-one")
    return Basket(opening_body(keys, "outra"), login_of(scene.world.ana))


def seats_below_licences(scene: Scene) -> Basket:
    _alter(scene, assigned=5)
    keys = make_keys(scene.world, seats=5, months=12)
    body = acting_body("extend", keys, scene.subscription, seats_after={"office-basic": 4})
    return Basket(body, login_of(scene.bruno), "/seats_after/office-basic")


def term_too_short(scene: Scene) -> Basket:
    # A key for one seat and one month, spread over three hundred seats: nothing is left of a month.
    _alter(scene, seats=280, ends_on=DAY)
    keys = make_keys(scene.world, seats=1, months=1)
    return Basket(acting_body("extend", keys, scene.subscription), login_of(scene.bruno))


def horizon_exceeded(scene: Scene) -> Basket:
    keys = make_keys(scene.world, 5, seats=5, months=12)
    return Basket(acting_body("extend", keys, scene.subscription), login_of(scene.bruno))


def country_not_served(scene: Scene) -> Basket:
    body = json.loads(opening_body(make_keys(scene.world), "outra"))
    body["customer"]["country"] = "DE"
    return Basket(json.dumps(body), login_of(scene.world.ana), "/customer/country")


def subscription_deleted(scene: Scene) -> Basket:
    _alter(scene, erased_on=date(2028, 4, 1))
    body = acting_body("extend", make_keys(scene.world), scene.subscription)
    return Basket(body, login_of(scene.bruno), "/subscription", day=date(2028, 4, 2))


def paid_directly(scene: Scene) -> Basket:
    _alter(scene, paid_by="direct")
    return Basket(
        acting_body("add", make_keys(scene.world), scene.subscription), login_of(scene.bruno), "/subscription"
    )


def attestation_missing(scene: Scene) -> Basket:
    return Basket(
        opening_body(make_keys(scene.world), "outra", attestation=False), login_of(scene.world.ana), "/attestation"
    )


def prefix_taken(scene: Scene) -> Basket:
    return Basket(opening_body(make_keys(scene.world)), login_of(scene.world.ana), "/customer/domain_prefix")


def tax_number_known(scene: Scene) -> Basket:
    Customer.objects.update(tax_number="501 234 567")
    body = json.loads(opening_body(make_keys(scene.world), "outra"))
    body["customer"]["tax_number"] = "PT501234567"
    return Basket(json.dumps(body), login_of(scene.world.ana), "/customer/tax_number")


def missing(scene: Scene) -> Basket:
    body = opening_body(make_keys(scene.world), "outra", administrator=...)
    return Basket(body, login_of(scene.world.ana), "/administrator")


def role_required(scene: Scene) -> Basket:
    return Basket(opening_body(make_keys(scene.world), "outra"), login_of(scene.world.duarte), "", 6)


AGAINST = (
    seats_over_maximum,
    seats_below_licences,
    term_too_short,
    horizon_exceeded,
    country_not_served,
    subscription_deleted,
    paid_directly,
    attestation_missing,
    prefix_taken,
    tax_number_known,
    missing,
    role_required,
)


def _alter(scene: Scene, **values: Any) -> None:
    """What later acts of other rooms will have done to the subscription, behind the database's back."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, value in values.items():
            cursor.execute(
                f"UPDATE subscriptions_subscription SET {name} = %s WHERE id = %s",
                (value, identifiers.read("subscription", scene.subscription)),
            )
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize("basket_of", AGAINST, ids=lambda basket_of: basket_of.__name__)
@pytest.mark.parametrize("act", ["preview", "redeem"])
def test_what_stands_against_a_basket_is_told_in_both_languages_and_nothing_is_spent(
    scene: Scene, desk: Desk, basket_of: Callable[[Scene], Basket], act: str
) -> None:
    basket, code = basket_of(scene), basket_of.__name__
    desk.on(basket.day)
    said = set()
    for language in LANGUAGES:
        more = ("--idempotency-key", f"k-{language}") if act == "redeem" else ()
        arguments = ("redemptions", act, "-", "--as", basket.login, *more, "--language", language)
        exit_code, refusal = desk.refuses(*arguments, stdin=basket.body)
        assert (exit_code, refusal["code"]) == (basket.exit_code, code)
        assert [fault["pointer"] for fault in refusal["errors"]] == ([basket.pointer] if basket.pointer else [])
        said.add(refusal["detail"])
    assert len(said) == 2
    assert Redemption.objects.count() == 1


def test_a_second_organisation_with_a_tax_number_is_opened_when_the_file_says_so(scene: Scene, desk: Desk) -> None:
    basket = tax_number_known(scene)
    body = json.loads(basket.body)
    body["customer"]["tax_number_again"] = True
    told = desk.does(
        "redemptions", "redeem", "-", "--as", basket.login, "--idempotency-key", "k", stdin=json.dumps(body)
    )
    assert told["reference"]
    assert Customer.objects.filter(tax_number__contains="501").count() == 2


def test_a_refused_sum_offers_the_act_that_would_do(scene: Scene, desk: Desk) -> None:
    basket = horizon_exceeded(scene)
    _, refusal = desk.refuses(
        "redemptions", "preview", "-", "--as", basket.login, "--language", "en", stdin=basket.body
    )
    assert refusal["horizon"] == "2031-11-22"
    assert refusal["advice"].endswith("Only the first 3 keys fit; keep the others for later.")
    assert date.fromisoformat(refusal["ends_on"]) > DAY + timedelta(days=5 * 365)


def test_every_verdict_of_the_rules_is_asked_for_here() -> None:
    law = """ok key_empty key_length key_symbol key_checksum key_duplicate key_unknown key_redeemed key_redeemed_by_you
        key_held key_expired key_not_released key_revoked key_wrong_country key_wrong_product seats_over_maximum
        seats_below_licences term_too_short horizon_exceeded country_not_served subscription_deleted paid_directly
        role_required try_later"""
    asked = {one.__name__ for one in (*JUDGED, *AGAINST)}
    assert set(law.split()) <= asked | {"try_later"}


def test_somebody_who_is_always_faster_is_told_to_try_later_in_both_languages(
    scene: Scene, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faster(psycopg.errors.RaiseException):
        sqlstate = "CV001"

    def lost(*_: Any, **__: Any) -> None:
        raise Faster()

    monkeypatch.setattr(committing, "_attempt", lost)
    body, said = opening_body(make_keys(scene.world), "outra"), set()
    for language in LANGUAGES:
        arguments = ("--as", login_of(scene.world.ana), "--idempotency-key", "k", "--language", language)
        exit_code, refusal = desk.refuses("redemptions", "redeem", "-", *arguments, stdin=body)
        assert (exit_code, refusal["code"]) == (75, "try_later")
        said.add(refusal["detail"])
    assert len(said) == 2
