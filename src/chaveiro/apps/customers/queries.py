"""Reading customers, their people, and what an actor stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.channel.models import Member
from chaveiro.apps.customers.models import Customer, Person, Reach, Role
from chaveiro.apps.identity.queries import AccountCard, actor_of
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.sessions import How, prefix_of, tag_of


def standing(actor: Actor) -> Actor:
    """The same actor with the roles that stand at this moment, in the channel or in their customer.

    Read it in the actor's own scope, before each request's act: a role that ended is gone with the next request. An
    operator is always `operator`, whatever else a membership of the vendor adds.
    """
    roles: set[str] = set()
    if actor.account is not None and actor.kind in (Kind.CHANNEL, Kind.OPERATOR):
        of_channel = seen(Member).filter(account_id=actor.account, ended_at=None)
        if actor.organisation is not None:
            of_channel = of_channel.filter(organisation_id=actor.organisation)
        roles.update(of_channel.values_list("role", flat=True))
    if actor.account is not None and actor.customer is not None:
        held = seen(Role).filter(
            person__account_id=actor.account, person__deleted_at=None, customer_id=actor.customer, ended_at=None
        )
        roles.update(held.values_list("name", flat=True))
    return _holding(actor, roles)


def _holding(actor: Actor, roles: set[str]) -> Actor:
    """An operator is always `operator`, and nobody else ever is."""
    if actor.kind is Kind.OPERATOR:
        roles.add("operator")
    else:
        roles.discard("operator")
    return replace(actor, roles=frozenset(roles))


@dataclass(frozen=True, slots=True)
class AtBrowser:
    """An account that is, or was, signed in at a browser. `home` is the name of its organisation."""

    session: UUID
    live: bool
    how: How
    started_at: datetime
    seen_at: datetime
    confirmed_at: datetime | None
    account: AccountCard
    home: str
    actor: Actor  # with its standing roles, where the account is the one that was asked for
    clock: str | None  # the test clock on which its customer lives, and the day that it has
    day: date | None

    @property
    def tag(self) -> str:
        """What stands for the account in addresses."""
        return tag_of(self.account.id)

    @property
    def prefix(self) -> str:
        """What stands before the account's addresses."""
        return prefix_of(self.account.id)


AT_BROWSER = (
    "SELECT session, live, how, started_at, seen_at, confirmed_at, account, kind, organisation, customer, login_name,"
    " email, alternate_email, given_name, family_name, language, time_zone, owned, home, roles, clock, day"
    " FROM customers_at_browser(%s, %s, %s)"
)
DAY_OF = "SELECT clock, day FROM customers_day(%s)"


def at_browser(browser: bytes, tag: str, now: datetime) -> list[AtBrowser]:
    """Every account of the browser with this digest, in the order of signing in, with the roles of the account `tag`.

    One statement in nobody's scope: whoever shows a browser's secret may know who is signed in there.
    """
    with connection.cursor() as cursor:
        cursor.execute(AT_BROWSER, (browser, tag, now))
        return [_at_browser(*row) for row in cursor.fetchall()]


def _at_browser(*row: Any) -> AtBrowser:
    session, live, how, started_at, seen_at, confirmed_at, *of_account, home, roles, clock, day = row
    identifier, kind, *rest = of_account
    card = AccountCard(*(identifier, Kind(kind), *rest, False))
    actor = _holding(actor_of(card), set(roles))
    return AtBrowser(session, live, How(how), started_at, seen_at, confirmed_at, card, home, actor, clock, day)


def day_of(customer: UUID | None, day: date) -> date:
    """The day of a customer: its test clock's, else `day`, which is the platform's. So where it is out of sight."""
    found = clock_of(customer)
    return day if found is None else found[1]


def clock_of(customer: UUID | None) -> tuple[UUID, date] | None:
    """The test clock on which a customer lives, and its day; None where it lives by the platform's."""
    if customer is None:
        return None
    row = connection.connection.execute(DAY_OF, (customer,), prepare=True).fetchone()
    return None if row is None else (row[0], row[1])


