"""Signing in to a service: a request that waits, a code that opens once, and the token that it buys.

errand ──wait──▶ question put to this browser ──errand_of──▶ errand ──give──▶ code ──take──▶ grant, access token
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions import challenges
from chaveiro.apps.identity.actions.challenges import About, Browser
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.models import Grant as GrantRow
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor, Kind
from chaveiro.rules.means import Means
from chaveiro.rules.services import ACCESS_LIVES, CODE_LIVES, KEPT, Errand, Grant, Service
from chaveiro.rules.tokens import SECRET_BYTES, is_secret, is_token, write_secret

SWEPT_AT_ONCE = 5_000


def service_named(client_id: UUID) -> Service | None:
    """The service of that public name; whoever has the name may know what is public of it."""
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM identity_service_named(%s)", (client_id,))
        row = cursor.fetchone()
    if row is None:
        return None
    identifier, name, confidential, algorithm, returns, leaves = row
    return Service(identifier, name, confidential, algorithm, tuple(returns), tuple(leaves))


def is_secret_of(service: UUID, secret: str, now: datetime) -> bool:
    """Whether a service may show this secret at the token endpoint."""
    if not is_secret(secret):
        return False
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute("SELECT identity_service_shows(%s, %s, %s)", (service, digest_of(secret), now))
        return bool(cursor.fetchone()[0])


def wait(*, errand: Errand, browser: Browser, means: Means) -> bytes:
    """Keep what a service sent somebody for, until they are signed in; answers the handle, good at this browser."""
    facts = {**asdict(errand), "service": str(errand.service), "since": errand.since.isoformat()}
    return challenges.ask(actor=ANONYMOUS, about=About.SERVICE, browser=browser, means=means, facts=facts)


def errand_of(*, handle: bytes, browser: Browser, means: Means, settle: bool = False) -> Errand:
    """What a handle stands for; `settle` uses it up. Raises ChallengeSpent."""
    ask = challenges.take if settle else challenges.look
    facts = dict(ask(question=handle, about=About.SERVICE, browser=browser, means=means).facts)
    return Errand(**{**facts, "service": UUID(facts["service"]), "since": datetime.fromisoformat(facts["since"])})


def give(*, actor: Actor, session: UUID, errand: Errand, means: Means) -> str:
    """A code for whoever is signed in, good once within a minute; journals `service:signed_in`."""
    assert actor.account is not None
    code = write_secret(means.random_bytes(SECRET_BYTES))
    with acting(actor):
        GrantRow(
            id=means.new_id(),
            service_id=errand.service,
            account_id=actor.account,
            session_id=session,
            code=digest_of(code),
            back=errand.back,
            scope=errand.scope,
            nonce=errand.nonce,
            challenge=errand.challenge,
            created_at=means.now,
            expires_at=means.now + CODE_LIVES,
        ).save(force_insert=True)
        record(
            tag="service:signed_in",
            at=means.now,
            actor=actor,
            subject_id=errand.service,
            customer_id=actor.customer,
            facts={"account": str(actor.account)},
        )
    return code


def take(*, service: UUID, code: str, access: str, now: datetime) -> tuple[Grant, Identified] | None:
    """What a code stood for, once; None for any other. `access` is the token that it buys from now on."""
    if not is_secret(code):
        return None
    values = (digest_of(code), service, digest_of(access), now + ACCESS_LIVES, now)
    row = _row("SELECT * FROM identity_take_code(%s, %s, %s, %s, %s)", *values)
    if row is None:
        return None
    account, session, kind, organisation, customer, back, scope, nonce, challenge, signed_in_at = row
    grant = Grant(service, account, session, back, scope, nonce, challenge, signed_in_at)
    return grant, Identified(Actor(Kind(kind), account, organisation, customer), "")


def withdraw(*, access: str, now: datetime) -> None:
    """A token is good for nothing from now on."""
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute("SELECT identity_withdraw(%s, %s)", (digest_of(access), now))


def by_access(*, access: str, now: datetime) -> tuple[Grant, Identified] | None:
    """Who signed in to get this token, while it is good; None for any other."""
    if not is_token(access):
        return None
    row = _row("SELECT * FROM identity_by_access(%s, %s)", digest_of(access), now)
    if row is None:
        return None
    service, account, session, kind, organisation, customer, back, scope, signed_in_at = row
    grant = Grant(service, account, session, back, scope, "", "", signed_in_at)
    return grant, Identified(Actor(Kind(kind), account, organisation, customer), "")


def sweep(*, now: datetime) -> int:
    """Drop what was given more than a day ago, some thousands at a time; answers how many."""
    with acting(SYSTEM):
        old = seen(GrantRow).filter(created_at__lt=now - KEPT).order_by("created_at")[:SWEPT_AT_ONCE]
        dropped, _ = seen(GrantRow).filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    return dropped


def _row(statement: str, *values: Any) -> Any:
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()
