"""Passkeys: made, shown, listed, taken away. Each answer is to one question, put to one browser, and counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import challenges, security
from chaveiro.apps.identity.actions.challenges import About, Browser
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.actions.security import own
from chaveiro.apps.identity.models import Passkey
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.factors import PASSKEYS_AT_MOST, PasskeyRefused, check_label
from chaveiro.rules.means import Means
from chaveiro.rules.passkeys import Known, Made, RelyingParty

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a passkey is asked for: the browser, the installation as browsers know it, and the means of the act."""

    browser: Browser
    party: RelyingParty
    means: Means


# --- a new one -----------------------------------------------------------------------------------------------------


def options_for_new(*, actor: Actor, counter: Counter) -> dict[str, Any]:
    """What the actor's browser is asked for a new passkey, as JSON."""
    question = challenges.ask(actor=actor, about=About.PASSKEY_NEW, browser=counter.browser, means=counter.means)
    with acting(actor):
        card = queries.account(own(actor))
        known = [bytes(each) for each in _own(actor).values_list("credential_id", flat=True)]
    return counter.party.to_make(
        account=own(actor).bytes,
        login_name=card.login_name,
        full_name=f"{card.given_name} {card.family_name}",
        challenge=question,
        known=known,
    )


def read_new(*, actor: Actor, answer: Answer, counter: Counter) -> Made:
    """What the browser made, its question used up and its word verified. Raises ChallengeSpent, PasskeyRefused."""
    question = counter.party.challenge_of(answer)
    asked = challenges.take(question=question, about=About.PASSKEY_NEW, browser=counter.browser, means=counter.means)
    if asked.account is None or asked.account.actor.account != actor.account:
        raise PasskeyRefused(reason="another account")
    return counter.party.made(answer, challenge=question)


def keep(*, actor: Actor, made: Made, name: str, means: Means) -> UUID:
    """Keep a verified new passkey within the standing act of its account. Raises PasskeyRefused, Malformed."""
    with acting(actor):
        if _own(actor).count() >= PASSKEYS_AT_MOST:
            raise Malformed(field="name", reason=f"an account has {PASSKEYS_AT_MOST} passkeys at most")
        row = Passkey(
            id=means.new_id(),
            account_id=own(actor),
            name=name,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            synced=made.synced,
            transports=list(made.transports),
            created_at=means.now,
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as fault:
            raise PasskeyRefused(reason="known already") from fault
    return row.id


def add(*, actor: Actor, answer: Answer, name: str, otherwise: str, counter: Counter) -> UUID:
    """Add a passkey to the actor's account, called `name`, or `otherwise` where that is empty; journals and mails.

    Raises Malformed(field="name"), ChallengeSpent, PasskeyRefused.
    """
    name = check_label(name, otherwise=otherwise)
    made = read_new(actor=actor, answer=answer, counter=counter)
    with acting(actor):
        identifier = keep(actor=actor, made=made, name=name, means=counter.means)
        security.changed(actor, "passkey_added", counter.means.now)
    return identifier


# --- shown ---------------------------------------------------------------------------------------------------------


def options_to_sign_in(*, counter: Counter) -> dict[str, Any]:
    """What a stranger's browser is asked: any passkey of ours. It says nothing about who has an account."""
    question = challenges.ask(
        actor=ANONYMOUS, about=About.PASSKEY_SIGN_IN, browser=counter.browser, means=counter.means
    )
    return counter.party.to_show(challenge=question)


def sign_in(*, answer: Answer, counter: Counter) -> Identified:
    """Whose passkey answered, verified; the door starts the session. Raises ChallengeSpent, PasskeyRefused."""
    shown = counter.party.shown(answer)
    challenges.take(question=shown.challenge, about=About.PASSKEY_SIGN_IN, browser=counter.browser, means=counter.means)
    with acting(ANONYMOUS):
        found = queries.by_credential(shown.credential_id)
    if found is None:
        raise PasskeyRefused(reason="unknown")
    if shown.user_handle and shown.user_handle != own(found.actor).bytes:
        raise PasskeyRefused(reason="another account")
    _use(found.actor, answer, shown.credential_id, shown.challenge, counter)
    return found


def options_to_confirm(*, actor: Actor, counter: Counter) -> dict[str, Any]:
    """What the browser is asked so that the actor proves to be there: one of the account's own passkeys."""
    question = challenges.ask(actor=actor, about=About.PASSKEY_CONFIRM, browser=counter.browser, means=counter.means)
    with acting(actor):
        known = [bytes(each) for each in _own(actor).values_list("credential_id", flat=True)]
    return counter.party.to_show(challenge=question, known=known)


def show(*, actor: Actor, answer: Answer, counter: Counter) -> None:
    """The actor's own passkey answered a question about this very account. Raises ChallengeSpent, PasskeyRefused."""
    shown = counter.party.shown(answer)
    asked = challenges.take(
        question=shown.challenge, about=About.PASSKEY_CONFIRM, browser=counter.browser, means=counter.means
    )
    if asked.account is None or asked.account.actor.account != actor.account:
        raise PasskeyRefused(reason="another account")
    _use(actor, answer, shown.credential_id, shown.challenge, counter)


def _use(actor: Actor, answer: Answer, credential: bytes, challenge: bytes, counter: Counter) -> None:
    """Verify the signature and move the counter, the row held: two answers of a copied passkey cannot both pass."""
    with acting(actor):
        row = _own(actor).select_for_update().filter(credential_id=credential).first()
        if row is None:
            raise PasskeyRefused(reason="unknown")
        known = Known(bytes(row.credential_id), bytes(row.public_key), row.sign_count)
        row.sign_count = counter.party.verified(answer, known, challenge=challenge)
        row.used_at = counter.means.now
        row.save(update_fields=["sign_count", "used_at"])


# --- kept ----------------------------------------------------------------------------------------------------------


def rename(*, actor: Actor, passkey: UUID, name: str) -> None:
    """Call a passkey something else. Raises Malformed(field="name"), NotFound."""
    wanted = check_label(name, otherwise="")
    if not wanted:
        raise Malformed(field="name", reason="empty")
    with acting(actor):
        if _own(actor).filter(id=passkey).update(name=wanted) != 1:
            raise NotFound()


def remove(*, actor: Actor, passkey: UUID, now: datetime) -> None:
    """Take a passkey away; journals and mails. Raises LastWayIn, SecondFactorNeeded, NotFound."""
    with acting(actor):
        before = security.lock(actor)
        if not _own(actor).filter(id=passkey).exists():
            raise NotFound()
        security.check_after(actor, replace(before, passkeys=before.passkeys - 1))
        _own(actor).filter(id=passkey).delete()
        security.changed(actor, "passkey_removed", now)


def _own(actor: Actor) -> Any:
    return seen(Passkey).filter(account_id=own(actor))
