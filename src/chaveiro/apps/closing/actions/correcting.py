"""A correction: proposed by whoever found the mistake, agreed to by an operator, written into both ledgers at once.

    proposal ──weigh──▶ plan ──▶ closing_correct(plan) ──▶ Corrected

The plan is made anew when it is approved: what was used meanwhile is not moved any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import Error, IntegrityError, connection, transaction

from chaveiro.apps.closing.actions.plans import Made, plan_json
from chaveiro.apps.closing.models import Correction
from chaveiro.apps.closing.queries import corrections as queries
from chaveiro.apps.closing.queries.corrections import CorrectionCard
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.redemption.actions import lost, sqlstate_of
from chaveiro.rules import correction as rules
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import House
from chaveiro.rules.correction import CorrectionSettled, CorrectionWaits, Plan, Scene, State
from chaveiro.rules.errors import Contention, NotAllowed, NotFound
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means
from chaveiro.rules.redemption import SumChanged
from chaveiro.rules.reversal import AlreadyReversed
from chaveiro.rules.verdicts import Fault, Refusals

ATTEMPTS = 3
LOOK_AGAIN = {"CV001", "CV002", "40001", "40P01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Where a redemption belongs: the customer, what its keys do there, and for `add` and `extend` to which."""

    redemption: UUID
    customer: UUID
    purpose: str = "open"
    subscription: UUID | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a correction would do now, and every reason against it."""

    scene: Scene
    plan: Plan
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A correction that waits for an operator; `id` is None after a dry run."""

    id: UUID | None
    redemption: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class Corrected:
    """A redemption that moved: `made` and `reference` are those of the one that stands for the right customer now."""

    correction: UUID
    redemption: UUID
    made: UUID
    reference: str
    customer: UUID
    subscriptions: tuple[UUID, ...]
    plan: Plan


def preview_correction(*, actor: Actor, proposal: Proposal, means: Means) -> Weighed:
    """What it would do now and everything that stands against it; writes nothing.

    Raises NotFound for a redemption or a customer out of reach, NotAllowed, AlreadyReversed.
    """
    with acting(actor), transaction.atomic():
        weighed = _weigh(actor, proposal, means)
        transaction.set_rollback(True)
    return weighed


def _weigh(actor: Actor, proposal: Proposal, means: Means) -> Weighed:
    scene = queries.scene(
        redemption=proposal.redemption,
        customer=proposal.customer,
        purpose=proposal.purpose,
        subscription=proposal.subscription,
    )
    rules.may_propose(actor, scene.organisation)
    plan, faults = rules.plan(scene, means.day)
    return Weighed(scene, plan, faults)


def propose_correction(
    *,
    actor: Actor,
    proposal: Proposal,
    reason: str,
    means: Means,
    dry_run: bool = False,
) -> Proposed:
    """Propose to move a redemption to the right customer; an operator approves. Journals `correction:proposed`.

    A dry run writes nothing. Raises what previewing raises, Malformed (a
    reason is needed), Refusals (all that stands against it), CorrectionWaits.
    """
    why = scrub(rules.check_reason(reason))
    with acting(actor):
        weighed = _weigh(actor, proposal, means)
        if weighed.faults:
            raise Refusals(weighed.faults)
        if seen(Correction).filter(redemption_id=proposal.redemption, state=State.PROPOSED).exists():
            raise CorrectionWaits
        done = Proposed(None if dry_run else means.new_id(), proposal.redemption, weighed.plan)
        if done.id is not None:
            _write_proposal(actor, done.id, proposal, why, means)
    return done


