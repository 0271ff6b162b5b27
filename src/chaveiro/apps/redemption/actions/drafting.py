"""Drafts: a redemption being filled in, that survives browser, device and server restarts.

    begin ──▶ open ──keep_keys, keep_form, …──▶ redeem(draft=…) ──▶ committed
                └──abandon, or 14 days──▶ abandoned

Valid keys are kept as digests and last five symbols; any other text is sealed under the resume code. Keys are held
from the moment they are kept (policy: 72 hours, longer when used, 14 days in all).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions import acting, digest_of
from chaveiro.apps.journal.models import seen
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions.ordering import Order, start_over, whole_drafts
from chaveiro.apps.redemption.models import Draft, DraftKey
from chaveiro.rules import redemption as rules
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.authority import may_begin
from chaveiro.rules.drafts import LIFE, ResumeCode, Sealer
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means

FORM_FIELDS_AT_MOST = 60
FIELD_LENGTH_AT_MOST = 500
TYPED_LENGTH_AT_MOST = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as it stands: what was typed about organisation and people, its basket, what became of it.

    `typed` has the sealed texts in the clear again, by position, where the resume code was given. `removed` has the
    last five symbols of keys that were taken out and can still be put back. `held_until` is when the first hold ends.
    """

    id: UUID
    state: str
    form: Mapping[str, Any]
    items: tuple[rules.Item, ...]
    typed: Mapping[int, str]
    redemption: UUID | None
    ends_at: datetime
    removed: tuple[str, ...] = ()
    held_until: datetime | None = None


def begin(*, actor: Actor, means: Means, code: ResumeCode) -> Actor:
    """Open a draft; answers the actor holding it. The code is shown to the person and kept here as a digest only.

    Raises NotAllowed: who may not redeem holds no keys, at whatever door.
    """
    may_begin(actor)
    draft = means.new_id()
    holder = actor.holding(draft)
    with acting(holder):
        connection.connection.execute(
            """INSERT INTO redemption_draft (id, secret_digest, state, actor_kind, actor_id, organisation_id, form,
                   created_at, used_at, ends_at)
               VALUES (%s, %s, 'open', %s, %s, %s, '{}', %s, %s, %s)""",
            (
                draft,
                digest_of(code.symbols),
                actor.kind.value,
                actor.account,
                actor.organisation,
                means.now,
                means.now,
                means.now + LIFE,
            ),
        )
    return holder


def resume(*, actor: Actor, code: ResumeCode) -> Actor:
    """The actor holding the draft of this code. Raises NotFound when there is none."""
    with acting(actor):
        row = connection.connection.execute(
            "SELECT redemption_by_secret(%s)", (digest_of(code.symbols),), prepare=True
        ).fetchone()
    if row is None or row[0] is None:
        raise NotFound(what="draft")
    return actor.holding(row[0])


def look(*, actor: Actor, code: ResumeCode, sealer: Sealer, now: datetime | None = None) -> Kept:
    """The draft that the actor holds; with `now` it is being used, and its holds last longer. Raises NotFound."""
    with acting(actor):
        draft, held_until = _draft(actor), None
        everything = list(seen(DraftKey).filter(draft=draft).order_by("position"))
        if now is not None and everything and draft.state == "open":
            held_until = _keep_alive(now)
    rows = [row for row in everything if row.position >= 0]
    typed = {
        row.position: sealer.open(code.symbols, str(draft.id), bytes(row.sealed))
        for row in rows
        if row.sealed is not None
    }
    return Kept(
        draft.id,
        draft.state,
        draft.form,
        tuple(_item(row, typed) for row in rows),
        typed,
        draft.redemption_id,
        draft.ends_at,
        tuple(row.last_five for row in everything if row.position < 0),
        held_until,
    )


def _keep_alive(now: datetime) -> datetime | None:
    row = connection.connection.execute("SELECT redemption_keep_alive(%s)", (now,), prepare=True).fetchone()
    return row[0] if row else None


def _item(row: DraftKey, typed: Mapping[int, str]) -> rules.Item:
    if row.sealed is None:
        digests = tuple(bytes.fromhex(digest) for digest in row.digests.values())
        return rules.Item("ok", digests, row.last_five)
    return rules.Item.of(typed[row.position], ())


