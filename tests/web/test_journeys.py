"""Journeys of people in a real browser, over languages × script on and off × wide and narrow × light and dark.

Four dimensions vary together so that every pair of their values is met (pairwise); the seed that says which journey
meets which combination is printed, and `CHAVEIRO_SEED` repeats it.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from chaveiro import wiring
from chaveiro.apps.identity.models import Account
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from tests.cast import World, build_world, make_keys, open_customer
from tests.conftest import Server
from tests.web.browser import aside, chromium, serving
from tests.web.journey import typo
from tests.web.looking import NARROW, WIDE
from tests.web.person import Person, with_passkeys
from tests.web.walk import path_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SEED = int(os.environ["CHAVEIRO_SEED"])
AUTHORISED = "I confirm that I am authorised to redeem these keys on behalf of the organisation"
PASSWORD = "broa de milho e manteiga"
NAME = "Aurora, Lda."
# Language, script, width, scheme: an orthogonal array of strength two, so that every pair of values is there.
PAIRS = (
    ("pt-PT", True, NARROW, "light"),
    ("pt-PT", False, WIDE, "dark"),
    ("en", True, WIDE, "dark"),
    ("en", False, NARROW, "light"),
    ("pt-PT", True, WIDE, "light"),
    ("en", False, WIDE, "light"),
    ("pt-PT", False, NARROW, "dark"),
    ("en", True, NARROW, "dark"),
)


@dataclass
class Scene:
    """A served installation with its channel, and a kind of browser."""

    address: str
    browser: Browser
    world: World
    language: str
    script: bool
    looks: dict[str, Any]

    def person(self) -> Person:
        context = self.browser.new_context(locale=self.language, java_script_enabled=self.script, **self.looks)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(self.address)
        return Person(page, self.language)

    def enter(self, person: Person, actor: Actor) -> str:
        """Sign in by a link; answers the beginning of the account's addresses."""
        assert actor.account is not None
        person.page.goto(self.address + aside(path_for, actor.account, Purpose.SIGN_IN))
        person.press("Sign in")
        person.page.context.add_cookies(
            [{"name": "language", "value": self.language.lower(), "url": self.address}],
        )
        person.page.reload()
        found = re.search(r"/a/[0-9a-f]{12}", person.page.url)
        assert found is not None, person.page.url
        return found[0]

    def keys(self, count: int = 1) -> list[str]:
        return aside(make_keys, self.world, count)


def open_door(scene: Scene, person: Person, at: str = "") -> None:
    """From the start of a redemption to its page of the keys."""
    person.page.goto(f"{scene.address}{at}/redeem")
    person.page.locator("main form button").first.click()
    person.page.wait_for_load_state()
    if person.page.locator("#acting_for").count():
        person.tick("My organisation")
    person.tick(AUTHORISED)
    person.press("Continue")
    person.stands_at("Enter the product keys")


def hand_in(scene: Scene, person: Person, *keys: str) -> None:
    """Keys, pasted as one text: into the first field with script, else into the box for many."""
    text = "Bom dia,\n" + "\n".join(keys)
    if scene.script and len(keys) > 1:
        person.paste(text)
    elif len(keys) > 1:
        person.page.locator("details:has(#many) > summary").click()
        person.page.locator("#many").fill(text)
    else:
        person.page.locator("#key-1").fill(keys[0])
    person.press("Continue")


def go_on(person: Person) -> None:
    """The keys are right."""
    person.stands_at("Check the keys")
    person.press("The keys are right, continue")


def describe(person: Person, prefix: str) -> None:
    """The new organisation and its administrator, up to the last page."""
    person.tick("Open a new organisation with its subscription")
    person.press("Continue")
    person.fill("Name of the organisation", NAME)
    person.field("Country or region").select_option("PT")
    person.fill("Beginning of the initial domain", prefix)
    person.press("Continue")
    person.fill("Given name", "Aurora")
    person.fill("Family name", "Pires")
    person.fill("E-mail address", f"aurora@{prefix}.example")
    person.press("Continue")
    person.press("Continue")
    person.stands_at("Check before you redeem")


def redeem(person: Person) -> str:
    """The one button; answers the reference on the receipt."""
    person.page.locator("main button[value=redeem]").click()
    return person.page.locator(".reference").inner_text()


