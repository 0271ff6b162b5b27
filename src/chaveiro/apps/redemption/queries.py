"""What a redemption needs to know before it decides, and what a receipt says afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.policies import Policy
from chaveiro.rules.redemption import Item, KeyFacts, Target
from chaveiro.rules.terms import Standing

FIND_KEYS = "SELECT * FROM keys_find(%s::bytea[], %s::uuid, %s::timestamptz)"

FIND_TARGET = """
SELECT s.id, s.customer_id, s.product_id, p.code, s.price_class, s.seats, s.ends_on, s.credit, s.assigned, s.term,
    s.version, s.paid_by, s.erased_on, s.policy_id, policy.numbers,
    (SELECT v.maximum_seats FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1),
    c.country::text, s.closed_at IS NOT NULL
FROM subscriptions_subscription s
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_policy policy ON policy.id = s.policy_id
JOIN customers_customer c ON c.id = s.customer_id
WHERE s.id = %s
"""

FIND_CUSTOMER = """
SELECT c.country::text, c.name, c.closed_at IS NOT NULL, EXISTS (
    SELECT FROM delegation_partnerofrecord d WHERE d.customer_id = c.id AND d.organisation_id = %s
    AND d.state = 'confirmed')
FROM customers_customer c WHERE c.id = %s
"""


@dataclass(frozen=True, slots=True)
class ExistingCustomer:
    """A customer that is there already, as far as a redemption needs to know it."""

    id: UUID
    country: str
    name: str
    has_actor_as_partner_of_record: bool


def known_keys(items: Sequence[Item], draft: UUID | None, means: Means) -> dict[bytes, KeyFacts]:
    """What the house knows of the keys in a basket, by digest: one statement, whatever the basket's size."""
    digests = [digest for item in items for digest in item.digests]
    if not digests:
        return {}
    rows = connection.connection.execute(FIND_KEYS, (digests, draft, means.now), prepare=True).fetchall()
    return {bytes(row[0]): _key_facts(row) for row in rows}


def _key_facts(row: Sequence[Any]) -> KeyFacts:
    return KeyFacts(
        number=row[1],
        last_five=row[2],
        state=row[3],
        seats=row[4],
        months=row[5],
        countries=tuple(row[6]),
        activate_before=row[7],
        product=row[8],
        product_code=row[9],
        names=json.loads(row[10]),
        price_class=row[11],
        maximum_seats=row[12],
        markets=tuple(row[13]),
        policy_id=row[14],
        policy=policy_of(row[15]),
        held_by=row[16],
        held_until=row[17],
        yours=row[18],
        redeemed_at=row[19],
    )


@lru_cache(maxsize=1000)
def policy_of(numbers: str) -> Policy:
    """A published policy from its JSON text; it never changes, so each is built once for each process."""
    return Policy.from_dict(json.loads(numbers))


def target_of(subscription: UUID) -> tuple[Target, str]:
    """The subscription that keys shall act on, and its customer's country.

    Raises NotFound when it is not within the actor's reach, or was closed by a reversal.
    """
    row = connection.connection.execute(FIND_TARGET, (subscription,), prepare=True).fetchone()
    if row is None or row[17]:
        raise NotFound(what="subscription")
    target = Target(
        id=row[0],
        customer=row[1],
        product=row[2],
        product_code=row[3],
        price_class=row[4],
        standing=Standing(row[5], row[6], row[7]),
        assigned=row[8],
        term=row[9],
        version=row[10],
        paid_by=row[11],
        erased_on=row[12],
        policy_id=row[13],
        policy=policy_of(row[14]),
        maximum_seats=row[15],
    )
    return target, row[16]


def existing_customer(customer: UUID, organisation: UUID | None) -> ExistingCustomer:
    """A customer within the actor's reach. Raises NotFound for foreign, closed and absent alike."""
    row = connection.connection.execute(FIND_CUSTOMER, (organisation, customer), prepare=True).fetchone()
    if row is None or row[2]:
        raise NotFound(what="customer")
    return ExistingCustomer(customer, row[0], row[1], row[3])


def prefix_is_free(prefix: str) -> bool:
    """Whether no organisation has, or ever had, this domain prefix."""
    row = connection.connection.execute("SELECT customers_prefix_is_free(%s)", (prefix,), prepare=True).fetchone()
    return bool(row and row[0])


def tax_number_is_known(country: str, number: str) -> bool:
    """Whether an organisation that stands has this tax number in this country, however either is written."""
    row = connection.connection.execute(
        "SELECT customers_tax_number_is_known(%s, %s)", (country, number), prepare=True
    ).fetchone()
    return bool(row and row[0])


def facts_of(redemption: UUID) -> dict[str, Any]:
    """Everything that a receipt says. Raises NotFound when it is not the actor's to read."""
    row = connection.connection.execute("SELECT redemption_facts(%s)", (redemption,), prepare=True).fetchone()
    if row is None or row[0] is None:
        raise NotFound(what="redemption")
    return dict(json.loads(row[0]))


def of_draft(draft: UUID) -> UUID | None:
    """The redemption that a draft became, if it did."""
    row = connection.connection.execute(
        "SELECT id FROM redemption_redemption WHERE draft_id = %s", (draft,), prepare=True
    ).fetchone()
    return row[0] if row else None


def by_reference(reference: str) -> UUID:
    """The redemption of a reference, within the actor's reach. Raises NotFound."""
    row = connection.connection.execute(
        "SELECT id FROM redemption_redemption WHERE reference = %s", (reference.strip().upper(),), prepare=True
    ).fetchone()
    if row is None:
        raise NotFound(what="redemption")
    return UUID(str(row[0]))


def made_by(limit: int, before: UUID | None = None) -> list[dict[str, Any]]:
    """The redemptions within the actor's reach, newest first, `limit` of them from `before` on."""
    rows = connection.connection.execute(
        """SELECT r.id, r.reference, r.purpose, r.at, r.customer_id, c.name, r.reversed_at
           FROM redemption_redemption r LEFT JOIN customers_customer c ON c.id = r.customer_id
           WHERE %(before)s::uuid IS NULL OR r.id < %(before)s::uuid ORDER BY r.id DESC LIMIT %(limit)s""",
        {"before": before, "limit": limit},
        prepare=True,
    ).fetchall()
    names = ("id", "reference", "purpose", "at", "customer", "customer_name", "reversed_at")
    return [dict(zip(names, row, strict=True)) for row in rows]


def redeemer_of(redemption: UUID) -> UUID | None:
    """The account that redeemed, None where nobody was signed in. Raises NotFound when it is out of reach."""
    row = connection.connection.execute(
        "SELECT actor_id FROM redemption_redemption WHERE id = %s", (redemption,), prepare=True
    ).fetchone()
    if row is None:
        raise NotFound(what="redemption")
    return UUID(str(row[0])) if row[0] else None


def keys_of_rows(subscription: UUID, redemptions: Sequence[UUID]) -> dict[int, list[int]]:
    """The key numbers behind each ledger row of a subscription that these redemptions wrote, by the row's number.

    As far as the actor may read the redemptions.
    """
    rows = connection.connection.execute(
        """SELECT ledger_number, key_id FROM redemption_line WHERE redemption_id = ANY (%s) AND subscription_id = %s
           ORDER BY id""",
        (list(redemptions), subscription),
        prepare=True,
    ).fetchall()
    found: dict[int, list[int]] = {}
    for number, key in rows:
        found.setdefault(number, []).append(key)
    return found
