"""One-time links into an account: to sign in once, to take ownership. Only their digests are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.models import Link
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import ANONYMOUS, Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.tokens import LIVES, SECRET_BYTES, LinkSpent, Purpose, is_secret, path_of, write_secret


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A new link: its path below the installation's address, told once and kept nowhere, and when it ends."""

    path: str = field(repr=False)
    expires_at: datetime


def make(
    *,
    actor: Actor,
    account: UUID,
    purpose: Purpose,
    means: Means,
    secret: bytes | None = None,
    expires_at: datetime | None = None,
) -> MadeLink:
    """Make a one-time link into `account`; only the house does (worker, command line). Journals `link:made`.

    `secret` is 20 bytes for a letter, which must say the same when it is posted again: then the same secret finds the
    link that was made before, and nothing is written. Otherwise it is random. The link ends after the purpose's time
    unless `expires_at` is given. Raises NotAllowed for any other actor, NotFound for a closed account.
    """
    if actor.kind is not Kind.SYSTEM:
        raise NotAllowed(needs="the house itself")
    purpose = Purpose(purpose)
    text = write_secret(means.random_bytes(SECRET_BYTES) if secret is None else secret)
    digest = digest_of(text)
    ends = expires_at or means.now + LIVES[purpose]
    with acting(actor):
        owner = queries.account(account)
        if owner.closed:
            raise NotFound()
        before = seen(Link).filter(digest=digest, account_id=account, purpose=purpose.value).first()
        if before is not None:
            return MadeLink(path_of(purpose, text), before.expires_at)
        link = Link(id=means.new_id(), account_id=account, purpose=purpose.value, digest=digest)
        link.created_at, link.expires_at = means.now, ends
        link.save(force_insert=True)
        record(
            tag="link:made",
            at=means.now,
            actor=actor,
            subject_id=link.id,
            customer_id=owner.customer_id,
            facts={"account": str(account), "purpose": purpose.value},
        )
    return MadeLink(path_of(purpose, text), ends)


def look(*, secret: str, purpose: Purpose, now: datetime) -> Identified:
    """Whom a link leads to, without using it up: mail scanners open links too. Raises LinkSpent."""
    if not is_secret(secret):
        raise LinkSpent()
    with acting(ANONYMOUS):
        found = queries.by_link(digest_of(secret), Purpose(purpose).value, now)
    if found is None:
        raise LinkSpent()
    return found


def use(*, actor: Actor, secret: str, purpose: Purpose, now: datetime) -> None:
    """Use the link up within the standing act of its own account; of two at once one passes. Raises LinkSpent."""
    with acting(actor), connection.cursor() as cursor:
        cursor.execute("SELECT identity_use_link(%s, %s, %s)", (digest_of(secret), Purpose(purpose).value, now))
        row = cursor.fetchone()
        if row is None or row[0] != actor.account:
            raise LinkSpent()
