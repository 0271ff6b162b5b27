"""Batches of keys: how large, who must agree, and what may happen to them next.

    planned ──▶ minting ──▶ minted ──▶ released
       │ approve    ╲          │          │
       ▼             ╲         ▼          ▼
    approved          ╲──▶ recalled ◀─────┘      (a recall takes what is not redeemed, and is final)

Source: rules, section 1; two people for more than 1,000 keys: 6-reliability.md, Security.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from chaveiro.rules import serials
from chaveiro.rules.cards import CARDS_AT_MOST, TooManyCards
from chaveiro.rules.errors import Malformed, Refusal, SeatsOverMaximum
from chaveiro.rules.policies import MONTHS_AT_MOST
from chaveiro.rules.verdicts import CountryNotServed, Fault, Refusals

KEYS_AT_MOST = 1_000_000
"""Keys in one batch. Whoever needs more plans several: each is told, approved, released and recalled on its own."""

KEYS_ALONE_AT_MOST = 1_000
"""Keys in a batch that one person may have minted alone."""

CHUNK_KEYS = 50_000
"""Keys that are made, written down and committed together; also the most in one encrypted part."""

SLICE_KEYS = 50_000
"""Keys released or revoked in one transaction, so that nothing else waits longer than a moment."""

DELAY_ALONE = timedelta(hours=24)
"""How long a batch waits where one person runs the installation, in place of a second one."""

assert KEYS_ALONE_AT_MOST < CHUNK_KEYS <= 100_000 < KEYS_AT_MOST
assert CARDS_AT_MOST <= CHUNK_KEYS  # the cards of a batch stand in its one part


class Kind(StrEnum):
    """What a batch is made of."""

    BEARER = "bearer"  # a secret key for each serial; whoever holds its text may redeem it
    BOOK = "book"  # no secret is made; redeemable by serial by its holder


class Stage(StrEnum):
    """Where a batch stands; derived from its facts, never stored."""

    PLANNED = "planned"
    WAITING = "waiting"  # for a second person
    MINTING = "minting"
    MINTED = "minted"
    RELEASED = "released"
    RECALLED = "recalled"


class SecondPersonNeeded(Refusal):
    """More keys than one person may have minted alone; somebody else must approve. Facts: batch, not_before, reason."""

    code = "second_person_needed"


class BatchStep(Refusal):
    """A batch does not go from where it stands to there. Facts: stage, step."""

    code = "batch_step_refused"


class DoubledKey(Refusal):
    """A new key, or its serial, exists already; nothing of its chunk was kept. Facts: what."""

    code = "doubled_key"


class RandomSourceBroken(Refusal):
    """The random source repeats itself; nothing is minted from it. Facts: reason."""

    code = "random_source_broken"


class HolderRefused(Refusal):
    """This organisation cannot hold stock now. Facts: reason."""

    code = "holder_refused"


class KeyReplaced(Refusal):
    """The key was replaced already. Facts: by (the new serial)."""

    code = "key_replaced"


SPAN = re.compile(r"[0-9\s.:–—-]{12,100}")


@dataclass(frozen=True, slots=True)
class Span:
    """Serials from one to another, both included, as key numbers."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    @classmethod
    def read(cls, text: str) -> Span:
        """Two serials one behind the other, or one alone; dashes, dots and spaces do not matter. Raises Malformed."""
        if not SPAN.fullmatch(text):
            raise Malformed(field="serials", reason="must be one serial, or two")
        digits = re.sub(r"\D", "", text)
        first, last = digits[: serials.DIGITS], digits[serials.DIGITS :]
        return cls(serials.read(first), serials.read(last or first))

    def write(self) -> str:
        """The serials as people read them, `1000-0000-0009 – 1000-0000-0017`; one alone stands once."""
        first, last = (serials.group(serials.write(number)) for number in (self.first, self.last))
        return first if first == last else f"{first} – {last}"


