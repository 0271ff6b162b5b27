"""The ways back into a draft: what a browser remembers of several, and the one-time link that is mailed.

    owe_letter ──draft.resume──▶ worker: letter_of ──▶ mail ──▶ look ──POST──▶ use ──▶ the draft, with its code

The link's secret is made of the link's id and a secret of the installation: it is found again for a second posting,
and kept nowhere. The row has the secret's digest, and the resume code sealed under it.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions import acting, digest_of
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.apps.redemption.actions.drafting import Kept
from chaveiro.apps.redemption.models import DraftLink
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.drafts import LINK_PATH, LINKS_AT_MOST, ResumeCode, Sealer
from chaveiro.rules.errors import Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.rules.means import Means
from chaveiro.rules.tokens import SECRET_BYTES, LinkSpent, is_secret, write_secret

EFFECT = "draft.resume"


@dataclass(frozen=True, slots=True)
class Remembered:
    """An unfinished redemption as the start page tells of it: whom it is for, as far as it was typed, and its keys."""

    id: UUID
    code: ResumeCode = field(repr=False)
    state: str
    for_whom: str
    keys: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ResumeLetter:
    """What the letter with the way back says: to whom, in which language, and the path of its link."""

    email: str = field(repr=False)
    language: str
    path: str = field(repr=False)
    expires_at: datetime
    keys: int


def remembered(*, actor: Actor, codes: Sequence[ResumeCode]) -> list[Remembered]:
    """What stands behind these resume codes, the one used last first; codes of nothing are left out."""
    by_digest = {digest_of(code.symbols): code for code in codes}
    if not by_digest:
        return []
    with acting(actor):
        rows = connection.connection.execute(
            "SELECT draft, digest, state, for_whom, keys, ends_at FROM redemption_drafts_of(%s::bytea[])",
            (list(by_digest),),
            prepare=True,
        ).fetchall()
    return [Remembered(row[0], by_digest[bytes(row[1])], *row[2:]) for row in rows]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whoever shall get the way back, and in which language they read."""

    email: str = field(repr=False)
    language: str


def owe_letter(
    *, actor: Actor, kept: Kept, code: ResumeCode, to: Recipient, secret: bytes, sealer: Sealer, means: Means
) -> None:
    """Owe a letter with a one-time link back to this draft; `secret` is the installation's for such links.

    Raises TooMany once a draft had three letters: nobody's mailbox is filled from here.
    """
    link = means.new_id()
    text = secret_of(link, secret)
    with acting(actor):
        if seen(DraftLink).filter(draft_id=kept.id).count() >= LINKS_AT_MOST:
            raise TooMany(limit="draft_letters", retry_after=24 * 60 * 60)
        DraftLink.objects.bulk_create(
            [
                DraftLink(
                    id=link,
                    draft_id=kept.id,
                    digest=digest_of(text),
                    sealed_code=sealer.seal(text, str(kept.id), code.symbols),
                    email=to.email,
                    language=to.language,
                    created_at=means.now,
                    expires_at=kept.ends_at,
                )
            ]
        )
        owe(EFFECT, {"draft": str(kept.id), "link": str(link)}, means.now)


def letter_of(*, link: UUID, secret: bytes, now: datetime) -> ResumeLetter | None:
    """What the letter of a link says, within the act that posts it; None when there is nothing to go on with any more.

    Call it as the house itself; equal for equal calls.
    """
    with acting(SYSTEM):
        found = seen(DraftLink).select_related("draft").filter(id=link, used_at=None, expires_at__gt=now).first()
        if found is None or found.draft.state != "open":
            return None
        keys = found.draft.draftkey_set.filter(position__gte=0).count()
    return ResumeLetter(found.email, found.language, LINK_PATH + secret_of(link, secret), found.expires_at, keys)


def secret_of(link: UUID, secret: bytes) -> str:
    """The text of a link's secret: the same whoever of this installation asks, and of no use for another link."""
    return write_secret(hmac.digest(secret, b"draft link " + link.bytes, "sha256")[:SECRET_BYTES])


def look(*, actor: Actor, secret: str, sealer: Sealer, now: datetime) -> tuple[Actor, ResumeCode]:
    """The actor holding the draft of a link, and its code, without using the link up: mail scanners open links too.

    Raises LinkSpent.
    """
    if not is_secret(secret):
        raise LinkSpent()
    with acting(actor):
        row = connection.connection.execute(
            "SELECT draft, sealed FROM redemption_by_link(%s, %s)", (digest_of(secret), now), prepare=True
        ).fetchone()
    if row is None:
        raise LinkSpent()
    try:
        return actor.holding(row[0]), ResumeCode(sealer.open(secret, str(row[0]), bytes(row[1])))
    except Refusal as refusal:
        raise LinkSpent() from refusal


def use(*, actor: Actor, secret: str, now: datetime) -> None:
    """Use a link up; of two at once one passes. Raises LinkSpent."""
    with acting(actor):
        row = connection.connection.execute("SELECT redemption_use_link(%s, %s)", (digest_of(secret), now)).fetchone()
    if row is None or not row[0]:
        raise LinkSpent()
