"""A correction, told to everybody whom it concerns: whose keys left, who got them, and who sold or redeemed them.

Neither customer learns who the other is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in
from chaveiro.console.receipt_letters import concerned
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed
from chaveiro.rules.receipts import effects_of


def correction(desk: Desk, owed: Owed) -> None:
    """Owe a letter to each whom a correction concerns. Facts: redemption (the wrong one), made (what stands since)."""
    redemption, made = id_in(owed, "redemption"), id_in(owed, "made")
    assert redemption is not None
    assert made is not None
    now = desk.means().now
    with acting(SYSTEM):
        if not notices.once(owed=owed.id, name="told"):
            return
        for side, account in _readers(redemption, made):
            facts = {"redemption": str(redemption), "made": str(made), "account": str(account), "side": side}
            notices.owe("correction_letter", facts, now)


def _readers(redemption: UUID, made: UUID) -> Iterator[tuple[str, UUID]]:
    """Who is told, and from which side they look at it; each once. Who redeemed sees where the keys are now."""
    right = customers.administrators_of(UUID(redemptions.facts_of(made)["customer"]["id"]))
    redeemer = redemptions.redeemer_of(made)
    told = dict.fromkeys([*right, *([redeemer] if redeemer else [])])
    yield from (("right", account) for account in told)
    for account in concerned(redemption, redemptions.facts_of(redemption)):
        if account not in told:
            yield "wrong", account


def correction_letter(desk: Desk, owed: Owed) -> None:
    """Tell one person what became of the keys. Facts: redemption, made, account, side."""
    redemption, made, account = id_in(owed, "redemption"), id_in(owed, "made"), id_in(owed, "account")
    assert redemption is not None
    assert made is not None
    side = "right" if owed.facts["side"] == "right" else "wrong"

    def words(_desk: Desk, _letter: LetterFacts, _reader: Reader, _means: Means) -> Mapping[str, Any]:
        facts = redemptions.facts_of(made if side == "right" else redemption)
        return {
            "reference": facts["reference"],
            "organisation": facts["customer"]["name"],
            "closed": facts["customer"]["closed"],
            "keys": len(facts["lines"] or ()),
            "reason": redemptions.facts_of(redemption)["reversal_reason"],
            "effects": [
                {"names": one.names, "seats": one.sum.seats, "ends_on": one.sum.ends_on} for one in effects_of(facts)
            ],
        }

    deliver(desk, owed, Occasion(f"correction_{side}", account, None, words, closed_too=side == "wrong"))
