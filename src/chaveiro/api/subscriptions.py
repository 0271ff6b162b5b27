"""Subscriptions as they stand on a day, and the ledgers that say how they came to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import asking, reader
from chaveiro.api.paging import Page, listed
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.actions import choose_partner_of_record, remove_partner_of_record
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries as redemptions
from chaveiro.apps.subscriptions import queries
from chaveiro.rules.access import BlockKind, Holder, Lifter
from chaveiro.rules.lifecycle import Stage
from chaveiro.wording import telling

router = Router(tags=["Subscriptions"])

SCOPES = ("subscriptions:read", "redemptions:write")


class NextChange(fields.Answer):
    """What comes next if nobody renews."""

    stage: Stage
    day: date


class PartnerOfRecord(fields.Answer):
    """Who stands beside the customer; a proposal waits for the customer's administrator."""

    registration_number: str | None
    name: str
    state: str


class BlockAnswer(fields.Answer):
    """What stands against using a subscription; a `legal_hold` keeps its data and stops no use."""

    id: str
    subscription: str | None = Field(description="Null: it stands against all that the customer has.")
    kind: BlockKind
    holder: Holder = Field(description="On whose side it was put; each side lifts only its own.")
    organisation: str | None = Field(description="Which partner put it.")
    reason: str
    stops_use: bool
    lifted_by: Lifter = Field(description="Who can lift it.")
    put_on: date
    lifted_on: date | None


class SubscriptionAnswer(fields.Answer):
    """A subscription. Stage and next change are derived for the day asked for, from what is known now."""

    id: str
    customer: str
    product: str
    seats: int
    assigned: int
    ends_on: date = Field(description="The first day not covered.")
    last_day: date = Field(description="The last covered day.")
    credit: int = Field(description="Seat-days left over.")
    stage: Stage
    next_change: NextChange | None
    paid_by: str
    partner_of_record: PartnerOfRecord | None
    blocks: list[BlockAnswer] = Field(description="What stands against using it, or against erasing its data.")
    opened_at: datetime
    closed_at: datetime | None = Field(description="When the redemption that opened it was taken back.")


class SubscriptionPage(fields.Answer):
    """One page of subscriptions, the newest first."""

    items: list[SubscriptionAnswer]
    has_more: bool
    next_cursor: str | None


class LedgerRowAnswer(fields.Answer):
    """One change of a subscription."""

    number: int
    term: int
    kind: str
    why: str
    day: date
    origin: date = Field(description="The day from which what is afterwards counts.")
    granted: int = Field(description="Seat-days that its keys brought.")
    keys: list[str] = Field(description="Their serials, as far as you may read the redemption.")
    before: fields.StandingAnswer | None
    after: fields.StandingAnswer | None
    redemption: str | None
    reverses: int | None
    policy: str
    policy_version: int
    by: str = Field(description="On whose side who did it stands.")
    organisation: str | None
    at: datetime


class LedgerPage(fields.Answer):
    """One page of a ledger, the oldest first."""

    items: list[LedgerRowAnswer]
    has_more: bool
    next_cursor: str | None


class PartnerChoice(fields.Body):
    """Who shall be the subscription's partner of record; null ends its own, and the organisation's default counts."""

    registration_number: str | None = Field(description="Seven digits, or null.", max_length=40)


On = Annotated[
    date | None,
    Query(description="Derive stage and next change as of this day; absent: today, or the day of its test clock."),
]


@router.get("", response=problems.answers(200, SubscriptionPage, writes=False), operation_id="listSubscriptions")
def list_subscriptions(
    request: HttpRequest,
    page: Annotated[Page, Query()],
    customer: Annotated[str | None, Query(description="Of this customer.", max_length=100)] = None,
    on: On = None,
) -> dict[str, Any]:
    """Subscriptions that the token may read, the newest first."""
    actor, means = reader(request, *SCOPES), asking(request).means
    of = None if customer is None else fields.in_body("customer", customer, "customer")
    with acting(actor):
        found = queries.subscriptions(limit=page.limit + 1, before=page.after(UUID), customer=of)
        beside = delegation.beside({one.customer for one in found}, now=means.now) if found else {}
        blocks = queries.blocks_of(found, lifted=on is not None)

    def tell(one: queries.Subscription) -> dict[str, Any]:
        return telling.subscription(one, on or one.today(means.day), beside, blocks)

    return listed(found, page, tell, lambda one: one.id)


@router.get(
    "/{subscription}", response=problems.answers(200, SubscriptionAnswer, writes=False), operation_id="getSubscription"
)
def get_subscription(request: HttpRequest, subscription: str, on: On = None) -> dict[str, Any]:
    """One subscription. A seller may read what it redeemed."""
    actor, means = reader(request, *SCOPES), asking(request).means
    with acting(actor):
        found = queries.subscription(fields.in_path("subscription", subscription))
        beside = delegation.beside({found.customer}, now=means.now)
        blocks = queries.blocks_of([found], lifted=on is not None)
    return telling.subscription(found, on or found.today(means.day), beside, blocks)


@router.get(
    "/{subscription}/ledger", response=problems.answers(200, LedgerPage, writes=False), operation_id="listLedger"
)
def list_ledger(request: HttpRequest, subscription: str, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Every change of a subscription, the oldest first."""
    actor = reader(request, *SCOPES)
    wanted = fields.in_path("subscription", subscription)
    with acting(actor):
        found = queries.ledger(wanted, limit=page.limit + 1, after=page.after(int) or 0)
        spent = redemptions.keys_of_rows(wanted, [row.redemption for row in found if row.redemption is not None])
    return listed(found, page, lambda row: telling.ledger_row(row, spent.get(row.number, [])), lambda row: row.number)


@router.put(
    "/{subscription}/partner-of-record",
    response=problems.answers(200, SubscriptionAnswer),
    operation_id="choosePartnerOfRecord",
)
def choose_partner(
    request: HttpRequest,
    response: HttpResponse,
    subscription: str,
    body: PartnerChoice,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Choose, change or end the subscription's own partner of record: by an administrator of the customer alone."""
    asker, asked = asking(request), writing.request_of(request, key)
    actor, means, wanted = asker.actor, asker.means, fields.in_path("subscription", subscription)

    def act() -> dict[str, Any]:
        if body.registration_number is None:
            remove_partner_of_record(actor=actor, now=means.now, subscription=wanted)
        else:
            choose_partner_of_record(
                actor=actor, registration_number=body.registration_number, means=means, subscription=wanted
            )
        found = queries.subscription(wanted)
        beside, blocks = delegation.beside({found.customer}, now=means.now), queries.blocks_of([found])
        return telling.subscription(found, found.today(means.day), beside, blocks)

    if validate_only:
        return writing.rehearse(actor, act).to(response)
    return writing.once(request, asked, 200, act).to(response)
