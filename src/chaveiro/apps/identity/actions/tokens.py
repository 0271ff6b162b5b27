"""Bearer tokens: shown once, kept as digests, never wider than their account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.models import Token
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import ANONYMOUS, Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.tokens import check_name, check_scopes, is_token, new_token


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token; `text` is told once and kept nowhere."""

    id: UUID
    scopes: tuple[str, ...]
    text: str = field(repr=False)


def authenticate(text: str, *, now: datetime) -> Identified | None:
    """Who shows this token, without roles, or None: unknown, revoked, expired and closed answer alike.

    One look-up by digest in a transaction of nobody's scope; a text without a token's form is not looked up at all.
    """
    if not is_token(text):
        return None
    with acting(ANONYMOUS):
        return queries.by_token(digest_of(text), now)


def create_token(
    *,
    actor: Actor,
    account: UUID,
    name: str,
    scopes: Iterable[str],
    means: Means,
    expires_at: datetime | None = None,
) -> MadeToken:
    """Make a token of `account`, by its own person or by the house; journals `token:created`.

    Raises NotAllowed for another's account, for a token that asks, or for scopes wider than the account; Malformed for
    unknown scopes or a bad name; NotFound for a closed account.
    """
    if actor.kind is not Kind.SYSTEM and actor.account != account:
        raise NotAllowed(needs="the account's own person")
    with acting(actor):
        owner = queries.account(account)
        if owner.closed:
            raise NotFound()
        allowed = check_scopes(actor, owner.kind, scopes)
        text = new_token(means.random_bytes)
        made = MadeToken(means.new_id(), tuple(allowed), text)
        Token(
            id=made.id,
            account_id=account,
            name=check_name(name),
            digest=digest_of(text),
            scopes=allowed,
            created_at=means.now,
            expires_at=expires_at,
        ).save(force_insert=True)
        facts = {"account": str(account), "scopes": allowed}
        record(
            tag="token:created",
            at=means.now,
            actor=actor,
            subject_id=made.id,
            customer_id=owner.customer_id,
            facts=facts,
        )
    return made


def revoke_token(*, actor: Actor, token: UUID, now: datetime) -> None:
    """The token stops working with the next request; journals `token:revoked`. Twice is once.

    Its own person or the house may; no token may, lest a stolen one silence the others. Raises NotAllowed,
    NotFound.
    """
    if actor.scopes is not None:
        raise NotAllowed(needs="a person who is signed in")
    with acting(actor):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE identity_token SET revoked_at = coalesce(revoked_at, %s) WHERE id = %s"
                " AND seen_own(account_id) RETURNING account_id, revoked_at = %s",
                (now, token, now),
            )
            row = cursor.fetchone()
        if row is None:
            raise NotFound()
        account, revoked_now = row
        if revoked_now:
            customer = queries.account(account).customer_id
            facts = {"account": str(account)}
            record(tag="token:revoked", at=now, actor=actor, subject_id=token, customer_id=customer, facts=facts)
