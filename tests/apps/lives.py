"""Subscriptions laid down as rows, many at once, in any state that a life can have; and what the sweep made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.catalog.models import Policy as PolicyRow
from chaveiro.apps.catalog.models import Product
from chaveiro.apps.customers.models import Customer, Person, Role
from chaveiro.apps.identity.models import Account
from chaveiro.apps.subscriptions.models import Block, LedgerRow, Subscription
from chaveiro.rules.notices import Life
from chaveiro.rules.policies import Policy
from tests.cast import NOON, new_id

SEATS = 5


def look(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def lay(lives: Sequence[Life], *, held: Sequence[bool] = (), clock: UUID | None = None) -> list[UUID]:
    """One customer with one administrator and one subscription for each life; answers the subscriptions in order."""
    product = Product.objects.filter(code="office-basic").first() or Product.objects.create(
        code="office-basic", created_at=NOON
    )
    policies = {policy: _policy(policy) for policy in {life.policy for life in lives}}
    ids = [(new_id(), new_id(), new_id(), new_id()) for _ in lives]
    Customer.objects.bulk_create(_customer(customer, clock) for customer, *_ in ids)
    Account.objects.bulk_create(_account(account, customer) for customer, account, *_ in ids)
    Person.objects.bulk_create(_person(person, account, customer) for customer, account, person, _ in ids)
    Role.objects.bulk_create(
        Role(person_id=person, customer_id=customer, name="administrator", since=NOON) for customer, _, person, _ in ids
    )
    made = zip(ids, lives, strict=True)
    rows = [_subscription(one, life, product, policies[life.policy], clock) for one, life in made]
    Subscription.objects.bulk_create(rows)
    LedgerRow.objects.bulk_create(_opening(row, life.first_day) for row, life in zip(rows, lives, strict=True))
    for row, hold in zip(rows, held or [False] * len(rows), strict=True):
        if hold:
            put_hold(row.customer_id, row.id)
    return [row.id for row in rows]


def put_hold(customer: UUID, subscription: UUID | None) -> UUID:
    made = Block.objects.create(
        id=new_id(),
        customer_id=customer,
        subscription_id=subscription,
        kind="legal_hold",
        holder="operator",
        put_on=NOON.date(),
        put_at=NOON,
    )
    return made.id


def renew(subscription: UUID, day: date, ends_on: date) -> None:
    """A ledger row that gives it another end, and so another term."""
    row = Subscription.objects.get(id=subscription)
    ends_before = row.ends_on
    row.ends_on, row.term, row.version = ends_on, row.term + 1, row.version + 1
    row.save(update_fields=["ends_on", "term", "version"])
    added = _opening(row, day)
    added.kind, added.ends_before, added.seats_before = "extend", ends_before, row.seats
    added.save()


def _policy(numbers: Policy) -> int:
    plain = numbers.to_dict()
    number = PolicyRow.objects.count() + 1
    return PolicyRow.objects.create(name="of lives", version=number, numbers=plain, published_at=NOON).id


def _customer(customer: UUID, clock: UUID | None) -> Customer:
    return Customer(
        id=customer,
        name="Padaria Sol, Lda.",
        country="PT",
        language="pt-pt",
        time_zone="Europe/Lisbon",
        domain_prefix=customer.hex[-20:],
        opened_at=NOON,
        is_test=clock is not None,
        clock_id=clock,
    )


def _account(account: UUID, customer: UUID) -> Account:
    return Account(
        id=account,
        login_name=f"bruno@{customer.hex[-20:]}.example.test",
        kind="customer",
        customer_id=customer,
        email="bruno@padaria.example",
        given_name="Bruno",
        family_name="Costa",
        owned_at=NOON,
        created_at=NOON,
    )


def _person(person: UUID, account: UUID, customer: UUID) -> Person:
    return Person(
        id=person,
        customer_id=customer,
        account_id=account,
        user_name="bruno",
        country_of_use="PT",
        created_at=NOON,
    )


def _subscription(
    ids: tuple[UUID, UUID, UUID, UUID], life: Life, product: Product, policy: int, clock: UUID | None
) -> Subscription:
    return Subscription(
        id=ids[3],
        customer_id=ids[0],
        product=product,
        policy_id=policy,
        price_class="standard",
        seats=SEATS,
        ends_on=life.ends_on,
        credit=0,
        term=1,
        version=1,
        paid_by="direct" if life.renews else "key",
        opened_at=noon(life.first_day),
        closed_at=noon(life.first_day) if life.closed else None,
        erased_on=life.erased_on,
        erase_on=life.erase_on,
        clock_id=clock,
    )


def _opening(row: Subscription, day: date) -> LedgerRow:
    return LedgerRow(
        subscription=row,
        customer_id=row.customer_id,
        number=row.version,
        term=row.term,
        kind="open",
        day=day,
        origin=day,
        granted=SEATS * max(0, (row.ends_on - day).days),
        seats_before=0,
        ends_before=None,
        credit_before=0,
        seats_after=row.seats,
        ends_after=row.ends_on,
        credit_after=0,
        policy_id=row.policy_id,
        actor_kind="system",
        at=noon(day) + timedelta(minutes=row.version),
    )
