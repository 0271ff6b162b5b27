"""Sessions: signing in at a browser, being seen there, proving to be there still, signing out.

A browser is known by the digest of the secret in its cookie. Each account that signs in there is a session of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import connection
from django.db.models import F

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import links
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.actions.security import changed, own
from chaveiro.apps.identity.models import Account, Session
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen as in_sight
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor, Kind
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.means import Means
from chaveiro.rules.sessions import ACCOUNTS_AT_MOST, CONFIRMS, KEPT, How, ends_at
from chaveiro.rules.tokens import Purpose

# How many accounts of one name are tried with a password. Always so many are worked through, that nobody can tell by
# the time how many there are.
TRIED_AT_ONCE = 3
RESET_AT_ONCE = 10
SWEPT_AT_ONCE = 5_000
_NOBODY = Actor(Kind.CUSTOMER, account=UUID(int=0), customer=UUID(int=0))


class SignInRefused(Refusal):
    """No open account has that name and that password; which of the two it was is not told."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where somebody signs in: the digest of the browser's new secret, and of the one it had; how; from where."""

    browser: bytes = field(repr=False)
    was: bytes | None = field(repr=False)
    how: How
    agent: str = ""
    network: str = ""


def start(*, actor: Actor, arrival: Arrival, means: Means) -> UUID:
    """The actor's account is signed in at a browser, beside those that are; journals `session:started`.

    Whoever else is signed in there moves to the browser's new secret. Answers the session.
    """
    session = means.new_id()
    begun = {
        "id": str(session),
        "how": arrival.how.value,
        "agent": arrival.agent,
        "network": arrival.network,
        "ends_at": ends_at(means.now, means.now).isoformat(),
        "confirmed": arrival.how in CONFIRMS,
    }
    with acting(actor):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT identity_start_session(%s::jsonb, %s, %s, %s, %s)",
                (json.dumps(begun), arrival.browser, arrival.was, ACCOUNTS_AT_MOST, means.now),
            )
        _record("session:started", actor, session, means.now, by=arrival.how.value)
    return session


def by_link(*, secret: str, arrival: Arrival, means: Means) -> tuple[Identified, UUID]:
    """Sign in by a one-time link: uses it up and starts the session, both or none. Raises LinkSpent."""
    found = links.look(secret=secret, purpose=Purpose.SIGN_IN, now=means.now)
    with acting(found.actor) as actor:
        links.use(actor=actor, secret=secret, purpose=Purpose.SIGN_IN, now=means.now)
        session = start(actor=actor, arrival=arrival, means=means)
    return found, session


def by_password(*, name: str, password: str) -> tuple[Identified, ...]:
    """The accounts that a name (for signing in, or an e-mail address) and a password open; nobody is signed in yet.

    Names that nobody has, that several have, and wrong passwords take the same steps. Raises SignInRefused.
    """
    with acting(ANONYMOUS):
        found = queries.by_name(name.strip().lower(), limit=TRIED_AT_ONCE)
    actors = [each.actor for each in found] + [_NOBODY] * (TRIED_AT_ONCE - len(found))
    opened = [_opens(_encoded(actor), password) for actor in actors]
    matching = tuple(each for each, opens in zip(found, opened, strict=False) if opens)
    if not matching:
        raise SignInRefused()
    return matching


def check_own_password(*, actor: Actor, password: str) -> None:
    """Pass when this is the password of the actor's own account. Raises SignInRefused."""
    if not _opens(_encoded(actor), password):
        raise SignInRefused()


def _encoded(actor: Actor) -> str | None:
    with acting(actor):
        return in_sight(Account).filter(id=own(actor), closed_at=None).values_list("password", flat=True).first()


def _opens(encoded: str | None, password: str) -> bool:
    # Where there is no password to compare with, work as long as comparing would take.
    if encoded is None or encoded.startswith("!"):
        make_password(password)
        return False
    return check_password(password, encoded)


def seen(*, actor: Actor, session: UUID, now: datetime) -> None:
    """The session was used: it lasts for 12 hours from now, and 30 days in all."""
    with acting(actor):
        started = in_sight(Session).filter(id=session, ended_at=None).values_list("started_at", flat=True).first()
        if started is not None:
            in_sight(Session).filter(id=session, ended_at=None).update(seen_at=now, ends_at=ends_at(started, now))


def end(*, actor: Actor, session: UUID, now: datetime, forget: bool = False) -> bool:
    """One of the actor's own sessions ends, here or elsewhere; journals `session:ended`. Twice is once.

    `forget`: its browser does not list the account any more.
    """
    with acting(actor):
        found = in_sight(Session).filter(id=session, account_id=own(actor))
        ended = found.filter(ended_at=None).update(ended_at=now) == 1
        if forget:
            found.update(forgotten=True)
        if ended:
            _record("session:ended", actor, session, now)
    return ended


def end_others(*, actor: Actor, keep: UUID | None, now: datetime) -> int:
    """All of the actor's sessions end but `keep`; journals `session:ended` for each. Answers how many."""
    with acting(actor):
        others = in_sight(Session).filter(account_id=own(actor), ended_at=None)
        if keep is not None:
            others = others.exclude(id=keep)
        live = list(others.filter(ends_at__gt=now).values_list("id", flat=True))
        others.update(ended_at=now)
        for session in live:
            _record("session:ended", actor, session, now)
    return len(live)


def forget(*, browser: bytes, account: UUID | None, now: datetime) -> None:
    """Accounts whose sessions have ended leave the browser's list, one or all; live ones are not touched."""
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute("SELECT identity_forget_ended(%s, %s, %s)", (browser, account, now))


def ask_reset(*, name: str, now: datetime) -> None:
    """Somebody forgot a password: owes a letter to whom the name leads, if to anybody. Nothing tells which."""
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute("SELECT identity_ask_reset(%s, %s, %s)", (name.strip().lower(), RESET_AT_ONCE, now))


def reset_password(*, secret: str, password: str, now: datetime) -> Identified:
    """Set a new password by a link; all sessions of the account end, and a letter says so.

    The door has checked the password by the installation's rules. Journals `person:changed` and each session's end.
    Raises LinkSpent.
    """
    found = links.look(secret=secret, purpose=Purpose.RESET, now=now)
    hashed = make_password(password)  # slow on purpose: before the transaction, not inside it
    with acting(found.actor) as actor:
        links.use(actor=actor, secret=secret, purpose=Purpose.RESET, now=now)
        if in_sight(Account).filter(id=own(actor), closed_at=None).update(password=hashed) != 1:
            raise NotFound()
        changed(actor, "password", now)
        end_others(actor=actor, keep=None, now=now)
    return found


def sweep(*, now: datetime) -> int:
    """Drop sessions that ended more than 90 days ago, some thousands at a time; answers how many."""
    with acting(SYSTEM):
        old = in_sight(Session).filter(ends_at__lt=now - KEPT).order_by("ends_at", F("id"))[:SWEPT_AT_ONCE]
        dropped, _ = in_sight(Session).filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    return dropped


def _record(tag: str, actor: Actor, session: UUID, now: datetime, **facts: str) -> None:
    record(tag=tag, at=now, actor=actor, subject_id=session, customer_id=actor.customer, facts=facts)
