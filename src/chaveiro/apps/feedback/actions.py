"""Keeping what readers say, and passing on what they ask. Keys that somebody typed into a text are not kept.

Answers to "was this useful" are not journalled: an entry would name who was signed in, and the page promises that
nobody's name is kept with an answer. A question for help is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro.apps.feedback.models import Answer, HelpRequest
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions import owe
from chaveiro.rules.actors import Actor
from chaveiro.rules.feedback import MESSAGE_AT_MOST, QUOTE_AT_MOST, TEXT_AT_MOST, Opinion, Question
from chaveiro.rules.keys import scrub
from chaveiro.rules.means import Means

ANSWERS_KEPT = timedelta(days=2 * 365)
QUESTIONS_KEPT = timedelta(days=180)
SWEPT_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Page:
    """The page of which something is said: the pattern of its address, its language, the program's version."""

    pattern: str
    language: str
    version: str


def keep(*, actor: Actor, page: Page, useful: bool, means: Means) -> UUID:
    """Keep whether a page was useful; answers the id under which more can be told for an hour."""
    answer = means.new_id()
    facts = {"id": str(answer), "page": page.pattern, "language": page.language, "version": page.version}
    with acting(actor):
        _call("SELECT feedback_keep(%s::jsonb, %s)", {**facts, "useful": useful}, means.now)
    return answer


def tell(*, actor: Actor, answer: UUID, opinion: Opinion, now: datetime) -> bool:
    """Keep what else the reader says of the same page, once; False when it was told already or too long ago.

    `opinion` was checked (rules.feedback.check_opinion).
    """
    facts = {
        "satisfaction": opinion.satisfaction,
        "affected": list(opinion.affected),
        "text": scrub(opinion.text)[:TEXT_AT_MOST],
        "quote": scrub(opinion.quote)[:QUOTE_AT_MOST],
    }
    with acting(actor):
        return bool(_call("SELECT feedback_tell(%s::jsonb, %s)", {**facts, "id": str(answer)}, now))


def ask(*, actor: Actor, asked: UUID, question: Question, request: str, means: Means) -> bool:
    """Keep a question under the id that its form had, and owe the mails that pass it on. Journals `help:asked`.

    False when that very form was sent before: then nothing happens. `question` was checked
    (rules.feedback.check_question); `request` is the number of the request in which help was needed.
    """
    facts = {
        "id": str(asked),
        "receiver": question.receiver,
        "page": question.page,
        "reference": question.reference,
        "request": request,
        "language": question.language,
        "name": scrub(question.name),
        "email": question.email,
        "message": scrub(question.message)[:MESSAGE_AT_MOST],
    }
    with acting(actor):
        if not _call("SELECT feedback_ask(%s::jsonb, %s)", facts, means.now):
            return False
        owe("help_request", {"request": str(asked)}, means.now)
        facts_told = {"receiver": question.receiver}
        customer = actor.customer
        record(tag="help:asked", at=means.now, actor=actor, subject_id=asked, customer_id=customer, facts=facts_told)
    return True


def sweep(*, now: datetime) -> int:
    """Drop answers after two years and questions after half a year, some thousands at a time; answers how many.

    It stands in the caller's transaction.
    """
    old = seen(Answer).filter(at__lt=now - ANSWERS_KEPT).values_list("id", flat=True)[:SWEPT_AT_ONCE]
    dropped, _ = seen(Answer).filter(id__in=list(old)).delete()
    done = seen(HelpRequest).filter(at__lt=now - QUESTIONS_KEPT).values_list("id", flat=True)[:SWEPT_AT_ONCE]
    passed, _ = seen(HelpRequest).filter(id__in=list(done)).delete()
    return dropped + passed


def _call(statement: str, facts: dict[str, Any], now: datetime) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, (json.dumps(facts), now))
        return cursor.fetchone()[0]
