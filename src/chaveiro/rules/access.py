"""What may be done with a subscription on a day, and if not: why, since when, and who can lift it.

    use      = the stage allows it ∧ no block stands ∧ the person has a licence
    assign   = the stage allows it ∧ no dated shortfall runs
    read, export, renew = the stage allows it

Built from the table of the rules' section 4 (`lifecycle.ALLOWS`) and the blocks that stand; every page, answer and
entitlement asks here. All that stands in the way is told at once, the gravest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chaveiro.rules.errors import Refusal, SubscriptionDeleted
from chaveiro.rules.lifecycle import ALLOWS, Change, Stage, days_later, next_change, stage_on
from chaveiro.rules.policies import Policy


class Act(StrEnum):
    """What somebody wants with a subscription. `read` is seeing its pages."""

    USE = "use"
    READ = "read"
    EXPORT = "export"
    RENEW = "renew"
    ASSIGN = "assign"


class BlockKind(StrEnum):
    """Why a block was put. `legal_hold` stops no use: it keeps data from being erased."""

    ABUSE = "abuse"
    LEGAL = "legal"
    UNPAID = "unpaid"
    PARTNER_SUSPENDED = "partner_suspended"
    LEGAL_HOLD = "legal_hold"


class Holder(StrEnum):
    """On whose side a block was put; each lifts only its own."""

    OPERATOR = "operator"
    CHANNEL = "channel"
    SYSTEM = "system"


class Lifter(StrEnum):
    """Who can lift what stands in the way; nobody is an empty tuple."""

    ADMINISTRATOR = "administrator"  # of the customer, with a key or by direct billing
    PARTNER = "partner"  # the partner of record extends; the partner that put a block lifts it
    OPERATOR = "operator"


class Reason(StrEnum):
    """What kind of thing stands in the way; the codes of the refusals below."""

    DELETED = "subscription_deleted"
    CLOSED = "subscription_closed"
    STAGE = "stage_forbids"
    BLOCK = "blocked"
    LICENCE = "no_licence"
    SHORTFALL = "shortfall_open"


class SubscriptionClosed(Refusal):
    """The redemption that opened the subscription was taken back. Facts: act, since."""

    code = "subscription_closed"


class StageForbids(Refusal):
    """The subscription's stage does not allow this act. Facts: act, stage, since, lifted_by."""

    code = "stage_forbids"


class Blocked(Refusal):
    """A block stands against using the subscription. Facts: act, kind, holder, since, lifted_by."""

    code = "blocked"


class NoLicence(Refusal):
    """The person has no licence of this subscription. Facts: act, lifted_by."""

    code = "no_licence"


class ShortfallOpen(Refusal):
    """More licences are assigned than the subscription has, so that none is added. Facts: act, until, lifted_by."""

    code = "shortfall_open"


@dataclass(frozen=True, slots=True)
class Life:
    """The dates that a stage follows from. `closed_on` is set where the redemption that opened it was taken back."""

    ends_on: date
    policy: Policy
    erased_on: date | None = None
    closed_on: date | None = None
    erase_on: date | None = None  # until when its erasure was put off

    def stage_on(self, day: date) -> Stage:
        """The stage on a day."""
        return stage_on(day, self.ends_on, self.policy, self.erased_on)

    @property
    def access_stops_on(self) -> date:
        """The first day on which the calendar lets nobody use it: the end of grace, or an earlier erasure."""
        stops = days_later(self.ends_on, self.policy.grace_days)
        return stops if self.erased_on is None else min(stops, self.erased_on)


