"""A partner's first home: how many customers, what ends when, what was redeemed, and its registration number."""

from __future__ import annotations

from typing import Any

from chaveiro import wiring
from chaveiro.apps.channel.queries import card
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.queries import Wanted
from chaveiro.apps.keys import queries as keys
from chaveiro.apps.redemption import queries as redemption
from chaveiro.rules.actors import Actor
from chaveiro.rules.authority import PARTNER_ROLES
from chaveiro.rules.renewals import PIPELINE, Bucket
from chaveiro.web import renewal_charts

LISTED = 5
ENDING_SOON = (Bucket.SIXTY, Bucket.THIRTY, Bucket.SEVEN, Bucket.ONE)
ENDED = (Bucket.GRACE, Bucket.RETAINED)


def context(actor: Actor, step: str) -> dict[str, Any]:
    """Everything that the page says, with redemptions counted by `step`. Call it while acting."""
    assert actor.organisation is not None
    day = wiring.means().day
    business = delegation.business(day=day)
    return {
        "organisation": card(organisation=actor.organisation),
        "business": business,
        "pipeline": [business.steps[bucket] for bucket in PIPELINE],
        "ending": sum(business.steps[bucket].subscriptions for bucket in ENDING_SOON),
        "ended": sum(business.steps[bucket].subscriptions for bucket in ENDED),
        "soonest": delegation.pipeline(organisation=actor.organisation, day=day, wanted=Wanted(), limit=LISTED),
        "waiting": delegation.proposals_waiting(actor.organisation, now=wiring.now()),
        "redemptions": redemption.redemptions_by(actor.organisation, limit=LISTED),
        "batches": batches_with_counts(limit=LISTED),
        "chart": renewal_charts.redemptions(step, day=day),
        "chart_steps": renewal_charts.steps("/home", step),
        "months": renewal_charts.months(renewal_charts.usual_wanted(), day=day, csv="/charts/renewals.csv"),
        "may_redeem": not actor.roles.isdisjoint(PARTNER_ROLES),
    }


def batches_with_counts(*, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """Batches that the actor holds, the newest first, each with its keys counted by state. Never a key's text."""
    found = keys.batches(limit=limit, before=before)
    counts = keys.counts(batch.id for batch in found)
    return [{"batch": batch, "counts": counts[batch.id]} for batch in found]
