"""What becomes of minted keys: released for sale, recalled, revoked, replaced, let out of somebody's hold.

Releasing and recalling a large batch runs in slices, each its own transaction. The decision is committed and
journalled with the first one; asked again after an interruption, the same action finishes the rest.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions.planning import insert_batch, must_operate
from chaveiro.rules import serials
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.batches import SLICE_KEYS, Batch, KeyReplaced, Order
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.exports import Progress
from chaveiro.rules.means import Means
from chaveiro.rules.verdicts import KeyRedeemed, KeyRevoked


def release_batch(*, actor: Actor, batch: UUID, means: Means, progress: Progress | None = None) -> Batch:
    """Put the keys of a whole batch up for sale: from now on they can be redeemed. Journals `batch:released`.

    Again it changes nothing but what an interruption left. Raises BatchStep, NotFound, NotAllowed.
    """
    must_operate(actor)
    _decide(actor, batch, "release", means)
    return _carry_out(actor, batch, ("minted",), "released", progress)


def recall_batch(*, actor: Actor, batch: UUID, means: Means, progress: Progress | None = None) -> Batch:
    """Make every key of a batch worthless that is not redeemed; redemptions in good faith stand.

    At any stage, and for ever: a mint of it stops. Journals `batch:recalled`. Raises NotFound, NotAllowed.
    """
    must_operate(actor)
    _decide(actor, batch, "recall", means)
    return _carry_out(actor, batch, ("minted", "released"), "revoked", progress)


def _decide(actor: Actor, batch: UUID, step: str, means: Means) -> None:
    """The decision, once. A minter's next chunk meets it, for both change the batch's row."""
    with acting(actor):
        row = rows.Batch.objects.select_for_update().filter(pk=batch).first()
        if row is None:
            raise NotFound(what="batch")
        queries.batch(batch).step(step)
        column = f"{step}ed_at" if step == "recall" else f"{step}d_at"
        if getattr(row, column) is None:
            setattr(row, column, means.now)
            row.save(update_fields=[column])
            tag = "batch:recalled" if step == "recall" else "batch:released"
            record(tag=tag, at=means.now, actor=actor, subject_id=batch, facts={"quantity": row.quantity})


def _carry_out(actor: Actor, batch: UUID, sources: tuple[str, ...], state: str, progress: Progress | None) -> Batch:
    with acting(actor):
        facts = queries.batch(batch)
    end = facts.first_number + facts.quantity
    for first in range(facts.first_number, end, SLICE_KEYS):
        last = min(first + SLICE_KEYS, end)
        with acting(actor):
            slice_ = rows.Key.objects.filter(number__gte=first, number__lt=last, state__in=sources)
            slice_.update(state=state)
            if state == "revoked":
                rows.Hold.objects.filter(key_id__gte=first, key_id__lt=last).delete()
        if progress is not None:
            progress(last - facts.first_number, facts.quantity)
    return facts


def revoke_key(*, actor: Actor, number: int, means: Means) -> None:
    """Make one key worthless, by its serial number. Journals `key:revoked`.

    Raises KeyRedeemed, KeyRevoked, NotFound, NotAllowed.
    """
    must_operate(actor)
    with acting(actor):
        _revoke(actor, number, means)


def _revoke(actor: Actor, number: int, means: Means) -> None:
    live = rows.Key.objects.filter(number=number, state__in=("minted", "released"))
    if live.update(state="revoked") == 1:
        rows.Hold.objects.filter(key_id=number).delete()
        facts = {"batch": str(queries.batch_of(number).id)}
        record(tag="key:revoked", at=means.now, actor=actor, subject_id=serials.write(number), facts=facts)
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
        row = rows.Key.objects.select_for_update().filter(number=number).first()
        if row is None:
            raise NotFound(what="key")
        if row.replaced_by is not None:
            return _planned_replacement(row.replaced_by)
        if row.state != "revoked":
            _revoke(actor, number, means)
        replacement = _plan_replacement(actor, number, means)
        rows.Key.objects.filter(number=number).update(replaced_by=replacement.first_number)
        facts = {"by": serials.write(replacement.first_number), "batch": str(replacement.id)}
        record(tag="key:replaced", at=means.now, actor=actor, subject_id=serials.write(number), facts=facts)
        return replacement


def _planned_replacement(number: int) -> Batch:
    planned = queries.batch_of(number)
    if planned.minted:
        raise KeyReplaced(by=serials.write(number))
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
        facts = {"key": serials.write(number)}
        record(tag="draft:hold_broken", at=means.now, actor=actor, subject_id=draft, facts=facts)
        return UUID(str(draft))
