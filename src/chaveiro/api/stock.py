"""Single keys of the stock: looked at by serial, revoked, replaced. Their texts nobody has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, operations, problems, writing
from chaveiro.api.authentication import asking
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.operations.queries import progress
from chaveiro.rules import serials
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.exports import Lock
from chaveiro.wording import telling

router = Router(tags=["Keys"])

SCOPE = "batches:write"


class KeyAnswer(fields.Answer):
    """A key of the stock; who redeemed it is told to the operator."""

    serial: str
    last_five: str | None
    state: str = Field(description="minted, released, redeemed or revoked.")
    held_until: datetime | None
    batch: str
    kind: str
    product: str
    seats: int
    months: int
    countries: list[str]
    activate_before: date | None
    holder: str
    replaced_by: str | None = Field(description="The serial of the key that took its place.")
    redeemed_at: datetime | None
    customer: str | None


class Replacement(fields.Body):
    """Who can open the export of the one new key: one of the two is needed."""

    recipient: fields.Text | None = Field(None, description="An age public key, `age1…`.")
    passphrase: fields.Text | None = None


@router.get("/keys/{serial}", response=problems.answers(200, KeyAnswer, writes=False), operation_id="getKey")
def get_key(request: HttpRequest, serial: str) -> dict[str, Any]:
    """One key by its serial, for its holder and the operator."""
    actor = asking(request).actor
    actor.needs(SCOPE)
    with acting(actor):
        return _told(request, _number(serial))


@router.post("/keys/{serial}/revoke", response=problems.answers(200, KeyAnswer), operation_id="revokeKey")
def revoke_key(
    request: HttpRequest,
    response: HttpResponse,
    serial: str,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Make one key worthless for ever; one that is redeemed is refused."""
    actor, number = _operator(request), _number(serial)

    def act() -> Mapping[str, Any]:
        actions.revoke_key(actor=actor, number=number, means=asking(request).means)
        return _told(request, number)

    if validate_only:
        return writing.rehearse(actor, act).to(response)
    return writing.once(request, writing.needed(request, key), 200, act).to(response)


@router.post(
    "/keys/{serial}/replace",
    response={**problems.answers(202, operations.OperationAnswer), 200: operations.OperationAnswer},
    operation_id="replaceKey",
)
def replace_key(
    request: HttpRequest,
    response: HttpResponse,
    serial: str,
    payload: Replacement,
    validate_only: fields.ValidateOnly = False,
    key: writing.Key = None,
) -> Status[Any]:
    """Revoke a key, if it is not revoked, and mint another that carries the same, linked to it, in the background.

    The new key leaves once, in the encrypted export of its batch of one.
    """
    actor, number = _operator(request), _number(serial)

    def act() -> Mapping[str, Any]:
        _batch, work = actions.replace_by_worker(
            actor=actor,
            number=number,
            lock=Lock(recipient=payload.recipient or "", passphrase=payload.passphrase or ""),
            vault=wiring.vault(),
            locksmith=wiring.locksmith(),
            means=asking(request).means,
        )
        return operations.told(progress(work))

    if validate_only:
        return writing.rehearse(actor, act).to(response)
    done = writing.once(request, writing.needed(request, key), 202, act)
    response["Location"] = f"/api/v1/operations/{done.body['id']}"
    return done.to(response)


def _operator(request: HttpRequest) -> Actor:
    actor = asking(request).actor
    actor.needs(SCOPE)
    actor.needs_role("operator")
    return actor


def _number(serial: str) -> int:
    """The number of a serial in an address. Raises NotFound for what is none: it leads nowhere, like a foreign one."""
    try:
        return serials.read(serial)
    except Malformed:
        raise NotFound(what="key") from None


def _told(request: HttpRequest, number: int) -> dict[str, Any]:
    return telling.key(queries.key(number, now=asking(request).means.now))
