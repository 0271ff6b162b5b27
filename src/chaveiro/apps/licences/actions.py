"""Taking licences away. Who gets them is settled where keys are redeemed."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.means import Means

END = """
WITH ended AS (
    UPDATE licences_licence l SET ended_at = %s
    WHERE l.person_id = %s AND l.subscription_id = %s AND l.ended_at IS NULL AND seen_person(l.customer_id)
    RETURNING l.id, l.customer_id, l.subscription_id
), counted AS (
    UPDATE subscriptions_subscription s SET assigned = s.assigned - 1 FROM ended e
    WHERE s.id = e.subscription_id AND seen_subscription(s.customer_id, s.id)
)
SELECT id, customer_id FROM ended
"""


def end_licence(*, actor: Actor, person: UUID, subscription: UUID, means: Means) -> UUID:
    """A person's licence of a subscription ends now, and its seat is free; answers the licence. By the house alone.

    Journals `licence:unassigned`. Raises NotFound, NotAllowed.
    """
    if actor.kind is not Kind.SYSTEM:
        raise NotAllowed(needs="the house")
    with acting(actor):
        with connection.cursor() as cursor:
            cursor.execute(END, (means.now, person, subscription))
            row = cursor.fetchone()
        if row is None:
            raise NotFound(what="licence")
        licence, customer = row
        facts = {"person": str(person), "subscription": str(subscription)}
        record(
            tag="licence:unassigned", at=means.now, actor=actor, subject_id=licence, customer_id=customer, facts=facts
        )
    return UUID(str(licence))
