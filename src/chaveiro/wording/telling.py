"""What programs read: facts in the one JSON form that they have at every door, the API and the command line.

Ids are public (`sub_…`), days ISO 8601, instants RFC 3339 in UTC, keys never but as serial and last five symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from chaveiro.apps.delegation.queries import Beside
from chaveiro.apps.keys.queries import KeyFacts as StockFacts
from chaveiro.apps.subscriptions.queries import BlockCard, Row, Subscription
from chaveiro.rules import identifiers, lifecycle, offers, serials
from chaveiro.rules.batches import Batch
from chaveiro.rules.keys import group
from chaveiro.rules.redemption import Item, KeyFacts, Verdict
from chaveiro.rules.terms import Standing
from chaveiro.wording.saying import sentence


def public(noun: str, value: UUID | None) -> str | None:
    """The public form of an id; None stays none."""
    return None if value is None else identifiers.write(noun, value)


def day(value: date | None) -> str | None:
    """ISO 8601; None stays none."""
    return None if value is None else value.isoformat()


def instant(value: datetime | None) -> str | None:
    """RFC 3339, UTC, to the second's thousandth; None stays none."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def standing(value: Standing | None) -> dict[str, Any] | None:
    """What a subscription has at one moment; None stays none."""
    if value is None:
        return None
    return {
        "seats": value.seats,
        "ends_on": day(value.ends_on),
        "last_day": day(lifecycle.last_day(value.ends_on)),
        "credit": value.credit,
    }


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a refusal: days and instants as text, ids in their public form, keys in groups."""
    return {name: _told(name, value) for name, value in facts.items()}


def _told(name: str, value: Any) -> Any:
    if name == "repair" and isinstance(value, str):
        return group(value)
    if name in identifiers.PREFIXES and isinstance(value, str | UUID):
        return _public(name, value)
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return [_told("", part) for part in value]
        case str() | int() | bool() | None:
            return value
    return offers.to_dict(value) if isinstance(value, offers.Offer) else str(value)


def _public(noun: str, value: str | UUID) -> str:
    try:
        return identifiers.write(noun, UUID(str(value)))
    except ValueError:
        return str(value)


def verdicts(items: Sequence[Item], given: Sequence[Verdict], language: str) -> list[dict[str, Any]]:
    """The verdicts on a basket, in its order. Of a key that is not known only what was typed wrongly is told."""
    return [_verdict(item, verdict, language) for item, verdict in zip(items, given, strict=True)]


def _verdict(item: Item, verdict: Verdict, language: str) -> dict[str, Any]:
    refusal = verdict.refusal
    return {
        "index": verdict.index,
        "verdict": verdict.code,
        "detail": None if refusal is None else sentence(refusal, language),
        **_carried(verdict.facts),
        "positions": list(item.positions),
        "repair": item.repair and group(item.repair),
        "facts": {} if refusal is None else told(refusal.facts),
    }


def _carried(facts: KeyFacts | None) -> Mapping[str, Any]:
    """What a known key carries; whoever holds it may read that on its card."""
    if facts is None:
        return dict.fromkeys(("product", "seats", "months", "serial", "last_five"))
    return {
        "product": facts.product_code,
        "seats": facts.seats,
        "months": facts.months,
        "serial": serials.write(facts.number),
        "last_five": facts.last_five,
    }


def key(facts: StockFacts) -> dict[str, Any]:
    """A key as its holder or the operator sees it; `serial` is the whole of its name."""
    return {
        "serial": serials.write(facts.number),
        "last_five": facts.last_five,
        "state": facts.state,
        "held_until": instant(facts.held_until),
        "batch": public("batch", facts.batch),
        "kind": facts.kind.value,
        "product": facts.product,
        "seats": facts.seats,
        "months": facts.months,
        "countries": list(facts.countries),
        "activate_before": day(facts.activate_before),
        "holder": public("partner", facts.holder),
        "replaced_by": None if facts.replaced_by is None else serials.write(facts.replaced_by),
        "redeemed_at": instant(facts.redeemed_at),
        "customer": public("customer", facts.customer),
    }


def batch(facts: Batch, counts: Mapping[str, int]) -> dict[str, Any]:
    """A batch; `keys` counts its keys by state."""
    return {
        "id": public("batch", facts.id),
        "number": facts.number,
        "product": facts.product,
        "seats": facts.seats,
        "months": facts.months,
        "count": facts.quantity,
        "minted": facts.minted,
        "first_serial": serials.write(facts.first_number),
        "countries": list(facts.countries),
        "activate_before": day(facts.activate_before),
        "holder": public("partner", facts.holder),
        "holder_name": facts.holder_name,
        "kind": facts.kind.value,
        "stage": facts.stage.value,
        "keys": dict(counts),
        "created_at": instant(facts.created_at),
        "approved_at": instant(facts.approved_at),
        "minted_at": instant(facts.minted_at),
        "released_at": instant(facts.released_at),
        "recalled_at": instant(facts.recalled_at),
        "recall_asked_at": instant(facts.recall_asked_at),
        "recall_reason": facts.recall_reason or None,
        "cards": facts.cards,
    }


def subscription(
    one: Subscription,
    on: date,
    beside: Mapping[UUID, Sequence[Beside]],
    blocks: Mapping[UUID, Sequence[BlockCard]],
) -> dict[str, Any]:
    """A subscription; stage, next change and blocks are as of the day `on`.

    `beside`: who stands beside its customer; `blocks`: those of each subscription, lifted ones among them or not.
    """
    change = one.next_change(on)
    return {
        "id": public("subscription", one.id),
        "customer": public("customer", one.customer),
        "product": one.product,
        "seats": one.seats,
        "assigned": one.assigned,
        "ends_on": day(one.ends_on),
        "last_day": day(lifecycle.last_day(one.ends_on)),
        "credit": one.credit,
        "stage": one.stage_on(on).value,
        "next_change": change and {"stage": change.stage.value, "day": day(change.day)},
        "paid_by": one.paid_by,
        "partner_of_record": _partner(beside.get(one.customer, ()), one.id),
        "blocks": [block(card) for card in blocks.get(one.id, ()) if card.stands_on(on)],
        "opened_at": instant(one.opened_at),
        "closed_at": instant(one.closed_at),
    }


def block(card: BlockCard) -> dict[str, Any]:
    """A block: why, on whose side, since when; `lifted_by` is who can lift it, `subscription` null for all there is."""
    return {
        "id": public("block", card.id),
        "subscription": public("subscription", card.subscription),
        "kind": card.kind.value,
        "holder": card.holder.value,
        "organisation": public("partner", card.holder_id),
        "reason": card.reason,
        "stops_use": card.as_rule.stops_use,
        "lifted_by": card.as_rule.lifted_by.value,
        "put_on": day(card.put_on),
        "lifted_on": day(card.lifted_on),
    }


def _partner(beside: Sequence[Beside], wanted: UUID) -> dict[str, Any] | None:
    """Who counts for a subscription: a confirmed one before a proposed one, its own before the customer's default."""
    mine = [one for one in beside if one.subscription in (None, wanted)]
    if not mine:
        return None
    first = min(mine, key=lambda one: (one.state != "confirmed", one.subscription is None))
    return {"registration_number": first.registration_number, "name": first.name, "state": first.state}


def ledger_row(row: Row, numbers: Sequence[int]) -> dict[str, Any]:
    """One change of a subscription; `numbers` are those of its keys."""
    return {
        "number": row.number,
        "term": row.term,
        "kind": row.kind,
        "why": row.why,
        "day": day(row.day),
        "origin": day(row.origin),
        "granted": row.granted,
        "keys": [serials.write(number) for number in numbers],
        "before": standing(row.before),
        "after": standing(row.after),
        "redemption": public("redemption", row.redemption),
        "reverses": row.undoes,
        "policy": row.policy,
        "policy_version": row.policy_version,
        "by": row.actor_kind,
        "organisation": public("partner", row.organisation),
        "at": instant(row.at),
    }
