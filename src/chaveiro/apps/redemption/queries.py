"""What a redemption needs to know before it decides, and what a receipt says afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.policies import Policy
from chaveiro.rules.redemption import Item, KeyFacts, Target
from chaveiro.rules.terms import Standing

FIND_KEYS = "SELECT * FROM keys_find(string_to_array(%s, ',')::bytea[], %s::uuid, %s::timestamptz)"
FIND_OF_DRAFT = (
    "SELECT r.id FROM redemption_redemption r WHERE r.draft_id = %s"
    " AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)"
)

FIND_TARGET = """
SELECT s.id, s.customer_id, s.product_id, p.code, s.price_class, s.seats, s.ends_on, s.credit, s.assigned, s.term,
    s.version, s.paid_by, s.erased_on, s.policy_id, policy.numbers,
    (SELECT v.maximum_seats FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1),
    c.country::text, s.closed_at IS NOT NULL,
    CASE WHEN s.clock_id IS NOT NULL THEN (SELECT own.day FROM customers_day(c.id) AS own) END
FROM subscriptions_subscription s
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_policy policy ON policy.id = s.policy_id
JOIN customers_customer c ON c.id = s.customer_id
WHERE s.id = %s AND seen_subscription(s.customer_id, s.id) AND seen_customer(c.id)
"""

# For a partner those of whose customers it is the confirmed partner of record; those of the keys' products first.
FIND_CANDIDATES = """
SELECT s.id, s.customer_id, s.product_id, p.code, s.price_class, s.seats, s.ends_on, s.credit, s.assigned, s.term,
    s.version, s.paid_by, s.erased_on, s.policy_id, policy.numbers, version.maximum_seats, c.country::text, c.name,
    version.names, CASE WHEN s.clock_id IS NOT NULL THEN (SELECT own.day FROM customers_day(c.id) AS own) END
FROM subscriptions_subscription s
JOIN catalog_product p ON p.id = s.product_id
JOIN catalog_policy policy ON policy.id = s.policy_id
JOIN customers_customer c ON c.id = s.customer_id
JOIN LATERAL (SELECT v.maximum_seats, v.names FROM catalog_productversion v WHERE v.product_id = p.id
    ORDER BY v.number DESC LIMIT 1) AS version ON true
WHERE s.closed_at IS NULL AND s.erased_on IS NULL AND c.closed_at IS NULL
  AND seen_subscription(s.customer_id, s.id) AND seen_customer(c.id)
  AND (s.customer_id = %(customer)s::uuid OR (%(customer)s::uuid IS NULL AND s.customer_id IN (
    SELECT d.customer_id FROM delegation_partnerofrecord d
    WHERE d.organisation_id = %(organisation)s AND d.state = 'confirmed'
      AND seen_partner_of_record(d.customer_id, d.organisation_id))
    AND delegation_counts(s.customer_id, s.id, %(organisation)s)))
  AND (%(only)s::uuid IS NULL OR s.id = %(only)s) AND (%(wanted)s = '' OR c.name ILIKE %(like)s)
ORDER BY s.product_id <> ALL (%(products)s::bigint[]), s.ends_on, s.id LIMIT %(limit)s
"""

FIND_CUSTOMER = """
SELECT c.country::text, c.name, c.closed_at IS NOT NULL,
    delegation_counts(c.id, %(subscription)s, %(organisation)s),
    CASE WHEN c.clock_id IS NOT NULL THEN (SELECT own.day FROM customers_day(c.id) AS own) END
FROM customers_customer c WHERE c.id = %(customer)s AND seen_customer(c.id)
"""


@dataclass(frozen=True, slots=True)
class ExistingCustomer:
    """A customer that is there already, as far as a redemption needs to know it."""

    id: UUID
    country: str
    name: str
    has_actor_as_partner_of_record: bool
    day: date | None = None  # of the test clock on which it lives


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subscription that keys could act on, with what a list says of it."""

    target: Target
    country: str
    customer_name: str
    names: Mapping[str, str]
    day: date | None = None  # of the test clock on which its customer lives


def known_keys(items: Sequence[Item], draft: UUID | None, means: Means) -> dict[bytes, KeyFacts]:
    """What the house knows of the keys in a basket, by digest: one statement, whatever the basket's size."""
    return keys_among(connection.connection.execute(*ask_for_keys(items, draft, means)).fetchall())


