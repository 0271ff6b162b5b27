"""Batches of keys: ordered, agreed to, minted in the background, fetched once, released, recalled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date, datetime
from typing import Annotated, Any, BinaryIO, Literal, cast
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, operations, problems, writing
from chaveiro.api.authentication import asking
from chaveiro.api.paging import Page, listed
from chaveiro.apps.channel.queries import organisation_named
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.operations.queries import progress
from chaveiro.rules import batches as rules
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import Batch, Kind, Stage
from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import Lock
from chaveiro.rules.verdicts import Fault
from chaveiro.wording import telling

router = Router(tags=["Batches"])

EXPORT_IN_MEMORY_AT_MOST = 4 * 1024 * 1024
SCOPE = "batches:write"
BINARY = "application/octet-stream"


class BatchOrder(fields.Body):
    """Keys to be made. Their texts leave once, encrypted: an age recipient or a passphrase is needed."""

    product: fields.Text
    seats: fields.Count
    months: fields.Count
    count: fields.Count
    countries: list[fields.Country] = Field([], max_length=300, description="None: wherever the product is sold.")
    activate_before: date | None = None
    holder: fields.Text | None = Field(None, description="An id or a registration number; absent: the vendor.")
    kind: Literal["bearer", "book"] = "bearer"
    recipient: fields.Text | None = Field(None, description="An age public key, `age1…`.")
    passphrase: fields.Text | None = None
    cards: fields.Yes = Field(False, description="A zip is sealed, with cards as PDF beside the keys; 10,000 at most.")


class BatchAnswer(fields.Answer):
    """A batch. `keys` counts its keys by state."""

    id: str
    number: int
    product: str
    seats: int
    months: int
    count: int
    minted: int
    first_serial: str
    countries: list[str]
    activate_before: date | None
    holder: str
    holder_name: str
    kind: Kind
    stage: Stage
    keys: dict[str, int]
    created_at: datetime
    approved_at: datetime | None
    minted_at: datetime | None
    released_at: datetime | None
    recalled_at: datetime | None
    recall_asked_at: datetime | None = Field(description="A recall that takes two waits since then.")
    recall_reason: str | None
    cards: bool


class BatchPage(fields.Answer):
    """One page of batches, the newest first."""

    items: list[BatchAnswer]
    has_more: bool
    next_cursor: str | None


@router.post(
    "", response={**problems.answers(202, operations.OperationAnswer), 200: BatchAnswer}, operation_id="mintBatch"
)
def create_batch(
    request: HttpRequest,
    response: HttpResponse,
    payload: BatchOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Order a batch and have it minted in the background. More than 1,000 keys wait for a second person."""
    actor = _operator(request)
    if validate_only:
        return writing.rehearse(actor, lambda: _told(_begin(request, payload)[0])).to(response)
    asked = writing.needed(request, key)
    done = writing.once(request, asked, 202, lambda: operations.told(progress(_begin(request, payload)[1])))
    response["Location"] = f"/api/v1/operations/{done.body['id']}"
    return done.to(response)


def _operator(request: HttpRequest) -> Actor:
    actor = asking(request).actor
    actor.needs(SCOPE)
    actor.needs_role("operator")
    return actor


def _begin(request: HttpRequest, sent: BatchOrder) -> tuple[Batch, UUID]:
    """The batch and the operation that mints it, in the standing transaction."""
    asker = asking(request)
    order = rules.Order(
        product=sent.product,
        seats=sent.seats,
        months=sent.months,
        quantity=sent.count,
        countries=tuple(dict.fromkeys(country.upper() for country in sent.countries)),
        activate_before=sent.activate_before,
        holder=None if sent.holder is None else organisation_named(sent.holder),
        kind=Kind(sent.kind),
        cards=sent.cards,
    )
    lock = None
    if order.kind is Kind.BEARER:
        lock = Lock(recipient=sent.recipient or "", passphrase=sent.passphrase or "")
    batch = actions.plan_batch(actor=asker.actor, order=order, house=wiring.house(), means=asker.means)
    operation = actions.begin_mint(
        actor=asker.actor,
        batch=batch,
        lock=lock,
        vault=wiring.vault(),
        locksmith=wiring.locksmith(),
        means=asker.means,
    )
    return batch, operation