def keep_keys(
    *,
    actor: Actor,
    code: ResumeCode,
    texts: Sequence[str],
    sealer: Sealer,
    means: Means,
    take_up: bool = False,
    staying: Collection[int] = (),
    removed: Collection[int] = (),
    put_back: bool = False,
) -> tuple[rules.Verdict, ...]:
    """Put a basket into the draft in place of what was there, hold its good keys, and say the verdict of each.

    `staying` are positions of keys that the draft has as digests: they come first in the new basket, since nobody can
    type them again from what a page shows. `removed` are positions of such keys that leave it, and that `put_back`
    brings back as long as nothing else was kept meanwhile. `take_up` ends other drafts all of whose keys are here.
    Empty texts are left out. Raises NotFound, and BasketTooLarge.
    """
    texts = [text[:TYPED_LENGTH_AT_MOST] for text in texts if text.strip()]
    typed = tuple(rules.Item.of(text, means.digesters) for text in texts)
    with acting(actor):
        draft = _open_draft(actor)
        rows = list(seen(DraftKey).filter(draft=draft, sealed=None).order_by("position"))
        kept = [row for row in rows if row.position in staying]
        kept += [row for row in rows if row.position < 0 and put_back]
        gone = [row for row in rows if row.position in removed]
        if len(kept) + len(texts) > rules.BASKET_AT_MOST:
            raise rules.BasketTooLarge(most=rules.BASKET_AT_MOST, given=len(kept) + len(texts))
        items = (*(_item(row, {}) for row in kept), *typed)
        seen(DraftKey).filter(draft=draft).delete()
        for position, row in [*enumerate(kept), *((-1 - place, row) for place, row in enumerate(gone))]:
            row.pk, row.position = None, position
        fresh = [
            _row(draft.id, position, text, item, code, sealer, means)
            for position, (text, item) in enumerate(zip(texts, typed, strict=True), len(kept))
        ]
        DraftKey.objects.bulk_create([*kept, *gone, *fresh])
        order = start_over(Order("open", items, draft=draft.id, start_over=take_up), means)
        verdicts = _hold(order, means)
        _let_go(draft.id, [verdict.facts.number for verdict in verdicts if verdict.facts is not None])
        _used(draft, means)
    return verdicts


def may_continue(*, actor: Actor, kept: Kept, means: Means) -> bool:
    """Whether another draft all of whose keys are here can be gone on with: it was nobody's, or this account's."""
    with acting(actor):
        return bool(_others(kept, means, "SELECT redemption_may_continue(%s, %s::bigint[])"))


def take_over(*, actor: Actor, kept: Kept, means: Means) -> bool:
    """Go on here with the drafts all of whose keys are here: what was typed there comes over, and they end.

    Nobody waits for their own hold, and nothing that was typed is typed again. Answers whether there was one; a draft
    of somebody's account, or one with a key that is not here, stays as it is.
    """
    with acting(actor):
        return bool(_others(kept, means, "SELECT redemption_continue(%s, %s::bigint[])"))


def _others(kept: Kept, means: Means, ask: str) -> list[UUID]:
    """The other drafts that hold these keys and no other, for which the database answers yes."""
    known = queries.known_keys(kept.items, kept.id, means)
    numbers = [facts.number for facts in known.values()]
    run = connection.connection.execute
    return [draft for draft in whole_drafts(known) if (run(ask, (draft, numbers)).fetchone() or (False,))[0]]


def _let_go(draft: UUID, but: Sequence[int] = ()) -> None:
    connection.connection.execute("SELECT keys_let_go(%s, %s::bigint[])", (draft, list(but)), prepare=True)


def _row(
    draft: UUID, position: int, text: str, item: rules.Item, code: ResumeCode, sealer: Sealer, means: Means
) -> DraftKey:
    if item.code != "ok":
        return DraftKey(draft_id=draft, position=position, sealed=sealer.seal(code.symbols, str(draft), text))
    digests = {
        str(digester.version): digest.hex() for digester, digest in zip(means.digesters, item.digests, strict=True)
    }
    return DraftKey(draft_id=draft, position=position, digests=digests, last_five=item.last_five)


