"""A correction: what was redeemed for the wrong customer moves to the right one, in both ledgers at once.

    wrong ledger   a row that takes away what is left of the keys          (`ledger.correction_of`)
    right ledger   an ordinary row of keys that brings exactly as much     (`terms.weigh` with `moved`)

What the wrong customer used stays used, and it keeps all that its own keys gave it. Source: rules, section 6;
decision 0021.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chaveiro.rules import terms
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import PARTNER_ROLES
from chaveiro.rules.batches import DELAY_ALONE, House
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound, PaidDirectly, Refusal, SeatsBelowLicences
from chaveiro.rules.ledger import (
    ChangesStandOnIt,
    LedgerRow,
    NothingToMove,
    correction_of,
    moved_by,
    standing_rows_of,
)
from chaveiro.rules.policies import Policy
from chaveiro.rules.redemption import Target
from chaveiro.rules.reversal import REASON_LENGTH_AT_MOST, AlreadyReversed
from chaveiro.rules.verdicts import Fault, KeyWrongCountry, KeyWrongProduct

PURPOSES = ("open", "add", "extend")
FINGERPRINT_LENGTH = 20


class State(StrEnum):
    """Where a correction stands; all but the first are final."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class CorrectionBlocked(Refusal):
    """The redemption cannot be moved like this. Facts: what, number.

    What: `same_customer`, `several_products`, `licences` (given by hand, on a subscription that would close).
    """

    code = "correction_blocked"


class CorrectionWaits(Refusal):
    """A correction of this redemption was proposed before and waits for its approval."""

    code = "correction_waits"


class CorrectionSettled(Refusal):
    """This correction was approved, declined or withdrawn before. Facts: state."""

    code = "correction_settled"


class SecondOperatorNeeded(Refusal):
    """Whoever proposed a correction does not approve it; another operator must. Facts: not_before."""

    code = "second_operator_needed"


@dataclass(frozen=True, slots=True)
class CarriedKey:
    """A key of the redemption and what it carries; `countries` where it may be used, all when empty."""

    number: int
    last_five: str
    seats: int
    months: int
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """One subscription that the redemption changed, with its whole ledger, as it stands now.

    `undone` is the number of the redemption's row. `assigned` counts live licences, `automatic` those among them that
    nobody gave by hand. `policy` and what follows are the product's as it is sold today.
    """

    subscription: UUID
    product: int
    product_code: str
    names: Mapping[str, str]
    price_class: str
    term: int
    version: int
    rows: tuple[LedgerRow, ...]
    undone: int
    assigned: int
    automatic: int
    keys: tuple[CarriedKey, ...]
    row_policy_id: int
    policy_id: int
    policy: Policy
    maximum_seats: int


@dataclass(frozen=True, slots=True)
class Right:
    """Where the keys belong: a customer, and for `add` and `extend` the subscription."""

    customer: UUID
    country: str
    purpose: str
    target: Target | None


@dataclass(frozen=True, slots=True)
class Scene:
    """The redemption as it stands when somebody wants to correct it.

    `customer` is the wrong one; `actor` redeemed, for `organisation` where it was a partner. `people` counts persons of
    the wrong customer beside the one whom the redemption named, `others` its other open subscriptions.
    """

    reference: str
    customer: UUID
    organisation: UUID | None
    actor_kind: str
    actor: UUID | None
    reversed_at: str | None
    opened_customer: bool
    people: int
    others: int
    wrongs: tuple[Wrong, ...]
    right: Right

    @property
    def closes_customer(self) -> bool:
        """Whether nothing is left of a customer that exists only by this mistake."""
        opens_all = all(wrong.undone == 1 for wrong in self.wrongs)
        return self.opened_customer and opens_all and not self.people and not self.others


