"""What a person says of themselves: name, language, time zone, and the addresses at which they are told things.

A new address counts once its mailbox was shown to be theirs, by a link that is posted there; the one before is told.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import links, security, sessions
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.actions.security import own
from chaveiro.apps.identity.models import Account, AddressChange
from chaveiro.apps.identity.queries import AddressWish
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.profiles import ADDRESSES, check_address, check_person_name
from chaveiro.rules.tokens import LinkSpent, Purpose


def rename(*, actor: Actor, given_name: str, family_name: str, now: datetime) -> None:
    """Change the name that others see; journals. Raises Malformed(field="given_name" or "family_name")."""
    names = {
        "given_name": check_person_name("given_name", given_name),
        "family_name": check_person_name("family_name", family_name),
    }
    _change(actor, now, "name", **names)


def speak(*, actor: Actor, language: str, time_zone: str, now: datetime) -> None:
    """Change the language of letters and the time zone of dates, which the door has checked; journals."""
    _change(actor, now, "language", language=language, time_zone=time_zone)


def change_password(*, actor: Actor, password: str, keep: UUID | None, now: datetime) -> None:
    """Set a first or a new password, which the door has checked; all other sessions end. Journals and mails."""
    hashed = make_password(password)  # slow on purpose: before the transaction, not inside it
    with acting(actor):
        if seen(Account).filter(id=own(actor), closed_at=None).update(password=hashed) != 1:
            raise NotFound()
        sessions.end_others(actor=actor, keep=keep, now=now)
        security.changed(actor, "password_changed", now)


# --- addresses -----------------------------------------------------------------------------------------------------


def wish_address(*, actor: Actor, which: str, address: str, means: Means) -> bool:
    """Ask for a new address: it is kept aside, and the link that confirms it is posted there. One wish at a time waits.

    An empty alternate address is taken away at once. Answers whether a letter is on its way. Raises
    Malformed(field=which).
    """
    if which not in ADDRESSES:
        raise NotFound()
    wanted = check_address(which, address)
    with acting(actor):
        card = queries.account(own(actor))
        before = card.email if which == "email" else card.alternate_email
        seen(AddressChange).filter(account_id=own(actor), settled_at=None).update(settled_at=means.now)
        if wanted == before:
            return False
        if not wanted:
            _settle(actor, AddressWish(means.new_id(), which, "", before, means.now), means.now, fresh=True)
            return False
        row = AddressChange(id=means.new_id(), account_id=own(actor), which=which, address=wanted, previous=before)
        row.created_at = means.now
        row.save(force_insert=True)
        owe("confirm_address", {"account": str(own(actor)), "change": str(row.id)}, means.now)
    return True


def drop_wish(*, actor: Actor, now: datetime) -> None:
    """The address that waits is not wanted any more; the link that was posted opens nothing."""
    with acting(actor):
        seen(AddressChange).filter(account_id=own(actor), settled_at=None).update(settled_at=now)


def look_at_wish(*, secret: str, now: datetime) -> tuple[Actor, AddressWish]:
    """Whose wish a posted link confirms, without using it up. Raises LinkSpent."""
    found = links.look(secret=secret, purpose=Purpose.ADDRESS, now=now)
    with acting(found.actor):
        return found.actor, _waiting(found.actor, secret)


def confirm_address(*, secret: str, now: datetime) -> AddressWish:
    """The mailbox is theirs: from now on letters go there. Journals, mails the one before. Raises LinkSpent."""
    actor, _wish = look_at_wish(secret=secret, now=now)
    with acting(actor):
        security.lock(actor)
        wish = _waiting(actor, secret)
        links.use(actor=actor, secret=secret, purpose=Purpose.ADDRESS, now=now)
        _settle(actor, wish, now)
    return wish


def _waiting(actor: Actor, secret: str) -> AddressWish:
    """The wish that waits, if this link was posted to its very address: an older link confirms nothing newer."""
    wish = queries.address_wish(own(actor))
    if wish is None or wish.link is None or not hmac.compare_digest(wish.link, digest_of(secret)):
        raise LinkSpent()
    return wish


def link_was_posted(*, change: UUID, secret: str) -> None:
    """Within the house's standing act: this is the link that the letter to the wished address carries."""
    seen(AddressChange).filter(id=change, settled_at=None).update(link=digest_of(secret))


def _settle(actor: Actor, wish: AddressWish, now: datetime, *, fresh: bool = False) -> None:
    seen(Account).filter(id=own(actor)).update(**{wish.which: wish.address})
    row = AddressChange(
        id=wish.id,
        account_id=own(actor),
        which=wish.which,
        address=wish.address,
        previous=wish.previous,
        created_at=wish.created_at,
        link=wish.link,
        settled_at=now,
        confirmed=True,
    )
    row.save(force_insert=fresh, force_update=not fresh)
    security.changed(actor, f"{wish.which}_changed", now, change=str(wish.id))


def _change(actor: Actor, now: datetime, what: str, **fields: str) -> None:
    with acting(actor):
        if seen(Account).filter(id=own(actor), closed_at=None).update(**fields) != 1:
            raise NotFound()
        record(
            tag="person:changed",
            at=now,
            actor=actor,
            subject_id=str(actor.account),
            customer_id=actor.customer,
            facts={"what": what},
        )
