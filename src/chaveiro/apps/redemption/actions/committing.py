"""The commit of a redemption: gather → decide → apply, in one transaction, exactly once.

    order ──weigh──▶ plan ──▶ redemption_commit(plan) ──▶ Outcome
      ▲                              │
      └── somebody was faster: look again, say the truth

Two messages for the database, where no subscription is named: all that is asked first, with BEGIN and the scope; then
the plan, with COMMIT.

An error at COMMIT means *unknown*, never *failed*: where the act has a name (an Idempotency-Key, a draft) it is asked
again, and the second time finds what became of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection, transaction

from chaveiro.apps.identity.actions import Asked, acting, asking
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions import writing
from chaveiro.apps.redemption.actions.ordering import Order, Weighed, refuse, start_over, weigh
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, NotAllowed, OutcomeUnknown
from chaveiro.rules.idempotency import Request, answer_row
from chaveiro.rules.lifecycle import Stage, stage_on
from chaveiro.rules.means import Means
from chaveiro.rules.redemption import Plan, SumChanged
from chaveiro.rules.terms import Standing, Sum

ATTEMPTS = 4
COMMIT = "SELECT redemption_commit(%s::jsonb, %s::timestamptz)"
# A draft is locked before its keys, as saving it does: two tabs wait for each other, and never for ever.
LOCK_DRAFT = "SELECT FROM redemption_draft d WHERE d.id = %s AND seen_draft(d.id, d.actor_id) FOR UPDATE"

# Somebody was faster, or two waited for each other: the next look tells what became of it.
LOOK_AGAIN = {"CV001", "CV002", "CV004", "40001", "40P01", "23505"}
NOT_ALLOWED = "CV003"
BROKEN = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True)
class EffectDone:
    """What happened to one subscription; `subscription` is None in a preview of a new one."""

    subscription: UUID | None
    product: str
    before: Standing | None
    after: Standing
    stage: Stage
    sum: Sum


@dataclass(frozen=True, slots=True)
class Outcome:
    """A redemption that stands. `body` is the answer that was stored for its Idempotency-Key, if it had one."""

    id: UUID
    reference: str
    customer: UUID
    person: UUID | None
    effects: tuple[EffectDone, ...]
    fingerprint: str
    body: Mapping[str, Any] | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Answering:
    """The request that wants an answer under an Idempotency-Key, and how the answer is presented."""

    request: Request
    status: int
    present: Callable[[Outcome], Mapping[str, Any]]


def preview(*, actor: Actor, order: Order, means: Means) -> Weighed:
    """What the order would do and everything that stands against it; writes nothing.

    Raises NotAllowed and NotFound. The same code as the commit's (2-rules.md, section 3).
    """
    with acting(actor), transaction.atomic():
        weighed = weigh(actor, start_over(order, means), means, thorough=True)
        transaction.set_rollback(True)
    return weighed


def redeem(*, actor: Actor, order: Order, means: Means, answering: Answering | None = None) -> Outcome:
    """Redeem all keys of the order, or none.

    Opens what the order opens (customer, administrator with role and licences, subscriptions) or changes the one it
    names, and journals `redemption:committed`, `customer:opened`, `subscription:opened|changed`, `licence:assigned`,
    `partner_of_record:proposed`. The same draft, or the same Idempotency-Key, gives the same outcome for ever.

    Raises Refusals (all faults), SumChanged, NotAllowed, NotFound, Contention, OutcomeUnknown, and what
    `operations.remembered` raises for a key used for another request.
    """
    named = answering is not None or order.draft is not None
    for attempt in range(ATTEMPTS):
        try:
            return _attempt(actor, order, means, answering, thorough=attempt > 0)
        except (psycopg.Error, Error) as fault:
            said = sqlstate_of(fault)
            if said == NOT_ALLOWED:
                raise NotAllowed(needs="a standing right over this customer") from fault
            if said not in LOOK_AGAIN:
                lost(fault, ask_again=named and attempt + 1 < ATTEMPTS)
    raise Contention(what="keys")


def sqlstate_of(fault: psycopg.Error | Error) -> str | None:
    """What the server said, in five symbols; None when it said nothing.

    What breaks inside COMMIT or while connecting comes in Django's classes, what breaks before in the driver's.
    """
    return getattr(fault if isinstance(fault, psycopg.Error) else fault.__cause__, "sqlstate", None)


def lost(fault: psycopg.Error | Error, *, ask_again: bool) -> None:
    """Go on after a lost connection where asking again is safe and not in vain; raise OutcomeUnknown otherwise."""
    # A backend that ended, a server that restarts or shuts down, a broken socket; anything else is a programming error.
    if not isinstance(fault, BROKEN):
        raise fault
    if connection.in_atomic_block:
        raise fault
    connection.close()
    if not ask_again:
        raise OutcomeUnknown() from fault


def _attempt(actor: Actor, order: Order, means: Means, answering: Answering | None, *, thorough: bool) -> Outcome:
    with asking(actor, *_questions(order, answering), queries.ask_for_keys(order.items, order.draft, means)) as act:
        done = _done_before(order, answering, act.answers)
        if done is not None:
            return done
        # Keys that are taken up from another draft are looked at again afterwards.
        known = None if order.start_over else queries.keys_among(act.answers[-1])
        weighed = weigh(actor, start_over(order, means), means, thorough=thorough, known=known)
        refuse(weighed)
        if order.fingerprint is not None and order.fingerprint != weighed.plan.fingerprint:
            raise SumChanged(fingerprint=weighed.plan.fingerprint)
        names = writing.Names.made(weighed, means)
        outcome = Outcome(
            names.redemption,
            names.reference,
            names.customer,
            names.person,
            effects_of(weighed.plan, names.subscriptions),
            weighed.plan.fingerprint,
        )
        answer = None
        if answering is not None:
            answer = answer_row(answering.request, status=answering.status, body=answering.present(outcome))
        act.finish(COMMIT, (writing.plan_json(actor, weighed, names, means, answer), means.now))
        return outcome


def _questions(order: Order, answering: Answering | None) -> list[Asked]:
    """What is asked first: whether the same act was done before."""
    asked: list[Asked] = []
    if answering is not None:
        asked += operations.questions(answering.request)
    if order.draft is not None:
        asked += [(LOCK_DRAFT, (order.draft,)), (queries.FIND_OF_DRAFT, (order.draft,))]
    return asked


def _done_before(order: Order, answering: Answering | None, answers: Sequence[Sequence[Any]]) -> Outcome | None:
    """What became of the same act, if it was done before; `answers` begin with those to `_questions`."""
    if answering is not None:
        locked, found, *answers = answers
        stored = operations.recall(answering.request, locked, found)
        if stored is not None:
            return _replayed(stored.body)
    if order.draft is not None:
        _, made, *_ = answers
        if made:
            return outcome_of(made[0][0])
    return None


def _replayed(body: Mapping[str, Any]) -> Outcome:
    nobody = UUID(int=0)
    return Outcome(nobody, str(body.get("reference", "")), nobody, None, (), "", body, replayed=True)


def outcome_of(redemption: UUID) -> Outcome:
    """The outcome of a redemption that stands, as far as its receipt tells it."""
    facts = queries.facts_of(redemption)
    return Outcome(
        redemption, facts["reference"], UUID(facts["customer"]["id"]), None, (), facts["fingerprint"], replayed=True
    )


def effects_of(plan: Plan, subscriptions: tuple[UUID | None, ...]) -> tuple[EffectDone, ...]:
    """The effects of a plan in the words of a receipt; `subscriptions` has one id for each, None in a preview."""
    return tuple(
        EffectDone(
            subscription,
            effect.product_code,
            effect.sum.footing.before,
            effect.sum.after,
            _stage(plan.day, effect.sum.after, effect.policy),
            effect.sum,
        )
        for effect, subscription in zip(plan.effects, subscriptions, strict=True)
    )


def _stage(day: date, standing: Standing, policy: Any) -> Stage:
    return stage_on(day, standing.ends_on, policy)
