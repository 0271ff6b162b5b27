"""Reading customers, their people, and what an actor stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import connection

from chaveiro.apps.channel.models import Member
from chaveiro.apps.customers.models import Customer, Person, Role
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotFound


def standing(actor: Actor) -> Actor:
    """The same actor with the roles that stand at this moment, in the channel or in their customer.

    Read it in the actor's own scope, before each request's act: a role that ended is gone with the next request. An
    operator is always `operator`, whatever else a membership of the vendor adds.
    """
    roles: set[str] = set()
    if actor.account is not None and actor.kind in (Kind.CHANNEL, Kind.OPERATOR):
        of_channel = Member.objects.filter(account_id=actor.account, ended_at=None)
        if actor.organisation is not None:
            of_channel = of_channel.filter(organisation_id=actor.organisation)
        roles.update(of_channel.values_list("role", flat=True))
    if actor.account is not None and actor.customer is not None:
        held = Role.objects.filter(
            person__account_id=actor.account, person__deleted_at=None, customer_id=actor.customer, ended_at=None
        )
        roles.update(held.values_list("name", flat=True))
    if actor.kind is Kind.OPERATOR:
        roles.add("operator")
    else:
        roles.discard("operator")
    return replace(actor, roles=frozenset(roles))


def administrators_of(customer: UUID) -> list[UUID]:
    """The accounts of a customer's standing administrators, the longest standing first."""
    standing_roles = Role.objects.filter(
        customer_id=customer, name="administrator", ended_at=None, person__deleted_at=None
    )
    return list(standing_roles.order_by("since", "id").values_list("person__account_id", flat=True))


def account_of(person: UUID) -> UUID:
    """The account by which a person signs in. Raises NotFound when they are out of sight."""
    account = Person.objects.filter(id=person).values_list("account_id", flat=True).first()
    if account is None:
        raise NotFound()
    return account


def name_of(customer: UUID) -> str:
    """The organisation's name. Raises NotFound when it is out of sight."""
    name = Customer.objects.filter(id=customer).values_list("name", flat=True).first()
    if name is None:
        raise NotFound()
    return name


@dataclass(frozen=True, slots=True)
class PersonCard:
    """A person of a customer, as its own people see them."""

    id: UUID
    given_name: str
    family_name: str
    login_name: str
    email: str
    owned: bool
    roles: tuple[str, ...]


def people(customer: UUID, *, limit: int = 200) -> list[PersonCard]:
    """The people of a customer within sight, by name, with the roles that stand."""
    rows = Person.objects.filter(customer_id=customer, deleted_at=None).select_related("account")
    found = list(rows.order_by("account__given_name", "account__family_name", "id")[:limit])
    roles: dict[UUID, list[str]] = {}
    for person, name in Role.objects.filter(person__in=found, ended_at=None).values_list("person_id", "name"):
        roles.setdefault(person, []).append(name)
    return [
        PersonCard(
            row.id,
            row.account.given_name,
            row.account.family_name,
            row.account.login_name,
            row.account.email,
            row.account.owned_at is not None,
            tuple(sorted(roles.get(row.id, ()))),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class Opened:
    """An organisation that stands, as far as telling it from another with its tax number needs."""

    id: UUID
    name: str
    country: str
    tax_number: str
    opened_at: datetime


SAME_TAX_NUMBER = """
WITH numbered AS (
    SELECT id, name, country, tax_number, opened_at, customers_tax_number_form(country, tax_number) AS form
    FROM customers_customer WHERE NOT tax_number = '' AND closed_at IS NULL
), shared AS (
    SELECT form, max(opened_at) AS newest FROM numbered GROUP BY form HAVING count(*) > 1
    ORDER BY newest DESC, form LIMIT %s
)
SELECT form, id, name, country, tax_number, opened_at FROM shared JOIN numbered USING (form)
ORDER BY newest DESC, form, opened_at, id
"""


def same_tax_number(*, limit: int = 50) -> list[tuple[Opened, ...]]:
    """The organisations within sight that share a tax number, in groups: the latest opening first, at most `limit`.

    Inside a group the oldest stands first. Closed organisations do not count. Source: rules, section 3.
    """
    rows = connection.connection.execute(SAME_TAX_NUMBER, (limit,), prepare=True).fetchall()
    return [tuple(Opened(*row[1:]) for row in group) for _form, group in groupby(rows, key=lambda row: row[0])]