def opens_with_three_keys_one_mistyped_one_used(scene: Scene) -> None:
    good, mistaken, used = scene.keys(3)
    aside(lambda: open_customer(scene.world, [used], "papelaria", wiring.means().day))
    person = scene.person()
    open_door(scene, person)
    hand_in(scene, person, good, typo(mistaken), used)
    person.reads("This key has already been redeemed.")
    person.page.locator("input[name=repair]").check()
    person.page.locator("li.wrong").get_by_role("button").click()
    person.page.wait_for_load_state()
    if person.page.locator("input[name=repair]").count() and not person.page.locator("ol.held li").nth(1).count():
        person.page.locator("input[name=repair]").check()
    person.press("Continue")
    go_on(person)
    describe(person, "aurora")
    reference = redeem(person)
    assert aside(lambda: Redemption.objects.filter(reference=reference).count()) == 1


def adds_and_extends(scene: Scene) -> None:
    bruno, _outcome = aside(lambda: open_customer(scene.world, make_keys(scene.world), day=wiring.means().day))
    person = scene.person()
    at = scene.enter(person, bruno)
    before = aside(lambda: Subscription.objects.get().seats)
    for choice in ("add:", "extend:"):
        open_door(scene, person, at)
        hand_in(scene, person, *scene.keys())
        go_on(person)
        person.page.locator(f"input[value^='{choice}']").check()
        person.press("Continue")
        person.stands_at("Check before you redeem")
        redeem(person)
    assert aside(lambda: Subscription.objects.get().seats) == before + 5
    assert aside(Redemption.objects.count) == 3


def resumes_by_code_on_another_device(scene: Scene) -> None:
    person = scene.person()
    open_door(scene, person)
    hand_in(scene, person, *scene.keys())
    go_on(person)
    person.tick("Open a new organisation with its subscription")
    person.press("Continue")
    code = person.page.locator("aside .code").inner_text()
    person.page.context.close()
    other = scene.person()
    other.page.goto(f"{scene.address}/redeem/resume")
    other.fill("Resume code", code.lower())
    other.press("Resume")
    other.stands_at("The organisation")
    other.page.go_back()
    other.page.goto(f"{scene.address}/redeem")
    other.follow("Go on with it")
    other.stands_at("The organisation")
    assert code not in other.page.url


def loses_a_race_on_a_key(scene: Scene) -> None:
    [key] = scene.keys()
    person = scene.person()
    open_door(scene, person)
    hand_in(scene, person, key)
    go_on(person)
    describe(person, "aurora")
    rival = scene.person()
    open_door(scene, rival)
    hand_in(scene, rival, key)
    rival.press("Start over here with these keys")
    person.page.locator("main button[value=redeem]").click()
    person.page.wait_for_load_state()
    assert aside(Redemption.objects.count) == 0, "who was overtaken redeems nothing"
    assert person.page.locator("h1").count() == 1
    while not rival.page.url.endswith("/purpose"):
        rival.page.locator("main button[value=next]").click()
        rival.page.wait_for_load_state()
    describe(rival, "rival")
    redeem(rival)
    assert aside(Redemption.objects.count) == 1


def is_reversed_by_the_partner(scene: Scene) -> None:
    _bruno, outcome = aside(lambda: open_customer(scene.world, make_keys(scene.world), day=wiring.means().day))
    reference = aside(lambda: Redemption.objects.get(id=outcome.id).reference)
    person = scene.person()
    at = scene.enter(person, scene.world.ana)
    person.page.goto(f"{scene.address}{at}/receipts/{reference}")
    person.follow("Reverse this redemption")
    person.page.locator("main button[value=reverse]").click()
    person.page.wait_for_load_state()
    assert person.page.locator(".problems").count() == 1, "a reversal needs its reason"
    person.fill("Why", "Cliente errado")
    person.page.locator("main button[value=reverse]").click()
    person.page.wait_for_load_state()
    person.page.goto(f"{scene.address}{at}/receipts/{reference}")
    person.reads("What it had given was taken back.")
    assert aside(lambda: Redemption.objects.get().reversed_at) is not None


