"""Policies: what is published, the draft of what comes next, what it would do, and who follows it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field, StrictInt

from chaveiro import wiring
from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import asking
from chaveiro.api.paging import Page, listed
from chaveiro.apps.catalog import actions as catalog
from chaveiro.apps.catalog import queries
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries import policies as whatif
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.policies import NOTICES_AT_MOST, DelegationRight, Policy, RightSize
from chaveiro.rules.policy_changes import AdoptionState, may_work, read_typed
from chaveiro.wording import governed

router = Router(tags=["Policies"])


class Numbers(fields.Body):
    """The numbers of a version; those that are left out stay as the draft has them."""

    grace_days: StrictInt | None = None
    retention_days: StrictInt | None = None
    notice_days: list[StrictInt] | None = Field(None, max_length=NOTICES_AT_MOST)
    hold_hours: StrictInt | None = None
    hold_days_at_most: StrictInt | None = None
    reversal_days: StrictInt | None = None
    right_size: RightSize | None = None
    horizon_months: StrictInt | None = None
    shortest_term_days: StrictInt | None = None
    shortest_chosen_term_days: StrictInt | None = None
    delegation_right: DelegationRight | None = None


class PublishOrder(fields.Body):
    """Which draft was looked at: another one by now is refused with `draft_changed`."""

    version: StrictInt | None = None


class PolicyAnswer(fields.Answer):
    """One published version of a policy; it never changes."""

    name: str
    version: int
    numbers: dict[str, Any]
    published_at: str


class PolicyList(fields.Answer):
    """Every policy in its newest version, by name."""

    items: list[PolicyAnswer]


class PolicyDraftAnswer(fields.Answer):
    """The next version while it is worked on, as it was typed."""

    name: str
    base: int | None
    version: int
    typed: dict[str, str]
    changed_at: str


class AdoptionAnswer(fields.Answer):
    """That existing subscriptions follow a version: agreed to by a second person, carried out behind."""

    id: str
    name: str
    version: int
    state: AdoptionState
    proposed_at: str
    settled_at: str | None
    finished_at: str | None
    wanted: int = Field(description="Subscriptions that were to follow.")
    moved: int


class PolicyWhole(fields.Answer):
    """A policy: its versions, the newest first, its draft, and who followed."""

    versions: list[PolicyAnswer]
    draft: PolicyDraftAnswer | None
    adoptions: list[AdoptionAnswer]


class Counts(fields.Answer):
    """Earlier and later than today's numbers have it, in subscriptions."""

    earlier: int
    later: int


class BeforeAfter(fields.Answer):
    """With today's numbers, and with those of the draft, in the twelve months to come if nobody renews."""

    before: int
    after: int


class WhatIf(fields.Answer):
    """What the numbers would do to the subscriptions under this policy that exist."""

    subscriptions: int
    changed: int
    access_stops: Counts
    erased: Counts
    notices: BeforeAfter
    stages: list[dict[str, Any]]
    takes_nothing_away: bool = Field(description="Only then may existing subscriptions follow.")


class Days(fields.Answer):
    """With today's numbers, and with those of the draft."""

    before: date
    after: date


class AffectedAnswer(fields.Answer):
    """One subscription of which something would change."""

    subscription: str
    customer: str
    customer_name: str
    product: str
    version: int
    ends_on: date
    stage: dict[str, str]
    access_stops_on: Days
    erases_on: Days


class AffectedPage(fields.Answer):
    """One page of them, by id."""

    items: list[AffectedAnswer]
    has_more: bool
    next_cursor: str | None


class PublishedAnswer(fields.Answer):
    """A version that governs new terms, and the products that point to it."""

    name: str
    version: int
    products: list[str]


def _worker(request: HttpRequest) -> Actor:
    actor = asking(request).actor
    may_work(actor)
    return actor


def _draft_numbers(name: str) -> Policy:
    return read_typed(queries.draft(name).typed)


@router.get("", response=problems.answers(200, PolicyList, writes=False), operation_id="listPolicies")
def list_policies(request: HttpRequest) -> dict[str, Any]:
    """Every policy in its newest version. Needs `policies:write`, like everything here."""
    with acting(_worker(request)):
        return {"items": [governed.of_policy(card) for card in queries.policies()]}


@router.get("/{name}", response=problems.answers(200, PolicyWhole, writes=False), operation_id="getPolicy")
def get_policy(request: HttpRequest, name: str) -> dict[str, Any]:
    """A policy with its versions, its draft and who followed."""
    with acting(_worker(request)):
        drafts = [card for card in queries.policy_drafts() if card.name == name]
        versions = queries.policy_versions(name) if queries.newest(name) or not drafts else []
        adoptions = queries.adoptions(name=name)
    return {
        "versions": [governed.of_policy(card) for card in versions],
        "draft": governed.of_draft(drafts[0]) if drafts else None,
        "adoptions": [governed.of_adoption(card) for card in adoptions],
    }


