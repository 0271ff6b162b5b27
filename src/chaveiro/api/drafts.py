"""Drafts: a basket that waits, its keys held, for whoever shows its resume code. Committed by `POST /redemptions`."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Header, Router
from ninja.responses import Status
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import Asking, asking
from chaveiro.api.keys import KeyCheck, Typed
from chaveiro.api.languages import language_of
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules import idempotency, redemption
from chaveiro.rules.actors import Actor
from chaveiro.rules.drafts import CODE_BYTES, ResumeCode
from chaveiro.rules.errors import NotFound
from chaveiro.rules.openings import Missing
from chaveiro.rules.redemption import Item
from chaveiro.wording import telling

router = Router(tags=["Redemptions"])

CODE_FIELD = "Resume-Code"
ResumeCodeHeader = Annotated[
    str | None, Header(alias=CODE_FIELD, description="The draft's resume code: whoever has it may go on.")
]


class Basket(fields.Body):
    """The keys of a draft, in place of what was there."""

    keys: list[Typed] = Field(max_length=redemption.BASKET_AT_MOST)
    start_over: fields.Yes = Field(False, description="End other drafts all of whose keys are here.")


class DraftKey(KeyCheck):
    """A key of a draft. `typed` is what was typed, where it is no key."""

    typed: str | None = None


class DraftAnswer(fields.Answer):
    """A draft. `resume_code` is told once, when the draft is opened."""

    id: str | None
    state: str
    ends_at: datetime | None
    redemption: str | None
    resume_code: str | None = None
    results: list[DraftKey] = []


def holder_of(request: HttpRequest, code: str | None, draft: UUID) -> tuple[Actor, ResumeCode]:
    """The asker, holding the draft. Raises Missing, Malformed; NotFound for a code of none, or of another draft."""
    if code is None:
        raise Missing(field=CODE_FIELD)
    read = ResumeCode.read(code)
    holder = drafting.resume(actor=asking(request).actor, code=read)
    if holder.draft != draft:
        raise NotFound(what="draft")
    return holder, read


@router.post("", response=problems.answers(201, DraftAnswer, 200), operation_id="openDraft")
def open_draft(
    request: HttpRequest, response: HttpResponse, validate_only: fields.ValidateOnly = False, key: writing.Key = None
) -> Status[Any]:
    """Open a draft and get its resume code. The same Idempotency-Key leads to the same draft and code."""
    asker = asking(request)
    asker.actor.needs("redemptions:write")
    asked = writing.request_of(request, key)
    if validate_only:
        return Status(200, {"id": None, "state": "open", "ends_at": None, "redemption": None})
    # The code is a secret, so that no answer of this call is kept: under a key of the caller's it is derived from it.
    entropy = asker.means.random_bytes(CODE_BYTES) if asked is None else _derived(asked)
    code = ResumeCode.made(entropy)
    holder = None if asked is None else _opened_before(asker, code)
    replayed = holder is not None
    holder = holder or drafting.begin(actor=asker.actor, means=asker.means, code=code)
    kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer())
    return writing.Done(201, _draft(kept) | {"resume_code": code.grouped()}, replayed).to(response)


def _derived(asked: idempotency.Request) -> bytes:
    scope = f"{asked.actor}\x00{asked.key}".encode()
    return hmac.digest(wiring.derived_secret("draft codes"), scope, "sha256")[:CODE_BYTES]


def _opened_before(asker: Asking, code: ResumeCode) -> Actor | None:
    try:
        return drafting.resume(actor=asker.actor, code=code)
    except NotFound:
        return None


@router.get("/{draft}", response=problems.answers(200, DraftAnswer, writes=False), operation_id="getDraft")
def get_draft(request: HttpRequest, draft: str, code: ResumeCodeHeader = None) -> dict[str, Any]:
    """The draft with a verdict for each of its keys now; its good keys are held anew."""
    asker = asking(request)
    asker.actor.needs("redemptions:write")
    holder, resume_code = holder_of(request, code, fields.in_path("draft", draft))
    kept = drafting.look(actor=holder, code=resume_code, sealer=wiring.sealer())
    verdicts = drafting.verdicts_of(actor=holder, kept=kept, means=asker.means)
    told = telling.verdicts(kept.items, verdicts, language_of(request)) if verdicts else []
    return _draft(kept) | {"results": [{**one, "typed": kept.typed.get(one["index"])} for one in told]}


@router.put("/{draft}/keys", response=problems.answers(200, DraftAnswer), operation_id="putDraftKeys")
def put_draft_keys(
    request: HttpRequest,
    draft: str,
    payload: Basket,
    validate_only: fields.ValidateOnly = False,
    code: ResumeCodeHeader = None,
) -> Mapping[str, Any]:
    """Put a basket into the draft in place of what was there, and hold its good keys. Empty texts are left out."""
    asker = asking(request)
    asker.actor.needs("redemptions:write")
    holder, resume_code = holder_of(request, code, fields.in_path("draft", draft))
    asker.take("key_checks", cost=max(1, len(payload.keys)))
    texts = [text for text in payload.keys if text.strip()]

    def act() -> dict[str, Any]:
        sealer = wiring.sealer()
        verdicts = drafting.keep_keys(
            actor=holder,
            code=resume_code,
            texts=texts,
            sealer=sealer,
            means=asker.means,
            take_up=payload.start_over,
        )
        items = [Item.of(text, ()) for text in texts]
        kept = drafting.look(actor=holder, code=resume_code, sealer=sealer)
        return _draft(kept) | {"results": telling.verdicts(items, verdicts, language_of(request))}

    return writing.rehearse(holder, act).body if validate_only else act()


@router.delete("/{draft}", response=problems.answers(204, None, 200), operation_id="deleteDraft")
def delete_draft(
    request: HttpRequest, draft: str, validate_only: fields.ValidateOnly = False, code: ResumeCodeHeader = None
) -> Status[Any]:
    """Give the draft up: its keys are free at once, what was typed is gone."""
    asker = asking(request)
    asker.actor.needs("redemptions:write")
    holder, _ = holder_of(request, code, fields.in_path("draft", draft))

    def act() -> dict[str, Any]:
        drafting.abandon(actor=holder)
        return {}

    if validate_only:
        writing.rehearse(holder, act)
        return Status(200, None)
    act()
    return Status(204, None)


def _draft(kept: drafting.Kept) -> dict[str, Any]:
    return {
        "id": telling.public("draft", kept.id),
        "state": kept.state,
        "ends_at": telling.instant(kept.ends_at),
        "redemption": telling.public("redemption", kept.redemption),
    }