def _write_proposal(actor: Actor, identifier: UUID, proposal: Proposal, why: str, means: Means) -> None:
    row = Correction(
        id=identifier,
        redemption_id=proposal.redemption,
        right_customer_id=proposal.customer,
        purpose=proposal.purpose,
        subscription_id=proposal.subscription,
        reason=why,
        proposed_kind=actor.kind.value,
        proposed_by=actor.account,
        organisation_id=actor.organisation,
        proposed_at=means.now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as fault:
        if "correction_waits_once" not in str(fault):
            raise
        raise CorrectionWaits from fault
    # Who asked for what is the vendor's and the partner's to know; both customers are told when it is done.
    facts = {"redemption": str(proposal.redemption), "purpose": proposal.purpose}
    record(tag="correction:proposed", at=means.now, actor=actor, subject_id=identifier, facts=facts)


def approve_correction(
    *,
    actor: Actor,
    correction: UUID,
    means: Means,
    house: House,
    fingerprint: str | None = None,
    dry_run: bool = False,
    answer: Callable[[Corrected], Mapping[str, Any]] | None = None,
) -> Corrected:
    """Move the redemption: what is left of its keys leaves the wrong ledger and enters the right one.

    In one transaction, with the letters that are owed to both; `answer` makes the row that is remembered under an
    Idempotency-Key. Journals `redemption:corrected`, `redemption:committed`,
    `subscription:changed|opened`, `customer:closed`. A dry run writes nothing.

    Raises NotFound, NotAllowed, SecondOperatorNeeded, CorrectionSettled, Refusals, AlreadyReversed, SumChanged (other
    numbers than those that were shown), Contention, OutcomeUnknown.
    """
    for _ in range(ATTEMPTS):
        try:
            return _approve(actor, correction, means, house, fingerprint, dry_run=dry_run, answer=answer)
        except (psycopg.Error, Error) as fault:
            if sqlstate_of(fault) not in LOOK_AGAIN:
                lost(fault, ask_again=False)
    raise Contention(what="redemption")


def _approve(
    actor: Actor,
    correction: UUID,
    means: Means,
    house: House,
    fingerprint: str | None,
    *,
    dry_run: bool,
    answer: Callable[[Corrected], Mapping[str, Any]] | None,
) -> Corrected:
    with acting(actor):
        card = _waiting(correction)
        second = rules.may_approve(actor, card.proposed_by, card.proposed_at, house, means.now)
        weighed = _weigh_again(actor, card, means)
        if weighed.faults:
            raise Refusals(weighed.faults)
        if fingerprint not in (None, "", weighed.plan.fingerprint):
            raise SumChanged(fingerprint=weighed.plan.fingerprint)
        made = Made.of(weighed.plan, means)
        done = Corrected(
            card.id, card.redemption, made.redemption, made.reference, card.customer, made.subscriptions, weighed.plan
        )
        if not dry_run:
            kept = answer(done) if answer else None
            plan = plan_json(actor, card, weighed.scene, weighed.plan, made, means, second=second, answer=kept)
            connection.connection.execute("SELECT closing_correct(%s::jsonb, %s)", (plan, means.now))
        return done


def _weigh_again(actor: Actor, card: CorrectionCard, means: Means) -> Weighed:
    """What it would do now. Who waited while somebody else settled it is told that, not what it looks like since."""
    try:
        return _weigh(actor, _proposal_of(card), means)
    except AlreadyReversed:
        _waiting(card.id)
        raise


def _waiting(correction: UUID) -> CorrectionCard:
    card = queries.correction(correction)
    if card.state is not State.PROPOSED:
        raise CorrectionSettled(state=card.state.value)
    return card


def _proposal_of(card: CorrectionCard) -> Proposal:
    return Proposal(
        redemption=card.redemption, customer=card.customer, purpose=card.purpose, subscription=card.subscription
    )


def decline_correction(*, actor: Actor, correction: UUID, reason: str, means: Means) -> None:
    """An operator does not agree, and says why. Journals `correction:declined`.

    Raises NotFound, NotAllowed, Malformed, CorrectionSettled.
    """
    actor.needs("redemptions:write")
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM):
        raise NotAllowed(needs="operator")
    _settle(actor, correction, State.DECLINED, scrub(rules.check_reason(reason)), means)


def withdraw_correction(*, actor: Actor, correction: UUID, means: Means) -> None:
    """Whoever proposed it, or their organisation, takes it back. Journals `correction:withdrawn`.

    Raises NotFound, NotAllowed, CorrectionSettled.
    """
    actor.needs("redemptions:write")
    with acting(actor):
        card = queries.correction(correction)
        mine = actor.account == card.proposed_by or (
            actor.kind is Kind.CHANNEL and actor.organisation == card.organisation
        )
        if not mine:
            raise NotAllowed(needs="whoever proposed it")
        _settle(actor, correction, State.WITHDRAWN, "", means)


def _settle(actor: Actor, correction: UUID, state: State, said: str, means: Means) -> None:
    with acting(actor):
        card = _waiting(correction)
        waiting = seen(Correction).filter(id=correction, state=State.PROPOSED)
        if waiting.update(state=state, settled_by=actor.account, settled_at=means.now, answer=said) != 1:
            raise NotFound(what="correction")
        facts = {"redemption": str(card.redemption)}
        record(tag=f"correction:{state}", at=means.now, actor=actor, subject_id=correction, facts=facts)
