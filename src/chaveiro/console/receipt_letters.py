"""The receipt of a redemption, sent to everybody concerned: signed and to print, with its page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.console.letters import ATTACHMENTS, Desk, Occasion, Reader, deliver, id_in, instant_for, zone_of
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Attachment, Owed
from chaveiro.rules.receipts import RECEIPT_KIND, claims, effects_of
from chaveiro.wording import papers


def receipt(desk: Desk, owed: Owed) -> None:
    """Owe a letter with the receipt to everybody whom a redemption concerns. Facts: redemption."""
    redemption = id_in(owed, "redemption")
    assert redemption is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        for account in concerned(redemption, redemptions.facts_of(redemption)):
            notices.owe("receipt_letter", {"redemption": str(redemption), "account": str(account)}, now)


def concerned(redemption: UUID, facts: Mapping[str, Any]) -> list[UUID]:
    """The accounts of everybody whom a redemption concerns, each once. Call it while acting."""
    return list(dict.fromkeys(_concerned(redemption, facts)))


def _concerned(redemption: UUID, facts: Mapping[str, Any]) -> Iterator[UUID]:
    """The customer's administrators, the one whom the redemption named (even if it closes them), and who redeemed."""
    yield from customers.administrators_of(UUID(facts["customer"]["id"]))
    if facts["administrator"]:
        yield customers.account_of(UUID(facts["administrator"]["id"]))
    redeemer = redemptions.redeemer_of(redemption)
    if redeemer:
        yield redeemer


def receipt_letter(desk: Desk, owed: Owed) -> None:
    """Send one person the receipt, unless it was reversed since. Facts: redemption, account."""
    redemption, account = id_in(owed, "redemption"), id_in(owed, "account")
    assert redemption is not None
    assert account is not None

    def words(desk: Desk, _letter: LetterFacts, reader: Reader, _means: Means) -> Mapping[str, Any] | None:
        facts = redemptions.facts_of(redemption)
        return None if facts["reversed_at"] else receipt_words(desk, facts, reader)

    deliver(desk, owed, Occasion("receipt", account, None, words))


def receipt_words(desk: Desk, facts: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """What the letter says, and the signed receipt that goes with it."""
    file, paper = f"{facts['reference']}.json", f"{facts['reference']}.pdf"
    return {
        "reference": facts["reference"],
        "organisation": facts["customer"]["name"],
        "keys": len(facts["lines"]),
        "at": instant_for(reader, datetime.fromisoformat(facts["at"])),
        "effects": [
            {"names": effect.names, "seats": effect.sum.seats, "ends_on": effect.sum.ends_on}
            for effect in effects_of(facts)
        ],
        "link": f"{desk.base_url}/receipts/{facts['reference']}",
        "file": file,
        "paper": paper,
        ATTACHMENTS: (
            Attachment(paper, "application/pdf", printed(desk, facts, reader)),
            Attachment(file, "application/json", signed(facts, desk.base_url)),
        ),
    }


def printed(desk: Desk, facts: Mapping[str, Any], reader: Reader) -> bytes:
    """The receipt to print, in the reader's language and time zone; equal facts give equal bytes."""
    return wiring.printer()(
        papers.receipt(facts, papers.Reader(reader.language, zone_of(reader), desk.vendor, desk.base_url))
    )


def signed(facts: Mapping[str, Any], issuer: str) -> bytes:
    """The signed receipt in the flattened JSON form of RFC 7515; equal facts give equal bytes."""
    protected, payload, signature = wiring.keyring().sign(claims(facts, issuer=issuer), RECEIPT_KIND).split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature}).encode()