def ask_for_keys(items: Sequence[Item], draft: UUID | None, means: Means) -> tuple[str, Sequence[Any]]:
    """The question that `keys_among` reads the answer of, for acts that ask it together with more."""
    return FIND_KEYS, (",".join([f"\\x{digest.hex()}" for item in items for digest in item.digests]), draft, means.now)


def keys_among(rows: Sequence[Sequence[Any]]) -> dict[bytes, KeyFacts]:
    """What the house knows, by digest, from the rows that it was asked for."""
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
    return _target(row), row[16]


def _target(row: Sequence[Any]) -> Target:
    return Target(
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


def candidates(
    *,
    customer: UUID | None,
    organisation: UUID | None,
    products: Collection[int],
    wanted: str = "",
    only: UUID | None = None,
    limit: int,
) -> list[Candidate]:
    """Subscriptions onto which the actor could redeem, those of these products first; `wanted` is part of a name."""
    rows = connection.connection.execute(
        FIND_CANDIDATES,
        {
            "customer": customer,
            "organisation": organisation,
            "products": list(products),
            "wanted": wanted,
            "like": "%" + re.sub(r"([%_\\])", r"\\\1", wanted) + "%",
            "only": only,
            "limit": limit,
        },
        prepare=True,
    ).fetchall()
    return [Candidate(_target(row), row[16], row[17], json.loads(row[18]), row[19]) for row in rows]


def seller_of_keys() -> tuple[str, str] | None:
    """Name and registration number of the reseller that holds the stock of all keys of the draft in hand."""
    row = connection.connection.execute(
        "SELECT name, registration_number FROM redemption_seller_of_keys()", prepare=True
    ).fetchone()
    return (row[0], row[1]) if row and row[1] else None


def existing_customer(customer: UUID, organisation: UUID | None, subscription: UUID | None = None) -> ExistingCustomer:
    """A customer within the actor's reach. Raises NotFound for foreign, closed and absent alike.

    Whether the actor's organisation is partner of record is told for one subscription, else for the organisation.
    """
    asked = {"customer": customer, "organisation": organisation, "subscription": subscription}
    row = connection.connection.execute(FIND_CUSTOMER, asked, prepare=True).fetchone()
    if row is None or row[2]:
        raise NotFound(what="customer")
    return ExistingCustomer(customer, row[0], row[1], row[3], row[4])


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


def facts_of_several(redemptions: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """Everything that several receipts say, in one statement; those that are not the actor's to read are left out."""
    if not redemptions:
        return {}
    rows = connection.connection.execute(
        "SELECT id, redemption_facts(id) FROM unnest(%s::uuid[]) AS id", (list(redemptions),), prepare=True
    ).fetchall()
    return {row[0]: dict(json.loads(row[1])) for row in rows if row[1] is not None}


def of_draft(draft: UUID) -> UUID | None:
    """The redemption that a draft became, if it did."""
    row = connection.connection.execute(FIND_OF_DRAFT, (draft,), prepare=True).fetchone()
    return row[0] if row else None


def by_reference(reference: str) -> UUID:
    """The redemption of a reference, within the actor's reach. Raises NotFound."""
    row = connection.connection.execute(
        "SELECT r.id FROM redemption_redemption r WHERE r.reference = %s "
        "AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)",
        (reference.strip().upper(),),
        prepare=True,
    ).fetchone()
    if row is None:
        raise NotFound(what="redemption")
    return UUID(str(row[0]))


def made_by(limit: int, before: UUID | None = None) -> list[dict[str, Any]]:
    """The redemptions within the actor's reach, newest first, `limit` of them from `before` on."""
    rows = connection.connection.execute(
        """SELECT r.id, r.reference, r.purpose, r.at, r.customer_id, c.name, r.reversed_at
            FROM redemption_redemption r LEFT JOIN customers_customer c ON c.id = r.customer_id AND seen_customer(c.id)
            WHERE (%(before)s::uuid IS NULL OR r.id < %(before)s::uuid)
              AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)
            ORDER BY r.id DESC LIMIT %(limit)s""",
        {"before": before, "limit": limit},
        prepare=True,
    ).fetchall()
    names = ("id", "reference", "purpose", "at", "customer", "customer_name", "reversed_at")
    return [dict(zip(names, row, strict=True)) for row in rows]


# The page first, then what is said of its rows: keys and names of those alone are looked up.
LISTED = """
SELECT r.id, r.reference, r.purpose, r.at, r.customer_id, c.name, r.reversed_at,
    (SELECT count(*) FROM redemption_line l WHERE l.redemption_id = r.id AND seen_line(l.customer_id, l.redemption_id))
FROM page r LEFT JOIN customers_customer c ON c.id = r.customer_id AND seen_customer(c.id)
"""
LISTED_FOR = f"""
WITH page AS MATERIALIZED (SELECT * FROM redemption_redemption r
    WHERE r.customer_id = %(customer)s AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)
      AND (%(before)s::uuid IS NULL OR r.id < %(before)s::uuid)
    ORDER BY r.id DESC LIMIT %(limit)s)
{LISTED} ORDER BY r.id DESC
"""  # noqa: S608 - a constant of this module
LISTED_BY = f"""
WITH page AS MATERIALIZED (SELECT * FROM redemption_redemption r
    WHERE r.organisation_id = %(organisation)s AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)
      AND (%(before)s::uuid IS NULL OR (r.at, r.id) < (
        SELECT last.at, last.id FROM redemption_redemption last WHERE last.id = %(before)s
        AND seen_redemption(last.customer_id, last.organisation_id, last.draft_id)))
    ORDER BY r.at DESC, r.id DESC LIMIT %(limit)s)
{LISTED} ORDER BY r.at DESC, r.id DESC
"""  # noqa: S608 - a constant of this module
LISTED_NAMES = ("id", "reference", "purpose", "at", "customer", "customer_name", "reversed_at", "keys")


def redemptions_for(customer: UUID, *, limit: int, before: UUID | None = None) -> list[dict[str, Any]]:
    """The redemptions for one customer that the actor may read, the newest first; `before` is the last one seen."""
    rows = connection.connection.execute(
        LISTED_FOR,
        {"customer": customer, "before": before, "limit": limit},
        prepare=True,
    ).fetchall()
    return [dict(zip(LISTED_NAMES, row, strict=True)) for row in rows]


def redemptions_by(organisation: UUID, *, limit: int, before: UUID | None = None) -> list[dict[str, Any]]:
    """The redemptions that one organisation of the channel made, the newest first; `before` is the last one seen."""
    rows = connection.connection.execute(
        LISTED_BY,
        {"organisation": organisation, "before": before, "limit": limit},
        prepare=True,
    ).fetchall()
    return [dict(zip(LISTED_NAMES, row, strict=True)) for row in rows]


def references_of(redemptions: Collection[UUID]) -> dict[UUID, str]:
    """The references of those redemptions that the actor may read."""
    rows = connection.connection.execute(
        "SELECT r.id, r.reference FROM redemption_redemption r WHERE r.id = ANY (%s) "
        "AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)",
        (list(redemptions),),
        prepare=True,
    ).fetchall()
    return dict(rows)


def redeemer_of(redemption: UUID) -> UUID | None:
    """The account that redeemed, None where nobody was signed in. Raises NotFound when it is out of reach."""
    row = connection.connection.execute(
        "SELECT r.actor_id FROM redemption_redemption r WHERE r.id = %s "
        "AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)",
        (redemption,),
        prepare=True,
    ).fetchone()
    if row is None:
        raise NotFound(what="redemption")
    return UUID(str(row[0])) if row[0] else None


def keys_of_rows(subscription: UUID, redemptions: Sequence[UUID]) -> dict[int, list[int]]:
    """The key numbers behind each ledger row of a subscription that these redemptions wrote, by the row's number.

    As far as the actor may read the redemptions.
    """
    rows = connection.connection.execute(
        """SELECT l.ledger_number, l.key_id FROM redemption_line l WHERE l.redemption_id = ANY (%s)
           AND l.subscription_id = %s AND seen_line(l.customer_id, l.redemption_id) ORDER BY l.id""",
        (list(redemptions), subscription),
        prepare=True,
    ).fetchall()
    found: dict[int, list[int]] = {}
    for number, key in rows:
        found.setdefault(number, []).append(key)
    return found


def redemption_of_key(number: int) -> dict[str, Any] | None:
    """The redemption in which a key stands, or stood last: id, reference, instant, whether it was taken back."""
    row = connection.connection.execute(
        """SELECT r.id, r.reference, r.at, l.reversed FROM redemption_line l
            JOIN redemption_redemption r ON r.id = l.redemption_id
            WHERE l.key_id = %s AND NOT l.reversed AND seen_line(l.customer_id, l.redemption_id)
              AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id)""",
        (number,),
        prepare=True,
    ).fetchone()
    return None if row is None else dict(zip(("id", "reference", "at", "reversed"), row, strict=True))
