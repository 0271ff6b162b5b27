"""People who may sign in: operators and members of the channel are opened here, customers' people by redemption."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions.scope import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal
from chaveiro.rules.means import Means

NO_PASSWORD = "!"  # noqa: S105 - Django's mark for an account that no password opens
NAME_LENGTH_AT_MOST = 150
ADDRESS_LENGTH_AT_MOST = 254  # RFC 5321


class LoginNameTaken(Refusal):
    """Another account signs in with this name already. Facts: none, for names may be addresses."""

    code = "login_name_taken"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who shall be able to sign in. `login_name` is the e-mail address unless given."""

    email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    language: str = "pt-pt"
    time_zone: str = "Europe/Lisbon"
    login_name: str = field(default="", repr=False)


def open_operator(*, actor: Actor, newcomer: Newcomer, means: Means, organisation: UUID | None = None) -> UUID:
    """Open an account that acts for the vendor, by an operator or the house; journals `operator:added`.

    `organisation` is the vendor's own. The account has no password: send a one-time link. Raises NotAllowed,
    Malformed, LoginNameTaken.
    """
    with acting(actor):
        identifier = _open(actor, Kind.OPERATOR, newcomer, means, organisation)
        record(tag="operator:added", at=means.now, actor=actor, subject_id=identifier)
    return identifier


def open_channel_account(*, actor: Actor, organisation: UUID, newcomer: Newcomer, means: Means) -> UUID:
    """Open an account of a distributor or reseller, by an operator or the house; journals `person:added`.

    Its standing there is a row of the channel's room. Raises NotAllowed, Malformed, LoginNameTaken.
    """
    with acting(actor):
        identifier = _open(actor, Kind.CHANNEL, newcomer, means, organisation)
        facts = {"organisation": str(organisation)}
        record(tag="person:added", at=means.now, actor=actor, subject_id=identifier, facts=facts)
    return identifier


def _open(actor: Actor, kind: Kind, newcomer: Newcomer, means: Means, organisation: UUID | None) -> UUID:
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM) or actor.scopes is not None:
        raise NotAllowed(needs="operator")
    checked = _checked(newcomer)
    row = Account(
        id=means.new_id(),
        password=NO_PASSWORD,
        login_name=checked.login_name,
        kind=kind.value,
        organisation_id=organisation,
        email=checked.email,
        given_name=checked.given_name,
        family_name=checked.family_name,
        language=checked.language,
        time_zone=checked.time_zone,
        created_at=means.now,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as fault:
        raise LoginNameTaken() from fault
    return row.id


def _checked(newcomer: Newcomer) -> Newcomer:
    email = newcomer.email.strip()
    local, at, domain = email.rpartition("@")
    if (
        not (local and at and domain and email.isprintable() and " " not in email)
        or len(email) > ADDRESS_LENGTH_AT_MOST
    ):
        raise Malformed(field="email", reason="not a mail address")
    names = newcomer.given_name.strip(), newcomer.family_name.strip()
    if not all(0 < len(name) <= NAME_LENGTH_AT_MOST and name.isprintable() for name in names):
        raise Malformed(field="name", reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters")
    login = newcomer.login_name.strip().lower() or email.lower()
    return Newcomer(email, *names, newcomer.language, newcomer.time_zone, login)


def close_account(*, actor: Actor, account: UUID, now: datetime) -> None:
    """Nobody signs in with it any more; its tokens and links end in the same instant. Twice is once.

    By an operator or the house, never for one's own account. Journals `operator:removed` or `person:deleted`. Raises
    NotAllowed, NotFound.
    """
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM) or actor.scopes is not None or actor.account == account:
        raise NotAllowed(needs="another operator")
    with acting(actor):
        card = queries.account(account)
        if seen(Account).filter(id=account, closed_at=None).update(closed_at=now) == 0:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT identity_end_secrets(%s, %s)", (account, now))
        tag = "operator:removed" if card.kind is Kind.OPERATOR else "person:deleted"
        record(tag=tag, at=now, actor=actor, subject_id=account, customer_id=card.customer_id)
