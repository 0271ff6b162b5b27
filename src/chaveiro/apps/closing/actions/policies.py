"""Existing subscriptions follow a new version of a policy: proposed by one, agreed to by another, carried out behind.

propose ──▶ what would change is counted; refused where anybody would lose something
agree   ──▶ counted again, and owed in the same transaction
carry out   portions of their own, each with its journal entries; killed, the next run goes on
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.actions import PUBLISHING_LOCK
from chaveiro.apps.catalog.models import PolicyAdoption
from chaveiro.apps.catalog.queries import AdoptionCard
from chaveiro.apps.closing.queries.policies import behind, what_if
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.rules import policy_changes as rules
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import House
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.policy_changes import (
    AdoptionSettled,
    AdoptionState,
    AdoptionWaits,
    Move,
    NothingToAdopt,
)

PORTION = 5_000

# Only to a version that takes nothing away: what was redeemed since it was agreed to is judged here once more.
FOLLOW = """
WITH following AS (
    SELECT s.id, s.customer_id, s.policy_id, old.version FROM subscriptions_subscription s
    JOIN catalog_policy old ON old.id = s.policy_id
    JOIN catalog_policy new ON new.id = %(policy)s AND new.name = old.name AND new.version > old.version
      AND coalesce((new.numbers ->> 'retention_days')::integer, 120)
        >= coalesce((old.numbers ->> 'retention_days')::integer, 120)
      AND coalesce((new.numbers ->> 'grace_days')::integer, 30)
        >= coalesce((old.numbers ->> 'grace_days')::integer, 30)
    WHERE (%(after)s::uuid IS NULL OR s.id > %(after)s) AND s.closed_at IS NULL AND s.erased_on IS NULL
      AND seen_subscription(s.customer_id, s.id)
    ORDER BY s.id LIMIT %(most)s FOR UPDATE OF s
), moved AS (
    UPDATE subscriptions_subscription s SET policy_id = %(policy)s FROM following f
    WHERE s.id = f.id AND seen_subscription(s.customer_id, s.id) RETURNING s.id
), told AS (
    INSERT INTO journal_entry (at, tag, actor_kind, customer_id, subject_kind, subject_id, facts)
    SELECT %(now)s, 'subscription:policy_changed', 'system', f.customer_id, 'subscription', f.id::text,
        jsonb_build_object('policy', %(policy)s, 'version', %(version)s, 'before', f.version)
    FROM following f JOIN moved ON moved.id = f.id
)
SELECT count(*), (SELECT f.id FROM following f ORDER BY f.id DESC LIMIT 1) FROM moved
"""


def propose_adoption(
    *, actor: Actor, name: str, means: Means, dry_run: bool = False
) -> tuple[AdoptionCard | None, Move]:
    """Propose that existing subscriptions follow the newest version of a policy; answers what would change.

    The card is None after a dry run. Journals `policy:adoption_proposed`.

    Raises NotAllowed, NotFound, NothingToAdopt, AdoptionWaits, TakesAwayEarlier (with the counts).
    """
    rules.may_work(actor)
    with acting(actor), transaction.atomic():
        newest = catalog.policy_versions(name, limit=1)[0]
        move = _weighed(newest, means)
        fresh = means.new_id()
        try:
            with transaction.atomic():
                PolicyAdoption.objects.create(
                    id=fresh,
                    policy_id=newest.id,
                    proposed_by=actor.account,
                    proposed_at=means.now,
                    wanted=behind(newest),
                )
        except IntegrityError as fault:
            raise AdoptionWaits(policy=name, version=newest.version) from fault
        _journal(actor, "proposed", newest.id, newest.version, means, wanted=behind(newest))
        card = catalog.adoption(fresh)
        transaction.set_rollback(dry_run)
    return (None if dry_run else card), move


def approve_adoption(
    *, actor: Actor, adoption: UUID, means: Means, house: House, dry_run: bool = False
) -> AdoptionCard:
    """Agree as a second operator: the subscriptions follow behind the page. Journals `policy:adoption_approved`.

    Raises NotFound, NotAllowed, SecondOperatorNeeded, AdoptionSettled, TakesAwayEarlier, NothingToAdopt.
    """
    with acting(actor), transaction.atomic():
        card = _waiting(adoption)
        rules.may_agree(actor, card.proposed_by, card.proposed_at, house, means.now)
        _weighed(card.policy, means)
        _settle(actor, adoption, AdoptionState.APPROVED, means, wanted=behind(card.policy))
        owe("policy_adoption", {"adoption": str(adoption)}, means.now)
        _journal(actor, "approved", card.policy.id, card.policy.version, means)
        card = catalog.adoption(adoption)
        transaction.set_rollback(dry_run)
    return card


def withdraw_adoption(*, actor: Actor, adoption: UUID, means: Means) -> AdoptionCard:
    """Any operator takes a proposal back before it is agreed to. Journals `policy:adoption_withdrawn`.

    Raises NotFound, NotAllowed, AdoptionSettled.
    """
    rules.may_work(actor)
    with acting(actor):
        card = _waiting(adoption)
        _settle(actor, adoption, AdoptionState.WITHDRAWN, means)
        _journal(actor, "withdrawn", card.policy.id, card.policy.version, means)
        return catalog.adoption(adoption)


def carry_out_adoption(
    *, adoption: UUID, means: Callable[[], Means], stopping: Callable[[], bool] = lambda: False, portion: int = PORTION
) -> bool:
    """Let subscriptions follow, some in each transaction; answers whether all have. Again it changes nothing.

    Journals a `subscription:policy_changed` for each, and `policy:adopted` at the end.
    """
    after: UUID | None = None
    while not stopping():
        with acting(SYSTEM):
            card = catalog.adoption(adoption)
            if card.state is not AdoptionState.APPROVED:
                return True
            moved, after = _follow(card, after, portion, means())
            if moved < portion:
                _finish(card, means())
                return True
    return False


def _follow(card: AdoptionCard, after: UUID | None, portion: int, means: Means) -> tuple[int, UUID | None]:
    values = {
        "policy": card.policy.id,
        "version": card.policy.version,
        "after": after,
        "most": portion,
        "now": means.now,
    }
    moved, last = connection.connection.execute(FOLLOW, values).fetchone()
    seen(PolicyAdoption).filter(id=card.id).update(moved=F("moved") + moved)
    return moved, last


def _finish(card: AdoptionCard, means: Means) -> None:
    done = seen(PolicyAdoption).filter(id=card.id, state=AdoptionState.APPROVED)
    if done.update(state=AdoptionState.DONE, finished_at=means.now):
        moved = catalog.adoption(card.id).moved
        facts = {"version": card.policy.version, "moved": moved}
        record(tag="policy:adopted", at=means.now, actor=SYSTEM, subject_id=card.policy.id, facts=facts)


def _weighed(policy: catalog.PolicyCard, means: Means) -> Move:
    """What would change, if it takes nothing from anybody and there is anything to do. One proposal at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISHING_LOCK,))
    move = what_if(policy.name, policy.numbers, day=means.day)
    move.check(policy.name)
    if not behind(policy):
        raise NothingToAdopt(policy=policy.name, version=policy.version)
    return move


def _waiting(adoption: UUID) -> AdoptionCard:
    card = catalog.adoption(adoption)
    if card.state is not AdoptionState.PROPOSED:
        raise AdoptionSettled(state=card.state.value)
    return card


def _settle(actor: Actor, adoption: UUID, state: AdoptionState, means: Means, **more: int) -> None:
    waiting = seen(PolicyAdoption).filter(id=adoption, state=AdoptionState.PROPOSED)
    if waiting.update(state=state, settled_by=actor.account, settled_at=means.now, **more) != 1:
        raise NotFound(what="adoption")


def _journal(actor: Actor, what: str, policy: int, version: int, means: Means, **facts: int) -> None:
    record(
        tag=f"policy:adoption_{what}",
        at=means.now,
        actor=actor,
        subject_id=policy,
        facts={"version": version, **facts},
    )