@router.put("/{name}/draft", response=problems.answers(200, PolicyDraftAnswer), operation_id="draftPolicy")
def draft(
    request: HttpRequest,
    response: HttpResponse,
    name: str,
    payload: Numbers,
    validate_only: fields.ValidateOnly = False,
) -> Status[Any]:
    """Begin the next version as a copy, or change its draft. Numbers that do not fit are told field by field."""
    asker, given = asking(request), payload.dict(exclude_none=True)

    def act() -> dict[str, Any]:
        card = catalog.save_draft(actor=asker.actor, name=name, typed=governed.typed_from(given), means=asker.means)
        read_typed(card.typed)
        return governed.of_draft(card)

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, None, 200, act).to(response)


@router.delete("/{name}/draft", response=problems.answers(204, None), operation_id="dropPolicyDraft")
def drop(request: HttpRequest, name: str, validate_only: fields.ValidateOnly = False) -> Status[Any]:
    """Throw the draft away."""
    actor = asking(request).actor

    def act() -> dict[str, Any]:
        catalog.drop_draft(actor=actor, name=name)
        return {}

    if validate_only:
        writing.rehearse(actor, act)
    else:
        act()
    return Status(204, None)


@router.get("/{name}/what-if", response=problems.answers(200, WhatIf, writes=False), operation_id="whatIfPolicy")
def what_if(request: HttpRequest, name: str) -> dict[str, Any]:
    """What the draft would do to the subscriptions that exist, if they followed: counted over all of them."""
    with acting(_worker(request)):
        return governed.of_move(whatif.what_if(name, _draft_numbers(name), day=asking(request).means.day))


Wanted = Annotated[
    Literal["stage", "earlier"] | None,
    Query(description="`stage`: whose stage today would be another; `earlier`: who would lose something."),
]


@router.get(
    "/{name}/what-if/subscriptions",
    response=problems.answers(200, AffectedPage, writes=False),
    operation_id="listWhatIfSubscriptions",
)
def affected(request: HttpRequest, name: str, page: Annotated[Page, Query()], wanted: Wanted = None) -> dict[str, Any]:
    """The subscriptions of which a date, or today's stage, would be another."""
    with acting(_worker(request)):
        found = whatif.affected(
            name,
            _draft_numbers(name),
            day=asking(request).means.day,
            wanted=wanted or "",
            after=page.after(UUID),
            limit=page.limit + 1,
        )
    return listed(found, page, governed.of_affected, lambda one: one.subscription)


@router.post("/{name}/publish", response=problems.answers(201, PublishedAnswer, 200), operation_id="publishPolicy")
def publish(
    request: HttpRequest,
    response: HttpResponse,
    name: str,
    payload: PublishOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Publish the draft for new terms: the policy's products point to it from now on."""
    asker = asking(request)

    def act() -> dict[str, Any]:
        done = catalog.publish_draft(actor=asker.actor, name=name, expected=payload.version, means=asker.means)
        return governed.of_published(done)

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), 201, act).to(response)


@router.post("/{name}/adoptions", response=problems.answers(201, AdoptionAnswer, 200), operation_id="proposeAdoption")
def propose(
    request: HttpRequest,
    response: HttpResponse,
    name: str,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Propose that existing subscriptions follow the newest version. Refused where any would lose something."""
    asker = asking(request)

    def act() -> dict[str, Any]:
        card, _move = actions.propose_adoption(actor=asker.actor, name=name, means=asker.means)
        assert card is not None
        return governed.of_adoption(card)

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), 201, act).to(response)


@router.post(
    "/{name}/adoptions/{adoption}/{do}", response=problems.answers(200, AdoptionAnswer), operation_id="settleAdoption"
)
def settle(
    request: HttpRequest,
    response: HttpResponse,
    name: str,
    adoption: str,
    do: Literal["approve", "withdraw"],
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Agree to it as an operator who did not propose it, or take it back."""
    asker, wanted = asking(request), fields.in_path("adoption", adoption)

    def act() -> dict[str, Any]:
        if queries.adoption(wanted).policy.name != name:
            raise NotFound(what="adoption")
        if do == "withdraw":
            card = actions.withdraw_adoption(actor=asker.actor, adoption=wanted, means=asker.means)
        else:
            card = actions.approve_adoption(actor=asker.actor, adoption=wanted, means=asker.means, house=wiring.house())
        return governed.of_adoption(card)

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), 200, act).to(response)
