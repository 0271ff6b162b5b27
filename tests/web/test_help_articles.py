"""Every article's steps, carried out on a running server by a real browser: a renamed button fails its article.

In a numbered list bold is a control that is pressed, italic the heading that is met, a link a page that is opened
(`wording.articles`). What the steps leave to the reader, such as a name, is filled in from the tables below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, transaction
from playwright.sync_api import Locator, Page, expect, sync_playwright

from chaveiro.apps.identity.models import Account
from chaveiro.console import worker
from chaveiro.console.effects import carry_out
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from chaveiro.wording import articles
from chaveiro.wording.articles import Article, Step
from tests.cast import World, build_world, make_keys, open_customer
from tests.conftest import SEED, Server
from tests.web.browser import aside, chromium, serving
from tests.web.walk import path_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PASSWORD = "broa de milho e manteiga"
WRITTEN = {
    "name": "Padaria Sol, Lda.",
    "given_name": "Bruno",
    "family_name": "Costa",
    "email": "bruno@padariasol.example",
    "password": PASSWORD,
    "again": PASSWORD,
    "message": "Uma pergunta",
    "count": "10",
    "seats": "5",
    "months": "12",
    "days": "10",
    "reason": "Foi engano.",
}
CHOSEN = {"country": "PT"}
CHOICES = "main .doors a, main table a"
CONTROLS = "main input:visible, main textarea:visible, main select:visible"


@dataclass
class Reader:
    """Somebody who does what an article says."""

    page: Page
    address: str
    keys: Iterator[str]
    at: str = ""
    name: str = ""  # what a sign-in form is filled with
    reference: str = ""  # what is looked for
    afterwards: Callable[[], object] = lambda: None  # what goes on behind the pages, after each press

    def follow(self, step: Step) -> None:
        {"open": self._open, "press": self._press, "expect": self._expect}[step.act](step.what)

    def _open(self, path: str) -> None:
        if not path.startswith("/help/"):
            self.page.goto(f"{self.address}{self.at}{path}")

    def _expect(self, heading: str) -> None:
        expect(self.page.locator("h1")).to_have_text(heading)

    def _press(self, name: str) -> None:
        self._fill()
        control = self._control(name)
        control.click()
        self.page.wait_for_load_state()
        self.afterwards()

    def _control(self, name: str) -> Locator:
        found = self._named(name)
        if found is None and self.page.locator(CHOICES).count():
            # Which product, which batch: the article leaves it to the reader, who takes the first.
            self.page.locator(CHOICES).first.click()
            self.page.wait_for_load_state()
            self._fill()
            found = self._named(name)
        assert found is not None, f"there is no control {name!r} at {self.page.url}: {self._names()}"
        return found

    def _named(self, name: str) -> Locator | None:
        main = self.page.locator("main")
        for role in ("button", "link"):
            found = main.get_by_role(role, name=name, exact=True).filter(visible=True)
            if found.count():
                return found.first
        return None

    def _names(self) -> list[str]:
        return [text.strip() for text in self.page.locator("main button, main a").all_inner_texts()]

    def _fill(self) -> None:
        chosen: set[str] = set()
        for field in self.page.locator(CONTROLS).all():
            name, kind = field.get_attribute("name") or "", field.get_attribute("type") or ""
            if kind == "radio":
                self._choose(field, name, chosen)
            elif kind == "checkbox":
                if name in ("attestation", "sure", "understood"):
                    field.check()
            elif not field.input_value():
                self._write(field, name)

    def _choose(self, field: Locator, name: str, chosen: set[str]) -> None:
        if name not in chosen and not self.page.locator(f"input[name='{name}']:checked").count():
            field.check()
        chosen.add(name)

    def _write(self, field: Locator, name: str) -> None:
        if name == "key":
            field.fill(next(self.keys, ""))
        elif name in CHOSEN and field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(CHOSEN[name])
        elif self.name and name in ("name", "email") and "sign-in" in self.page.url:
            field.fill(self.name)
        elif name == "q":
            field.fill(self.reference)
        elif name in WRITTEN:
            field.fill(WRITTEN[name])


def enter(page: Page, address: str, actor: Actor) -> str:
    """Sign in by a link; answers the prefix of the account's addresses."""
    assert actor.account is not None
    page.goto(address + aside(path_for, actor.account, Purpose.SIGN_IN))
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    return page.url.removeprefix(address).removesuffix("/home")


def as_reader(article: Article, reader: Reader, world: World, bruno: Actor, newcomer: Actor) -> None:
    """Bring the reader to where the article begins."""
    beginnings: dict[str, Callable[[], None]] = {
        "nobody": lambda: None,
        "customer": lambda: setattr(reader, "at", enter(reader.page, reader.address, bruno)),
        "partner": lambda: setattr(reader, "at", enter(reader.page, reader.address, world.ana)),
        "operator": lambda: operator_begins(reader, world.duarte),
        "newcomer": lambda: newcomer_begins(reader, newcomer),
    }
    beginnings[article.reader]()