def _hold(order: Order, means: Means) -> tuple[rules.Verdict, ...]:
    """Hold what is good and answer the verdicts; a key that somebody else took meanwhile reads as held."""
    around = rules.Situation("open", means.day, None, new_customer=True)
    known = queries.known_keys(order.items, order.draft, means)
    verdicts = rules.judge(order.items, known, around)
    good = [verdict.facts for verdict in verdicts if verdict.refusal is None and verdict.facts is not None]
    if not good:
        return verdicts
    policy = good[0].policy
    taken = connection.connection.execute(
        "SELECT keys_hold_for(%s::bigint[], %s, %s, %s, %s)",
        (
            [facts.number for facts in good],
            order.draft,
            means.now,
            timedelta(hours=policy.hold_hours),
            timedelta(days=policy.hold_days_at_most),
        ),
        prepare=True,
    ).fetchall()
    if len(taken) == len(good):
        return verdicts
    return rules.judge(order.items, queries.known_keys(order.items, order.draft, means), around)


def verdicts_of(*, actor: Actor, kept: Kept, means: Means) -> tuple[rules.Verdict, ...]:
    """The verdicts of a draft's basket now; its good keys are held anew, so that using a draft keeps it."""
    if kept.state != "open":
        return ()
    with acting(actor):
        verdicts = _hold(Order("open", kept.items, draft=kept.id), means)
        _used(_open_draft(actor), means)
    return verdicts


def keep_form(*, actor: Actor, form: Mapping[str, str], means: Means) -> None:
    """Keep what was typed about organisation and people; a key among it is masked, since the form is kept in the clear.

    Raises NotFound, Malformed when it is too much.
    """
    if len(form) > FORM_FIELDS_AT_MOST or any(len(str(value)) > FIELD_LENGTH_AT_MOST for value in form.values()):
        raise Malformed(field="form", reason="more than a form holds")
    with acting(actor):
        draft = _open_draft(actor)
        draft.form = {**draft.form, **{name: scrub(value) for name, value in form.items()}}
        draft.save(update_fields=["form"])
        _used(draft, means)


def abandon(*, actor: Actor) -> None:
    """Give the draft up: its keys are free at once, what was typed is gone. Raises NotFound."""
    with acting(actor):
        draft = _open_draft(actor)
        _let_go(draft.id)
        seen(DraftKey).filter(draft=draft).delete()
        draft.state, draft.form = "abandoned", {}
        draft.save(update_fields=["state", "form"])


def sweep(*, now: datetime, hold_hours: int = 72) -> int:
    """Let go what is over: holds, sealed texts of drafts nobody used for `hold_hours`, drafts past their end.

    Asks what is due and not yet done; running it twice, late, or at once changes nothing. Answers how many ended.
    """
    with acting(SYSTEM):
        run = connection.connection.execute
        run("DELETE FROM keys_hold WHERE until <= %s", (now,))
        run(
            """DELETE FROM redemption_draftkey k USING redemption_draft d
               WHERE d.id = k.draft_id AND k.sealed IS NOT NULL AND d.used_at <= %s""",
            (now - timedelta(hours=hold_hours),),
        )
        run(
            """DELETE FROM redemption_draftkey k USING redemption_draft d
               WHERE d.id = k.draft_id AND d.state = 'open' AND d.ends_at <= %s""",
            (now,),
        )
        run("DELETE FROM redemption_draftlink WHERE expires_at <= %s", (now,))
        ended = run(
            "UPDATE redemption_draft SET state = 'abandoned', form = '{}' WHERE state = 'open' AND ends_at <= %s",
            (now,),
        )
        return int(ended.rowcount)


def _draft(actor: Actor) -> Draft:
    found = seen(Draft).filter(id=actor.draft).first() if actor.draft else None
    if found is None:
        raise NotFound(what="draft")
    return found


def _open_draft(actor: Actor) -> Draft:
    found = seen(Draft).select_for_update().filter(id=actor.draft, state="open").first() if actor.draft else None
    if found is None:
        raise NotFound(what="draft")
    return found


def _used(draft: Draft, means: Means) -> None:
    draft.used_at = means.now
    draft.save(update_fields=["used_at"])
