"""What every change of how one signs in has in common: it is journalled, and the account's person is told by mail."""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import challenges
from chaveiro.apps.identity.actions.challenges import About, Browser
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.models import OneTimeCodes, Passkey, RecoveryCode, Session
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.factors import Ways, check_leaves_a_way, needs_second_factor
from chaveiro.rules.means import Means


def own(actor: Actor) -> UUID:
    """The actor's own account. Raises NotAllowed for a stranger, and for a token: none changes how one enters."""
    if actor.account is None or actor.scopes is not None:
        raise NotAllowed(needs="a person who is signed in")
    return actor.account


def changed(actor: Actor, what: str, now: datetime, **facts: str) -> None:
    """Within the standing act: journal `person:changed`, and owe the account's person a letter that says so."""
    record(
        tag="person:changed",
        at=now,
        actor=actor,
        subject_id=str(actor.account),
        customer_id=actor.customer,
        facts={"what": what},
    )
    owe(
        "security",
        {"account": str(actor.account), "what": what, "at": _written(now), **facts},
        now,
    )


def forget_factors(*, account: UUID, now: datetime) -> None:
    """Somebody lost telephone and codes, and the house made sure that it is they: passkeys and codes go, sessions end.

    Only the house itself does it, at its command line. Journals `person:changed`, and mails the account's person.
    """
    with acting(SYSTEM):
        card = queries.account(account)
        for rows in (Passkey, OneTimeCodes, RecoveryCode):
            seen(rows).filter(account_id=account).delete()
        seen(Session).filter(account_id=account, ended_at=None).update(ended_at=now)
        record(
            tag="person:changed",
            at=now,
            actor=SYSTEM,
            subject_id=str(account),
            customer_id=card.customer_id,
            facts={"what": "factors_forgotten"},
        )
        owe("security", {"account": str(account), "what": "factors_forgotten", "at": _written(now)}, now)


def _written(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def lock(actor: Actor) -> Ways:
    """Within the standing act: the account's ways in, held until its end: two tabs cannot take the last two at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM identity_account a WHERE id = %s"
            " AND seen_account(a.id, a.customer_id, a.organisation_id) FOR UPDATE",
            (own(actor),),
        )
        if cursor.fetchone() is None:
            raise NotFound()
    return queries.ways(own(actor))


def check_after(actor: Actor, after: Ways) -> None:
    """Pass when the account can still be entered. Raises LastWayIn, SecondFactorNeeded."""
    check_leaves_a_way(after, needs_second=needs_second_factor(actor))


def mail_code(*, actor: Actor, browser: Browser, means: Means) -> bytes:
    """Put the question for a mailed code to a browser, and owe the letter; answers the question.

    The code is worked out from the question's id by letter and page alike, and stands nowhere.
    """
    with acting(actor):
        question = challenges.ask(actor=actor, about=About.MAILED_CODE, browser=browser, means=means)
        facts = {"account": str(own(actor)), "question": str(challenges.id_of(question))}
        owe("mailed_code", facts, means.now)
    return question


def same(one: str, other: str) -> bool:
    """Whether two codes are equal, in a time that does not tell how nearly."""
    return hmac.compare_digest(one.encode(), other.encode())


def confirm(*, actor: Actor, session: UUID, by: str, now: datetime) -> None:
    """The person proved to be there: the session may do the most dangerous acts for five minutes.

    Journals `session:confirmed`. Raises NotFound for a session that ended.
    """
    with acting(actor):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE identity_session SET confirmed_at = %s"
                " WHERE id = %s AND account_id = %s AND ended_at IS NULL AND ends_at > %s AND seen_own(account_id)",
                (now, session, actor.account, now),
            )
            if cursor.rowcount != 1:
                raise NotFound()
        record(
            tag="session:confirmed",
            at=now,
            actor=actor,
            subject_id=str(session),
            customer_id=actor.customer,
            facts={"by": by},
        )
