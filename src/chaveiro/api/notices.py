"""The notices of a subscription, with what became of each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from chaveiro.api import fields, problems
from chaveiro.api.authentication import reader
from chaveiro.api.paging import Page, listed
from chaveiro.api.subscriptions import SCOPES
from chaveiro.apps.closing.queries import notices as queries
from chaveiro.apps.closing.queries.notices import Place
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries as subscriptions
from chaveiro.wording import notice_cards

router = Router(tags=["Subscriptions"])


class Recipient(fields.Answer):
    """To whom a notice went; never to which address."""

    kind: str = Field(
        description="`own` (a person of the customer), `contact`, `partner`; `nobody`, `everybody`: none went out."
    )
    name: str = Field(description="The person's or the partner's name, as far as you may know it.")
    alternate: bool = Field(description="To the person's second address.")
    partner: str | None


class NoticeAnswer(fields.Answer):
    """One notice: `owed`, `accepted` by a mail server, `bounced`, `superseded` or `dropped` (nobody to read it)."""

    id: str
    kind: str = Field(description="`ends-60`, `ended`, `access_stopped`, `erasure-7`, `erased`, `bounced-ends-60`, …")
    term: int
    due_on: date
    written_on: date
    recipient: Recipient
    state: str
    attempts: int
    server: str = Field(description="The server that took it or refused it.")
    outcome: str
    settled_on: date | None
    settled_at: datetime | None


class NoticePage(fields.Answer):
    """One page of notices, the oldest first."""

    items: list[NoticeAnswer]
    has_more: bool
    next_cursor: str | None


@router.get(
    "/{subscription}/notices", response=problems.answers(200, NoticePage, writes=False), operation_id="listNotices"
)
def list_notices(request: HttpRequest, subscription: str, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Every notice of a subscription that you may read, the oldest first; a partner reads those written to it."""
    actor = reader(request, *SCOPES)
    wanted, after = fields.in_path("subscription", subscription), page.after(Place.read)
    with acting(actor):
        subscriptions.subscription(wanted)
        found = queries.of_subscription(wanted, after=after, limit=page.limit + 1)
    return listed(found, page, notice_cards.notice, lambda card: Place(card.written_on, card.id))
