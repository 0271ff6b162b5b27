"""Signing in by an OpenID Connect provider.

Somebody comes back from the provider with a code; the statement that it leads to is verified by the door's adapter.
It leads to the accounts that were linked to it from inside them, and to no other: an address in it is only shown. The
nonce and the verifier of a sign-in are worked out from its state and the installation's secret: neither is kept.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import challenges, security
from chaveiro.apps.identity.actions.challenges import About, Asked, Browser
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.actions.security import own
from chaveiro.apps.identity.models import Testimony as Row
from chaveiro.apps.identity.queries import Identified
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.factors import TESTIMONIES_AT_MOST, ChallengeSpent
from chaveiro.rules.means import Means
from chaveiro.rules.providers import LinkedAlready, NotLinked, OpenIdClient, Provider, Testimony


@dataclass(frozen=True, slots=True)
class Gate:
    """Where somebody leaves for a provider and comes back: browser, client, our address, the secret, the means."""

    browser: Browser
    client: OpenIdClient
    back: str
    secret: bytes = field(repr=False)
    means: Means


def leave(*, actor: Actor, provider: Provider, gate: Gate, facts: dict[str, Any]) -> str:
    """The provider's address for one sign-in, whose state this browser alone can bring back, once.

    `facts` come back with it. Raises ProviderUnreachable.
    """
    told = {**facts, "provider": provider.name}
    question = challenges.ask(actor=actor, about=About.PROVIDER, browser=gate.browser, means=gate.means, facts=told)
    nonce, verifier = _derived(gate, question)
    return gate.client.address(provider, back=gate.back, state=_text(question), nonce=nonce, verifier=verifier)


def come_back(*, provider: Provider, gate: Gate, state: str, code: str) -> tuple[Asked, Testimony]:
    """What the sign-in was for, and whom the provider vouches for; the state is used up whatever comes of it.

    Raises ChallengeSpent, ProviderRefused, ProviderUnreachable.
    """
    asked = settle_state(provider=provider, gate=gate, state=state)
    nonce, verifier = _derived(gate, _bytes(state))
    testimony = gate.client.testimony(provider, back=gate.back, code=code, nonce=nonce, verifier=verifier)
    return asked, testimony


def settle_state(*, provider: Provider, gate: Gate, state: str) -> Asked:
    """Use the state up and answer what it was for. Raises ChallengeSpent."""
    asked = challenges.take(question=_bytes(state), about=About.PROVIDER, browser=gate.browser, means=gate.means)
    if asked.facts.get("provider") != provider.name:
        raise ChallengeSpent()
    return asked


def accounts_of(*, testimony: Testimony, means: Means) -> list[Identified]:
    """The accounts that a verified statement leads to, its use noted at each. Raises NotLinked."""
    with acting(ANONYMOUS):
        found = queries.by_testimony(testimony.issuer, testimony.subject)
    if not found:
        raise NotLinked()
    for each in found:
        with acting(each.actor):
            seen(Row).filter(account_id=own(each.actor), issuer=testimony.issuer, subject=testimony.subject).update(
                used_at=means.now, label=testimony.label
            )
    return found


def keep_for_later(*, actor: Actor, provider: Provider, testimony: Testimony, browser: Browser, means: Means) -> str:
    """Keep a verified statement for the page on which its person decides; answers what the page shows to get it."""
    facts = {
        "provider": provider.name,
        "issuer": testimony.issuer,
        "subject": testimony.subject,
        "label": testimony.label,
    }
    return _text(challenges.ask(actor=actor, about=About.TESTIMONY, browser=browser, means=means, facts=facts))


def kept(*, actor: Actor, handle: str, browser: Browser, means: Means, use_up: bool) -> tuple[str, Testimony]:
    """The provider's name and the statement that was kept for this account. Raises ChallengeSpent."""
    act = challenges.take if use_up else challenges.look
    asked = act(question=_bytes(handle), about=About.TESTIMONY, browser=browser, means=means)
    if asked.account is None or asked.account.actor.account != actor.account:
        raise ChallengeSpent()
    facts = asked.facts
    return facts["provider"], Testimony(facts["issuer"], facts["subject"], facts["label"])


def link(*, actor: Actor, provider: str, testimony: Testimony, means: Means) -> None:
    """From now on this statement leads to the actor's account; journals and mails.

    Raises LinkedAlready, Malformed(field="provider") beyond 20.
    """
    with acting(actor):
        keep(actor=actor, provider=provider, testimony=testimony, means=means)
        security.changed(actor, "provider_linked", means.now, provider=provider)


def keep(*, actor: Actor, provider: str, testimony: Testimony, means: Means) -> None:
    """The row of a link, within the standing act. Raises LinkedAlready, Malformed."""
    with acting(actor):
        if seen(Row).filter(account_id=own(actor)).count() >= TESTIMONIES_AT_MOST:
            raise Malformed(field="provider", reason=f"an account has {TESTIMONIES_AT_MOST} linked sign-ins at most")
        row = Row(id=means.new_id(), account_id=own(actor), provider=provider, created_at=means.now)
        row.issuer, row.subject, row.label = testimony.issuer, testimony.subject, testimony.label
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as fault:
            raise LinkedAlready() from fault


def unlink(*, actor: Actor, testimony: UUID, now: datetime) -> None:
    """The statement leads here no more, unless it is the last way in; journals, mails. Raises LastWayIn, NotFound."""
    with acting(actor):
        before = security.lock(actor)
        row = seen(Row).filter(account_id=own(actor), id=testimony).first()
        if row is None:
            raise NotFound()
        security.check_after(actor, replace(before, providers=before.providers - 1))
        provider = row.provider
        row.delete()
        security.changed(actor, "provider_unlinked", now, provider=provider)


def _derived(gate: Gate, question: bytes) -> tuple[str, str]:
    """The nonce and the PKCE verifier of a sign-in: 43 symbols each, known to whoever has state and secret."""
    nonce, verifier = (hmac.digest(gate.secret, what + question, "sha256") for what in (b"nonce\x00", b"pkce\x00"))
    return _text(nonce), _text(verifier)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text[:100] + "=" * (-len(text[:100]) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ChallengeSpent() from None