@dataclass(frozen=True, slots=True)
class Move:
    """One subscription's part: the row that takes away, and the sum of what is brought where it belongs.

    `target` is the subscription there, None where one is opened.
    """

    wrong: Wrong
    taken: LedgerRow
    brought: terms.Sum
    target: Target | None

    @property
    def moved(self) -> int:
        """Seat-days that change their subscription."""
        return moved_by(self.taken)

    @property
    def brought_before(self) -> int:
        """Seat-days that these keys brought where they do not belong."""
        return next(row.granted for row in self.wrong.rows if row.number == self.wrong.undone)

    @property
    def used(self) -> int:
        """Seat-days of these keys that the wrong customer used, and that stay used."""
        return self.brought_before - self.moved


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a correction does; `fingerprint` is a short hash of all its numbers."""

    moves: tuple[Move, ...]
    closes_customer: bool
    fingerprint: str


def may_propose(actor: Actor, organisation: UUID | None) -> None:
    """Pass for the partner who redeemed and for the operator. Raises NotAllowed."""
    actor.needs("redemptions:write")
    match actor.kind:
        case Kind.OPERATOR | Kind.SYSTEM:
            return
        case Kind.CHANNEL if organisation is not None and actor.organisation == organisation:
            actor.needs_role(*PARTNER_ROLES)
        case _:
            raise NotAllowed(needs="the partner who redeemed, or the operator")


def may_approve(actor: Actor, proposed_by: UUID | None, at: datetime, house: House, now: datetime) -> bool:
    """Whether a second person agrees; raises SecondOperatorNeeded where it is nobody else, and not alone long enough.

    A partner's proposal needs one operator. One of an operator needs another; where one person runs the installation,
    the same one after a day. The machine's own command line has no account and is no second person.
    """
    actor.needs("redemptions:write")
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM):
        raise NotAllowed(needs="operator")
    if actor.account is not None and actor.account != proposed_by:
        return True
    if house.pretence:
        return False
    not_before = at + DELAY_ALONE if house.one_person else None
    if not_before is None or now < not_before:
        raise SecondOperatorNeeded(not_before=not_before)
    return False


def check_reason(reason: str) -> str:
    """The reason without blanks around it. Raises Malformed when it is empty or too long."""
    if not reason.strip() or len(reason) > REASON_LENGTH_AT_MOST:
        raise Malformed(field="reason", reason=f"1 to {REASON_LENGTH_AT_MOST} characters are needed")
    return reason.strip()


def plan(scene: Scene, day: date) -> tuple[Plan, tuple[Fault, ...]]:
    """What the correction would do on a day, and every reason against it at once.

    Raises AlreadyReversed for a redemption that stands no more.
    """
    if scene.reversed_at is not None:
        raise AlreadyReversed(at=scene.reversed_at)
    faults = list(_shape_faults(scene))
    moves = []
    if not faults:
        for wrong in scene.wrongs:
            move, against = _move(wrong, scene.right, day)
            faults += against
            moves += [move] if move is not None else []
    made = tuple(moves)
    return Plan(made, scene.closes_customer, _fingerprint(scene, made)), tuple(faults)


def _shape_faults(scene: Scene) -> Iterator[Fault]:
    right = scene.right
    if right.purpose not in PURPOSES:
        yield Fault("/purpose", Malformed(field="purpose", reason="is open, add or extend"))
    elif right.purpose != "open" and right.target is None:
        yield Fault("/subscription", NotFound(what="subscription"))
    if right.customer == scene.customer:
        yield Fault("/customer", CorrectionBlocked(what="same_customer", number=0))
    if right.target is None:
        return
    if right.purpose == "open" or right.target.customer != right.customer:
        yield Fault("/subscription", Malformed(field="subscription", reason="is not one of the customer's to change"))
    if len(scene.wrongs) > 1:
        yield Fault("/subscription", CorrectionBlocked(what="several_products", number=len(scene.wrongs)))
    if right.target.paid_by != "key":
        yield Fault("/subscription", PaidDirectly(subscription=str(right.target.id)))


def _move(wrong: Wrong, right: Right, day: date) -> tuple[Move | None, list[Fault]]:
    faults = [Fault("/customer", refusal) for refusal in _key_refusals(wrong, right)]
    try:
        taken = correction_of(wrong.version + 1, standing_rows_of(wrong.rows), wrong.undone, day)
    except (NothingToMove, ChangesStandOnIt) as refusal:
        return None, [*faults, Fault("/redemption", refusal)]
    faults += [Fault("/redemption", refusal) for refusal in _licence_refusals(wrong, taken)]
    target = right.target
    try:
        brought, against = terms.weigh(
            right.purpose,
            day,
            None if target is None else target.standing,
            [terms.Grant(key.seats, key.months) for key in wrong.keys],
            None,
            wrong.policy if target is None else target.policy,
            assigned=0 if target is None else target.assigned,
            maximum=wrong.maximum_seats,
            erased_on=None if target is None else target.erased_on,
            moved=moved_by(taken),
        )
    except Refusal as refusal:
        return None, [*faults, Fault("/subscription", refusal)]
    # What else would do (further keys, other seats) is for keys at hand; here there is what is left of these.
    faults += [Fault("/purpose", type(each)(**each.facts | {"instead": ()})) for each in against]
    return Move(wrong, taken, brought, target), faults


def _key_refusals(wrong: Wrong, right: Right) -> Iterator[Refusal]:
    target = right.target
    if target is not None and (wrong.product, wrong.price_class) != (target.product, target.price_class):
        yield KeyWrongProduct(product=wrong.product_code, wanted=target.product_code)
    for key in wrong.keys:
        if key.countries and right.country not in key.countries:
            yield KeyWrongCountry(country=right.country, countries=list(key.countries))
            return


def _licence_refusals(wrong: Wrong, taken: LedgerRow) -> Iterator[Refusal]:
    if taken.after is None and wrong.assigned > wrong.automatic:
        yield CorrectionBlocked(what="licences", number=wrong.assigned - wrong.automatic)
    if taken.after is not None and wrong.assigned > taken.after.seats:
        yield SeatsBelowLicences(seats=taken.after.seats, assigned=wrong.assigned, instead=())


def _fingerprint(scene: Scene, moves: Sequence[Move]) -> str:
    parts: Iterable[dict[str, Any]] = (
        {
            "from": str(move.wrong.subscription),
            "to": str(scene.right.target.id) if scene.right.target else "",
            "moved": move.moved,
            "used": move.used,
            "left": None if move.taken.after is None else str(move.taken.after),
            "sum": terms.fingerprint(move.brought),
        }
        for move in moves
    )
    told = json.dumps([scene.right.purpose, str(scene.right.customer), *parts], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:FINGERPRINT_LENGTH]
