"""Redemption: a basket of keys → a verdict for each → a plan of effects, or everything that stands against it.

    typed text ──read──▶ Item ──judge──▶ verdicts ──plan──▶ Plan (effects, fingerprint) ──▶ the room's commit

Pure: the day, the policy and what the database knows of keys and subscriptions are arguments. Preview and commit call
the same functions. Source: rules, sections 1 to 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chaveiro.rules import identifiers, terms, verdicts
from chaveiro.rules.errors import Malformed, NotFound, PaidDirectly, Refusal, SubscriptionDeleted
from chaveiro.rules.keys import reading as key_reading
from chaveiro.rules.keys.digests import Digester
from chaveiro.rules.policies import Policy
from chaveiro.rules.symbols import SYMBOLS
from chaveiro.rules.verdicts import Fault

BASKET_AT_MOST = 200
PURPOSES = ("open", "add", "extend")
ATTESTATION_WORDING = "2026-11"  # the version of the sentence that people attest to


class AttestationMissing(Refusal):
    """Nobody redeems without saying that they may do so for the organisation."""

    code = "attestation_missing"


class BasketTooLarge(Refusal):
    """More keys than one act takes. Facts: most, given."""

    code = "basket_too_large"


class SumChanged(Refusal):
    """What would happen is no longer what was shown; nothing is spent. Facts: fingerprint (of the new sum)."""

    code = "sum_changed"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a basket after reading: no key text any more, but the digests by which to find it."""

    code: str
    digests: tuple[bytes, ...] = ()
    last_five: str = ""
    positions: tuple[int, ...] = ()
    repair: str | None = None
    symbols: int = 0

    @classmethod
    def of(cls, typed: str, digesters: Sequence[Digester]) -> Item:
        """Read a typed text. Digests are made under every live pepper, since which one minted the key is unknown."""
        found = key_reading.read(typed)
        if found.canonical is None:
            return cls(found.code, positions=found.positions, repair=found.repair, symbols=found.symbols)
        return cls(
            found.code,
            tuple(digester.digest(found.canonical) for digester in digesters),
            key_reading.last_five(found.canonical),
        )


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What the house knows of one key, with its product as it is sold today."""

    number: int
    last_five: str
    state: str
    seats: int
    months: int
    countries: tuple[str, ...]
    activate_before: date | None
    product: int
    product_code: str
    names: Mapping[str, str]
    price_class: str
    maximum_seats: int
    markets: tuple[str, ...]
    policy_id: int
    policy: Policy
    held_by: UUID | None
    held_until: datetime | None
    yours: bool
    redeemed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    """The subscription that keys are to be added to, or to extend."""

    id: UUID
    customer: UUID
    product: int
    product_code: str
    price_class: str
    standing: terms.Standing
    assigned: int
    term: int
    version: int
    paid_by: str
    erased_on: date | None
    policy_id: int
    policy: Policy
    maximum_seats: int


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything around the basket: what for, when, in which country, onto which subscription."""

    purpose: str
    day: date
    country: str | None
    new_customer: bool
    target: Target | None = None
    seats_after: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one line of the basket: `ok` with the key's facts, or a refusal."""

    index: int
    facts: KeyFacts | None
    refusal: Refusal | None

    @property
    def code(self) -> str:
        return verdicts.OK if self.refusal is None else self.refusal.code


