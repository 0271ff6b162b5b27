"""Who stands behind an account, a token or a link."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.models import Account, AddressChange, Link, Passkey, Service, Session, Testimony, Token
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.factors import PASSKEYS_AT_MOST, TESTIMONIES_AT_MOST, Ways
from chaveiro.rules.services import Service as ServiceFacts
from chaveiro.rules.sessions import How


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


@dataclass(frozen=True, slots=True)
class SessionCard:
    """One sign-in of an account, as its own person sees it."""

    id: UUID
    how: How
    agent: str
    network: str
    started_at: datetime
    seen_at: datetime


def account(identifier: UUID) -> AccountCard:
    """One account within sight. Raises NotFound."""
    row = seen(Account).filter(id=identifier).first()
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


def names_of(accounts: Collection[UUID]) -> dict[UUID, str]:
    """Given and family name of those accounts that are within sight: people of one's own side."""
    found = seen(Account).filter(id__in=list(accounts)).values_list("id", "given_name", "family_name")
    return {identifier: f"{given} {family}".strip() for identifier, given, family in found}


def actor_of(card: AccountCard) -> Actor:
    """The actor that a person signed in with this account is, without roles."""
    return Actor(card.kind, account=card.id, organisation=card.organisation_id, customer=card.customer_id)


def open_accounts_with(email: str, *, limit: int = 20) -> list[AccountCard]:
    """The open accounts within sight that an address leads to, oldest first: one person may have several."""
    found = seen(Account).filter(email__iexact=email.strip(), closed_at=None).order_by("created_at")[:limit]
    return [account(row.id) for row in found]


def operators(*, limit: int = 50) -> list[UUID]:
    """The open accounts of those who act for the vendor, the oldest first."""
    found = seen(Account).filter(kind=Kind.OPERATOR.value, closed_at=None).order_by("created_at")
    return list(found.values_list("id", flat=True)[:limit])


def tokens(of_account: UUID) -> list[TokenCard]:
    """The tokens of an account within sight, newest first, revoked ones too."""
    return [
        TokenCard(row.id, row.account_id, row.name, tuple(row.scopes), row.created_at, row.expires_at, row.revoked_at)
        for row in seen(Token).filter(account_id=of_account).order_by("-created_at")[:200]
    ]


@dataclass(frozen=True, slots=True)
class ServiceCard:
    """A registered service, and whether it still is."""

    service: ServiceFacts
    created_at: datetime
    removed_at: datetime | None


