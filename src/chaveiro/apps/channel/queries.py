"""Organisations of the channel: found by name or number, and the card that everybody may read. Call it while acting."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.channel.models import Member, Organisation
from chaveiro.apps.journal.models import seen
from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.organisations import REGISTRATION, NameAmbiguous, OrganisationKind


@dataclass(frozen=True, slots=True)
class Card:
    """What is printed on an organisation's own paper."""

    id: UUID
    name: str
    country: str
    registration_number: str | None
    kind: OrganisationKind
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's place in the channel."""

    organisation: UUID
    kind: OrganisationKind
    role: str
    since: datetime


def card(*, organisation: UUID | None = None, registration_number: str | None = None) -> Card:
    """The public card of one organisation, by its id or its registration number. Raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, country, registration_number, kind, suspended FROM channel_card(%s, %s)",
            (organisation, registration_number),
        )
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        raise NotFound(what="organisation")
    return Card(row[0], row[1], row[2], row[3], OrganisationKind(row[4]), row[5])


def names_of(organisations: Collection[UUID]) -> dict[UUID, str]:
    """The names of several organisations: what is printed on their own paper, for anybody."""
    if not organisations:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT card.id, card.name FROM unnest(%s::uuid[]) AS one, LATERAL channel_card(one, NULL) AS card",
            (list(organisations),),
        )
        return dict(cursor.fetchall())


def vendor() -> UUID:
    """The id of the vendor's organisation, within the actor's reach. Raises NotFound."""
    found = seen(Organisation).filter(kind=OrganisationKind.VENDOR).values_list("id", flat=True).first()
    if found is None:
        raise NotFound(what="vendor")
    return found


def organisation_named(text: str) -> UUID:
    """The organisation that a person means: by registration number, id (`ptr_…`), or name as it is spelt, case aside.

    Raises NotFound, and NameAmbiguous when several have that name.
    """
    text = text.strip()
    if REGISTRATION.fullmatch(text):
        return card(registration_number=text).id
    if text.startswith("ptr_"):
        try:
            return card(organisation=identifiers.read("partner", text)).id
        except Malformed:
            raise NotFound(what="organisation") from None
    found = list(seen(Organisation).filter(name__iexact=text).order_by("created_at")[:10])
    if not found:
        raise NotFound(what="organisation")
    if len(found) > 1:
        numbers = [organisation.registration_number for organisation in found]
        raise NameAmbiguous(name=text, registration_numbers=numbers)
    return found[0].id


def standing(account: UUID) -> Standing | None:
    """The role of an account in its organisation of the channel; None when it has none, or none any more."""
    member = seen(Member).filter(account_id=account, ended_at=None).select_related("organisation").first()
    if member is None:
        return None
    organisation = member.organisation
    return Standing(organisation.id, OrganisationKind(organisation.kind), member.role, member.since)


CONTACTS = ("owner", "sales")


def contacts_of(organisation: UUID, *, limit: int = 5) -> list[UUID]:
    """The accounts of those who answer for an organisation of the channel, the longest standing first."""
    found = seen(Member).filter(organisation_id=organisation, ended_at=None, role__in=CONTACTS)
    return list(found.order_by("since", "id").values_list("account_id", flat=True)[:limit])


@dataclass(frozen=True, slots=True)
class Holder:
    """An organisation that can hold stock, to choose from."""

    id: UUID
    name: str
    is_vendor: bool


HOLDERS_AT_MOST = 1_000


def holders() -> list[Holder]:
    """The organisations that can hold stock now, the vendor first, the others by name; for the vendor's own people."""
    found = seen(Organisation).filter(suspended_at=None).order_by("name", "id").values_list("id", "name", "kind")
    known = [Holder(each, name, kind == OrganisationKind.VENDOR) for each, name, kind in found[:HOLDERS_AT_MOST]]
    return sorted(known, key=lambda holder: not holder.is_vendor)
