"""The states of the pages that no link leads to: mistakes, refusals, dry runs, waiting, what was just done.

`script/shots` takes their pictures, `test_states` looks at them with axe; both walk through them here, once, on a demo.
`look(page, name)` is called on each.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Response, StorageState

from tests.console.shell import Installation
from tests.web.journey import typo
from tests.web.person import Person
from tests.web.standing import Standing

AUTHORISED = "I confirm that I am authorised to redeem these keys on behalf of the organisation"
DEMO = {"DEMO": "1", "SANDBOX": "1", "VENDOR_NAME": "Tagus Software", "INITIAL_DOMAIN": "tagus.example"}
KEYS = 24


@dataclass
class Scene:
    """A demo with keys to spare, somebody's browser, and who looks."""

    standing: Standing
    browser: Browser
    language: str
    look: Callable[[Page, str], None]
    keys: Iterator[str]
    options: dict[str, object] = field(default_factory=dict)
    sessions: dict[str, tuple[StorageState, str]] = field(default_factory=dict)

    def person(self, context: BrowserContext | None = None) -> Person:
        context = context or self.browser.new_context(locale=self.language, **self.options)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(20_000)
        return Person(page, self.language)

    def go(self, person: Person, path: str, name: str = "") -> Response | None:
        answer = person.page.goto(f"{self.standing.url}{path}")
        if name:
            self.look(person.page, name)
        return answer

    def signed_in(self, who: str) -> tuple[Person, str]:
        """Somebody of the demo, and the beginning of their addresses. A printed link is used once, then remembered."""
        if who not in self.sessions:
            first = self.person()
            first.page.goto(self.standing.told["links"][who])
            first.press("Sign in")
            at = re.search(r"/a/[0-9a-f]{12}", first.page.url)
            assert at is not None, first.page.url
            self.sessions[who] = first.page.context.storage_state(), at[0]
            first.page.context.close()
        state, prefix = self.sessions[who]
        context = self.browser.new_context(locale=self.language, storage_state=state, **self.options)  # type: ignore[arg-type]
        context.add_cookies([{"name": "language", "value": self.language.lower(), "url": self.standing.url}])
        person = self.person(context)
        self.go(person, f"{prefix}/home")
        return person, prefix


def keys_for(standing: Standing, data: Path, count: int = KEYS) -> Iterator[str]:
    """Fresh keys for sale, minted by the command line into a file that is thrown away."""
    installation = Installation(data)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys.csv"
        order = ["--product", "office-basic", "--seats", "5", "--months", "12", "--count", str(count)]
        minted = installation("batches", "mint", *order, "--out", str(file), "--json", **DEMO)
        assert minted.code == 0, minted.err
        released = installation("batches", "release", str(minted.json()["number"]), "--json", **DEMO)
        assert released.code == 0, released.err
        return iter([row["key"] for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())])


def on(person: Person) -> None:
    """The one primary act of a page of the wizard."""
    person.page.locator("main button[value=next]:visible").first.click()
    person.page.wait_for_load_state()


def to_the_keys(scene: Scene, person: Person) -> None:
    scene.go(person, "/redeem")
    person.page.locator("main form button").first.click()
    person.page.wait_for_load_state()
    if person.page.locator("#acting_for").count():
        person.page.locator("#acting_for").check()
    person.tick(AUTHORISED)
    on(person)


