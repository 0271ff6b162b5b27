"""What the tests of the vendor's desk share: who sits there, what a form shows, the worker beside it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.test import Client

from chaveiro import wiring
from chaveiro.apps.identity.actions import accounts
from chaveiro.apps.identity.models import Session
from chaveiro.apps.keys import actions
from chaveiro.apps.operations.models import Operation
from chaveiro.console.cards import card_printer
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from tests.apps import stock
from tests.cast import NOON, World, means
from tests.web.conftest import PORTUGUESE, signed_in, text_of

PASSPHRASE = "broa de milho e manteiga"
ORDER = {"product": "office-basic", "count": "3", "seats": "5", "months": "12", "kind": "bearer"}
LOCK = {"lock": "passphrase", "passphrase": PASSPHRASE, "passphrase_again": PASSPHRASE}


def dora(world: World) -> Actor:
    """A second operator."""
    newcomer = accounts.Newcomer("dora@example.test", "Dora", "Lopes")
    account = accounts.open_operator(actor=SYSTEM, newcomer=newcomer, means=means(), organisation=world.vendor)
    return Actor(Kind.OPERATOR, account, world.vendor, roles=frozenset({"operator"}))


def at_desk(actor: Actor) -> Client:
    """A browser of somebody who is signed in, in Portuguese, and who proved a moment ago to be there."""
    browser = signed_in(Client(headers=PORTUGUESE), actor)
    Session.objects.filter(account_id=actor.account).update(confirmed_at=NOON)
    return browser


def hidden(response: Any) -> dict[str, Any]:
    """The hidden fields of the form in the page's main part; a name that stands there twice is a list."""
    found: dict[str, Any] = {}
    main = text_of(response).partition("<main")[2]
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', main):
        found.setdefault(name, []).append(value)
    found.pop("csrfmiddlewaretoken", None)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def ordered(browser: Client, **changes: str) -> str:
    """Keys ordered as people do it; answers the path of the operation."""
    checked = browser.post("/desk/batches/new", {**ORDER, **changes, "do": "check"})
    assert checked.status_code == 200, text_of(checked)
    placed = browser.post("/desk/batches/new", {**hidden(checked), **LOCK, "do": "order"})
    assert placed.status_code == 303, text_of(placed)
    return str(placed["Location"])


def carried_out() -> bool:
    """The worker's part of the newest mint."""
    operation: UUID = Operation.objects.latest("created_at").id
    return actions.run_mint(
        operation=operation,
        vault=wiring.vault(),
        locksmith=stock.LOCKSMITH,
        means=means(),
        printer=card_printer(),
    )