@dataclass(frozen=True, slots=True)
class Effect:
    """What the keys of one product do: to a new subscription (`target` None) or to one that is there."""

    product: int
    product_code: str
    names: Mapping[str, str]
    price_class: str
    policy_id: int
    policy: Policy
    keys: tuple[KeyFacts, ...]
    sum: terms.Sum
    target: Target | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All effects of a basket, to be carried out together or not at all.

    `fingerprint` is a short hash of everything that was shown: products, subscriptions, keys and sums.
    """

    purpose: str
    day: date
    effects: tuple[Effect, ...]
    fingerprint: str


def judge(items: Sequence[Item], known: Mapping[bytes, KeyFacts], around: Situation) -> tuple[Verdict, ...]:
    """A verdict for every line at once, in the order of the basket.

    `known` maps digests to facts. A line's first fault in the order of the rules' list is told: what was typed, the
    basket, the key itself, then where and what for it is to be used.
    """
    seen: dict[bytes, int] = {}
    answers = []
    for index, item in enumerate(items):
        facts = next((known[digest] for digest in item.digests if digest in known), None)
        refusal = _reading_refusal(item) or _duplicate(item, index, seen)
        if refusal is None:
            refusal = verdicts.KeyUnknown() if facts is None else _key_refusal(facts, around)
        answers.append(Verdict(index, facts if refusal is None or item.digests else None, refusal))
    return tuple(answers)


def _reading_refusal(item: Item) -> Refusal | None:
    match item.code:
        case "ok":
            return None
        case "key_empty":
            return verdicts.KeyEmpty()
        case "key_length":
            return verdicts.KeyLength(symbols=item.symbols)
        case _:
            return verdicts.READING[item.code](positions=list(item.positions), repair=item.repair)


def _duplicate(item: Item, index: int, seen: dict[bytes, int]) -> Refusal | None:
    first = seen.setdefault(item.digests[0], index)
    return None if first == index else verdicts.KeyDuplicate(first=first)


def _key_refusal(facts: KeyFacts, around: Situation) -> Refusal | None:
    match facts.state:
        case "redeemed":
            return verdicts.KeyRedeemedByYou(at=facts.redeemed_at) if facts.yours else verdicts.KeyRedeemed()
        case "revoked":
            return verdicts.KeyRevoked()
        case "minted":
            return verdicts.KeyNotReleased()
    if facts.activate_before is not None and around.day >= facts.activate_before:
        return verdicts.KeyExpired(activate_before=facts.activate_before)
    if facts.held_by is not None:
        return verdicts.KeyHeld(until=facts.held_until)
    if around.country and facts.countries and around.country not in facts.countries:
        return verdicts.KeyWrongCountry(country=around.country, countries=list(facts.countries))
    target = around.target
    if target is not None and (facts.product, facts.price_class) != (target.product, target.price_class):
        return verdicts.KeyWrongProduct(product=facts.product_code, wanted=target.product_code)
    return None


def plan(
    items: Sequence[Item], known: Mapping[bytes, KeyFacts], around: Situation
) -> tuple[Plan, tuple[Verdict, ...], tuple[Fault, ...]]:
    """What the basket would do, the verdict of each line, and every fault that stands against it, of keys and of sums.

    The plan covers the keys whose verdict is `ok`, so that a person sees what would happen once the rest is mended.
    """
    faults = [*_shape_faults(items, around)]
    judged = judge(items, known, around)
    faults += [Fault(f"/keys/{verdict.index}", verdict.refusal) for verdict in judged if verdict.refusal is not None]
    good = [verdict.facts for verdict in judged if verdict.refusal is None and verdict.facts is not None]
    effects = []
    for keys in _by_product(good, around):
        effect, against = _effect(keys, around)
        faults += against
        if effect is not None:
            effects.append(effect)
    made = Plan(around.purpose, around.day, tuple(effects), _fingerprint(around.purpose, effects))
    return made, judged, tuple(faults)


def _fingerprint(purpose: str, effects: Sequence[Effect]) -> str:
    parts = [
        f"{effect.product_code} {effect.price_class} {effect.target.id if effect.target else ''} "
        f"{terms.fingerprint(effect.sum)} {','.join(str(key.number) for key in effect.keys)}"
        for effect in effects
    ]
    return hashlib.sha256("\n".join([purpose, *parts]).encode()).hexdigest()[: terms.FINGERPRINT_LENGTH]


def _shape_faults(items: Sequence[Item], around: Situation) -> Iterable[Fault]:
    if around.purpose not in PURPOSES:
        yield Fault("/purpose", Malformed(field="purpose", reason="is open, add or extend"))
    if not items:
        yield Fault("/keys", verdicts.KeyEmpty())
    if len(items) > BASKET_AT_MOST:
        yield Fault("/keys", BasketTooLarge(most=BASKET_AT_MOST, given=len(items)))
    if around.purpose in ("add", "extend") and around.target is None:
        yield Fault("/subscription", NotFound(what="subscription"))


def _by_product(keys: Sequence[KeyFacts], around: Situation) -> list[tuple[KeyFacts, ...]]:
    """The keys of one subscription each: all of them onto a target, or one group for each product and price class."""
    if around.purpose != "open":
        return [tuple(keys)] if keys and around.target is not None else []
    groups: dict[tuple[int, str], list[KeyFacts]] = {}
    for key in keys:
        groups.setdefault((key.product, key.price_class), []).append(key)
    return [tuple(group) for group in groups.values()]


def _effect(keys: tuple[KeyFacts, ...], around: Situation) -> tuple[Effect | None, list[Fault]]:
    first, target = keys[0], around.target
    faults = []
    if around.new_customer and around.country and around.country not in first.markets:
        refusal = verdicts.CountryNotServed(country=around.country, product=first.product_code)
        faults.append(Fault("/customer/country", refusal))
    if target is not None and target.paid_by != "key":
        return None, [
            *faults,
            Fault("/subscription", PaidDirectly(subscription=identifiers.write("subscription", target.id))),
        ]
    try:
        total, against = terms.weigh(
            around.purpose,
            around.day,
            None if target is None else target.standing,
            [terms.Grant(key.seats, key.months) for key in keys],
            (around.seats_after or {}).get(first.product_code),
            first.policy if target is None else target.policy,
            assigned=1 if around.new_customer else (0 if target is None else target.assigned),
            maximum=first.maximum_seats,
            erased_on=None if target is None else target.erased_on,
        )
    except SubscriptionDeleted as refusal:
        return None, [*faults, Fault("/subscription", refusal)]
    except Malformed as refusal:
        return None, [*faults, Fault(f"/seats_after/{first.product_code}", refusal)]
    pointer = f"/seats_after/{first.product_code}" if total.chosen else "/keys"
    faults += [Fault(pointer, refusal) for refusal in against]
    made = Effect(
        first.product,
        first.product_code,
        first.names,
        first.price_class,
        first.policy_id,
        first.policy,
        keys,
        total,
        target,
    )
    return made, faults


def reference(entropy: bytes) -> str:
    """A receipt's reference, `R-` and eight symbols in two groups, of five random bytes: easy to say, and no secret."""
    number = int.from_bytes(entropy[:5], "big")
    symbols = [SYMBOLS[number >> shift & 31] for shift in range(35, -1, -5)]
    return f"R-{''.join(symbols[:4])}-{''.join(symbols[4:])}"
