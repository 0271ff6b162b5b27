"""The rows of an export, table by table, in portions. For the house's own scope: whoever calls has asked who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.closing.queries import inventory
from chaveiro.rules.inventory import Table

PORTION = 500
_number = count()

PRODUCTS = """
SELECT DISTINCT ON (p.id) p.id, p.code, v.names FROM catalog_product p JOIN catalog_productversion v
    ON v.product_id = p.id ORDER BY p.id, v.number DESC
"""


def rows(table: Table, owner: UUID, *, of_person: bool) -> Iterator[dict[str, Any]]:
    """The rows of a table that belong to a customer, or to the person with that account, as plain values."""
    paths = table.person if of_person else table.customer
    columns = ", ".join(table.shown)
    statement = f"SELECT {columns} FROM {table.name} WHERE {inventory.whose(paths)} ORDER BY {table.kept[0]}"  # noqa: S608
    with connection.connection.cursor(name=f"chaveiro_takeout_{next(_number)}") as cursor:
        cursor.itersize = PORTION
        cursor.execute(statement, {"owner": owner})
        for row in cursor:
            yield {column: _plain(value) for column, value in zip(table.shown, row, strict=True)}


def products() -> dict[str, Any]:
    """What the numbers of products mean: code and names, by number."""
    with connection.cursor() as cursor:
        cursor.execute(PRODUCTS)
        return {str(number): {"code": code, "names": _plain(names)} for number, code, names in cursor.fetchall()}


def _plain(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case bytes() | memoryview():
            return bytes(value).hex()
        case str() if value[:1] in ("{", "["):
            # The driver hands JSON on as its text; a text that only looks so stays what it is.
            try:
                return json.loads(value)
            except ValueError:
                return value
        case _:
            return value


@dataclass(frozen=True, slots=True)
class PersonCard:
    """A person of the reader's own organisation."""

    id: UUID
    account: UUID
    user_name: str
    given_name: str
    family_name: str
    roles: tuple[str, ...]


PEOPLE = """
SELECT p.id, p.account_id, p.user_name, a.given_name, a.family_name,
    (SELECT array_agg(r.name ORDER BY r.name) FROM customers_role r
        WHERE r.person_id = p.id AND r.ended_at IS NULL AND seen_person(r.customer_id))
FROM customers_person p
JOIN identity_account a ON a.id = p.account_id AND seen_account(a.id, a.customer_id, a.organisation_id)
WHERE p.customer_id = %(customer)s AND p.deleted_at IS NULL AND seen_person(p.customer_id)
  AND (%(person)s::uuid IS NULL OR p.id = %(person)s::uuid) AND (%(account)s::uuid IS NULL OR a.id = %(account)s::uuid)
ORDER BY a.given_name, a.family_name, p.id LIMIT %(limit)s
"""


def people(customer: UUID, *, limit: int, person: UUID | None = None, account: UUID | None = None) -> list[PersonCard]:
    """The people of a customer that are in sight, by name."""
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, {"customer": customer, "person": person, "account": account, "limit": limit})
        return [
            PersonCard(identifier, account_id, user_name, given_name, family_name, tuple(roles or ()))
            for identifier, account_id, user_name, given_name, family_name, roles in cursor.fetchall()
        ]
