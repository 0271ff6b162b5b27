"""Moving a redemption to the right customer: proposed by one, agreed to by another."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import asking, reader
from chaveiro.api.paging import Page, listed
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.actions import Proposal
from chaveiro.apps.closing.queries import corrections as queries
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import idempotency
from chaveiro.rules.correction import CorrectionSettled
from chaveiro.wording import corrected

of_redemptions = Router(tags=["Corrections"])
router = Router(tags=["Corrections"])

SCOPES = ("redemptions:write", "subscriptions:read")


class CorrectionOrder(fields.Body):
    """Where a redemption belongs, and why."""

    customer: str = Field(description="The right customer, within your sight.")
    purpose: Literal["open", "add", "extend"] = "open"
    subscription: str | None = Field(None, description="Of the right customer; for `add` and `extend`.")
    reason: fields.Text


class ApprovalOrder(fields.Body):
    """What was looked at before: other numbers by now are refused with `sum_changed`."""

    fingerprint: str | None = None


class DeclineOrder(fields.Body):
    """Why it is not approved; whoever proposed it reads it."""

    reason: fields.Text


class MoveAnswer(fields.Answer):
    """What becomes of one subscription, in seat-days: `brought` = `used` + `moved`."""

    subscription: str
    product: str
    brought: int
    used: int
    moved: int
    before: fields.StandingAnswer | None
    after: fields.StandingAnswer | None = Field(description="What is left there; null where it is closed.")
    to: str | None = Field(description="The subscription that receives it; null where one is opened.")
    sum: dict[str, Any]


class ProposedAnswer(fields.Answer):
    """A correction that waits for an operator; `id` is null after a dry run."""

    id: str | None
    state: str
    redemption: str
    moves: list[MoveAnswer]
    closes_customer: bool
    fingerprint: str


class CorrectedAnswer(ProposedAnswer):
    """A redemption that was moved; `made` stands for the right customer now."""

    made: str
    reference: str
    customer: str
    subscriptions: list[str]


class CorrectionLine(fields.Answer):
    """A correction as a list shows it."""

    id: str
    state: str
    redemption: str
    reference: str
    customer: str
    purpose: str
    subscription: str | None
    reason: str
    proposed_at: str
    settled_at: str | None
    answer: str
    made: str | None


class CorrectionPage(fields.Answer):
    """One page of corrections, the newest first."""

    items: list[CorrectionLine]
    has_more: bool
    next_cursor: str | None


@of_redemptions.post(
    "/{redemption}/correct", response=problems.answers(201, ProposedAnswer, 200), operation_id="proposeCorrection"
)
def propose(
    request: HttpRequest,
    response: HttpResponse,
    redemption: str,
    payload: CorrectionOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Propose to move a redemption to the right customer: its partner or an operator. Needs an Idempotency-Key."""
    asker = asking(request)
    subscription = payload.subscription
    proposal = Proposal(
        redemption=fields.in_path("redemption", redemption),
        customer=fields.in_body("customer", payload.customer, "customer"),
        purpose=payload.purpose,
        subscription=None if subscription is None else fields.in_body("subscription", subscription, "subscription"),
    )

    def act(dry_run: bool = False) -> dict[str, Any]:
        done = actions.propose_correction(
            actor=asker.actor, proposal=proposal, reason=payload.reason, means=asker.means, dry_run=dry_run
        )
        return corrected.of_proposed(done)

    if validate_only:
        return Status(200, act(dry_run=True))
    return writing.once(request, writing.needed(request, key), 201, act).to(response)


@router.get("", response=problems.answers(200, CorrectionPage, writes=False), operation_id="listCorrections")
def list_corrections(request: HttpRequest, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Corrections that the token may read: an operator's all, a partner's own."""
    with acting(reader(request, *SCOPES)):
        found = queries.corrections(before=page.after(UUID), limit=page.limit + 1)
    return listed(found, page, corrected.of_card, lambda card: card.id)


@router.post("/{correction}/approve", response=problems.answers(200, CorrectedAnswer), operation_id="approveCorrection")
def approve(
    request: HttpRequest,
    response: HttpResponse,
    correction: str,
    payload: ApprovalOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Agree as an operator who did not propose it; both ledgers change at once. Needs an Idempotency-Key."""
    wanted = fields.in_path("correction", correction)
    if validate_only:
        return Status(200, corrected.of_corrected(_approved(request, wanted, payload, None)))
    return _approved_once(request, wanted, payload, writing.needed(request, key)).to(response)


def _approved(
    request: HttpRequest, wanted: UUID, payload: ApprovalOrder, asked: idempotency.Request | None
) -> actions.Corrected:
    asker = asking(request)

    def answer(done: actions.Corrected) -> dict[str, Any]:
        assert asked is not None
        return idempotency.answer_row(asked, 200, corrected.of_corrected(done))

    return actions.approve_correction(
        actor=asker.actor,
        correction=wanted,
        means=asker.means,
        house=wiring.house(),
        fingerprint=payload.fingerprint,
        dry_run=asked is None,
        answer=None if asked is None else answer,
    )


def _approved_once(
    request: HttpRequest, wanted: UUID, payload: ApprovalOrder, asked: idempotency.Request
) -> writing.Done:
    actor = asking(request).actor
    actor.needs("redemptions:write")
    before = writing.replay(actor, asked)
    if before is not None:
        return before
    try:
        return writing.Done(200, corrected.of_corrected(_approved(request, wanted, payload, asked)))
    except CorrectionSettled:
        # By the same request, perhaps, while this one waited for it.
        before = writing.replay(actor, asked)
        if before is None:
            raise
        return before


@router.post("/{correction}/decline", response=problems.answers(200, CorrectionLine), operation_id="declineCorrection")
def decline(
    request: HttpRequest,
    response: HttpResponse,
    correction: str,
    payload: DeclineOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Say no as an operator, with the reason that whoever proposed it reads."""
    asker, wanted = asking(request), fields.in_path("correction", correction)

    def act() -> dict[str, Any]:
        actions.decline_correction(actor=asker.actor, correction=wanted, reason=payload.reason, means=asker.means)
        with acting(asker.actor):
            return corrected.of_card(queries.correction(wanted))

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), 200, act).to(response)
