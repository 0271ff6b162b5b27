"""The cast, and the small world it acts in.

Duarte   operator at the vendor
Dalila   owner of Norte Distribuição, a distributor
Ana      sells for Sol Informática, a reseller, registration number 1234567
Bruno    first administrator of Padaria Sol, Lda., a customer
Carla    the stranger: administrator of another customer
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.catalog.models import Policy, Product, ProductVersion
from chaveiro.apps.channel.models import Member, Organisation
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.identity.actions import tokens
from chaveiro.apps.identity.models import Account
from chaveiro.apps.keys.models import Batch, Key
from chaveiro.apps.redemption.actions import Order, Outcome, redeem
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.keys import group, mint
from chaveiro.rules.keys.digests import Digester
from chaveiro.rules.means import Means
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.policies import Policy as PolicyNumbers
from chaveiro.rules.redemption import Item
from chaveiro.rules.tokens import SCOPES_OF

DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MARKETS = ["PT", "ES", "FR", "BR", "AO"]
COUNTRIES = frozenset({*MARKETS, "DE", "US", "KP"})
ATTESTATION = {"wording": "2026-11", "language": "pt-pt", "address": "192.0.2.1", "agent": "a test"}

_moments = itertools.count(1_790_000_000_000)


def new_id() -> UUID:
    return identifiers.make(next(_moments), os.urandom)


def means(day: date = DAY) -> Means:
    """The means of an act at noon of a day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Means(noon, day, new_id, os.urandom, digesters())


def digesters() -> tuple[Digester, ...]:
    return wiring.digesters(settings.KEY_PEPPERS)


@dataclass(frozen=True, slots=True)
class World:
    """The vendor, its products, and the people of the channel."""

    duarte: Actor
    dalila: Actor
    ana: Actor
    rui: Actor  # owner of another reseller, Mar Sistemas
    vendor: UUID
    distributor: UUID
    reseller: UUID
    policy: int
    products: dict[str, int]  # code → id of the current version


def build_world() -> World:
    """Rows for the channel; nothing is sold yet."""
    policy = Policy.objects.create(name="standard", version=1, numbers=PolicyNumbers().to_dict(), published_at=NOON)
    products = {
        code: _product(code, maximum, policy)
        for code, maximum in (("office-basic", 300), ("office-plus", 300), ("office-one", 5))
    }
    vendor = _organisation("vendor", "Tagus Software, S.A.", None)
    distributor = _organisation("distributor", "Norte Distribuição, Lda.", "7000001")
    reseller = _organisation("reseller", "Sol Informática, Lda.", "1234567")
    other = _organisation("reseller", "Mar Sistemas, Lda.", "7654321")
    return World(
        duarte=_member(vendor, "Duarte", "operator", Kind.OPERATOR),
        dalila=_member(distributor, "Dalila", "owner", Kind.CHANNEL),
        ana=_member(reseller, "Ana", "sales", Kind.CHANNEL),
        rui=_member(other, "Rui", "owner", Kind.CHANNEL),
        vendor=vendor,
        distributor=distributor,
        reseller=reseller,
        policy=policy.id,
        products=products,
    )


def _product(code: str, maximum: int, policy: Policy, markets: list[str] = MARKETS) -> int:
    product = Product.objects.create(code=code, created_at=NOON)
    names = {"pt": code.replace("-", " ").title(), "en": code.replace("-", " ").title()}
    version = ProductVersion.objects.create(
        product=product,
        number=1,
        names=names,
        services=["mailbox"],
        maximum_seats=maximum,
        markets=markets,
        policy=policy,
        published_at=NOON,
    )
    return version.id


def _organisation(kind: str, name: str, number: str | None) -> UUID:
    made = Organisation.objects.create(
        id=new_id(), kind=kind, name=name, country="PT", registration_number=number, created_at=NOON
    )
    return made.id


def _member(organisation: UUID, name: str, role: str, kind: Kind) -> Actor:
    account = Account.objects.create(
        id=new_id(),
        login_name=f"{name.lower()}@{organisation.hex[:8]}.example.test",
        kind=kind.value,
        organisation_id=organisation,
        email=f"{name.lower()}@example.test",
        given_name=name,
        family_name="Silva",
        owned_at=NOON,
        created_at=NOON,
    )
    Member.objects.create(id=new_id(), organisation_id=organisation, account=account, role=role, since=NOON)
    return Actor(kind, account.id, organisation, roles=frozenset({role}))


def make_keys(world: World, count: int = 1, product: str = "office-basic", **changes: Any) -> list[str]:
    """Released keys in a batch of their own, as grouped texts. `changes` are fields of the batch, or `state`.

    Or `random_bytes`, where the same keys have to be made again.
    """
    state = changes.pop("state", "released")
    texts = mint(count, changes.pop("random_bytes", os.urandom))
    digester = digesters()[-1]
    first = connection.connection.execute("SELECT coalesce(max(number), 9999999999) + 1 FROM keys_key").fetchone()[0]
    batch = Batch.objects.create(
        id=new_id(),
        number=first,
        product_version_id=world.products[product],
        seats=changes.pop("seats", 5),
        months=changes.pop("months", 12),
        quantity=count,
        minted=count,
        first_number=first,
        holder_id=changes.pop("holder", world.vendor),
        created_at=NOON,
        approved_at=NOON,
        minted_at=NOON,
        released_at=NOON,
        **changes,
    )
    rows = (
        Key(
            number=first + index,
            batch=batch,
            state=state,
            digest=digester.digest(text),
            pepper=digester.version,
            last_five=text[-5:],
        )
        for index, text in enumerate(texts)
    )
    Key.objects.bulk_create(rows, batch_size=5_000)
    return [group(text) for text in texts]


def items(texts: list[str]) -> tuple[Item, ...]:
    return tuple(Item.of(text, digesters()) for text in texts)


def padaria(prefix: str = "padariasol", **changes: Any) -> NewCustomer:
    """Bruno's organisation, not yet opened."""
    fields = {"name": "Padaria Sol, Lda.", "country": "PT", "language": "pt-pt", "domain_prefix": prefix}
    return NewCustomer(**{**fields, **changes})


BRUNO = Administrator("Bruno", "Costa", "bruno@padariasol.example")


def opening(texts: list[str], prefix: str = "padariasol", **changes: Any) -> Order:
    """An order that opens Padaria Sol with Bruno as administrator."""
    fields: dict[str, Any] = {
        "purpose": "open",
        "items": items(texts),
        "customer": padaria(prefix),
        "administrator": BRUNO,
        "attestation": ATTESTATION,
        "countries": COUNTRIES,
    }
    return Order(**{**fields, **changes})


def open_customer(world: World, texts: list[str], prefix: str = "padariasol", day: date = DAY) -> tuple[Actor, Outcome]:
    """Ana redeems for a new customer; answers its administrator as an actor, and the outcome."""
    outcome = redeem(actor=world.ana, order=opening(texts, prefix), means=means(day))
    return administrator_of(outcome.customer), outcome


def administrator_of(customer: UUID) -> Actor:
    person = Person.objects.get(customer=Customer.objects.get(id=customer))
    return Actor(Kind.CUSTOMER, person.account_id, customer=customer, roles=frozenset({"administrator"}))


def token_for(actor: Actor, *scopes: str) -> str:
    """A bearer token of the actor's account, with every scope that its side can have unless some are named."""
    assert actor.account is not None
    wanted = scopes or tuple(SCOPES_OF[actor.kind])
    return tokens.create_token(actor=actor, account=actor.account, name="a test", scopes=wanted, means=means()).text
