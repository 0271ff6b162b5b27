"""After the commit of an erasure: its data key is destroyed, a person's rows are blanked. Both may run any number of
times; the second changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from chaveiro.apps.closing.actions.erasing import blank
from chaveiro.apps.closing.models import Erasure
from chaveiro.apps.closing.queries import inventory
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.datakeys import DataKeys, Whose
from chaveiro.rules.means import Means

AT_ONCE = 500


def destroy_key(*, erasure: UUID, keys: DataKeys, means: Means) -> bool:
    """Destroy the data key of what was erased, and write down that it is gone; False where that was written before.

    First the key, then the row: killed between them, the next run finds the key gone and writes. Journals
    `subscription:key_destroyed` or `customer:key_destroyed`. Raises DataKeysUnusable.
    """
    with acting(SYSTEM):
        found = _undestroyed().filter(id=erasure).values_list("kind", "subscription_id", "customer_id").first()
    if found is None:
        return False
    kind, subscription, customer = found
    keys.destroy(Whose(kind), subscription or customer)
    with acting(SYSTEM):
        if _undestroyed().filter(id=erasure).update(key_destroyed_at=means.now) != 1:
            return False
        record(
            tag=f"{kind}:key_destroyed",
            at=means.now,
            actor=SYSTEM,
            subject_id=subscription or customer,
            customer_id=customer,
            facts={"erasure": str(erasure)},
        )
    return True


def destroy_left(*, keys: DataKeys, means: Means, limit: int = AT_ONCE) -> int:
    """Destroy the keys that are still there, whatever became of the effect that was owed for them; answers how many."""
    with acting(SYSTEM):
        left = list(_undestroyed().order_by("id").values_list("id", flat=True)[:limit])
    return sum(destroy_key(erasure=one, keys=keys, means=means) for one in left)


def _undestroyed() -> QuerySet[Erasure]:
    return seen(Erasure).filter(day__isnull=False, key_destroyed_at__isnull=True).exclude(kind="person")


ACCOUNT = "SELECT p.account_id FROM customers_person p WHERE p.id = %s AND seen_person(p.customer_id)"


def erase_person(*, erasure: UUID, means: Means) -> bool:
    """Blank what is kept of a person who was let go; False where that was done before. Journals `person:erased`."""
    with acting(SYSTEM):
        row = seen(Erasure).filter(id=erasure, kind="person", day__isnull=True).select_for_update().first()
        if row is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute(ACCOUNT, (row.person_id,))
            account = cursor.fetchone()[0]
        rows = blank(inventory.blanking_of_person(), account)
        seen(Erasure).filter(id=erasure).update(day=row.due_on, at=means.now, rows=rows)
        record(
            tag="person:erased",
            at=means.now,
            actor=SYSTEM,
            subject_id=str(row.person_id),
            customer_id=row.customer_id,
            facts={"erasure": str(erasure)},
        )
    return True