@router.get("", response=problems.answers(200, BatchPage, writes=False), operation_id="listBatches")
def list_batches(request: HttpRequest, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Batches, the newest first."""
    actor = asking(request).actor
    actor.needs(SCOPE)
    with acting(actor):
        found = queries.batches(limit=page.limit, before=page.after(int))
        if len(found) == page.limit:
            found += queries.batches(limit=1, before=found[-1].number)
        counts = queries.counts([batch.id for batch in found])
    return listed(found, page, lambda batch: telling.batch(batch, counts[batch.id]), lambda batch: batch.number)


@router.get("/{batch}", response=problems.answers(200, BatchAnswer, writes=False), operation_id="getBatch")
def get_batch(request: HttpRequest, batch: str) -> dict[str, Any]:
    """One batch."""
    actor = asking(request).actor
    actor.needs(SCOPE)
    wanted = fields.in_path("batch", batch)
    with acting(actor):
        return _told(queries.batch(wanted))


@router.get(
    "/{batch}/export",
    response=problems.answers(200, None, writes=False),
    operation_id="downloadExport",
    openapi_extra={"responses": {200: {"content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}}},
)
def download_export(request: HttpRequest, batch: str) -> FileResponse:
    """The encrypted texts of a batch: an age file, or a zip of several. Handed out once; what was lost is replaced."""
    asker = asking(request)
    wanted = fields.in_path("batch", batch)
    with ExitStack() as stack:
        into = cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=EXPORT_IN_MEMORY_AT_MOST)))
        name = actions.download_export(actor=asker.actor, batch=wanted, into=into, means=asker.means)
        into.seek(0)
        # From here on the response closes it, when the last byte has left.
        stack.pop_all()
    return FileResponse(into, as_attachment=True, filename=name, content_type=BINARY)


class StepOrder(fields.Body):
    """What a step may be told: which serials are released, and to whom; why a batch is recalled."""

    serials: fields.Text | None = Field(None, description="Of a release: two serials, `A-B`; absent: the whole batch.")
    holder: fields.Text | None = Field(None, description="Of a release: who holds the whole batch from now on.")
    reason: fields.Text | None = Field(None, description="Of a recall: kept with the batch.")


Perform = Callable[[HttpRequest, UUID, StepOrder], Batch]


def _approve(request: HttpRequest, batch: UUID, sent: StepOrder) -> Batch:
    _only(sent)
    means = asking(request).means
    return actions.approve_batch(actor=_operator(request), batch=batch, house=wiring.house(), means=means)


def _release(request: HttpRequest, batch: UUID, sent: StepOrder) -> Batch:
    _only(sent, "serials", "holder")
    actor = _operator(request)
    holder = None
    if sent.holder is not None:
        with acting(actor):
            holder = organisation_named(sent.holder)
    part = None if sent.serials is None else rules.Span.read(sent.serials)
    means = asking(request).means
    return actions.release_batch(actor=actor, batch=batch, means=means, serials=part, holder=holder)


def _recall(request: HttpRequest, batch: UUID, sent: StepOrder) -> Batch:
    _only(sent, "reason")
    return actions.recall_batch(
        actor=_operator(request),
        batch=batch,
        means=asking(request).means,
        reason=sent.reason or "",
        house=wiring.house(),
    )


def _only(sent: StepOrder, *names: str) -> None:
    """Pass, or raise Fault for what this step is not told: whoever sends it means something that will not happen."""
    for name, value in sent:
        if value is not None and name not in names:
            raise Fault(f"/{name}", Malformed(field=name, reason="is not told to this step"))


def _step(step: str, perform: Perform, meaning: str, *, at_once: bool = False) -> None:
    """One more address for a step of a batch.

    A step that goes slice by slice has transactions of its own; done twice it changes nothing, so that its answer is
    kept after it. One that is done `at_once` stands in one transaction with its answer.
    """

    def answer(
        request: HttpRequest,
        response: HttpResponse,
        batch: str,
        payload: StepOrder | None = None,
        validate_only: fields.ValidateOnly = False,
        key: writing.Key = None,
    ) -> Status[Any]:
        actor, wanted = _operator(request), fields.in_path("batch", batch)

        def act() -> Mapping[str, Any]:
            perform(request, wanted, payload or StepOrder.model_validate({}))
            with acting(actor):
                return _told(queries.batch(wanted))

        if validate_only:
            return writing.rehearse(actor, act).to(response)
        asked = writing.needed(request, key)
        if at_once:
            return writing.once(request, asked, 200, act).to(response)
        done = writing.replay(actor, asked) or writing.keep(request, asked, writing.Done(200, act()))
        return done.to(response)

    router.post(
        f"/{{batch}}/{step}",
        response=problems.answers(200, BatchAnswer),
        operation_id=f"{step}Batch",
        summary=f"{step.capitalize()} Batch",
        description=meaning,
    )(answer)


_step(
    "approve",
    _approve,
    "The second person's word for a batch of more than 1,000 keys; a mint that waits for it begins.",
    at_once=True,
)
_step(
    "release",
    _release,
    "Put the keys of a batch up for sale, or those of some serials: from now on they can be redeemed.",
)
_step(
    "recall",
    _recall,
    "Make every key of a batch worthless that is not redeemed, for ever; redemptions in good faith stand. More than"
    " 1,000 keys that are for sale take two people: the first call asks (`recall_asked_at`), a second operator's acts.",
)


def _told(batch: Batch) -> dict[str, Any]:
    return telling.batch(batch, queries.counts([batch.id])[batch.id])