def strangers(scene: Scene) -> None:
    """Every mistake on the way from the start to the receipt, and the ways out of the middle."""
    person = scene.person()
    page, keys = person.page, [next(scene.keys) for _ in range(4)]
    number = scene.standing.use_up(keys[3])
    scene.go(person, "/redeem")
    person.press("Start")
    on(person)
    scene.look(page, "attest-nothing-said")
    page.locator("#acting_for").check()
    person.tick(AUTHORISED)
    on(person)
    draft = page.url.removesuffix("/keys").removeprefix(scene.standing.url)
    scene.look(page, "keys-none-yet")
    on(person)
    scene.look(page, "keys-nothing-typed")
    page.locator("#key-1").fill(keys[0])
    page.locator("#key-2").fill(typo(keys[1]))
    page.locator("details:has(#many) > summary").click()
    page.locator("#many").fill(f"Bom dia,\nseguem as chaves: {keys[2]};\n{keys[0]}\n{keys[3]}")
    on(person)
    scene.look(page, "keys-mistyped-used-and-repeated")
    page.locator("input[name=repair]").first.check()
    for wrong in reversed(page.locator("li.wrong button").all()):
        wrong.click()
        page.wait_for_load_state()
        break
    scene.look(page, "keys-one-removed")
    _held_elsewhere(scene, [keys[0], keys[2]])
    scene.go(person, f"{draft}/check", "check")
    page.locator("main button[value^='remove:']").last.click()
    scene.look(page, "check-one-removed")
    page.locator("main button[value=undo]").click()
    page.wait_for_load_state()
    for wrong in page.locator("section:has(#refused) li button").all()[:1]:
        wrong.click()
        page.wait_for_load_state()
    scene.go(person, f"{draft}/purpose")
    on(person)
    scene.look(page, "purpose-nothing-chosen")
    page.locator("#target").check()
    on(person)
    _organisation(scene, person, draft, number)


def _held_elsewhere(scene: Scene, keys: list[str]) -> None:
    other = scene.person()
    to_the_keys(scene, other)
    other.page.locator("#key-1").fill(keys[0])
    on(other)
    scene.look(other.page, "keys-held-by-another")
    other.page.context.close()


def _organisation(scene: Scene, person: Person, draft: str, number: str) -> None:
    page, prefix = person.page, f"aurora{scene.language[:2].lower()}"
    on(person)
    scene.look(page, "organisation-nothing-typed")
    page.locator("#name").fill("Aurora, Lda.")
    page.locator("#country").select_option("US")
    page.locator("#domain_prefix").fill(prefix)
    on(person)
    scene.look(page, "country-not-served")
    scene.go(person, f"{draft}/organisation")
    page.locator("#country").select_option("PT")
    page.locator("#domain_prefix").fill("padariasol")
    page.locator("main button[value=prefix]").click()
    page.wait_for_load_state()
    scene.look(page, "organisation-domain-taken")
    page.locator("#domain_prefix").fill(prefix)
    page.locator("main button[value=prefix]").click()
    page.wait_for_load_state()
    scene.look(page, "organisation-domain-free")
    on(person)
    on(person)
    scene.look(page, "administrator-nothing-typed")
    page.locator("#given_name").fill("Aurora")
    page.locator("#family_name").fill("Pires")
    page.locator("#email").fill(f"aurora@{prefix}.example")
    on(person)
    page.locator("#partner_of_record").fill("7777777")
    on(person)
    scene.look(page, "partner-unknown")
    page.locator("#partner_of_record").fill(number)
    page.locator("main button[value=look]").click()
    page.wait_for_load_state()
    scene.look(page, "partner-found")
    on(person)
    scene.look(page, "confirm")
    _later(scene, person, draft, f"aurora@{prefix}.example")
    scene.go(person, f"{draft}/confirm")
    page.locator("main button[value=redeem]").click()
    page.wait_for_selector(".reference")
    scene.look(page, "receipt")
    _ownership(scene, f"aurora@{prefix}.example")


def _later(scene: Scene, person: Person, draft: str, address: str) -> None:
    page = person.page
    scene.go(person, f"{draft}/later", "later")
    page.locator("main button[value=mail]").click()
    page.wait_for_load_state()
    scene.look(page, "later-no-address")
    page.locator("#email").fill(address)
    page.locator("main button[value=mail]").click()
    page.wait_for_load_state()
    scene.look(page, "later-mailed")
    scene.go(person, "/redeem", "redeem-unfinished")
    scene.go(person, "/r", "scan-into-unfinished")
    link = scene.standing.letters.link(address, "/redeem/resume/")
    other = scene.person()
    other.page.goto(link)
    scene.look(other.page, "resume-by-link")
    other.page.context.close()


