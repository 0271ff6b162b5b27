"""Taking ownership of an account that somebody else made: the link is used up for a way to sign in, or neither is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password

from chaveiro.apps.identity.actions import federation, links, passkeys
from chaveiro.apps.identity.actions.passkeys import Counter
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.actions.security import own
from chaveiro.apps.identity.models import Account
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.factors import check_label
from chaveiro.rules.means import Means
from chaveiro.rules.providers import Testimony
from chaveiro.rules.tokens import Purpose


def with_password(*, secret: str, password: str, now: datetime) -> Identified:
    """Take ownership with a password, which the door has checked. Journals `ownership:taken`. Raises LinkSpent."""
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=now)
    hashed = make_password(password)  # slow on purpose: before the transaction, not inside it
    with acting(found.actor) as actor:
        _take(actor, secret, now, "password", password=hashed)
    return found


def with_passkey(*, secret: str, answer: Mapping[str, Any], name: str, counter: Counter) -> Identified:
    """Take ownership with a passkey, called `name`. Journals `ownership:taken`.

    Raises LinkSpent, ChallengeSpent, PasskeyRefused, Malformed(field="name").
    """
    now = counter.means.now
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=now)
    label = check_label("", otherwise=name)
    made = passkeys.read_new(actor=found.actor, answer=answer, counter=counter)
    with acting(found.actor) as actor:
        _take(actor, secret, now, "passkey")
        passkeys.keep(actor=actor, made=made, name=label, means=counter.means)
    return found


def with_testimony(*, secret: str, provider: str, testimony: Testimony, means: Means) -> Identified:
    """Take ownership with a provider's statement. Journals `ownership:taken`. Raises LinkSpent, LinkedAlready."""
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=means.now)
    with acting(found.actor) as actor:
        _take(actor, secret, means.now, "provider")
        federation.keep(actor=actor, provider=provider, testimony=testimony, means=means)
    return found


def _take(actor: Actor, secret: str, now: datetime, by: str, **fields: str) -> None:
    links.use(actor=actor, secret=secret, purpose=Purpose.OWNERSHIP, now=now)
    if seen(Account).filter(id=own(actor), closed_at=None).update(owned_at=now, **fields) != 1:
        raise NotFound()
    record(
        tag="ownership:taken",
        at=now,
        actor=actor,
        subject_id=str(actor.account),
        customer_id=actor.customer,
        facts={"by": by},
    )