def services(*, limit: int = 500) -> list[ServiceCard]:
    """The services within sight, the newest first, removed ones too."""
    return [
        ServiceCard(
            ServiceFacts(row.id, row.name, row.confidential, row.algorithm, tuple(row.returns), tuple(row.leaves)),
            row.created_at,
            row.removed_at,
        )
        for row in seen(Service).order_by("-created_at", "-id")[:limit]
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


def by_name(name: str, *, limit: int) -> list[Identified]:
    """Whom a name leads to, the open account that signs in with it or those that have it as e-mail address.

    Accounts that have a password come first, among them the one whose own name it is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM identity_by_name(%s, %s)", (name, limit))
        rows = cursor.fetchall()
    return [
        Identified(Actor(Kind(kind), identifier, organisation, customer), language)
        for identifier, kind, organisation, customer, language in rows
    ]


def has_link_since(of_account: UUID, purpose: str, since: datetime, *, besides: bytes) -> bool:
    """Whether another link of that purpose was made for an account since an instant; only the house sees links."""
    made = seen(Link).filter(account_id=of_account, purpose=purpose, created_at__gt=since, used_at=None)
    return made.exclude(digest=besides).exists()


def sessions(of_account: UUID, now: datetime) -> list[SessionCard]:
    """Where an account within sight is signed in, the latest used first."""
    live = seen(Session).filter(account_id=of_account, ended_at=None, ends_at__gt=now)
    rows = live.order_by("-seen_at", "-id")[:200]
    return [SessionCard(row.id, How(row.how), row.agent, row.network, row.started_at, row.seen_at) for row in rows]


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


# --- how one signs in -------------------------------------------------------------------------------------------------

WAYS = """
SELECT a.password <> '' AND NOT starts_with(a.password, '!'),
    (SELECT count(*) FROM identity_passkey p WHERE p.account_id = a.id AND seen_own(p.account_id)),
    (SELECT count(*) FROM identity_testimony v WHERE v.account_id = a.id AND seen_own(v.account_id)),
    EXISTS (SELECT FROM identity_onetimecodes o WHERE o.account_id = a.id AND o.confirmed_at IS NOT NULL
        AND seen_own(o.account_id)),
    (SELECT count(*) FROM identity_recoverycode r WHERE r.account_id = a.id AND r.used_at IS NULL
        AND seen_own(r.account_id))
FROM identity_account a WHERE a.id = %s AND seen_account(a.id, a.customer_id, a.organisation_id)
"""


@dataclass(frozen=True, slots=True)
class PasskeyCard:
    """A passkey as its person sees it in the list. `synced`: a password manager keeps it on several devices."""

    id: UUID
    name: str
    synced: bool
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TestimonyCard:
    """A provider's sign-in that is linked to an account. `provider` is our name for it, `label` theirs."""

    id: UUID
    provider: str
    label: str = field(repr=False)
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AddressWish:
    """A new address of an account that waits for its mailbox to be shown. `which`: email, alternate_email."""

    id: UUID
    which: str
    address: str = field(repr=False)
    previous: str = field(repr=False)
    created_at: datetime
    link: bytes | None = field(default=None, repr=False)


def ways(of_account: UUID) -> Ways:
    """How one can sign in to an account within sight, in one statement. Raises NotFound."""
    row = _row(WAYS, of_account)
    if row is None:
        raise NotFound()
    password, passkeys_, providers, codes, recovery = row
    return Ways(password, passkeys_, providers, codes, recovery)


def passkeys(of_account: UUID) -> list[PasskeyCard]:
    """The passkeys of an account within sight, the oldest first."""
    rows = seen(Passkey).filter(account_id=of_account).order_by("created_at", "id")[:PASSKEYS_AT_MOST]
    return [PasskeyCard(row.id, row.name, row.synced, row.created_at, row.used_at) for row in rows]


def testimonies(of_account: UUID) -> list[TestimonyCard]:
    """The providers' sign-ins that are linked to an account within sight, the oldest first."""
    rows = seen(Testimony).filter(account_id=of_account).order_by("created_at", "id")[:TESTIMONIES_AT_MOST]
    return [TestimonyCard(row.id, row.provider, row.label, row.created_at, row.used_at) for row in rows]


def address_wish(of_account: UUID) -> AddressWish | None:
    """The address of an account within sight that waits to be confirmed; one at a time does."""
    row = seen(AddressChange).filter(account_id=of_account, settled_at=None).first()
    return None if row is None else _wish(row)


def address_change(change: UUID) -> tuple[AddressWish, bool]:
    """A change of address within sight, and whether it still waits. Raises NotFound."""
    row = seen(AddressChange).filter(id=change).first()
    if row is None:
        raise NotFound()
    return _wish(row), row.settled_at is None


def _wish(row: AddressChange) -> AddressWish:
    return AddressWish(
        row.id,
        row.which,
        row.address,
        row.previous,
        row.created_at,
        None if row.link is None else bytes(row.link),
    )


def by_credential(credential: bytes) -> Identified | None:
    """Whose passkey has this id, while the account is open; nothing was verified yet."""
    row = _row("SELECT * FROM identity_by_credential(%s)", credential)
    return None if row is None else _identified(row)


def by_testimony(issuer: str, subject: str, *, limit: int = 20) -> list[Identified]:
    """The open accounts that a provider's verified statement leads to, the longest linked first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM identity_by_testimony(%s, %s, %s)", (issuer, subject, limit))
        return [_identified(row) for row in cursor.fetchall()]


def _identified(row: tuple[Any, ...]) -> Identified:
    identifier, kind, organisation, customer, language = row
    return Identified(Actor(Kind(kind), identifier, organisation, customer), language)
