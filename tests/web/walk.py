"""A walk through every page in the order in which people meet them; `look` is called on each, with its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from playwright.sync_api import Page

from chaveiro import wiring
from chaveiro.apps.identity.actions import links
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.sessions import split
from chaveiro.rules.tokens import Purpose
from tests.cast import World, administrator_of, make_keys
from tests.web.browser import aside
from tests.web.journey import typo

Look = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody at a browser."""

    page: Page
    address: str
    world: World
    look: Look

    def go(self, path: str, name: str) -> None:
        self.page.goto(f"{self.address}{path}")
        self.look(name)

    def press(self, selector: str, name: str) -> None:
        self.page.locator(selector).click()
        self.page.wait_for_load_state()
        if name:
            self.look(name)


def prefix_at(url: str) -> str:
    """The prefix of the account whose page is open."""
    tag, _path = split(urlsplit(url).path)
    return f"/a/{tag}" if tag else ""


def path_for(account: UUID, purpose: Purpose) -> str:
    """A fresh one-time link."""
    return links.make(actor=SYSTEM, account=account, purpose=purpose, means=wiring.means()).path


def redeem(walker: Walker, prefix: str) -> None:
    """From the start to the receipt, with every mistake on the way."""
    page, keys = walker.page, aside(make_keys, walker.world, 3)
    walker.go("/", "start")
    walker.go("/redeem", "redeem")
    walker.press("main form button.act", "attest")
    walker.press("button[value=next]:visible", "attest-wrong")
    page.locator("#acting_for").check()
    page.locator("#attestation").check()
    walker.press("button[value=next]:visible", "keys-empty")
    draft = page.url.removesuffix("/keys")
    page.locator("#key-1").fill(keys[0])
    page.locator("#key-2").fill(typo(keys[1]))
    page.locator("details:has(#many) > summary").click()
    page.locator("#many").fill(f"Bom dia,\nseguem as chaves: {keys[2]};\n{keys[0]}\n")
    walker.press("button[value=next]:visible", "keys-wrong")
    page.locator("input[name=repair]").first.check()
    page.locator("button[value='remove:3']").click()
    page.wait_for_load_state()
    page.goto(f"{draft}/keys")
    walker.look("keys-held")
    walker.press("button[value=next]:visible", "check")
    walker.press("button[value^='remove:'] >> nth=-1", "check-removed")
    walker.press("button[value=undo]", "")
    walker.press("button[value=next]:visible", "purpose")
    page.locator("#target").check()
    walker.press("button[value=next]:visible", "organisation-empty")
    walker.press("button[value=next]:visible", "organisation-wrong")
    page.locator("#name").fill("Padaria Sol, Lda.")
    page.locator("#country").select_option("DE")
    page.locator("#domain_prefix").fill(prefix)
    walker.press("button[value=next]:visible", "country-not-served")
    page.goto(f"{draft}/organisation")
    page.locator("#country").select_option("PT")
    walker.press("button[value=prefix]", "organisation-prefix")
    walker.press("button[value=next]:visible", "administrator-empty")
    walker.press("button[value=next]:visible", "administrator-wrong")
    _finish(walker, draft)


def _finish(walker: Walker, draft: str) -> None:
    """From the administrator to the receipt, and the ways out of the middle."""
    page = walker.page
    page.locator("#given_name").fill("Bruno")
    page.locator("#family_name").fill("Costa")
    page.locator("#email").fill("bruno@padariasol.example")
    walker.press("button[value=next]:visible", "partner")
    page.locator("#partner_of_record").fill("7777777")
    walker.press("button[value=next]:visible", "partner-wrong")
    page.locator("#partner_of_record").fill("1234567")
    walker.press("button[value=next]:visible", "confirm")
    page.goto(f"{draft}/later")
    walker.look("later")
    page.locator("#email").fill("bruno@padariasol.example")
    walker.press("button[value=mail]", "later-mailed")
    walker.go("/redeem", "redeem-unfinished")
    walker.go("/r", "scan")
    page.goto(f"{draft}/confirm")
    walker.press("button[value=redeem]", "receipt")


def around(walker: Walker, customer: UUID) -> None:
    """Ownership, signing in, the homes, and what goes wrong."""
    page, bruno = walker.page, aside(administrator_of, customer)
    assert bruno.account is not None
    page.goto(f"{walker.address}{aside(path_for, bruno.account, Purpose.OWNERSHIP)}")
    walker.look("ownership")
    walker.press("main button[value=take]", "ownership-wrong")
    page.locator("#password").fill("broa de milho e manteiga")
    page.locator("#again").fill("broa de milho e manteiga")
    page.locator("#partner-confirm").check()
    walker.press("main button[value=take]", "home-customer")
    _extend(walker)
    world = walker.world
    for name, actor in (("operator", world.duarte), ("partner", world.ana), ("distributor", world.dalila)):
        _signed_in(walker, name, actor)
    walker.go("/accounts", "accounts")
    walker.press("main button[value=all]", "signed-out")
    walker.go("/sign-in", "sign-in")
    walker.go("/sign-in/nonsense", "link-spent")
    walker.go("/redeem/resume", "resume")
    page.locator("#code").fill("0000-0000")
    walker.press("main button", "resume-wrong")
    walker.go("/nothing-here", "not-found")
    walker.go("/demo/mail", "demo-mail")


def _extend(walker: Walker) -> None:
    page = walker.page
    page.goto(f"{walker.address}{prefix_at(page.url)}/redeem")
    walker.press("main form button.act", "attest-customer")
    page.locator("#attestation").check()
    walker.press("button[value=next]:visible", "")
    page.locator("#key-1").fill(aside(make_keys, walker.world)[0])
    walker.press("button[value=next]:visible", "")
    walker.press("button[value=next]:visible", "purpose-customer")
    page.locator("input[value^='extend:']").check()
    walker.press("button[value=next]:visible", "confirm-extend")


def _signed_in(walker: Walker, name: str, actor: Actor) -> None:
    assert actor.account is not None
    walker.go(aside(path_for, actor.account, Purpose.SIGN_IN), f"sign-in-link-{name}")
    walker.press("main form button", f"home-{name}")
