"""A subscription whose time is over, and what makes its erasure due and proven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.clocks.models import Platform
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import Actor
from tests.cast import NOON, World, make_keys, means, new_id, open_customer

ENDS = date(2027, 11, 22)
DUE = date(2028, 3, 21)  # 120 days later


@dataclass(frozen=True, slots=True)
class Ended:
    """Padaria Sol on the day on which its data are due to go."""

    bruno: Actor
    customer: UUID
    subscription: UUID


def ended(world: World, prefix: str = "padariasol", **changes: Any) -> Ended:
    """A subscription of five seats that ended on ENDS, with the proof that its people were told, unless told not to."""
    keys = make_keys(world, 1, changes.pop("product", "office-basic"))
    bruno, outcome = open_customer(world, keys, prefix)
    subscription = Subscription.objects.get(customer_id=outcome.customer).id
    assert Subscription.objects.get(id=subscription).ends_on == ENDS
    if changes.pop("told", True):
        tell(subscription, **changes)
    return Ended(bruno, outcome.customer, subscription)


def tell(subscription: UUID, *, erase_on: date = DUE, days_before: int = 7, **changes: Any) -> Notice:
    """A deletion notice that a server accepted."""
    row = Subscription.objects.get(id=subscription)
    accepted_on = erase_on - timedelta(days=days_before)
    fields: dict[str, Any] = {
        "id": new_id(),
        "subscription_id": subscription,
        "customer_id": row.customer_id,
        "term": row.term,
        "kind": "erasure-7",
        "recipient": "contact",
        "due_on": accepted_on,
        "written_on": accepted_on,
        "facts": {"erase_on": erase_on.isoformat()},
        "state": "accepted",
        "try_at": NOON,
        "address": "bruno@padariasol.example",
        "outside": True,
        "server": "mx.padariasol.example",
        "returns": True,
        "outcome": "250 ok",
        "settled_on": accepted_on,
        "settled_at": NOON,
    }
    return Notice.objects.create(**{**fields, **changes})


def swept(day: date) -> None:
    """The platform's clock went through this day, and nothing made it doubt itself."""
    Platform.objects.update_or_create(id=1, defaults={"day": day, "at": means(day).now})


def count(sql: str, *values: Any) -> int:
    """A number that the database tells its superuser."""
    connection.ensure_connection()
    return int(connection.connection.execute(sql, values).fetchone()[0])
