"""The draft behind the pages: named in the address, opened by the resume code in a signed cookie of its own.

A browser remembers up to ten drafts. Under an account's address the cookie bears the account's tag too: what somebody
began as one account, or as nobody, is not gone on with as another unless they say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting, resuming
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import may_begin
from chaveiro.rules.drafts import CODE_BYTES, LIFE, ResumeCode
from chaveiro.rules.errors import NotFound

PREFIX = "__Host-draft-" if settings.SECURE else "draft-"
SALT = "chaveiro draft"
LIFE_SECONDS = int(LIFE.total_seconds())
DRAFTS_AT_MOST = 10
TAG_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Memory:
    """What a browser remembers of one draft: which it is, its resume code, and since when, in seconds."""

    draft: UUID
    code: ResumeCode
    since: int


@dataclass(frozen=True, slots=True)
class Desk:
    """An unfinished redemption in somebody's hands: the actor holding it, its code, what is in it."""

    holder: Actor
    code: ResumeCode
    kept: drafting.Kept

    @property
    def form(self) -> dict[str, str]:
        """What was typed about organisation and people."""
        return dict(self.kept.form)

    @property
    def tag(self) -> str:
        """How addresses name the draft."""
        return tag_of(self.kept.id)

    @property
    def purpose(self) -> str:
        """What the keys are for, as far as it was chosen."""
        return self.form.get("purpose") or "open"

    @property
    def opens_customer(self) -> bool:
        """Whether an organisation would be opened."""
        return self.purpose == "open" and self.holder.kind is not Kind.CUSTOMER

    @property
    def for_whom(self) -> str:
        """The organisation's name, as soon as it is known."""
        return self.form.get("name", "") if self.opens_customer else self.form.get("target_name", "")

    def without_target(self) -> Desk:
        """The same draft as if nothing had been chosen yet that the keys are for."""
        left = {name: value for name, value in self.form.items() if name not in ("purpose", "subscription")}
        return replace(self, kept=replace(self.kept, form=left))

    def path(self, page: str) -> str:
        """The address of one of its pages."""
        return f"/redeem/{self.tag}/{page}"


def tag_of(draft: UUID) -> str:
    """The short tag of a draft's id: its random end. It opens nothing."""
    return draft.hex[-TAG_DIGITS:]


def begin(request: Any, form: dict[str, str]) -> tuple[UUID, ResumeCode]:
    """Open a draft for whoever asks, with what is known already."""
    means = wiring.means()
    code = ResumeCode.made(means.random_bytes(CODE_BYTES))
    holder = drafting.begin(actor=request.actor, means=means, code=code)
    assert holder.draft is not None
    known = {**form, **own_name(holder)}
    if known:
        drafting.keep_form(actor=holder, form=known, means=means)
    return holder.draft, code


def own_name(holder: Actor) -> dict[str, str]:
    """The name of the organisation for which a customer's administrator redeems: their own."""
    if holder.kind is not Kind.CUSTOMER or holder.customer is None:
        return {}
    with acting(holder):
        return {"target_name": customers.name_of(holder.customer)}


def remember(request: HttpRequest, response: HttpResponse, draft: UUID, code: ResumeCode) -> HttpResponse:
    """The same response, with the code in the browser: signed, out of reach of scripts, for the draft's life.

    Of more than ten drafts the browser forgets those that it knows longest; they stay, and their codes open them.
    """
    since = int(wiring.now().timestamp())
    response.set_signed_cookie(
        _cookie(request, tag_of(draft)),
        f"{draft.hex}.{code.symbols}.{since}",
        salt=SALT,
        max_age=LIFE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SECURE,
    )
    others = [name for name in request.COOKIES if name.startswith(PREFIX) and not name.endswith(tag_of(draft))]
    others.sort(key=lambda name: _since(request.COOKIES[name]))
    for name in others[: max(0, len(others) + 1 - DRAFTS_AT_MOST)]:
        response.delete_cookie(name, samesite="Lax")
    return response


def forget(request: HttpRequest, response: HttpResponse, tag: str, *, of_nobody: bool = False) -> HttpResponse:
    """The same response; the browser forgets the code, the draft stays."""
    response.delete_cookie(PREFIX + tag if of_nobody else _cookie(request, tag), samesite="Lax")
    return response


def memory_of(request: HttpRequest, tag: str, *, of_nobody: bool = False) -> Memory | None:
    """What this browser remembers of a draft, under the address of the request; `of_nobody`, without an account."""
    return _read(request, PREFIX + tag if of_nobody else _cookie(request, tag))


def memories_of(request: HttpRequest) -> list[Memory]:
    """All drafts that this browser remembers under the address of the request, the latest first."""
    beginning = _cookie(request, "")
    found = [
        _read(request, name)
        for name in request.COOKIES
        if name.startswith(beginning) and len(name) == len(beginning) + TAG_DIGITS
    ]
    return sorted(filter(None, found), key=lambda memory: memory.since, reverse=True)[:DRAFTS_AT_MOST]


def unfinished(request: Any) -> list[resuming.Remembered]:
    """What of the drafts at this browser still goes on, with what the start page says of each."""
    codes = [memory.code for memory in memories_of(request)]
    found = resuming.remembered(actor=request.actor, codes=codes) if codes else []
    return [draft for draft in found if draft.state == "open"]


def open_desk(holder: Actor, code: ResumeCode) -> Desk:
    """The draft in somebody's hand; looking at it keeps it, and its keys stay reserved. Raises NotFound."""
    kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer(), now=wiring.now())
    return Desk(holder, code, kept)


def look_again(desk: Desk) -> Desk:
    """The same draft as it stands now."""
    return open_desk(desk.holder, desk.code)


def desk_of(request: Any, tag: str) -> Desk | None:
    """The draft of an address; None when this browser does not have it under this address, or it is gone."""
    memory = memory_of(request, tag)
    if memory is None:
        return None
    try:
        return open_desk(request.actor.holding(memory.draft), memory.code)
    except NotFound:
        return None


def may_redeem(request: Any) -> None:
    """Pass, or raise NotAllowed: who is signed in without a role for it is told at the start, not at the end."""
    may_begin(request.actor)


def _cookie(request: HttpRequest, tag: str) -> str:
    account = getattr(request, "at", "").removeprefix("/a/")
    return f"{PREFIX}{account}-{tag}" if account else PREFIX + tag


def _read(request: HttpRequest, name: str) -> Memory | None:
    value = request.get_signed_cookie(name, default=None, salt=SALT, max_age=LIFE_SECONDS)
    if value is None:
        return None
    draft, symbols, since = value.split(".")
    return Memory(UUID(draft), ResumeCode(symbols), int(since))


def _since(value: str) -> int:
    """When a cookie was made, as far as it says; only for the order in which they are forgotten."""
    since = value.partition(":")[0].rpartition(".")[2]
    return int(since) if since.isdecimal() else 0
