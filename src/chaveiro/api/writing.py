"""Writes that can be repeated: the answer is kept with the act under an Idempotency-Key, and given again.

first time   act and answer in one transaction, or neither
again        the same answer, `Idempotency-Replayed: true`; another body 422, still running 409
refused      nothing was done and nothing is kept: the same key may be used for the mended request
dry run      the same code, rolled back
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Header
from ninja.responses import Status

from chaveiro import wiring
from chaveiro.api.authentication import asking
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.operations import actions as operations
from chaveiro.rules import idempotency
from chaveiro.rules.actors import Actor
from chaveiro.rules.idempotency import IdempotencyKeyNeeded, Request

REPLAYED = "Idempotency-Replayed"

Key = Annotated[
    str | None,
    Header(
        alias=idempotency.FIELD,
        description="A text of yours, 1 to 255 visible characters: the same request again gets the same answer.",
    ),
]


@dataclass(frozen=True, slots=True)
class Done:
    """What is answered to a write."""

    status: int
    body: Mapping[str, Any]
    replayed: bool = False

    def to(self, response: HttpResponse) -> Status[Any]:
        """The answer in the framework's form; a replay says that it is one."""
        if self.replayed:
            response[REPLAYED] = "true"
        return Status(self.status, self.body)


def request_of(request: HttpRequest, key: str | None) -> Request | None:
    """The request as it is compared and kept, None without a key. Raises Malformed for a key that cannot be one."""
    account = asking(request).bare.account
    if key is None or account is None:
        return None
    return idempotency.request(
        actor=account,
        method=request.method or "",
        path=request.path,
        key=key,
        body=json.loads(request.body or b"null"),
        secret=wiring.derived_secret("idempotency"),
    )


def needed(request: HttpRequest, key: str | None) -> Request:
    """The request where keys or money move. Raises IdempotencyKeyNeeded without a key."""
    found = request_of(request, key)
    if found is None:
        raise IdempotencyKeyNeeded()
    return found


def replay(actor: Actor, asked: Request | None) -> Done | None:
    """The answer that was given before, if it was. Raises StillRunning, IdempotencyMismatch."""
    if asked is None:
        return None
    with acting(actor):
        stored = operations.remembered(asked)
    return None if stored is None else Done(stored.status, stored.body, replayed=True)


def once(request: HttpRequest, asked: Request | None, status: int, act: Callable[[], Mapping[str, Any]]) -> Done:
    """Act in one transaction with the answer, or give the answer of the first time. The actor's right comes first."""
    asker = asking(request)
    with acting(asker.actor):
        stored = None if asked is None else operations.remembered(asked)
        if stored is not None:
            return Done(stored.status, stored.body, replayed=True)
        body = act()
        if asked is not None:
            operations.remember(asked, status=status, body=dict(body), now=asker.means.now)
    return Done(status, body)


def keep(request: HttpRequest, asked: Request | None, done: Done) -> Done:
    """Keep the answer of an act that had transactions of its own and may be done twice; answers it."""
    asker = asking(request)
    if asked is not None:
        with acting(asker.actor):
            if operations.remembered(asked) is None:
                operations.remember(asked, status=done.status, body=dict(done.body), now=asker.means.now)
    return done


def rehearse(actor: Actor, act: Callable[[], Mapping[str, Any]]) -> Done:
    """The dry run of an act: everything that it would do and refuse, by the same code, and nothing is left of it."""
    with acting(actor), transaction.atomic():
        body = act()
        transaction.set_rollback(True)
    return Done(200, body)
