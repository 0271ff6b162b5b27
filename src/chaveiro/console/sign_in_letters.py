"""A forgotten password: one letter to each address that the name leads to, with one link for each of its accounts."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from chaveiro.apps.channel import queries as channel
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, digest_of, links
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, instant_for
from chaveiro.rules.actors import SYSTEM, Kind
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed
from chaveiro.rules.tokens import SECRET_BYTES, Purpose, write_secret

# Nobody fills somebody's mailbox: the link that was sent a moment ago is as good as another.
NOT_AGAIN_WITHIN = timedelta(minutes=5)


def reset(desk: Desk, owed: Owed) -> None:
    """Owe a letter to each address of the accounts that somebody's forgotten password is one of. Facts: accounts."""
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        together: dict[str, list[str]] = {}
        for card in (identity.account(UUID(account)) for account in owed.facts["accounts"]):
            if not card.closed:
                together.setdefault(card.email.lower(), []).append(str(card.id))
        for accounts in together.values():
            notices.owe("reset_letter", {"accounts": accounts}, desk.means().now)


def reset_letter(desk: Desk, owed: Owed) -> None:
    """Post one address the links by which its accounts get new passwords. Facts: accounts."""
    accounts = [UUID(account) for account in owed.facts["accounts"]]

    def words(desk: Desk, letter: LetterFacts, reader: Reader, means: Means) -> Mapping[str, Any] | None:
        entries = list(_entries(desk, letter, reader, means))
        return {"entries": entries} if entries else None

    def _entries(desk: Desk, letter: LetterFacts, reader: Reader, means: Means) -> Iterator[dict[str, str]]:
        for card in map(identity.account, accounts):
            secret = hmac.digest(desk.link_secret(letter.id), card.id.bytes, "sha256")[:SECRET_BYTES]
            if card.email.lower() == reader.email.lower() and not _is_too_soon(card, secret, means):
                yield _entry(desk, card, secret, reader, means)

    deliver(desk, owed, Occasion("reset", accounts[0], None, words))


def _is_too_soon(card: AccountCard, secret: bytes, means: Means) -> bool:
    since, digest = means.now - NOT_AGAIN_WITHIN, digest_of(write_secret(secret))
    return card.closed or identity.has_link_since(card.id, _purpose(card), since, besides=digest)


def _entry(desk: Desk, card: AccountCard, secret: bytes, reader: Reader, means: Means) -> dict[str, str]:
    link = links.make(actor=SYSTEM, account=card.id, purpose=_purpose(card), means=means, secret=secret)
    return {
        "home": _home(desk, card),
        "login_name": card.login_name,
        "link": desk.base_url + link.path,
        "until": instant_for(reader, link.expires_at),
    }


def _purpose(card: AccountCard) -> Purpose:
    """Who never took ownership is led there: the account has no password that could be forgotten."""
    return Purpose.RESET if card.owned or card.kind is not Kind.CUSTOMER else Purpose.OWNERSHIP


def _home(desk: Desk, card: AccountCard) -> str:
    if card.customer_id is not None:
        return customers.name_of(card.customer_id)
    if card.organisation_id is not None:
        return channel.names_of([card.organisation_id]).get(card.organisation_id, desk.vendor)
    return desk.vendor
