"""Reading what was said of the pages, and what was asked. Only the operator and the house see any of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Avg, Count, Q

from chaveiro.apps.feedback.models import Answer, HelpRequest
from chaveiro.apps.journal.models import seen
from chaveiro.rules.errors import NotFound

LISTED_AT_MOST = 50
EXPORTED_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Said:
    """One answer. `satisfaction` is 1 to 5, None where it was not told; `affected` are codes."""

    id: UUID
    at: datetime
    page: str
    language: str
    version: str
    useful: bool
    satisfaction: int | None
    affected: tuple[str, ...]
    text: str = field(repr=False)
    quote: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are looked for; None and empty stand for all."""

    useful: bool | None = None
    language: str = ""
    page: str = ""
    told: bool = False  # only those that say more than yes or no


@dataclass(frozen=True, slots=True)
class Totals:
    """How many answers there are, how many found the page useful, and the mean satisfaction with the language."""

    answers: int
    useful: int
    satisfaction: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for help."""

    id: UUID
    at: datetime
    receiver: str
    account: UUID | None
    organisation: UUID | None
    customer: UUID | None
    page: str
    reference: str
    request: str
    language: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    message: str = field(repr=False)


def answers(wanted: Wanted, *, before: UUID | None = None, limit: int = LISTED_AT_MOST) -> list[Said]:
    """The answers within sight, the newest first; `before` goes on where a page ended."""
    found = seen(Answer).filter(_which(wanted))
    if before is not None:
        found = found.filter(id__lt=before)
    return [_said(row) for row in found.order_by("-id")[:limit]]


def totals(wanted: Wanted) -> Totals:
    """The sums over the answers within sight: one statement."""
    sums = (
        seen(Answer)
        .filter(_which(wanted))
        .aggregate(answers=Count("id"), useful=Count("id", filter=Q(useful=True)), satisfaction=Avg("satisfaction"))
    )
    return Totals(sums["answers"], sums["useful"], sums["satisfaction"])


def flagged(*, limit: int = EXPORTED_AT_MOST) -> list[Said]:
    """The answers that quote a text of the pages, the newest first: what translators are given."""
    return [_said(row) for row in seen(Answer).exclude(quote="").order_by("-id")[:limit]]


def help_request(identifier: UUID) -> Asked:
    """One question for help. Raises NotFound."""
    row = seen(HelpRequest).filter(id=identifier).first()
    if row is None:
        raise NotFound()
    return Asked(
        row.id,
        row.at,
        row.receiver,
        row.account_id,
        row.organisation_id,
        row.customer_id,
        row.page,
        row.reference,
        row.request,
        row.language,
        row.name,
        row.email,
        row.message,
    )


def _which(wanted: Wanted) -> Q:
    which = Q()
    if wanted.useful is not None:
        which &= Q(useful=wanted.useful)
    if wanted.language:
        which &= Q(language=wanted.language)
    if wanted.page:
        which &= Q(page=wanted.page)
    if wanted.told:
        which &= Q(told_at__isnull=False)
    return which


def _said(row: Answer) -> Said:
    return Said(
        row.id,
        row.at,
        row.page,
        row.language,
        row.version,
        row.useful,
        row.satisfaction,
        tuple(row.affected),
        row.text,
        row.quote,
    )
