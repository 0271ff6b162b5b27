"""Licences, and that everything along a foreign key has the same customer: invariant A1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from chaveiro.apps.closing.queries.assertions import Assertion, Ground, holds, rows

# Ids of other rooms that no foreign key shows: the row that they name must have the same customer all the same.
OPAQUE = (
    ("customers_person", "account_id", "identity_account", "id"),
    ("customers_reach", "subscription_id", "subscriptions_subscription", "id"),
    ("delegation_partnerofrecord", "subscription_id", "subscriptions_subscription", "id"),
    ("subscriptions_ledgerrow", "redemption_id", "redemption_redemption", "id"),
    ("redemption_redemption", "person_id", "customers_person", "id"),
)


def _strangers(_ground: Ground) -> Iterator[dict[str, Any]]:
    """Rows that point to a row of another customer, or to none. From the models, so that a new table is looked at."""
    for child, column, parent, target in sorted({*_relations(), *OPAQUE}):
        statement = f"""
            SELECT '{child}' AS "table", '{column}' AS "column", c.{column}::text AS points_to,
                c.customer_id AS customer, p.customer_id AS of_customer
            FROM {child} c LEFT JOIN {parent} p ON p.{target} = c.{column}
            WHERE c.{column} IS NOT NULL AND p.customer_id IS DISTINCT FROM c.customer_id
        """  # noqa: S608 - names of tables and columns from the models
        yield from rows(statement)


def _relations() -> Iterator[tuple[str, str, str, str]]:
    for model in apps.get_models():
        if not _belongs_to_a_customer(model):
            continue
        for field in model._meta.local_fields:
            parent = field.related_model
            if isinstance(field, models.ForeignKey) and isinstance(parent, type) and _belongs_to_a_customer(parent):
                yield model._meta.db_table, field.column, parent._meta.db_table, str(field.target_field.column)


def _belongs_to_a_customer(model: type[models.Model]) -> bool:
    """Whether each of its rows is one customer's. A key is not: its customer is whoever redeemed it last (K2)."""
    columns = {field.column: field.null for field in model._meta.local_concrete_fields}
    return model.__module__.startswith("chaveiro.") and columns.get("customer_id") is False


A1 = (
    holds(
        "A1",
        "licences_fit_the_seats",
        "Licences assigned are counted right, and are no more than the seats unless a dated shortfall stands.",
        """SELECT s.id AS subscription, s.seats, s.assigned, coalesce(l.live, 0) AS live, s.shortfall_until
           FROM subscriptions_subscription s
           LEFT JOIN (SELECT subscription_id, count(*) AS live FROM licences_licence WHERE ended_at IS NULL
                      GROUP BY subscription_id) l ON l.subscription_id = s.id
           WHERE s.assigned <> coalesce(l.live, 0)
              OR (s.closed_at IS NULL AND coalesce(l.live, 0) > s.seats AND s.shortfall_until IS NULL)""",
    ),
    holds(
        "A1",
        "licence_is_held_once",
        "A person has at most one live licence for a product.",
        """SELECT person_id AS person, product_id AS product, count(*) AS licences FROM licences_licence
           WHERE ended_at IS NULL GROUP BY person_id, product_id HAVING count(*) > 1""",
    ),
    holds(
        "A1",
        "licence_is_of_its_product",
        "A licence is for the product of its subscription.",
        """SELECT l.id AS licence, l.product_id AS product, s.product_id AS of_subscription
           FROM licences_licence l JOIN subscriptions_subscription s ON s.id = l.subscription_id
           WHERE l.product_id <> s.product_id""",
    ),
    Assertion("A1", "one_customer_along_keys", "Everything along a foreign key has the same customer.", _strangers),
)