def takes_ownership(scene: Scene) -> None:
    bruno, _outcome = aside(lambda: open_customer(scene.world, make_keys(scene.world), day=wiring.means().day))
    assert bruno.account is not None
    person = scene.person()
    if scene.script:
        with_passkeys(person.page)
    person.page.goto(scene.address + aside(path_for, bruno.account, Purpose.OWNERSHIP))
    if person.page.locator("#partner-decline").count():
        person.page.locator("#partner-decline").check()
    if scene.script:
        person.press("Create a passkey and take ownership")
    else:
        person.fill("Password", PASSWORD)
        person.fill("The same password again", PASSWORD)
        person.press("Take ownership with the password")
    person.page.wait_for_url(re.compile(r"/a/[0-9a-f]{12}/home"))
    assert aside(lambda: Account.objects.get(id=bruno.account).owned_at) is not None


def two_accounts_in_two_tabs_never_mix(scene: Scene) -> None:
    bruno, _outcome = aside(lambda: open_customer(scene.world, make_keys(scene.world), day=wiring.means().day))
    person = scene.person()
    of_ana = scene.enter(person, scene.world.ana)
    other = Person(person.page.context.new_page(), scene.language)
    of_bruno = scene.enter(other, bruno)
    assert of_ana != of_bruno
    for _round in range(2):
        person.page.goto(f"{scene.address}{of_ana}/home")
        other.page.goto(f"{scene.address}{of_bruno}/home")
        expect(person.page.locator("main")).not_to_contain_text("bruno@padariasol")
        expect(other.page.locator("h1")).to_have_text("Padaria Sol, Lda.")
    answer = other.page.goto(f"{scene.address}{of_bruno}/customers")
    assert answer is not None
    assert answer.status == 404, "what is Ana's is not there under Bruno's addresses"
    for each, at in ((person, of_ana), (other, of_bruno)):
        open_door(scene, each, at)
        assert f"{at}/redeem/" in each.page.url


JOURNEYS: tuple[Callable[[Scene], None], ...] = (
    opens_with_three_keys_one_mistyped_one_used,
    adds_and_extends,
    resumes_by_code_on_another_device,
    loses_a_race_on_a_key,
    is_reversed_by_the_partner,
    takes_ownership,
    two_accounts_in_two_tabs_never_mix,
)

Combination = tuple[str, bool, dict[str, int], str]
ALL: list[Combination] = list(itertools.product(("pt-PT", "en"), (True, False), (NARROW, WIDE), ("light", "dark")))
# Every combination of the array is met in every run, so every pair; the seed decides by which journey.
SAMPLED = [(JOURNEYS[place % len(JOURNEYS)], PAIRS[(place + SEED) % len(PAIRS)]) for place in range(len(PAIRS))]


def name_of(value: object) -> str:
    """A journey's name, or what a combination is."""
    if isinstance(value, tuple):
        language, script, size, scheme = value
        return f"{language}-{'script' if script else 'plain'}-{size['width']}-{scheme}"
    return getattr(value, "__name__", str(value))


def walk(server: Server, database: str, data: Path, journey: Callable[[Scene], None], chosen: Combination) -> None:
    language, script, size, scheme = chosen
    world = build_world()
    looks = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    with serving(server, database, data, host="localhost") as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        journey(Scene(address, browser, world, language, script, looks))
        browser.close()


@pytest.mark.parametrize(("journey", "chosen"), SAMPLED, ids=name_of)
def test_a_journey_reaches_its_end(
    server: Server, real_database: str, tmp_path: Path, journey: Callable[[Scene], None], chosen: Combination
) -> None:
    print(f"CHAVEIRO_SEED={SEED}")
    walk(server, real_database, tmp_path, journey, chosen)


@pytest.mark.prove
@pytest.mark.parametrize("chosen", ALL, ids=name_of)
@pytest.mark.parametrize("journey", JOURNEYS, ids=name_of)
def test_every_journey_reaches_its_end_however_it_is_seen(
    server: Server, real_database: str, tmp_path: Path, journey: Callable[[Scene], None], chosen: Combination
) -> None:
    walk(server, real_database, tmp_path, journey, chosen)


def test_the_combinations_meet_every_pair() -> None:
    def pairs(rows: Sequence[Combination]) -> set[object]:
        return {(a, b, str(row[a]), str(row[b])) for row in rows for a, b in itertools.combinations(range(len(row)), 2)}

    assert pairs(PAIRS) == pairs(ALL)
