"""A small true installation in rows: one batch, one customer, one redemption by Ana, everything as a commit leaves it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from chaveiro.adapters.signing import Keyring
from chaveiro.apps.closing.queries import Ground
from chaveiro.rules.keys import Digester, Pepper, last_five, mint
from chaveiro.rules.policies import DEFAULT_POLICY
from chaveiro.rules.terms import Grant, apply

NOW = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
DAY = date(2027, 3, 1)
TODAY = date(2027, 6, 1)
PEPPER = Pepper(1, b"a pepper that only this test has.")
SEATS, MONTHS = 5, 12
FIRST_SERIAL = 1_000_001


def one(sql: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchone()[0]


def do(sql: str, *parameters: Any) -> None:
    """A statement whose answer does not matter."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)


@dataclass(slots=True)
class Cards:
    """What was put there, by name."""

    keys: list[str]
    vendor: UUID = field(default_factory=uuid4)
    ana: UUID = field(default_factory=uuid4)
    batch: UUID = field(default_factory=uuid4)
    customer: UUID = field(default_factory=uuid4)
    account: UUID = field(default_factory=uuid4)
    person: UUID = field(default_factory=uuid4)
    subscription: UUID = field(default_factory=uuid4)
    redemption: UUID = field(default_factory=uuid4)
    licence: UUID = field(default_factory=uuid4)
    product: int = 0
    version: int = 0
    policy: int = 0


def ground() -> Ground:
    """What an assertion needs beside these rows."""
    return Ground(
        day=TODAY,
        digesters=(Digester(PEPPER),),
        reader=Keyring.from_text(settings.SIGNING_KEYS),
        secrets={"SECRET_KEY": settings.SECRET_KEY, "KEY_PEPPERS": "cGVwcGVyIHRoYXQgb25seSB0ZXN0cyBrbm93"},
    )


def build() -> Cards:
    """Put a batch of four keys, and redeem two of them for Padaria Sol, Lda."""
    cards = Cards(keys=mint(4, lambda count: bytes(range(7, 7 + count)) if count < 240 else bytes(count)))
    _catalogue(cards)
    _batch(cards)
    open_customer(cards, numbers=[FIRST_SERIAL, FIRST_SERIAL + 1])
    return cards


def _catalogue(cards: Cards) -> None:
    cards.policy = one(
        "INSERT INTO catalog_policy (name, version, numbers, published_at) VALUES ('standard', 1, %s, %s) RETURNING id",
        json.dumps(DEFAULT_POLICY.to_dict()),
        NOW,
    )
    cards.product = one("INSERT INTO catalog_product (code, created_at) VALUES ('office', %s) RETURNING id", NOW)
    cards.version = one(
        "INSERT INTO catalog_productversion (product_id, number, names, texts, services, maximum_seats, markets,"
        " price_class, policy_id, published_at) VALUES (%s, 1, %s, '{}', '{}', 300, '{PT}', 'standard', %s, %s)"
        " RETURNING id",
        cards.product,
        json.dumps({"pt": "Escritório", "en": "Office"}),
        cards.policy,
        NOW,
    )
    do(
        "INSERT INTO channel_organisation (id, kind, name, country, language, created_at)"
        " VALUES (%s, 'vendor', 'Chaveiro', 'PT', 'pt-pt', %s), (%s, 'reseller', 'Ana & Filhos', 'PT', 'pt-pt', %s)",
        cards.vendor,
        NOW,
        cards.ana,
        NOW,
    )


def _batch(cards: Cards) -> None:
    do(
        "INSERT INTO keys_batch (id, number, product_version_id, seats, months, quantity, minted, first_number,"
        " countries, holder_id, kind, created_at, minted_at, released_at)"
        " VALUES (%s, 1, %s, %s, %s, %s, %s, %s, '{}', %s, 'bearer', %s, %s, %s)",
        cards.batch,
        cards.version,
        SEATS,
        MONTHS,
        len(cards.keys),
        len(cards.keys),
        FIRST_SERIAL,
        cards.vendor,
        NOW,
        NOW,
        NOW,
    )
    for place, key in enumerate(cards.keys):
        do(
            "INSERT INTO keys_key (number, batch_id, state, digest, pepper, last_five)"
            " VALUES (%s, %s, 'released', %s, 1, %s)",
            FIRST_SERIAL + place,
            cards.batch,
            Digester(PEPPER).digest(key),
            last_five(key),
        )


def open_customer(cards: Cards, *, numbers: list[int]) -> None:
    """The commit of a redemption that opens the customer of `cards`, by the database's own function."""
    total = apply("open", DAY, None, [Grant(SEATS, MONTHS)] * len(numbers), None, DEFAULT_POLICY)
    effect = {
        "number": 1,
        "term": 1,
        "kind": "open",
        "subscription": str(cards.subscription),
        "product": cards.product,
        "policy": cards.policy,
        "price_class": "standard",
        "assigned": 1,
        "redemption": str(cards.redemption),
        "origin": DAY.isoformat(),
        "granted": total.granted,
        "seats_before": 0,
        "ends_before": None,
        "credit_before": 0,
        "seats_after": total.seats,
        "ends_after": total.ends_on.isoformat(),
        "credit_after": total.credit,
    }
    do("SELECT redemption_commit(%s, %s)", json.dumps(_plan(cards, numbers, effect)), NOW)


def _plan(cards: Cards, numbers: list[int], effect: dict[str, Any]) -> dict[str, Any]:
    customer, account, person = map(str, (cards.customer, cards.account, cards.person))
    redemption = str(cards.redemption)
    spent = {
        "seats": SEATS,
        "months": MONTHS,
        "subscription": str(cards.subscription),
        "ledger_number": 1,
    }
    return {
        "actor": {"kind": "channel", "account": str(uuid4()), "organisation": str(cards.ana)},
        "redemption": {
            "id": redemption,
            "reference": f"R-{cards.redemption.hex[:8]}",
            "draft": None,
            "purpose": "open",
            "customer": customer,
            "person": person,
            "opened_customer": True,
            "attestation": {},
            "fingerprint": "a3f4b9d2c1e0f7a6b5c4",
            "day": DAY.isoformat(),
        },
        "lines": [{"number": number} | spent for number in numbers],
        "account": {
            "id": account,
            "customer": customer,
            "login_name": f"bruno@{cards.customer.hex[:8]}.example.test",
            "email": "bruno@padaria-sol.example",
            "alternate_email": "",
            "given_name": "Bruno",
            "family_name": "Sá",
            "language": "pt-pt",
            "time_zone": "Europe/Lisbon",
        },
        "customer": {
            "id": customer,
            "name": "Padaria Sol, Lda.",
            "country": "PT",
            "tax_number": "",
            "language": "pt-pt",
            "time_zone": "Europe/Lisbon",
            "domain_prefix": cards.customer.hex[:12],
        },
        "person": {"id": person, "account": account, "user_name": "bruno"},
        "effects": [effect],
        "licences": [
            {
                "id": str(cards.licence),
                "customer": customer,
                "person": person,
                "product": cards.product,
                "subscription": str(cards.subscription),
            }
        ],
        "proposal": None,
        "seller": str(cards.ana),
        "entries": [
            {
                "tag": "redemption:committed",
                "subject_kind": "redemption",
                "subject_id": redemption,
                "facts": {"keys": len(numbers), "fingerprint": "a3f4b9d2c1e0f7a6b5c4"},
            }
        ],
        "owed": [],
        "answer": None,
    }
