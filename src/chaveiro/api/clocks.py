"""Test clocks: made, moved through every day in the background, their customers, and what happened on each day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, operations, problems, writing
from chaveiro.api.authentication import asking
from chaveiro.api.languages import language_of
from chaveiro.api.paging import Page, listed
from chaveiro.apps.clocks import queries
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.actions.clocks import may_have_clocks
from chaveiro.apps.closing.queries.diary import LINES_AT_MOST, diary
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations.queries import progress
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed
from chaveiro.wording import diary as telling

router = Router(tags=["Test clocks"])


class ClockOrder(fields.Body):
    """A clock to be made, in a sandbox."""

    name: fields.Text
    day: date | None = Field(None, description="The first day; absent: today.")


class ClockAnswer(fields.Answer):
    """A test clock. The customers on it live on its day; instants stay real."""

    id: str
    name: str
    day: date
    holder: str | None = Field(description="Whose it is; null: the vendor's.")
    moving_to: date | None
    operation: str | None = Field(description="The last move.")
    created_at: datetime
    moved_at: datetime | None
    ended_at: datetime | None


class ClockPage(fields.Answer):
    """One page of clocks, the newest first."""

    items: list[ClockAnswer]
    has_more: bool
    next_cursor: str | None


class Move(fields.Body):
    """How far: to a day, or by so many days. Every day between is lived, in order."""

    day: date | None = None
    days: Annotated[int, Field(ge=0, le=100_000)] | None = None


class Attachment(fields.Body):
    """A test customer that goes onto the clock, with all that it has."""

    customer: fields.Text


class DiaryLine(fields.Answer):
    """One thing that happened on a day."""

    day: date
    what: str = Field(description="`grace`, `retained`, `erased`, `ledger:<kind>` or `notice:<kind>`.")
    customer: str
    customer_name: str
    subscription: str
    product: str
    facts: dict[str, Any]
    text: str


class DiaryAnswer(fields.Answer):
    """What happened, the latest first, at most 1,000 lines; ask on with `before`."""

    items: list[DiaryLine]


@router.get("", response=problems.answers(200, ClockPage, writes=False), operation_id="listClocks")
def list_clocks(request: HttpRequest, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Your test clocks, the newest first; the operator's are all."""
    with acting(_actor(request)):
        found = queries.clocks(limit=page.limit + 1, before=page.after(UUID))
    return listed(found, page, telling.clock, lambda one: one.id)


@router.post("", response=problems.answers(201, ClockAnswer, 200), operation_id="makeClock")
def make_clock(
    request: HttpRequest,
    response: HttpResponse,
    payload: ClockOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Make a test clock."""
    actor, means, house = _actor(request), asking(request).means, wiring.house()

    def act() -> dict[str, Any]:
        made = actions.make_clock(actor=actor, name=payload.name, day=payload.day, house=house, means=means)
        return telling.clock(queries.clock(made))

    return _done(request, response, 201, act, validate_only, key)


@router.get("/{clock}", response=problems.answers(200, ClockAnswer, writes=False), operation_id="getClock")
def get_clock(request: HttpRequest, clock: str) -> dict[str, Any]:
    """One test clock."""
    with acting(_actor(request)):
        return telling.clock(queries.clock(fields.in_path("clock", clock)))


@router.delete("/{clock}", response=problems.answers(200, ClockAnswer), operation_id="endClock")
def end_clock(
    request: HttpRequest, response: HttpResponse, clock: str, validate_only: fields.ValidateOnly = False
) -> Status[Any]:
    """Move the clock no more. Its customers keep its day."""
    actor, means, house = _actor(request), asking(request).means, wiring.house()
    wanted = fields.in_path("clock", clock)

    def act() -> dict[str, Any]:
        actions.end_clock(actor=actor, clock=wanted, house=house, means=means)
        return telling.clock(queries.clock(wanted))

    return _done(request, response, 200, act, validate_only, None)


@router.post(
    "/{clock}/move",
    response=problems.answers(202, operations.OperationAnswer, 200),
    operation_id="moveClock",
)
def move_clock(
    request: HttpRequest,
    response: HttpResponse,
    clock: str,
    payload: Move,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Have every day up to and with the one named lived, in the background."""
    actor, means, house = _actor(request), asking(request).means, wiring.house()
    wanted = fields.in_path("clock", clock)

    def act() -> dict[str, Any]:
        until = _until(payload, queries.clock(wanted).day)
        begun = actions.begin_move(actor=actor, clock=wanted, until=until, house=house, means=means)
        return operations.told(progress(begun))

    answer = _done(request, response, 202, act, validate_only, key)
    if not validate_only:
        response["Location"] = f"/api/v1/operations/{answer.value['id']}"
    return answer


@router.post("/{clock}/customers", response=problems.answers(200, ClockAnswer), operation_id="attachCustomer")
def attach_customer(
    request: HttpRequest,
    response: HttpResponse,
    clock: str,
    payload: Attachment,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Put a test customer on the clock, with all that it has. It never goes back to a day that it has lived."""
    actor, means, house = _actor(request), asking(request).means, wiring.house()
    wanted = fields.in_path("clock", clock)
    customer = fields.in_body("customer", payload.customer, "customer")

    def act() -> dict[str, Any]:
        actions.attach_customer(actor=actor, customer=customer, clock=wanted, house=house, means=means)
        return telling.clock(queries.clock(wanted))

    return _done(request, response, 200, act, validate_only, key)


@router.get("/{clock}/diary", response=problems.answers(200, DiaryAnswer, writes=False), operation_id="getDiary")
def get_diary(
    request: HttpRequest,
    clock: str,
    first: Annotated[date | None, Query(description="From this day on.")] = None,
    before: Annotated[date | None, Query(description="Before this day.")] = None,
) -> dict[str, Any]:
    """What happened on the days of a clock, the latest first."""
    wanted, language = fields.in_path("clock", clock), language_of(request)
    with acting(_actor(request)):
        queries.clock(wanted)
        found = diary(wanted, first=first or date.min, before=before or date.max, limit=LINES_AT_MOST)
    return {"items": [telling.line(one, language) for one in found]}


def _actor(request: HttpRequest) -> Actor:
    actor = asking(request).actor
    may_have_clocks(actor, wiring.house())
    return actor


def _until(sent: Move, day: date) -> date:
    if (sent.day is None) == (sent.days is None):
        raise Malformed(field="day", reason="either a day or a number of days")
    if sent.day is not None:
        return sent.day
    return day + timedelta(days=min(sent.days or 0, (date.max - day).days))


def _done(
    request: HttpRequest, response: HttpResponse, status: int, act: Any, validate_only: bool, key: str | None
) -> Status[Any]:
    if validate_only:
        return writing.rehearse(asking(request).actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), status, act).to(response)
