"""Redeeming keys, all of them or none; reading what was redeemed; taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, orders, problems, receipts, writing
from chaveiro.api.authentication import asking, reader
from chaveiro.api.drafts import ResumeCodeHeader
from chaveiro.api.paging import Page, listed
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions import Answering, Order, Outcome, preview, redeem
from chaveiro.rules import idempotency, identifiers
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.receipts import RECEIPT_KIND, claims
from chaveiro.rules.redemption import SumChanged
from chaveiro.rules.reversal import AlreadyReversed
from chaveiro.rules.verdicts import Refusals
from chaveiro.wording import redeemed

router = Router(tags=["Redemptions"])

JOSE = "application/jose"
SCOPES = ("redemptions:write", "subscriptions:read")


class ReverseOrder(fields.Body):
    """Why a redemption is taken back; the journal and the customer are told."""

    reason: fields.Text


class ReversedAnswer(fields.Answer):
    """A redemption that was taken back: its keys are for sale again."""

    id: str
    reference: str
    customer: str
    customer_closed: bool
    keys: list[str] = Field(description="Serials.")
    subscriptions: list[str]


class RedemptionLine(fields.Answer):
    """A redemption as a list shows it."""

    id: str
    reference: str
    purpose: str
    at: datetime
    customer: str
    customer_name: str | None
    reversed_at: datetime | None


class RedemptionPage(fields.Answer):
    """One page of redemptions, the newest first."""

    items: list[RedemptionLine]
    has_more: bool
    next_cursor: str | None


@router.post("", response=problems.answers(201, receipts.Redeemed, 200), operation_id="redeem")
def create_redemption(
    request: HttpRequest,
    response: HttpResponse,
    payload: orders.RedemptionOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
    code: ResumeCodeHeader = None,
) -> Status[Any]:
    """Redeem all keys of the order, or none; every fault is told at once. Needs an Idempotency-Key."""
    asker = asking(request)
    _still_may(asker.actor)
    if validate_only:
        actor, order = orders.order_of(request, payload, code)
        asker.take("key_checks", cost=max(1, len(order.items)))
        return Status(200, _previewed(request, actor, order))
    asked = writing.needed(request, key)
    asker.take("redemptions")
    actor, order = orders.order_of(request, payload, code)
    outcome = redeem(actor=actor, order=order, means=asker.means, answering=Answering(asked, 201, redeemed.of_outcome))
    return _done(request, asked, outcome).to(response)


def _still_may(actor: Actor) -> None:
    """A replay asks for the same right as the act: a role that ended takes the answers with it."""
    actor.needs("redemptions:write")
    if actor.kind is Kind.CHANNEL:
        actor.needs_role(*PARTNER_ROLES)
    if actor.kind is Kind.CUSTOMER:
        actor.needs_role(*CUSTOMER_ROLES)


def _previewed(request: HttpRequest, actor: Actor, order: Order) -> dict[str, Any]:
    weighed = preview(actor=actor, order=order, means=asking(request).means)
    if weighed.faults:
        raise Refusals(weighed.faults)
    if order.fingerprint not in (None, weighed.plan.fingerprint):
        raise SumChanged(fingerprint=weighed.plan.fingerprint)
    return redeemed.of_weighed(weighed)


def _done(request: HttpRequest, asked: idempotency.Request, outcome: Outcome) -> writing.Done:
    if not outcome.replayed:
        return writing.Done(201, redeemed.of_outcome(outcome))
    body = dict(outcome.body) if outcome.body is not None else None
    redemption = outcome.id if body is None else identifiers.read("redemption", body["id"])
    facts = _facts(asking(request).actor, redemption)
    if body is None:
        # The draft was committed before, under another key: this one gets the same answer from now on.
        told = redeemed.of_facts(facts)
        body = {name: told[name] for name in receipts.Redeemed.model_fields}
        writing.keep(request, asked, writing.Done(201, body | {"reversed_at": None}))
    return writing.Done(201, body | {"reversed_at": facts["reversed_at"]}, replayed=True)


def _facts(actor: Actor, redemption: UUID) -> dict[str, Any]:
    with acting(actor):
        return queries.facts_of(redemption)


@router.get("", response=problems.answers(200, RedemptionPage, writes=False), operation_id="listRedemptions")
def list_redemptions(request: HttpRequest, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Redemptions that the token may read, the newest first."""
    with acting(reader(request, *SCOPES)):
        found = queries.made_by(page.limit + 1, page.after(UUID))
    return listed(found, page, redeemed.of_line, lambda line: line["id"])


@router.get(
    "/{redemption}", response=problems.answers(200, receipts.Receipt, writes=False), operation_id="getRedemption"
)
def get_redemption(request: HttpRequest, redemption: str) -> dict[str, Any]:
    """Everything that the receipt says, and whether the redemption was reversed since."""
    actor = reader(request, *SCOPES)
    return redeemed.of_facts(_facts(actor, fields.in_path("redemption", redemption)))


@router.get(
    "/{redemption}/receipt",
    response=problems.answers(200, None, writes=False),
    operation_id="getSignedReceipt",
    openapi_extra={"responses": {200: {"content": {JOSE: {"schema": {"type": "string"}}}}}},
)
def get_signed_receipt(request: HttpRequest, redemption: str) -> HttpResponse:
    """The receipt as a signed text (JWS); check it with a key of `/.well-known/jwks.json`, offline."""
    actor = reader(request, *SCOPES)
    facts = _facts(actor, fields.in_path("redemption", redemption))
    return HttpResponse(wiring.keyring().sign(claims(facts, issuer=settings.BASE_URL), RECEIPT_KIND), content_type=JOSE)


@router.post("/{redemption}/reverse", response=problems.answers(200, ReversedAnswer), operation_id="reverseRedemption")
def reverse_redemption(
    request: HttpRequest,
    response: HttpResponse,
    redemption: str,
    payload: ReverseOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Take a redemption back, whole: by its partner within some days, by the operator with a reason at any time."""
    asker = asking(request)
    _still_may(asker.actor)
    wanted = fields.in_path("redemption", redemption)
    if validate_only:
        done = reverse(actor=asker.actor, redemption=wanted, reason=payload.reason, means=asker.means, dry_run=True)
        return Status(200, redeemed.of_reversal(done))
    return _reversed_once(request, wanted, payload.reason, writing.needed(request, key)).to(response)


def _reversed_once(request: HttpRequest, wanted: UUID, reason: str, asked: idempotency.Request) -> writing.Done:
    asker = asking(request)
    _facts(asker.actor, wanted)
    before = writing.replay(asker.actor, asked)
    if before is not None:
        return before
    try:
        done = reverse(
            actor=asker.actor,
            redemption=wanted,
            reason=reason,
            means=asker.means,
            answer=lambda done: idempotency.answer_row(asked, 200, redeemed.of_reversal(done)),
        )
    except AlreadyReversed:
        # By the same request, perhaps, while this one waited for it.
        before = writing.replay(asker.actor, asked)
        if before is None:
            raise
        return before
    return writing.Done(200, redeemed.of_reversal(done))