def administrators_of(customer: UUID) -> list[UUID]:
    """The accounts of a customer's standing administrators, the longest standing first."""
    standing_roles = seen(Role).filter(
        customer_id=customer, name="administrator", ended_at=None, person__deleted_at=None
    )
    return list(standing_roles.order_by("since", "id").values_list("person__account_id", flat=True))


def account_of(person: UUID) -> UUID:
    """The account by which a person signs in. Raises NotFound when they are out of sight."""
    account = seen(Person).filter(id=person).values_list("account_id", flat=True).first()
    if account is None:
        raise NotFound()
    return account


def person_of(account: UUID) -> UUID:
    """The person who signs in with an account. Raises NotFound where that is nobody within sight."""
    person = seen(Person).filter(account_id=account, deleted_at=None).values_list("id", flat=True).first()
    if person is None:
        raise NotFound(what="person")
    return person


def name_of(customer: UUID) -> str:
    """The organisation's name. Raises NotFound when it is out of sight."""
    name = seen(Customer).filter(id=customer).values_list("name", flat=True).first()
    if name is None:
        raise NotFound()
    return name


def sellers_of(customer: UUID) -> list[UUID]:
    """The organisations that redeemed keys for a customer, the latest first."""
    found = seen(Reach).filter(customer_id=customer, kind="seller", ended_at=None).order_by("-since", "-id")
    return list(dict.fromkeys(found.values_list("organisation_id", flat=True)[:20]))


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """An organisation as those who may see it know it."""

    id: UUID
    name: str
    country: str
    opened_at: datetime
    closed_at: datetime | None


def card(customer: UUID) -> CustomerCard:
    """One organisation, a closed one too. Raises NotFound when it is out of sight."""
    found = seen(Customer).filter(id=customer).values_list("id", "name", "country", "opened_at", "closed_at").first()
    if found is None:
        raise NotFound(what="customer")
    return CustomerCard(*found)


@dataclass(frozen=True, slots=True)
class NamedCustomer:
    """An organisation by its name."""

    id: UUID
    name: str


def living_on(clock: UUID) -> list[NamedCustomer]:
    """The organisations within sight that live on a test clock, by name, at most 200."""
    found = seen(Customer).filter(clock_id=clock).order_by("name", "id").values_list("id", "name")
    return [NamedCustomer(*row) for row in found[:200]]


def marked_as_test(*, besides: UUID) -> list[NamedCustomer]:
    """The test organisations within sight that live on no test clock or on another one, by name, at most 200."""
    found = seen(Customer).filter(is_test=True, closed_at=None).exclude(clock_id=besides)
    return [NamedCustomer(*row) for row in found.order_by("name", "id").values_list("id", "name")[:200]]


def opened_at(customer: UUID) -> datetime:
    """Since when an organisation stands. Raises NotFound when it is out of sight."""
    instant = seen(Customer).filter(id=customer).values_list("opened_at", flat=True).first()
    if instant is None:
        raise NotFound()
    return instant


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
    rows = seen(Person).filter(customer_id=customer, deleted_at=None).select_related("account")
    found = list(rows.order_by("account__given_name", "account__family_name", "id")[:limit])
    roles: dict[UUID, list[str]] = {}
    for person, name in seen(Role).filter(person__in=found, ended_at=None).values_list("person_id", "name"):
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


SAME_TAX_NUMBER = "SELECT form, id, name, country, tax_number, opened_at FROM customers_same_tax_number(%s)"


def same_tax_number(*, limit: int = 50) -> list[tuple[Opened, ...]]:
    """The organisations that share a tax number, in groups: the latest opening first, at most `limit`.

    Told to operators and the house; nobody else gets any. Inside a group the oldest stands first. Closed organisations
    do not count. Source: rules, section 3.
    """
    rows = connection.connection.execute(SAME_TAX_NUMBER, (limit,), prepare=True).fetchall()
    return [tuple(Opened(*row[1:]) for row in group) for _form, group in groupby(rows, key=lambda row: row[0])]
