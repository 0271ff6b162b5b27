"""Blocks: put and lifted by the side that holds them, with a reason that customer and partner read."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import asking, reader
from chaveiro.api.subscriptions import SCOPES, BlockAnswer
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.actions import lift_block, put_block
from chaveiro.rules.access import BlockKind
from chaveiro.wording import telling

router = Router(tags=["Subscriptions"])


class BlockOrder(fields.Body):
    """What is put, and why."""

    kind: BlockKind = Field(description="A partner puts `unpaid` on what it redeemed; the operator puts any.")
    reason: fields.Text = Field(description="Customer and partner read it. 1 to 500 characters.")


class BlockList(fields.Answer):
    """The blocks of a subscription, the oldest first."""

    items: list[BlockAnswer]


Lifted = Annotated[bool, Query(description="Those too that were lifted.")]


@router.get(
    "/{subscription}/blocks", response=problems.answers(200, BlockList, writes=False), operation_id="listBlocks"
)
def list_blocks(request: HttpRequest, subscription: str, lifted: Lifted = False) -> dict[str, Any]:
    """What stands against a subscription, and with `lifted` what stood once; at most 200."""
    with acting(reader(request, *SCOPES)):
        found = queries.blocks(fields.in_path("subscription", subscription), lifted=lifted)
    return {"items": [telling.block(card) for card in found]}


@router.post("/{subscription}/blocks", response=problems.answers(201, BlockAnswer, 200), operation_id="putBlock")
def put(
    request: HttpRequest,
    response: HttpResponse,
    subscription: str,
    payload: BlockOrder,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Put a block. Needs `subscriptions:write`; customer and partner are told by letter."""
    asker, wanted = asking(request), fields.in_path("subscription", subscription)

    def act() -> dict[str, Any]:
        card = put_block(
            actor=asker.actor,
            subscription=wanted,
            kind=payload.kind.value,
            reason=payload.reason,
            means=asker.means,
        )
        return telling.block(card)

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, writing.request_of(request, key), 201, act).to(response)


@router.delete("/{subscription}/blocks/{block}", response=problems.answers(200, BlockAnswer), operation_id="liftBlock")
def lift(
    request: HttpRequest,
    response: HttpResponse,
    subscription: str,
    block: str,
    validate_only: fields.ValidateOnly = False,
) -> Status[Any]:
    """Lift a block of one's own side. Needs `subscriptions:write`."""
    asker, wanted = asking(request), fields.in_path("block", block)
    of = fields.in_path("subscription", subscription)

    def act() -> dict[str, Any]:
        return telling.block(lift_block(actor=asker.actor, block=wanted, subscription=of, means=asker.means))

    if validate_only:
        return writing.rehearse(asker.actor, act).to(response)
    return writing.once(request, None, 200, act).to(response)
