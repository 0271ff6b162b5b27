"""What two operators may do for an erasure: stand in for a mail's proof, and allow more on a day than is usual.

recorded ──approved, by another──▶ counts as proof (never before the day is due)
   └──────withdrawn──▶ nothing
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from chaveiro.apps.closing.models import ErasingDay, Evidence
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import House
from chaveiro.rules.erasure import EvidenceUnfit, NothingToAllow, check_evidence, check_second
from chaveiro.rules.errors import Contention, NotAllowed, NotFound
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means


def record_evidence(
    *, actor: Actor, subscription: UUID, text: str, told_on: date, means: Means, dry_run: bool = False
) -> UUID:
    """Record how and when people were told that their data will go. It counts once another operator agrees.

    Journals `evidence:recorded`. Raises NotAllowed, NotFound, Malformed, EvidenceUnfit, Contention (one waits already).
    """
    _operator(actor)
    words = scrub(check_evidence(text, told_on, means.day))
    wanted = means.new_id()
    try:
        with acting(actor):
            row = seen(Subscription).filter(id=subscription).first()
            if row is None:
                raise NotFound(what="subscription")
            if row.erased_on is not None:
                raise EvidenceUnfit(reason="erased")
            if dry_run:
                return wanted
            with transaction.atomic():
                Evidence.objects.create(
                    id=wanted,
                    customer_id=row.customer_id,
                    subscription_id=subscription,
                    term=row.term,
                    text=words,
                    told_on=told_on,
                    proposed_by=actor.account,
                    proposed_at=means.now,
                )
            _tell("evidence:recorded", actor, wanted, row.customer_id, subscription, means)
    except IntegrityError:
        raise Contention(what="evidence") from None
    return wanted


def approve_evidence(*, actor: Actor, evidence: UUID, house: House, means: Means, dry_run: bool = False) -> None:
    """Agree to evidence that another operator recorded; from now on it stands in for the mail's proof.

    In a house of one person the same one may, 24 hours later. Journals `evidence:approved`.
    Raises NotAllowed, NotFound, EvidenceUnfit.
    """
    _operator(actor)
    with acting(actor):
        card = _waiting(evidence)
        check_second(card.proposed_by, card.proposed_at, actor.account, means.now, alone=house.one_person)
        if dry_run:
            return
        changed = (
            seen(Evidence)
            .filter(id=evidence, approved_at__isnull=True, withdrawn_at__isnull=True)
            .update(approved_by=actor.account, approved_on=means.day, approved_at=means.now)
        )
        if changed != 1:
            raise EvidenceUnfit(reason="settled")
        with connection.cursor() as cursor:
            cursor.execute("SELECT closing_look_again(%s)", (card.subscription,))
        _tell("evidence:approved", actor, evidence, card.customer, card.subscription, means)


def withdraw_evidence(*, actor: Actor, evidence: UUID, means: Means, dry_run: bool = False) -> None:
    """Take evidence back that nobody agreed to yet. Journals `evidence:withdrawn`.

    Raises NotAllowed, NotFound, EvidenceUnfit.
    """
    _operator(actor)
    with acting(actor):
        card = _waiting(evidence)
        if dry_run:
            return
        changed = (
            seen(Evidence)
            .filter(id=evidence, approved_at__isnull=True, withdrawn_at__isnull=True)
            .update(withdrawn_by=actor.account, withdrawn_at=means.now)
        )
        if changed != 1:
            raise EvidenceUnfit(reason="settled")
        _tell("evidence:withdrawn", actor, evidence, card.customer, card.subscription, means)


def allow(*, actor: Actor, day: date, means: Means, dry_run: bool = False) -> int:
    """Say go to the erasures that are more than usual on a day; answers how many may go on it now, in all.

    As many as were asked for, and no more: further ones ask again. Journals `erasure:allowed`.
    Raises NotAllowed, NothingToAllow.
    """
    _operator(actor)
    with acting(actor):
        row = seen(ErasingDay).filter(day=day).first()
        if row is None or row.asked_at is None or row.erased + row.wanted <= row.most:
            raise NothingToAllow(day=day)
        most = row.erased + row.wanted
        if dry_run:
            return most
        seen(ErasingDay).filter(day=day).update(most=most, allowed_by=actor.account, allowed_at=means.now)
        record(
            tag="erasure:allowed",
            at=means.now,
            actor=actor,
            subject_id=day.isoformat(),
            facts={"most": most, "wanted": row.wanted},
        )
    return most


def _operator(actor: Actor) -> None:
    actor.needs("subscriptions:write")
    if actor.kind is not Kind.OPERATOR or actor.account is None:
        raise NotAllowed(needs="operator")


def _waiting(evidence: UUID) -> queries.EvidenceCard:
    card = queries.evidence(evidence)
    if card.approved_at is not None or card.withdrawn_at is not None:
        raise EvidenceUnfit(reason="settled")
    return card


def _tell(tag: str, actor: Actor, evidence: UUID, customer: UUID, subscription: UUID, means: Means) -> None:
    record(
        tag=tag,
        at=means.now,
        actor=actor,
        subject_id=evidence,
        customer_id=customer,
        facts={"subscription": str(subscription)},
    )
