"""Questions that one browser answers once: a passkey's challenge, a provider's state, a code that was asked for.

Only a digest of the question is kept, beside a digest of the browser's own secret: neither a copy of the database nor
another browser can answer it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.queries import Identified
from chaveiro.rules.actors import ANONYMOUS, Actor, Kind
from chaveiro.rules.factors import TRIES_AT_MOST, ChallengeSpent
from chaveiro.rules.means import Means
from chaveiro.rules.services import WAITS

QUESTION_BYTES = 32


class About(StrEnum):
    """What a question is about; an answer to one opens nothing else."""

    PASSKEY_NEW = "passkey_new"
    PASSKEY_SIGN_IN = "passkey_sign_in"
    PASSKEY_CONFIRM = "passkey_confirm"
    SECOND_FACTOR = "second_factor"
    MAILED_CODE = "mailed_code"
    PROVIDER = "provider"
    TESTIMONY = "testimony"
    SERVICE = "service"  # what a service sent somebody for


LIVES: Mapping[About, timedelta] = {
    About.PASSKEY_NEW: timedelta(minutes=10),
    About.PASSKEY_SIGN_IN: timedelta(minutes=30),  # a page may wait for it in the browser's own list of names
    About.PASSKEY_CONFIRM: timedelta(minutes=10),
    About.SECOND_FACTOR: timedelta(minutes=10),
    About.MAILED_CODE: timedelta(minutes=10),
    About.PROVIDER: timedelta(minutes=15),
    About.TESTIMONY: timedelta(minutes=15),
    About.SERVICE: WAITS,
}


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser, by the secret in its own cookie."""

    secret: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """How the secret is kept."""
        return digest_of(self.secret)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question was about, and about whose account."""

    facts: Mapping[str, Any]
    account: Identified | None


def id_of(question: bytes) -> UUID:
    """The id of a question's row."""
    return UUID(bytes=hashlib.sha256(b"chaveiro question 1\x00" + question).digest()[:16])


def ask(*, actor: Actor, about: About, browser: Browser, means: Means, facts: Mapping[str, Any] | None = None) -> bytes:
    """Put a new question to a browser, about the actor's account or, for a stranger, about nobody; answers it."""
    question = means.random_bytes(QUESTION_BYTES)
    with acting(actor), connection.cursor() as cursor:
        cursor.execute(
            "SELECT identity_ask(%s, %s, %s, %s, %s::jsonb, %s, %s)",
            (
                id_of(question),
                browser.digest,
                about.value,
                actor.account,
                json.dumps(dict(facts or {})),
                means.now,
                means.now + LIVES[about],
            ),
        )
    return question


def look(*, question: bytes, about: About, browser: Browser, means: Means) -> Asked:
    """What a question is about, without using it up. Raises ChallengeSpent."""
    return _asked("identity_look", question, about, browser, means)


def take(*, question: bytes, about: About, browser: Browser, means: Means) -> Asked:
    """The same, and uses it up, whatever becomes of the answer: of two at once one passes. Raises ChallengeSpent."""
    return _asked("identity_take", question, about, browser, means)


def count_try(*, question: bytes, about: About, browser: Browser, means: Means) -> None:
    """Count one try at a question that allows a few. Raises ChallengeSpent."""
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute(
            "SELECT identity_try(%s, %s, %s, %s, %s)",
            (id_of(question), browser.digest, about.value, TRIES_AT_MOST, means.now),
        )
        if not cursor.fetchone()[0]:
            raise ChallengeSpent()


def _asked(function: str, question: bytes, about: About, browser: Browser, means: Means) -> Asked:
    with acting(ANONYMOUS), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM {function}(%s, %s, %s, %s)",  # noqa: S608 - one of two names above
            (id_of(question), browser.digest, about.value, means.now),
        )
        row = cursor.fetchone()
    if row is None:
        raise ChallengeSpent()
    facts, account, kind, organisation, customer, language = row
    told = json.loads(facts) if isinstance(facts, str) else facts
    if account is None:
        return Asked(told, None)
    return Asked(told, Identified(Actor(Kind(kind), account, organisation, customer), language))
