"""One box for everything: what somebody typed, understood as all that it can be, and found by an index each.

For operators only; everybody else finds nothing. Call it while acting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.closing.models import Correction
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import queries as keys
from chaveiro.apps.keys.models import Batch
from chaveiro.apps.operations.models import Operation
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers, serials
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.keys import find_all, read
from chaveiro.rules.keys.digests import Digester
from chaveiro.rules.organisations import REGISTRATION

FOUND_AT_MOST = 20
LENGTH_AT_MOST = 200
_REFERENCE = re.compile(r"[Rr]-?[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}")
_LAST_FIVE = re.compile(r"[0-9A-Za-z]{5}")
_PUBLIC = re.compile(r"([a-z]{2,3})_[0-9a-f]{32}")
_NOUNS = {prefix: noun for noun, prefix in identifiers.PREFIXES.items()}


@dataclass(frozen=True, slots=True)
class CustomerHit:
    """A customer, and by what it was found: `name`, `email`, `tax_number`, `id`."""

    id: UUID
    name: str
    country: str
    domain_prefix: str
    closed: bool
    by: str


@dataclass(frozen=True, slots=True)
class RedemptionHit:
    """A redemption by its reference or id."""

    id: UUID
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OrganisationHit:
    """An organisation of the channel."""

    id: UUID
    name: str
    registration_number: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was found, in groups; `by_text` where a whole key was typed, which is told nowhere."""

    keys: Sequence[keys.KeyFacts] = ()
    redemptions: Sequence[RedemptionHit] = ()
    customers: Sequence[CustomerHit] = ()
    organisations: Sequence[OrganisationHit] = ()
    subscriptions: Sequence[UUID] = ()
    batches: Sequence[int] = ()
    operations: Sequence[UUID] = ()
    corrections: Sequence[UUID] = ()
    by_text: bool = field(default=False)

    def __len__(self) -> int:
        groups = (self.keys, self.redemptions, self.customers, self.organisations, self.subscriptions, self.batches)
        return sum(map(len, (*groups, self.operations, self.corrections)))


def holds_a_key(text: str) -> bool:
    """Whether a product key stands in the text, whole or with a typing error: it is to be neither shown nor kept."""
    return any(True for _found in find_all(text))


def search(text: str, *, digesters: Sequence[Digester], countries: Sequence[str], now: datetime) -> Found:
    """All that the text can mean; a whole key is looked up by its digest and by nothing else."""
    text = text.strip()
    if not text:
        return Found()
    found = read(text)
    if found.canonical is not None:
        return Found(keys=_by_digests([d.digest(found.canonical) for d in digesters], now), by_text=True)
    if holds_a_key(text):
        return Found(by_text=True)
    text = text[:LENGTH_AT_MOST]
    public = _PUBLIC.fullmatch(text.lower())
    if public is not None:
        return _by_id(_NOUNS.get(public.group(1), ""), text.lower())
    return Found(
        keys=list(_keys(text, now)),
        redemptions=_redemptions(text),
        customers=_customers(text, countries),
        organisations=_organisations(text),
    )


def _by_digests(digests: Sequence[bytes], now: datetime) -> list[keys.KeyFacts]:
    row = connection.connection.execute("SELECT closing_key_of(%s)", (list(digests),)).fetchone()
    return [] if row is None or row[0] is None else keys.keys([row[0]], now=now)


def _keys(text: str, now: datetime) -> Iterator[keys.KeyFacts]:
    with suppress(Malformed):
        yield from keys.keys([serials.read(text)], now=now)
    if _LAST_FIVE.fullmatch(text):
        yield from keys.keys_ending(text, now=now, limit=FOUND_AT_MOST)


def _redemptions(text: str) -> list[RedemptionHit]:
    if not _REFERENCE.fullmatch(text):
        return []
    plain = text.upper().replace("-", "")
    return _of_redemptions(reference=f"R-{plain[1:5]}-{plain[5:]}")


def _of_redemptions(**which: object) -> list[RedemptionHit]:
    rows = seen(Redemption).filter(**which).values_list("id", "reference", "at")[:FOUND_AT_MOST]
    return [RedemptionHit(*row) for row in rows]


def _customers(text: str, countries: Sequence[str]) -> list[CustomerHit]:
    rows = connection.connection.execute(
        "SELECT * FROM closing_customers_found(%s, %s, %s)", (text, list(countries), FOUND_AT_MOST)
    ).fetchall()
    return [CustomerHit(*row) for row in rows]


def _organisations(text: str) -> list[OrganisationHit]:
    found = seen(Organisation).order_by("name")
    if REGISTRATION.fullmatch(text):
        rows = found.filter(registration_number=text)
    elif "@" in text:
        accounts = connection.connection.execute(
            "SELECT organisation FROM closing_accounts_found(%s, %s) WHERE organisation IS NOT NULL",
            (text, FOUND_AT_MOST),
        ).fetchall()
        rows = found.filter(id__in=[row[0] for row in accounts])
    else:
        rows = found.filter(name__icontains=text)
    return [OrganisationHit(*row) for row in rows.values_list("id", "name", "registration_number")[:FOUND_AT_MOST]]


def _by_id(noun: str, text: str) -> Found:
    """Whatever has this public id. A person leads to the customer."""
    if not noun:
        return Found()
    wanted = identifiers.read(noun, text)
    match noun:
        case "customer":
            return Found(customers=_of_customers([wanted]))
        case "person":
            people = seen(Person).filter(id=wanted).values_list("customer_id", flat=True)
            return Found(customers=_of_customers(list(people)))
        case "redemption":
            return Found(redemptions=_of_redemptions(id=wanted))
        case "subscription":
            return Found(subscriptions=_ids(Subscription, wanted))
        case "batch":
            return Found(batches=list(seen(Batch).filter(id=wanted).values_list("number", flat=True)))
        case "operation":
            return Found(operations=_ids(Operation, wanted))
        case "correction":
            return Found(corrections=_ids(Correction, wanted))
        case "partner":
            rows = seen(Organisation).filter(id=wanted).values_list("id", "name", "registration_number")
            return Found(organisations=[OrganisationHit(*row) for row in rows])
    return Found()


def _ids(model: type, wanted: UUID) -> list[UUID]:
    return list(seen(model).filter(id=wanted).values_list("id", flat=True))


def _of_customers(wanted: Sequence[UUID]) -> list[CustomerHit]:
    rows = seen(Customer).filter(id__in=wanted).values_list("id", "name", "country", "domain_prefix", "closed_at")
    return [CustomerHit(*row[:4], row[4] is not None, "id") for row in rows]


def key_of(serial: str, *, now: datetime) -> keys.KeyFacts:
    """A key by its serial. Raises NotFound for what is no serial, too."""
    try:
        return keys.key(serials.read(serial), now=now)
    except Malformed:
        raise NotFound(what="key") from None
