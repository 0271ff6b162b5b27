"""The receipt of a redemption: what it did, read back from its ledger rows, and what is signed about it.

A receipt tells for ever what was done; signed anew after a reversal or a correction it says that too. A signature
proves issuance, not present validity. Source: rules, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chaveiro.rules import identifiers, serials
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.seat_time import Footing, Grant, Operation, Standing, Sum, add_up

RECEIPT_KIND = "chaveiro-receipt+jws"


@dataclass(frozen=True, slots=True)
class ReceiptEffect:
    """What a redemption did to one subscription, with the sum that it was told to do."""

    subscription: UUID
    product: str
    names: Mapping[str, str]
    sum: Sum


def effects_of(facts: Mapping[str, Any]) -> tuple[ReceiptEffect, ...]:
    """The effects that a redemption's facts tell (the JSON of the room's `facts_of`), in the order they were made."""
    return tuple(
        ReceiptEffect(UUID(row["subscription_id"]), row["product"], row["names"], sum_of(row, facts["lines"]))
        for row in facts["effects"]
    )


def sum_of(row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Sum:
    """The sum that a ledger row was written from: its footing is in the row, its grants are the redemption's lines."""
    day, origin = date.fromisoformat(row["day"]), date.fromisoformat(row["origin"])
    before = _standing(row["seats_before"], row["ends_before"], row["credit_before"])
    grants = [Grant(line["seats"], line["months"]) for line in lines if line["subscription"] == row["subscription_id"]]
    start = Footing(Operation(row["kind"]), day, _stage(before, day, origin), before, origin, _days_left(before, day))
    made = add_up(start, grants, row["seats_after"])
    # A correction brought the keys here with what was left of them.
    return made if made.granted == row["granted"] else add_up(start, grants, row["seats_after"], row["granted"])


def _standing(seats: int, ends_on: str | None, credit: int) -> Standing | None:
    return None if ends_on is None else Standing(seats, date.fromisoformat(ends_on), credit)


def _days_left(before: Standing | None, day: date) -> int:
    return 0 if before is None else max(0, (before.ends_on - day).days)


def _stage(before: Standing | None, day: date, origin: date) -> Stage | None:
    """In grace time counts from the old end, retained from the day: so the origin tells them apart (section 2)."""
    if before is None:
        return None
    if day < before.ends_on:
        return Stage.ACTIVE
    return Stage.GRACE if origin == before.ends_on else Stage.RETAINED


def claims(facts: Mapping[str, Any], *, issuer: str) -> dict[str, Any]:
    """What is signed about a redemption; equal facts give equal claims. `issuer` is the installation's address."""
    customer, partner = facts["customer"], facts["partner"]
    return {
        "iss": issuer,
        "id": identifiers.write("redemption", UUID(facts["id"])),
        "reference": facts["reference"],
        "purpose": facts["purpose"],
        "day": facts["day"],
        "at": facts["at"],
        "customer": {
            "id": identifiers.write("customer", UUID(customer["id"])),
            "name": customer["name"],
            "country": customer["country"],
        },
        "partner": partner and {"name": partner["name"], "registration_number": partner["registration_number"]},
        "keys": [
            {
                "serial": serials.write(line["number"]),
                "last_five": line["last_five"],
                "seats": line["seats"],
                "months": line["months"],
                "subscription": identifiers.write("subscription", UUID(line["subscription"])),
            }
            for line in facts["lines"]
        ],
        "effects": [
            {
                "subscription": identifiers.write("subscription", effect.subscription),
                "product": effect.product,
                "sum": effect.sum.to_dict(),
            }
            for effect in effects_of(facts)
        ],
        "fingerprint": facts["fingerprint"],
        **_undone(facts),
    }


def _undone(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What became of it until it was signed: said only where something did."""
    names = ("reversed_at", "corrected_to", "corrects")
    return {name: facts[name] for name in names if facts.get(name)}
