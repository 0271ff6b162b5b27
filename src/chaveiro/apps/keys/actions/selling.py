"""What becomes of minted keys: released for sale, recalled, revoked, replaced, let out of somebody's hold.

Releasing and recalling a large batch runs in slices, each its own transaction. The decision is committed and
journalled with the first one; asked again after an interruption, the same action finishes the rest.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from chaveiro.apps.channel import queries as channel
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.planning import insert_batch, must_operate
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import (
    SLICE_KEYS,
    Batch,
    BatchStep,
    HolderRefused,
    House,
    KeyReplaced,
    Order,
    Span,
    check_recall,
)
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.exports import Progress
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means
from chaveiro.rules.serials import write
from chaveiro.rules.verdicts import KeyRedeemed, KeyRevoked

STRICT = House()
REASON_LENGTH_AT_MOST = 500


def release_batch(
    *,
    actor: Actor,
    batch: UUID,
    means: Means,
    serials: Span | None = None,
    holder: UUID | None = None,
    progress: Progress | None = None,
) -> Batch:
    """Put the keys of a batch up for sale, or those of some serials: from now on they can be redeemed.

    With `holder` the whole batch passes into the hands of that organisation as it goes on sale; parts of it pass on by
    allocation. Again it changes nothing but what an interruption left. Journals `batch:released`. Raises BatchStep,
    Malformed for serials of another batch, HolderRefused, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        row, facts = _locked(batch)
        facts.step("release")
        part = facts.part(serials)
        if holder is not None and holder != facts.holder:
            _hand_over(row, part == facts.serials, holder)
        if not row.wholly_released and (row.released_at is None or _any_minted(part)):
            _note_release(actor, row, part, part == facts.serials, means)
    return _carry_out(actor, facts, part, ("minted",), "released", progress)


def _locked(batch: UUID) -> tuple[rows.Batch, Batch]:
    """The batch's row until the transaction ends, and its facts. A minter's next chunk waits for it, and meets them."""
    row = seen(rows.Batch).select_for_update().filter(pk=batch).first()
    if row is None:
        raise NotFound(what="batch")
    return row, queries.batch(batch)


def _any_minted(part: Span) -> bool:
    return seen(rows.Key).filter(number__gte=part.first, number__lte=part.last, state="minted").exists()


def _hand_over(row: rows.Batch, whole: bool, holder: UUID) -> None:
    if not whole or row.released_at is not None:
        raise HolderRefused(reason="only a whole batch passes on with its release")
    if channel.card(organisation=holder).is_suspended:
        raise HolderRefused(reason="suspended")
    row.holder_id = holder


def _note_release(actor: Actor, row: rows.Batch, part: Span, whole: bool, means: Means) -> None:
    row.released_at = row.released_at or means.now
    row.wholly_released = whole
    row.save(update_fields=["released_at", "wholly_released", "holder"])
    facts = {"quantity": len(part), "first": write(part.first), "last": write(part.last), "holder": str(row.holder_id)}
    record(tag="batch:released", at=means.now, actor=actor, subject_id=row.id, facts=facts)


def recall_batch(
    *,
    actor: Actor,
    batch: UUID,
    means: Means,
    reason: str = "",
    house: House = STRICT,
    progress: Progress | None = None,
) -> Batch:
    """Make every key of a batch worthless that is not redeemed; redemptions in good faith stand.

    At any stage, and for ever: a mint of it stops. More than 1,000 keys that are for sale take two people: the first
    call asks, and answers the batch as it stands, with `recall_asked_at`; a second person's call carries it out.
    `reason` is kept with the batch, without any product key in it. Journals `batch:recall_asked`, `batch:recalled`.
    Raises SecondPersonNeeded, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        row, facts = _locked(batch)
        facts.step("recall")
        goes_ahead = check_recall(facts, actor.account, house, means.now)
        if facts.recalled_at is None:
            _note_recall(actor, row, scrub(reason.strip())[:REASON_LENGTH_AT_MOST], goes_ahead, means)
        facts = queries.batch(batch)
    if not goes_ahead:
        return facts
    return _carry_out(actor, facts, facts.serials, ("minted", "released"), "revoked", progress)


def _note_recall(actor: Actor, row: rows.Batch, reason: str, goes_ahead: bool, means: Means) -> None:
    row.recall_reason = row.recall_reason or reason
    if row.recall_asked_at is None:
        row.recall_asked_at, row.recall_asked_by = means.now, actor.account
    if goes_ahead:
        row.recalled_at = means.now
    row.save(update_fields=["recall_reason", "recall_asked_at", "recall_asked_by", "recalled_at"])
    is_second = actor.account is not None and row.recall_asked_by != actor.account
    facts = {"quantity": row.quantity} | ({"second_person": is_second} if goes_ahead else {})
    tag = "batch:recalled" if goes_ahead else "batch:recall_asked"
    record(tag=tag, at=means.now, actor=actor, subject_id=row.id, facts=facts)


def drop_recall(*, actor: Actor, batch: UUID, means: Means) -> Batch:
    """Take back a recall that waits for a second person. Journals `batch:recall_dropped`.

    Raises BatchStep when none waits, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        row, facts = _locked(batch)
        if facts.recall_asked_at is None or facts.recalled_at is not None:
            raise BatchStep(stage=facts.stage.value, step="drop_recall")
        row.recall_asked_at, row.recall_asked_by, row.recall_reason = None, None, ""
        row.save(update_fields=["recall_asked_at", "recall_asked_by", "recall_reason"])
        record(tag="batch:recall_dropped", at=means.now, actor=actor, subject_id=batch)
        return queries.batch(batch)


