"""Every verdict of the rules is met on the pages, in both languages, the same words at its field and in the list."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import Refusal
from chaveiro.rules.keys import group, mint
from chaveiro.rules.verdicts import KeyRefused
from chaveiro.wording.sentences import SENTENCES
from tests.cast import World, make_keys, open_customer
from tests.cast import _member as member
from tests.web.conftest import ENGLISH, PORTUGUESE, signed_in, text_of
from tests.web.journey import (
    begin,
    keys_are_right,
    path,
    problems_of,
    send_keys,
    send_organisation,
    to_organisation,
    typo,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]
Scene = Callable[[World, Client], Any]


def sent(*texts: str) -> Scene:
    def scene(_world: World, client: Client) -> Any:
        begin(client)
        return send_keys(client, *texts)

    return scene


def key_of(**changes: Any) -> Scene:
    def scene(world: World, client: Client) -> Any:
        begin(client)
        return send_keys(client, make_keys(world, **changes)[0])

    return scene


def mistyped(world: World, client: Client) -> Any:
    begin(client)
    return send_keys(client, typo(make_keys(world)[0]))


def twice(world: World, client: Client) -> Any:
    begin(client)
    return send_keys(client, *make_keys(world) * 2)


def redeemed(world: World, client: Client) -> Any:
    key = make_keys(world)[0]
    open_customer(world, [key])
    begin(client)
    return send_keys(client, key)


def redeemed_by_us(world: World, client: Client) -> Any:
    key = make_keys(world)[0]
    bruno, _ = open_customer(world, [key])
    begin(signed_in(client, bruno))
    return send_keys(client, key)


def held(world: World, client: Client) -> Any:
    keys = make_keys(world, 2)
    other = Client()
    begin(other)
    send_keys(other, *keys)
    begin(client)
    return send_keys(client, keys[0])


def wrong_country(world: World, client: Client) -> Any:
    to_organisation(client, make_keys(world, countries=["BR"])[0])
    send_organisation(client)
    return client.get(path(client, "confirm"))


def country_not_served(world: World, client: Client) -> Any:
    to_organisation(client, make_keys(world)[0])
    return send_organisation(client, country="KP")


def onto(act: str, **wanted: Any) -> Scene:
    """Keys onto Bruno's own subscription."""

    def scene(world: World, client: Client) -> Any:
        changes = dict(wanted)
        bruno, outcome = open_customer(world, make_keys(world, changes.pop("own", 1)))
        subscription = Subscription.objects.filter(id=outcome.effects[0].subscription)
        subscription.update(**changes.pop("subscription", {}))
        seats = changes.pop("seats_after", "")
        begin(signed_in(client, bruno))
        send_keys(client, *make_keys(world, changes.pop("count", 1), changes.pop("product", "office-basic"), **changes))
        keys_are_right(client)
        target = f"{act}:{subscription.get().id}"
        answer = client.post(path(client, "purpose"), {"target": target, "seats_after": seats})
        assert answer.status_code == 422, "what cannot be is told where it is chosen, not at the end"
        return answer

    return scene


def without_role(world: World, client: Client) -> Any:
    return signed_in(client, member(world.reseller, "Rita", "reader", Kind.CHANNEL)).get("/redeem")


def too_often(_world: World, client: Client) -> Any:
    begin(client)
    for _ in range(2):
        send_keys(client, *["ABC"] * 200)
    return send_keys(client, "ABC")


def too_many_seats(world: World, client: Client) -> Any:
    """Six licences of a product that takes five: opened."""
    to_organisation_of(client, make_keys(world, 2, "office-one", seats=3))
    return client.get(path(client, "purpose"))


def to_organisation_of(client: Client, keys: list[str]) -> None:
    begin(client)
    send_keys(client, *keys)
    keys_are_right(client)


SCENES: dict[str, Scene] = {
    "key_empty": sent("", ""),
    "key_length": sent("ABC"),
    "key_symbol": sent("84G7Z-WYRD6-Z1RV0-WHE6M-14GAÇ"),
    "key_checksum": mistyped,
    "key_duplicate": twice,
    "key_unknown": sent(group(mint(1, os.urandom)[0])),
    "key_redeemed": redeemed,
    "key_redeemed_by_you": redeemed_by_us,
    "key_held": held,
    "key_expired": key_of(activate_before=date(2026, 11, 22)),
    "key_not_released": key_of(state="minted"),
    "key_revoked": key_of(state="revoked"),
    "key_wrong_country": wrong_country,
    "key_wrong_product": onto("extend", product="office-plus"),
    "seats_over_maximum": too_many_seats,
    "seats_below_licences": onto("extend", subscription={"assigned": 4}, seats_after="3"),
    "term_too_short": onto("extend", own=1, seats_after="200"),
    "horizon_exceeded": onto("extend", count=5, months=12, seats=5),
    "country_not_served": country_not_served,
    "subscription_deleted": onto("extend", subscription={"erased_on": date(2026, 11, 1)}),
    "paid_directly": onto("extend", subscription={"paid_by": "direct"}),
    "role_required": without_role,
    "try_later": too_often,
}


def codes(base: type[Refusal]) -> set[str]:
    return {base.code} | {code for child in base.__subclasses__() for code in codes(child)}


def test_no_verdict_on_a_key_is_without_its_scene() -> None:
    assert codes(KeyRefused) - {"refused"} <= set(SCENES)


class Anything(dict[str, Any]):
    """Facts of which nothing is known but how many there are."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def __missing__(self, name: str) -> Any:
        return self._count if name.endswith("_count") else "\x00"


def said_by(code: str, language: str, page: str) -> bool:
    """Whether one of the sentences of a code stands on a page, whatever its figures."""
    variants = [words for name, words in SENTENCES.items() if name == code or name.startswith(f"{code}:")]
    with override(language):
        sentences = [str(words.what % Anything(count)) for words in variants for count in (1, 2)]
    patterns = [".{1,200}".join(re.escape(part) for part in sentence.split("\x00")) for sentence in sentences]
    return any(re.search(pattern, page) for pattern in patterns)


@pytest.mark.parametrize(("language", "headers"), [("pt-pt", PORTUGUESE), ("en", ENGLISH)], ids=["pt", "en"])
@pytest.mark.parametrize("code", SCENES)
def test_every_verdict_is_told_on_the_pages_in_both_languages(
    world: World, code: str, language: str, headers: dict[str, str]
) -> None:
    client = Client(headers=headers)
    client.post("/language", {"switch_to": language, "next": "/"})
    answer = SCENES[code](world, client)
    if answer.status_code == 303:
        answer = client.get(answer["Location"], follow=True)
    page = unescape(text_of(answer))
    if code == "country_not_served":
        assert ("Não disponível neste país" if language == "pt-pt" else "Not available in this country") in page
    elif code == "subscription_deleted":
        assert 'value="extend:' not in page, "what was deleted is nothing to extend"
    else:
        assert said_by(code, language, page), page[page.find("<h1>") : page.find("<h1>") + 3000]
    for href, words in problems_of(answer):
        if not href.startswith("#"):
            page += unescape(text_of(client.get(href)))
        sentence = words.partition(": ")[2] or words
        assert page.count(sentence) >= 2, "the same words at the field and in the list"
    if problems_of(answer):
        assert ("<title>Erro: " if language == "pt-pt" else "<title>Error: ") in page
