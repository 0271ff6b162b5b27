"""Signing in with a password, and signing out. What a session is, the doors know."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.errors import Refusal


class SignInRefused(Refusal):
    """No open account has that name and that password; which of the two it was is not told."""

    code = "sign_in_refused"


def by_password(*, name: str, password: str, now: datetime) -> Identified:
    """Sign in with the name that an account signs in with, and its password; journals `session:started`.

    An unknown name takes as long as a wrong password. Raises SignInRefused.
    """
    with acting(ANONYMOUS):
        found = queries.by_login_name(name.strip().lower())
    if found is None:
        make_password(password)  # as slow as looking
        raise SignInRefused()
    with acting(found.actor) as actor:
        assert actor.account is not None
        encoded = Account.objects.filter(id=actor.account, closed_at=None).values_list("password", flat=True).first()
    if encoded is None or not check_password(password, encoded):
        raise SignInRefused()
    with acting(found.actor) as actor:
        _record("session:started", actor, now, by="password")
    return found


def end(*, actor: Actor, now: datetime) -> None:
    """Sign out; journals `session:ended`."""
    with acting(actor):
        _record("session:ended", actor, now)


def _record(tag: str, actor: Actor, now: datetime, **facts: str) -> None:
    record(tag=tag, at=now, actor=actor, subject_id=str(actor.account), customer_id=actor.customer, facts=facts)
