"""Blocks: what stands against using a subscription, or against erasing its data, and who may put and lift it.

    operator    any kind, `legal_hold` among them
    channel     `unpaid`, on what it redeemed itself: its customer owes it the keys
    system      what follows from something else and ends with it (a partner suspended)

Each lifts only its own (rules, section 4): a partner cannot end what the vendor put, and the vendor does not judge
whether a partner was paid.
"""

from __future__ import annotations

from uuid import UUID

from chaveiro.rules.access import BlockKind, Holder
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal

REASON_LENGTH_AT_MOST = 500
PARTNER_ROLES = ("owner", "sales")
PARTNER_KINDS = frozenset({BlockKind.UNPAID})


class BlockStands(Refusal):
    """The same side has put a block of this kind already. Facts: kind, since."""

    code = "block_stands"


class BlockLifted(Refusal):
    """The block was lifted before. Facts: kind, lifted_on."""

    code = "block_lifted"


class NotYourBlock(Refusal):
    """Each side lifts only the blocks that it put itself. Facts: kind, holder."""

    code = "not_your_block"


def side_of(actor: Actor) -> Holder:
    """On whose side the actor puts and lifts. The machine's own command line acts for the vendor. Raises NotAllowed."""
    match actor.kind:
        case Kind.OPERATOR | Kind.SYSTEM:
            return Holder.OPERATOR
        case Kind.CHANNEL:
            actor.needs_role(*PARTNER_ROLES)
            return Holder.CHANNEL
    raise NotAllowed(needs="operator | partner that redeemed it")


def may_put(actor: Actor, kind: BlockKind) -> Holder:
    """Pass with the side on which it is put, or raise NotAllowed. Whether a partner redeemed it the database knows."""
    actor.needs("subscriptions:write")
    side = side_of(actor)
    if side is Holder.CHANNEL and kind not in PARTNER_KINDS:
        raise NotAllowed(needs="operator")
    return side


def may_lift_any(actor: Actor) -> None:
    """Pass for whoever lifts blocks of some side at all, before any is looked at; raise NotAllowed."""
    actor.needs("subscriptions:write")
    side_of(actor)


def may_lift(actor: Actor, kind: BlockKind, holder: Holder, holder_id: UUID | None) -> None:
    """Pass, or raise NotAllowed for who lifts nothing, NotYourBlock for what another side put."""
    actor.needs("subscriptions:write")
    side = side_of(actor)
    own = side is holder and (side is not Holder.CHANNEL or actor.organisation == holder_id)
    if not own:
        raise NotYourBlock(kind=kind.value, holder=holder.value)


def check_kind(text: str) -> BlockKind:
    """The kind that was typed. Raises Malformed."""
    for kind in BlockKind:
        if text == kind.value:
            return kind
    raise Malformed(field="kind", reason=f"must be one of {', '.join(BlockKind)}")


def check_reason(text: str) -> str:
    """The reason without blanks around it; customer and partner read it. Raises Malformed when empty or too long."""
    reason = text.strip()
    if not reason or len(reason) > REASON_LENGTH_AT_MOST:
        raise Malformed(field="reason", reason=f"1 to {REASON_LENGTH_AT_MOST} characters are needed")
    return reason