@dataclass(frozen=True, slots=True)
class House:
    """How this installation is run: by one person, or as a `pretence` (demo, sandbox) where no key is worth money."""

    one_person: bool = False
    pretence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: `quantity` keys of `seats` for `months`. No country: wherever the product is sold."""

    product: str
    seats: int
    months: int
    quantity: int
    countries: tuple[str, ...] = ()
    activate_before: date | None = None
    holder: UUID | None = None  # None: the vendor
    kind: Kind = Kind.BEARER
    cards: bool = False  # the sealed export holds cards as PDF beside the keys

    def check(self, *, maximum_seats: int, markets: Collection[str], day: date) -> None:
        """Pass, or raise Refusals with every fault at once; `maximum_seats` and `markets` are the product's."""
        faults = tuple(self._faults(maximum_seats, markets, day))
        if faults:
            raise Refusals(faults)

    def _faults(self, maximum_seats: int, markets: Collection[str], day: date) -> Iterator[Fault]:
        if self.seats < 1:
            yield Fault("/seats", Malformed(field="seats", reason="must be 1 or more"))
        elif self.seats > maximum_seats:
            over_by = self.seats - maximum_seats
            yield Fault("/seats", SeatsOverMaximum(seats=self.seats, maximum=maximum_seats, over_by=over_by))
        if not 1 <= self.months <= MONTHS_AT_MOST:
            yield Fault("/months", Malformed(field="months", reason=f"must be from 1 to {MONTHS_AT_MOST}"))
        if not 1 <= self.quantity <= KEYS_AT_MOST:
            yield Fault("/count", Malformed(field="count", reason=f"must be from 1 to {KEYS_AT_MOST}"))
        for index, country in enumerate(self.countries):
            if country not in markets:
                refusal = CountryNotServed(country=country, product=self.product)
                yield Fault(f"/countries/{index}", refusal)
        if self.activate_before is not None and self.activate_before <= day:
            yield Fault("/activate_before", Malformed(field="activate_before", reason="must lie after today"))
        if self.cards and self.kind is Kind.BOOK:
            yield Fault("/cards", Malformed(field="cards", reason="a book batch has no keys to print"))
        elif self.cards and self.quantity > CARDS_AT_MOST:
            yield Fault("/cards", TooManyCards(count=self.quantity, most=CARDS_AT_MOST))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The facts of one batch, as its row has them. Its serials are the numbers from `first_number` on."""

    id: UUID
    number: int
    product_version: int
    product: str
    seats: int
    months: int
    quantity: int
    minted: int
    first_number: int
    countries: tuple[str, ...]
    activate_before: date | None
    holder: UUID
    holder_name: str
    kind: Kind
    created_by: UUID | None
    created_at: datetime
    approved_at: datetime | None
    minted_at: datetime | None
    released_at: datetime | None
    recalled_at: datetime | None
    replaces: int | None
    approved_by: UUID | None = None
    recall_asked_by: UUID | None = None
    recall_asked_at: datetime | None = None
    recall_reason: str = ""
    cards: bool = False

    @property
    def serials(self) -> Span:
        """Its serials, from the first to the last."""
        return Span(self.first_number, self.first_number + self.quantity - 1)

    @property
    def is_approved(self) -> bool:
        """Whether nobody else needs to agree any more."""
        return self.quantity <= KEYS_ALONE_AT_MOST or self.approved_at is not None

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        if self.recalled_at:
            return Stage.RECALLED
        if self.released_at:
            return Stage.RELEASED
        if self.minted_at:
            return Stage.MINTED
        if self.minted:
            return Stage.MINTING
        return Stage.PLANNED if self.is_approved else Stage.WAITING

    def step(self, step: str) -> None:
        """Pass when `step` may be taken now; raise SecondPersonNeeded or BatchStep otherwise."""
        if step == "mint" and self.stage is Stage.WAITING:
            raise SecondPersonNeeded(batch=str(self.id), not_before=None)
        if self.stage not in STEPS[step]:
            raise BatchStep(stage=self.stage.value, step=step)

    def part(self, wanted: Span | None) -> Span:
        """The serials that are meant: all of them where none are named. Raises Malformed for any but its own."""
        if wanted is None:
            return self.serials
        if not self.serials.first <= wanted.first <= wanted.last <= self.serials.last:
            raise Malformed(field="serials", reason="must be serials of the batch, the lower one first")
        return wanted

    def matches(self, order: Order) -> bool:
        """Whether this batch is what `order` asks for, its holder aside."""
        mine = (
            self.product,
            self.seats,
            self.months,
            self.quantity,
            self.countries,
            self.activate_before,
            self.kind,
            self.cards,
        )
        return mine == (
            order.product,
            order.seats,
            order.months,
            order.quantity,
            order.countries,
            order.activate_before,
            order.kind,
            order.cards,
        )


# Which stages each step starts from. Releasing and recalling may be asked again: they then finish what was interrupted.
STEPS = {
    "approve": frozenset({Stage.WAITING}),
    "mint": frozenset({Stage.PLANNED, Stage.MINTING}),
    "release": frozenset({Stage.MINTED, Stage.RELEASED}),
    "recall": frozenset(Stage),
}


def approval_at_once(quantity: int, house: House, now: datetime) -> datetime | None:
    """When a batch of that size counts as approved as it is planned; None while somebody else must agree."""
    return now if house.pretence or quantity <= KEYS_ALONE_AT_MOST else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether somebody may agree to what a first person asked for: as a second one, or alone from `not_before` on."""

    is_second: bool
    not_before: datetime | None
    may: bool

    def refusal(self, batch: Batch) -> SecondPersonNeeded:
        """Why not, and from when on."""
        reason = "later" if self.not_before else "own"
        return SecondPersonNeeded(batch=str(batch.id), not_before=self.not_before, reason=reason)