def _ownership(scene: Scene, address: str) -> None:
    person = scene.person()
    person.page.goto(scene.standing.letters.link(address, "/ownership/"))
    scene.look(person.page, "ownership")
    person.press("Take ownership with the password")
    scene.look(person.page, "ownership-nothing-typed")
    person.page.locator("#partner-confirm").check()
    person.fill("Password", "broa de milho e manteiga")
    person.fill("The same password again", "broa de milho e manteiga")
    person.press("Take ownership with the password")
    scene.look(person.page, "home-of-a-new-customer")
    person.page.context.close()


def doors(scene: Scene) -> None:
    """Signing in, resuming, asking: what a stranger gets wrong there."""
    person = scene.person()
    page = person.page
    scene.go(person, "/sign-in")
    page.locator("main button[value=sign-in]").click()
    page.wait_for_load_state()
    scene.look(page, "sign-in-wrong")
    scene.go(person, "/sign-in/forgotten")
    page.locator("main button.act").click()
    page.wait_for_load_state()
    scene.look(page, "forgotten-no-address")
    page.locator("#name").fill("ninguem@exemplo.example")
    page.locator("main button.act").click()
    page.wait_for_load_state()
    scene.look(page, "forgotten-sent")
    scene.go(person, "/sign-in/nonsense", "link-spent")
    scene.go(person, "/ownership/nonsense", "ownership-link-spent")
    scene.go(person, "/redeem/resume")
    page.locator("#code").fill("0000-0000")
    page.locator("main button.act").click()
    page.wait_for_load_state()
    scene.look(page, "resume-wrong")
    scene.go(person, "/redeem/0123456789ab/keys", "redemption-not-at-this-browser")
    scene.go(person, "/help/ask")
    page.locator("main button.act").click()
    page.wait_for_load_state()
    scene.look(page, "ask-nothing-said")
    scene.go(person, "/home", "signing-in-first")
    page.context.close()


def faults(scene: Scene) -> None:
    """Pages that say what went wrong on the way: no such page, no such method, too much, too often."""
    person = scene.person()
    page = person.page
    scene.go(person, "/nothing-here", "404-no-such-page")
    scene.go(person, "/")
    _send(page, f"{scene.standing.url}/sign-out", "x", token="of another browser")
    scene.look(page, "403-a-form-from-elsewhere")
    scene.go(person, "/")
    _send(page, f"{scene.standing.url}/feedback/thanks", "x")
    scene.look(page, "405-no-such-method")
    scene.go(person, "/")
    _send(page, f"{scene.standing.url}/redeem/resume", "x" * 6_000_000)
    scene.look(page, "413-too-much")
    page.context.close()


def _send(page: Page, address: str, text: str, token: str = "") -> None:
    """Send a form that no page has, with the token of the page that is open unless another is named."""
    with page.expect_navigation():
        page.evaluate(
            """([address, text, token]) => { const form = document.createElement('form');
              form.method = 'post'; form.action = address;
              const own = document.querySelector('[name=csrfmiddlewaretoken]').value;
              for (const [name, value] of [['csrfmiddlewaretoken', token || own], ['text', text]]) {
                const field = document.createElement('textarea'); field.name = name;
                field.value = value; form.append(field);
              }
              document.body.append(form); form.submit(); }""",
            [address, text, token],
        )


def too_often(scene: Scene) -> None:
    """429: resume codes tried until the installation says stop; nothing of this browser's network works after it."""
    person = scene.person()
    for _try in range(60):
        answer = scene.go(person, "/redeem/resume")
        person.page.locator("#code").fill("0000-0000-0000-0000-0000")
        with person.page.expect_navigation() as got:
            person.page.locator("main button.act").click()
        answer = got.value
        if answer is not None and answer.status == 429:
            scene.look(person.page, "429-too-often")
            break
    else:
        raise AssertionError("resume codes can be tried sixty times")
    person.page.context.close()
