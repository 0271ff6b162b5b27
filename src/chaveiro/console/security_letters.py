"""Letters about signing in: what changed, a link that shows whose mailbox an address is, a code to confirm with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, links, profile
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in, instant_for, reader_of
from chaveiro.rules import factors
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.factors import MAILED_FOR
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed
from chaveiro.rules.tokens import Purpose, write_secret


def security(desk: Desk, owed: Owed) -> None:
    """Tell an account's person that something about signing in changed. Facts: account, what, at, perhaps more.

    Of a new address the one before is told: who took an account over would keep it silent otherwise.
    """
    account = id_in(owed, "account")
    assert account is not None
    known = owed.facts

    def words(_desk: Desk, _letter: LetterFacts, reader: Reader, _means: Means) -> Mapping[str, Any]:
        return {
            "what": known["what"],
            "provider": known.get("provider", ""),
            "when": instant_for(reader, datetime.fromisoformat(known["at"])),
        }

    with acting(SYSTEM):
        before = _address_before(known, account)
    deliver(desk, owed, Occasion("security", None if before else account, None, words, reader=before))


def _address_before(known: Mapping[str, Any], account: UUID) -> Reader | None:
    if known["what"] != "email_changed":
        return None
    change, _waits = identity.address_change(UUID(known["change"]))
    return replace(reader_of(identity.account(account)), email=change.previous)


def confirm_address(desk: Desk, owed: Owed) -> None:
    """Post a new address the link that shows whose mailbox it is. Facts: account, change."""
    account, change = id_in(owed, "account"), id_in(owed, "change")
    assert account is not None
    assert change is not None
    with acting(SYSTEM):
        wish, _waits = identity.address_change(change)
        reader = replace(reader_of(identity.account(account)), email=wish.address)

    def words(desk: Desk, letter: LetterFacts, reader: Reader, means: Means) -> Mapping[str, Any] | None:
        if not identity.address_change(change)[1]:
            return None
        secret = desk.link_secret(letter.id)
        made = links.make(actor=SYSTEM, account=account, purpose=Purpose.ADDRESS, means=means, secret=secret)
        profile.link_was_posted(change=change, secret=write_secret(secret))
        return {"link": desk.base_url + made.path, "until": instant_for(reader, made.expires_at)}

    deliver(desk, owed, Occasion("confirm_address", None, None, words, reader=reader))


def mailed_code(desk: Desk, owed: Owed) -> None:
    """Post the code by which somebody without a passkey or password confirms to be there. Facts: account, question."""
    account, question = id_in(owed, "account"), id_in(owed, "question")
    assert question is not None

    def words(_desk: Desk, letter: LetterFacts, _reader: Reader, means: Means) -> Mapping[str, Any] | None:
        if means.now - letter.created_at > MAILED_FOR:
            return None  # whoever asked has gone on by now, and the code opens nothing any more
        return {"code": factors.mailed_code(wiring.derived_secret("mailed codes"), question.bytes)}

    deliver(desk, owed, Occasion("mailed_code", account, None, words))