def _carry_out(
    actor: Actor, facts: Batch, part: Span, sources: tuple[str, ...], state: str, progress: Progress | None
) -> Batch:
    for first in range(part.first, part.last + 1, SLICE_KEYS):
        last = min(first + SLICE_KEYS, part.last + 1)
        with acting(actor):
            slice_ = seen(rows.Key).filter(number__gte=first, number__lt=last, state__in=sources)
            slice_.update(state=state)
            if state == "revoked":
                seen(rows.Hold).filter(key_id__gte=first, key_id__lt=last).delete()
        if progress is not None:
            progress(last - part.first, len(part))
    return facts


def revoke_key(*, actor: Actor, number: int, means: Means, why: str = "") -> None:
    """Make one key worthless, by its serial number; `why` is a word, such as `lost`. Journals `key:revoked`.

    Raises KeyRedeemed, KeyRevoked, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        _revoke(actor, number, means, why)


def _revoke(actor: Actor, number: int, means: Means, why: str = "") -> None:
    live = seen(rows.Key).filter(number=number, state__in=("minted", "released"))
    if live.update(state="revoked") == 1:
        seen(rows.Hold).filter(key_id=number).delete()
        facts = {"batch": str(queries.batch_of(number).id)} | ({"why": why} if why else {})
        record(tag="key:revoked", at=means.now, actor=actor, subject_id=write(number), facts=facts)
        return
    state = queries.key(number, now=means.now).state
    raise KeyRedeemed if state == "redeemed" else KeyRevoked


def replace_key(*, actor: Actor, number: int, means: Means) -> Batch:
    """Revoke a key, if it is not revoked yet, and plan its replacement: a batch of one that carries the same.

    Mint that batch (to a file, or in the background): the new text leaves once, and it is for sale where the old one
    was. Asked again, the batch that was planned then is answered as long as it is not minted. Journals `key:replaced`.
    Raises KeyRedeemed, KeyReplaced, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        row = seen(rows.Key).select_for_update().filter(number=number).first()
        if row is None:
            raise NotFound(what="key")
        if row.replaced_by is not None:
            return _planned_replacement(row.replaced_by)
        if row.state != "revoked":
            _revoke(actor, number, means)
        replacement = _plan_replacement(actor, number, means)
        seen(rows.Key).filter(number=number).update(replaced_by=replacement.first_number)
        facts = {"by": write(replacement.first_number), "batch": str(replacement.id)}
        record(tag="key:replaced", at=means.now, actor=actor, subject_id=write(number), facts=facts)
        return replacement


def _planned_replacement(number: int) -> Batch:
    planned = queries.batch_of(number)
    if planned.minted:
        raise KeyReplaced(by=write(number))
    return planned


def _plan_replacement(actor: Actor, number: int, means: Means) -> Batch:
    """What was sold stays sold: version, seats, months, countries, date are the old batch's, whatever is sold today."""
    old = queries.batch_of(number)
    order = Order(
        product=old.product,
        seats=old.seats,
        months=old.months,
        quantity=1,
        countries=old.countries,
        activate_before=old.activate_before,
        holder=old.holder,
        kind=old.kind,
    )
    return insert_batch(
        actor=actor,
        order=order,
        product_version=old.product_version,
        approved_at=None,
        means=means,
        replaces=number,
    )


def break_hold(*, actor: Actor, number: int, means: Means) -> UUID:
    """End somebody's live hold on a key; answers the draft that had it. Journals `draft:hold_broken`.

    For the operator and for the organisation that holds the stock. Raises NotFound when there is no such hold within
    reach, NotAllowed.
    """
    actor.needs("batches:write")
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM, Kind.CHANNEL):
        raise NotAllowed(needs="operator | holder")
    if actor.kind is Kind.CHANNEL:
        actor.needs_role("owner", "sales")
    with acting(actor):
        with connection.cursor() as cursor:
            cursor.execute("SELECT keys_break_hold(%s, %s)", (number, means.now))
            (draft,) = cursor.fetchone()
        if draft is None:
            raise NotFound(what="hold")
        facts = {"key": write(number)}
        record(tag="draft:hold_broken", at=means.now, actor=actor, subject_id=draft, facts=facts)
        return UUID(str(draft))