def operator_begins(reader: Reader, duarte: Actor) -> None:
    """Duarte has confirmed a moment ago that it is him, and the worker makes what he orders."""
    reader.at = enter(reader.page, reader.address, duarte)
    aside(confirmed)
    reader.afterwards = lambda: aside(make_what_is_owed)


def age_the_stock() -> None:
    """The batches of the scene are older than any that is ordered, as their numbers tell; their serials are taken."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # a batch keeps its number, but for this
        cursor.execute(
            "UPDATE keys_batch SET number = old.place - 1000 FROM"
            " (SELECT id, row_number() OVER (ORDER BY number) AS place FROM keys_batch) AS old"
            " WHERE keys_batch.id = old.id"
        )
        cursor.execute("SELECT setval('keys_serial_number', (SELECT max(number) + 1000 FROM keys_key))")


def confirmed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_session SET confirmed_at = now()")


def make_what_is_owed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_owed SET relayed_at = now() WHERE kind = 'mint' AND relayed_at IS NULL RETURNING id"
        )
        owed = [number for (number,) in cursor.fetchall()]
    for number in owed:
        carry_out(worker.desk(), number)


def newcomer_begins(reader: Reader, newcomer: Actor) -> None:
    assert newcomer.account is not None
    reader.page.goto(reader.address + aside(path_for, newcomer.account, Purpose.OWNERSHIP))


WALKED = [article.slug for article in articles.articles("en").values() if article.steps]


def sampled(language: str) -> list[str]:
    """Half of the articles for each language, by the run's seed: each article is walked in one of the two."""
    return [slug for place, slug in enumerate(WALKED) if (place + int(SEED) + (language == "en")) % 2]


@pytest.mark.parametrize("language", ["pt-pt", "en"])
def test_every_step_of_every_article_can_be_done(
    server: Server, real_database: str, tmp_path: Path, language: str
) -> None:
    print(f"CHAVEIRO_SEED={SEED}: {sampled(language)}")
    walk(server, real_database, tmp_path, language, sampled(language))


@pytest.mark.prove
@pytest.mark.parametrize("language", ["pt-pt", "en"])
def test_every_step_of_every_article_can_be_done_in_both_languages(
    server: Server, real_database: str, tmp_path: Path, language: str
) -> None:
    walk(server, real_database, tmp_path, language, WALKED)


def test_each_article_is_walked_in_one_language_at_least() -> None:
    assert sorted(sampled("pt-pt") + sampled("en")) == sorted(WALKED)


def walk(server: Server, database: str, data: Path, language: str, slugs: list[str]) -> None:
    """Do what these articles say, one after another, each in a browser of its own."""
    world = build_world()
    bruno, _first = open_customer(world, make_keys(world), "uma")
    newcomer, second = open_customer(world, make_keys(world), "outra")
    people = [bruno.account, newcomer.account, world.duarte.account, world.ana.account]
    Account.objects.filter(id__in=people).update(language=language)
    keys = make_keys(world, 12)
    age_the_stock()
    failed = []
    with serving(server, database, data) as address, sync_playwright() as playwright:
        browser = chromium(playwright)
        for place, slug in enumerate(slugs):
            article = articles.articles(language)[slug]
            locale = "pt-PT" if language == "pt-pt" else "en"
            page = browser.new_context(locale=locale, java_script_enabled=False).new_page()
            page.set_default_timeout(10_000)
            reader = Reader(
                page,
                address,
                iter(keys[place * 3 : place * 3 + 3]),
                name="bruno@padariasol.example",
                reference=second.reference,
            )
            try:
                as_reader(article, reader, world, bruno, newcomer)
                for step in article.steps:
                    reader.follow(step)
            except AssertionError as fault:
                failed.append(f"{slug}: {str(fault)[:600]}")
            page.context.close()
        browser.close()
    assert failed == []


def test_the_articles_have_steps_to_do() -> None:
    assert {"redeem-and-set-up", "add-or-extend", "take-ownership", "several-accounts"} <= set(WALKED)


def test_a_renamed_button_would_be_seen() -> None:
    """The fault that the walk is for, planted: the article names a button that is not there."""
    article = articles.articles("en")["redeem-and-set-up"]
    assert Step("press", "Start") in article.steps
    with sync_playwright() as playwright:
        page = chromium(playwright).new_page()
        page.set_content("<main><h1>Redeem product keys</h1><button>Go</button></main>")
        reader = Reader(page, "", iter(()))
        reader.follow(Step("expect", "Redeem product keys"))
        with pytest.raises(AssertionError, match="there is no control 'Start'"):
            reader.follow(Step("press", "Start"))