@dataclass(frozen=True, slots=True)
class Block:
    """One block that stands: why, on whose side, since which day. `reason` is what whoever put it wrote."""

    kind: BlockKind
    holder: Holder
    since: date
    reason: str = ""

    @property
    def stops_use(self) -> bool:
        """A legal hold stops no use."""
        return self.kind is not BlockKind.LEGAL_HOLD

    @property
    def lifted_by(self) -> Lifter:
        """Who can lift it: its own holder. What the system put, the operator has it lift."""
        return Lifter.PARTNER if self.holder is Holder.CHANNEL else Lifter.OPERATOR


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing that stands in the way. `until` is the day on which it ends by itself, where there is one."""

    reason: Reason
    since: date | None
    lifted_by: tuple[Lifter, ...]
    until: date | None = None
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The answer. `until` is the first day on which the calendar forbids what is allowed now; None: never, or no."""

    act: Act
    stage: Stage
    hindrances: tuple[Hindrance, ...]
    until: date | None
    next_change: Change | None

    @property
    def allowed(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.hindrances

    @property
    def reason(self) -> Reason | None:
        """The gravest of what stands in the way."""
        return self.hindrances[0].reason if self.hindrances else None

    @property
    def lifted_by(self) -> tuple[Lifter, ...]:
        """Who can lift the gravest; empty where nobody can, or nothing stands in the way."""
        return self.hindrances[0].lifted_by if self.hindrances else ()

    def refusal(self) -> Refusal | None:
        """The gravest hindrance as a refusal; None where the act is allowed."""
        return _refusal(self, self.hindrances[0]) if self.hindrances else None

    def refusals(self) -> tuple[Refusal, ...]:
        """Everything that stands in the way as refusals, the gravest first."""
        return tuple(_refusal(self, hindrance) for hindrance in self.hindrances)

    def demand(self) -> None:
        """Pass, or raise the refusal of the gravest hindrance."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal


def decide(
    act: Act,
    *,
    day: date,
    life: Life,
    blocks: Iterable[Block] = (),
    licensed: bool = True,
    shortfall_until: date | None = None,
) -> Access:
    """Whether `act` may be done on `day`; `blocks` are those that stand on that day.

    `licensed` matters to `use` only (the person who asks has a licence), `shortfall_until` to `assign` only.
    """
    stage = life.stage_on(day)
    hindrances = tuple(_hindrances(act, day, life, tuple(blocks), licensed, shortfall_until))
    return Access(
        act=act,
        stage=stage,
        hindrances=hindrances,
        until=None if hindrances else _allowed_until(act, life),
        next_change=next_change(day, life.ends_on, life.policy, life.erased_on, life.erase_on),
    )


def allows(act: Act, stage: Stage) -> bool:
    """The table of the rules, section 4, for one act."""
    row = ALLOWS[stage]
    return {
        Act.USE: row.users_use,
        Act.READ: row.administrators_sign_in,
        Act.EXPORT: row.administrators_export,
        Act.RENEW: row.administrators_renew,
        Act.ASSIGN: row.administrators_assign,
    }[act]


def _hindrances(
    act: Act, day: date, life: Life, blocks: tuple[Block, ...], licensed: bool, shortfall_until: date | None
) -> Iterator[Hindrance]:
    stage = life.stage_on(day)
    if stage is Stage.DELETED:
        yield Hindrance(Reason.DELETED, life.erased_on, ())
    elif life.closed_on is not None and act not in (Act.READ, Act.EXPORT):
        yield Hindrance(Reason.CLOSED, life.closed_on, ())
    elif not allows(act, stage):
        yield Hindrance(Reason.STAGE, life.access_stops_on, (Lifter.ADMINISTRATOR, Lifter.PARTNER))
    if act is Act.USE:
        for block in sorted(blocks, key=lambda one: (one.since, one.kind, one.holder)):
            if block.stops_use:
                yield Hindrance(Reason.BLOCK, block.since, (block.lifted_by,), block=block)
        if not licensed:
            yield Hindrance(Reason.LICENCE, None, (Lifter.ADMINISTRATOR,))
    if act is Act.ASSIGN and shortfall_until is not None:
        yield Hindrance(Reason.SHORTFALL, None, (Lifter.ADMINISTRATOR,), until=shortfall_until)


def _allowed_until(act: Act, life: Life) -> date | None:
    """Where the calendar alone ends it; erasure is no date but an act, which needs its proof."""
    return life.access_stops_on if act in (Act.USE, Act.ASSIGN) else life.erased_on


def _refusal(access: Access, hindrance: Hindrance) -> Refusal:
    act, lifted_by = access.act.value, tuple(one.value for one in hindrance.lifted_by)
    match hindrance.reason:
        case Reason.DELETED:
            return SubscriptionDeleted(erased_on=hindrance.since)
        case Reason.CLOSED:
            return SubscriptionClosed(act=act, since=hindrance.since)
        case Reason.STAGE:
            return StageForbids(act=act, stage=access.stage.value, since=hindrance.since, lifted_by=lifted_by)
        case Reason.BLOCK:
            assert hindrance.block is not None
            kind, holder = hindrance.block.kind.value, hindrance.block.holder.value
            return Blocked(act=act, kind=kind, holder=holder, since=hindrance.since, lifted_by=lifted_by)
        case Reason.LICENCE:
            return NoLicence(act=act, lifted_by=lifted_by)
        case Reason.SHORTFALL:
            return ShortfallOpen(act=act, until=hindrance.until, lifted_by=lifted_by)
