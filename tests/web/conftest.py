"""What tests of the pages share: compiled catalogues, a small world on a fixed day, a browser in each language."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.identity.actions import links
from chaveiro.console.catalogues import compile_stale
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.sessions import prefix_of, split
from chaveiro.rules.tokens import Purpose
from tests.cast import World, build_world, means

PORTUGUESE = {"Accept-Language": "pt-PT,pt;q=0.9,en;q=0.5"}
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    compile_stale()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is asked for at noon of 22 November 2026."""
    monkeypatch.setattr(wiring, "means", means)
    monkeypatch.setattr(wiring, "now", lambda: means().now)


@pytest.fixture
def world(db: None, noon: None) -> World:
    return build_world()


@pytest.fixture
def pt() -> Client:
    """A browser that asks for Portuguese."""
    return Client(headers=PORTUGUESE)


@pytest.fixture
def en() -> Client:
    """A browser that asks for English."""
    return Client(headers=ENGLISH)


def link_for(account: UUID, purpose: Purpose) -> str:
    """The path of a fresh one-time link."""
    return links.make(actor=SYSTEM, account=account, purpose=purpose, means=wiring.means()).path


class AtAccount(Client):
    """A browser whose addresses are those of one account, unless they name another's: `at` stands before them."""

    at: str

    def generic(self, method: str, path: str, *arguments: Any, **named: Any) -> Any:
        if not path.startswith(("/a/", "http")):
            path = self.at + path
        return super().generic(method, path, *arguments, **named)


def signed_in(client: Client, actor: Actor) -> Client:
    """The same browser, signed in by a one-time link, its addresses those of the account."""
    assert actor.account is not None
    answer = Client.post(client, link_for(actor.account, Purpose.SIGN_IN))
    assert answer.status_code == 303
    assert isinstance(client, Client)
    client.__class__ = AtAccount
    client.at = prefix_of(actor.account)  # type: ignore[attr-defined]
    return client


def where(response: Any) -> str:
    """Where an answer leads, without the prefix of the account whose address it was."""
    return split(str(response["Location"]))[1]


def text_of(response: Any) -> str:
    return str(response.content.decode())
