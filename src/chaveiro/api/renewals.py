"""What is to be renewed: the pipeline of all that a token reaches, and what extending one subscription may do."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, problems
from chaveiro.api.authentication import asking, reader
from chaveiro.api.paging import Page, listed
from chaveiro.apps.channel.queries import card as partner_card
from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Place, Wanted
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries as redemption
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.renewals import Bucket, Renewal, WhyNot, renewal, why_not_extend
from chaveiro.wording import renewing

router = Router(tags=["Renewals"])
of_subscriptions = Router(tags=["Renewals"])

SCOPES = ("subscriptions:read", "redemptions:write")
GONE = (WhyNot.CLOSED, WhyNot.DELETED)


class DueAnswer(fields.Answer):
    """A subscription with its place in the pipeline, by its own day."""

    subscription: str
    customer: str
    customer_name: str
    country: str
    product: str
    seats: int
    assigned: int
    ends_on: date = Field(description="The first day not covered.")
    last_day: date = Field(description="The last covered day.")
    days_left: int = Field(description="Nought or less once it has ended.")
    bucket: Bucket
    stage: Stage
    paid_by: str
    is_test: bool


class DuePage(fields.Answer):
    """One page of the pipeline."""

    items: list[DueAnswer]
    has_more: bool
    next_cursor: str | None


class BucketAnswer(fields.Answer):
    """How much stands in one bucket."""

    bucket: Bucket
    subscriptions: int
    seats: int


class MonthAnswer(fields.Answer):
    """What ends in one month, by its last covered day."""

    month: str = Field(description="YYYY-MM")
    subscriptions: int
    seats: int


class SummaryAnswer(fields.Answer):
    """The pipeline counted, and the next thirteen months."""

    buckets: list[BucketAnswer]
    months: list[MonthAnswer]


class ProposalAnswer(fields.Answer):
    """The seats that a renewal is worth: those in use, where they are fewer than were bought and may be chosen."""

    seats: int
    as_now: bool


class LimitsAnswer(fields.Answer):
    """What binds a renewal. With other seats the time added stays between half and twice the longest key's term."""

    may_choose_seats: bool
    lowest_seats: int
    highest_seats: int
    keys_start_on: date = Field(description="The day on which the months of a key begin.")
    earliest_end: date
    earliest_end_with_other_seats: date
    latest_end: date


class WayAnswer(fields.Answer):
    """A way to renew, and why it is not open to this token."""

    way: Literal["key", "direct_billing"]
    available: bool
    why_not: str | None


class RenewalAnswer(fields.Answer):
    """What extending may do. To do it: `POST /redemptions` with purpose `extend`, and `validate_only` for the sum."""

    subscription: str
    day: date = Field(description="The day for which this holds.")
    stage: Stage
    seats: int
    assigned: int
    proposal: ProposalAnswer | None
    limits: LimitsAnswer | None
    ways: list[WayAnswer]


class Filters(Schema):
    """What narrows the pipeline; what is left out narrows nothing."""

    product: str = Field("", max_length=60, description="The code of a product.")
    country: str = Field("", max_length=2, description="ISO 3166, of the customer.")
    partner: str | None = Field(None, max_length=20, description="Registration number of the partner of record.")
    paid_by: Literal["", "key", "direct"] = ""
    test: Literal["", "yes", "no"] = Field("", description="Test customers alone, or none of them.")

    def wanted(self, **more: str) -> Wanted:
        """As the pipeline is asked. Raises NotFound for a number that is no partner's. Call it while acting."""
        partner = None if self.partner is None else partner_card(registration_number=self.partner).id
        plain = {"product": self.product, "country": self.country, "paid_by": self.paid_by, "test": self.test}
        return Wanted(**plain, partner=partner, **more)


@router.get("", response=problems.answers(200, DuePage, writes=False), operation_id="listRenewals")
def list_renewals(
    request: HttpRequest,
    page: Annotated[Page, Query()],
    filters: Annotated[Filters, Query()],
    bucket: Annotated[
        Literal["", "60", "30", "7", "1", "grace", "retained", "later"],
        Query(description="Empty: all that asks for an act. A number is the last threshold reached, in days."),
    ] = "",
    sort: Annotated[Literal["end", "-end", "seats"], Query(description="`seats`: most of them first.")] = "end",
) -> dict[str, Any]:
    """What ends soon, and what has ended and can be brought back, by each subscription's own day."""
    actor, means = reader(request, *SCOPES), asking(request).means
    with acting(actor):
        found = queries.renewals(
            filters.wanted(bucket=bucket, sort=sort),
            day=means.day,
            organisation=_partner(actor),
            after=page.after(_place),
            limit=page.limit + 1,
        )
    return listed(found, page, renewing.due, lambda one: f"{one.place.value},{one.place.id}")


@router.get("/summary", response=problems.answers(200, SummaryAnswer, writes=False), operation_id="summariseRenewals")
def summarise_renewals(request: HttpRequest, filters: Annotated[Filters, Query()]) -> dict[str, Any]:
    """How much stands in each bucket, and what ends in each of the next thirteen months."""
    actor, means = reader(request, *SCOPES), asking(request).means
    with acting(actor):
        wanted = filters.wanted()
        steps = queries.steps(wanted, day=means.day).values()
        months = queries.by_month(wanted, day=means.day)
    return renewing.summary(steps, months)


@of_subscriptions.get(
    "/{subscription}/renewal", response=problems.answers(200, RenewalAnswer, writes=False), operation_id="getRenewal"
)
def get_renewal(request: HttpRequest, subscription: str) -> dict[str, Any]:
    """What extending a subscription may do today: the seats worth having, the limits, and both ways to renew."""
    actor, wanted = reader(request, *SCOPES), fields.in_path("subscription", subscription)
    with acting(actor):
        card = delegation.subscription_in_sight(wanted, day=asking(request).means.day, organisation=_partner(actor))
        why_not = why_not_extend(
            actor,
            is_closed=card.closed_at is not None,
            stage=card.stage,
            paid_by=card.paid_by,
            is_of_record=card.is_of_record,
        )
        allowed = None if why_not in GONE else _allowed(actor, wanted, card.day or wiring.means().day)
    return renewing.renewal(card, allowed, why_not)


def _allowed(actor: Actor, wanted: UUID, day: date) -> Renewal:
    target = redemption.target_of(wanted)[0]
    return renewal(
        day,
        target.standing,
        target.policy,
        assigned=target.assigned,
        maximum=target.maximum_seats,
        may_choose=actor.kind is not Kind.CHANNEL,
        erased_on=target.erased_on,
    )


def _partner(actor: Actor) -> UUID | None:
    return actor.organisation if actor.kind is Kind.CHANNEL else None


def _place(text: str) -> Place:
    value, _comma, seen = text.partition(",")
    if not value.isdecimal():
        date.fromisoformat(value)
    return Place(value, UUID(seen))