def agreement(first: UUID | None, asked_at: datetime, who: UUID | None, house: House, now: datetime) -> Agreement:
    """What `who` may do about an act of two people that `first` asked for at `asked_at`.

    The machine's own command line has no account and is nobody: it can ask, and it is no second person either.
    """
    is_second = who is not None and who != first
    not_before = asked_at + DELAY_ALONE if house.one_person else None
    alone = not_before is not None and now >= not_before
    return Agreement(is_second, not_before, is_second or alone)


def check_approval(batch: Batch, approver: UUID | None, house: House, now: datetime) -> bool:
    """Whether `approver` is a second person; raises SecondPersonNeeded when neither that nor alone long enough."""
    batch.step("approve")
    found = agreement(batch.created_by, batch.created_at, approver, house, now)
    if not found.may:
        raise found.refusal(batch)
    return found.is_second


def recall_takes_two(batch: Batch, house: House) -> bool:
    """Whether a recall needs a second person: many keys that were put up for sale, which others may have paid for."""
    return batch.released_at is not None and batch.quantity > KEYS_ALONE_AT_MOST and not house.pretence


def check_recall(batch: Batch, who: UUID | None, house: House, now: datetime) -> bool:
    """Whether the recall may go ahead now; False: it is only asked for, and waits for somebody else.

    Raises SecondPersonNeeded when it was asked for, and `who` neither is a second person nor waited long enough alone.
    """
    if batch.recalled_at is not None or not recall_takes_two(batch, house):
        return True
    if batch.recall_asked_at is None:
        return False
    found = agreement(batch.recall_asked_by, batch.recall_asked_at, who, house, now)
    if not found.may:
        raise found.refusal(batch)
    return True


def watched(random_bytes: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """The same random source, refused as soon as it gives nothing but zeros or repeats a block it gave before."""
    seen: set[bytes] = set()

    def blocks(count: int) -> bytes:
        block = random_bytes(count)
        if len(block) != count or not any(block):
            raise RandomSourceBroken(reason="a block of zeros" if len(block) == count else "a short block")
        beginning = block[:16]
        if beginning in seen:
            raise RandomSourceBroken(reason="a block that was there before")
        seen.add(beginning)
        return block

    return blocks
