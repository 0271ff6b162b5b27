"""Who stands behind an account, a token or a link."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.models import Account, Token
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotFound


@dataclass(frozen=True, slots=True)
class AccountCard:
    """What a letter or a page needs to know of an account."""

    id: UUID
    kind: Kind
    organisation_id: UUID | None
    customer_id: UUID | None
    login_name: str
    email: str = field(repr=False)
    alternate_email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    language: str
    time_zone: str
    owned: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class TokenCard:
    """A token without its secret."""

    id: UUID
    account_id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who showed a secret: the actor without roles (`customers.queries.standing` adds them), and their language.

    `token` is the token's id, None when a link was shown.
    """

    actor: Actor
    language: str
    token: UUID | None = None


def account(identifier: UUID) -> AccountCard:
    """One account within sight. Raises NotFound."""
    row = Account.objects.filter(id=identifier).first()
    if row is None:
        raise NotFound()
    return AccountCard(
        id=row.id,
        kind=Kind(row.kind),
        organisation_id=row.organisation_id,
        customer_id=row.customer_id,
        login_name=row.login_name,
        email=row.email,
        alternate_email=row.alternate_email,
        given_name=row.given_name,
        family_name=row.family_name,
        language=row.language,
        time_zone=row.time_zone,
        owned=row.owned_at is not None,
        closed=row.closed_at is not None,
    )


def actor_of(card: AccountCard) -> Actor:
    """The actor that a person signed in with this account is, without roles."""
    return Actor(card.kind, account=card.id, organisation=card.organisation_id, customer=card.customer_id)


def open_accounts_with(email: str, *, limit: int = 20) -> list[AccountCard]:
    """The open accounts within sight that an address leads to, oldest first: one person may have several."""
    found = Account.objects.filter(email__iexact=email.strip(), closed_at=None).order_by("created_at")[:limit]
    return [account(row.id) for row in found]


def has_operators() -> bool:
    """Whether anybody may act for the vendor; only the house itself and operators see the answer."""
    return Account.objects.filter(kind=Kind.OPERATOR.value, closed_at=None).exists()


def tokens(of_account: UUID) -> list[TokenCard]:
    """The tokens of an account within sight, newest first, revoked ones too."""
    return [
        TokenCard(row.id, row.account_id, row.name, tuple(row.scopes), row.created_at, row.expires_at, row.revoked_at)
        for row in Token.objects.filter(account_id=of_account).order_by("-created_at")[:200]
    ]


def by_token(digest: bytes, now: datetime) -> Identified | None:
    """Whose token has this digest, while it is good."""
    row = _row("SELECT * FROM identity_by_token(%s, %s)", digest, now)
    if row is None:
        return None
    token, identifier, kind, organisation, customer, scopes, language = row
    actor = Actor(Kind(kind), identifier, organisation, customer, scopes=frozenset(scopes))
    return Identified(actor, language, token)


def by_login_name(name: str) -> Identified | None:
    """Whose name this is to sign in with, while the account is open."""
    row = _row("SELECT * FROM identity_by_login_name(%s)", name)
    if row is None:
        return None
    identifier, kind, organisation, customer, language = row
    return Identified(Actor(Kind(kind), identifier, organisation, customer), language)


def by_link(digest: bytes, purpose: str, now: datetime) -> Identified | None:
    """Whom a one-time link leads to, while it is good; looking does not use it up."""
    row = _row("SELECT * FROM identity_by_link(%s, %s, %s)", digest, purpose, now)
    if row is None:
        return None
    identifier, kind, organisation, customer, language = row
    return Identified(Actor(Kind(kind), identifier, organisation, customer), language)


def _row(sql: str, *parameters: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
