"""Posting the notices of subscriptions: each taken in hand, held against what is true now, posted, and settled.

    one transaction    taken in hand by compare-and-set, its truth looked at in the same statement, one attempt counted
    no transaction     written in the reader's language and handed to the post office, with a way back of its own
    one transaction    settled: accepted, bounced (then others are told), or owed still until its next attempt

A kill after the first leaves a notice that is taken in hand again once its lease is over: same Message-ID, so that
whoever has it already knows it. A notice is one row and one mail; no job is made for it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import structlog

from chaveiro import wiring
from chaveiro.apps.clocks import queries as clocks
from chaveiro.apps.closing.actions import posting
from chaveiro.apps.closing.queries import posting as queries
from chaveiro.apps.closing.queries.posting import Ready
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices.actions.settling import Handed
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import ATTACHMENTS, Desk, Reader, written
from chaveiro.rules import bounces, identifiers
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.outbox import Attachment, Message, PostDeferred, PostRefused
from chaveiro.rules.posting import is_outside
from chaveiro.wording import calendars
from chaveiro.wording.notices import About, Audience, Told, has_dates, told

log = structlog.get_logger(__name__)

POSTED_AT_ONCE = 50
# A server that does not take mail keeps each of them waiting: after so many in a row the rest comes with the next call.
DEFERRED_IN_A_ROW = 3
NOON = time(12, tzinfo=UTC)


def post_owed(desk: Desk, *, day: date, clock: UUID | None = None, limit: int = POSTED_AT_ONCE) -> int:
    """Post what is owed to the customers on that test clock, or on none, whose day is `day`; answers how many it took.

    Call it again while it answers `limit`. Any number of callers may run: each notice is in one hand at a time. After a
    restore none goes before somebody has looked at it (P1): what was told since the backup is not known.
    """
    with acting(SYSTEM):
        if clock is None and clocks.mark().silent_on(day):
            return 0
        owed = queries.due(clock=clock, now=desk.means().now, limit=limit)
    looked_at = in_a_row = 0
    for notice in owed:
        if desk.stopping() or in_a_row == DEFERRED_IN_A_ROW:
            break
        in_a_row = 0 if _post(desk, notice, day) else in_a_row + 1
        looked_at += 1
    return looked_at


def post_everywhere(desk: Desk) -> int:
    """Post a portion for the customers by the platform's day, and one for each test clock with mail."""
    means = desk.means()
    with acting(SYSTEM):
        elsewhere = queries.clocks_with_mail(means.now)
    posted = post_owed(desk, day=means.day)
    return posted + sum(post_owed(desk, day=day, clock=clock) for clock, day in elsewhere)


def _post(desk: Desk, notice: UUID, day: date) -> bool:
    """Post one notice; False where nobody took it yet."""
    now = desk.means().now
    ready = posting.take(notice, day=day, now=now)
    if ready is None:
        return True
    known = log.bind(notice=str(notice), kind=ready.kind, attempt=ready.attempts)
    message = letter(desk, ready, day)
    handed = Handed(
        address=ready.address,
        outside=is_outside(ready.address, (f"{ready.served}.{desk.initial_domain}",)),
        server=desk.office.server,
        direct=desk.office.final,
        returns=bool(message.return_path),
        outcome="",
    )
    try:
        outcome = desk.office.post(message)
    except PostRefused as refused:
        posting.refused(notice, _with(handed, refused), day=day, now=desk.means().now)
        known.warning("notice_refused", outcome=refused.facts["outcome"])
    except PostDeferred as deferral:
        posting.put_off(ready, _with(handed, deferral), day=day, now=desk.means().now)
        known.warning("notice_deferred", outcome=deferral.facts["outcome"])
        return False
    else:
        posting.accepted(notice, replace(handed, outcome=outcome), day=day, now=desk.means().now)
        known.info("notice_posted", outcome=outcome)
    return True


def _with(handed: Handed, refusal: PostRefused | PostDeferred) -> Handed:
    return replace(handed, outcome=str(refusal.facts["outcome"]))


def letter(desk: Desk, ready: Ready, day: date) -> Message:
    """The mail of a notice, with a calendar file where days are to come, and its way back."""
    reader = Reader(
        email=ready.address,
        language=ready.language or "pt-pt",
        given_name=ready.given_name,
        login_name=ready.login_name,
        account=ready.account,
        owned=ready.owned,
    )
    # On a test clock a mail bears the clock's day, as if it had come then.
    at = datetime.combine(day, NOON) if ready.on_a_clock else desk.means().now
    facts = LetterFacts(ready.id, "notice", ready.account, ready.customer, "owed", ready.attempts, "", at, None)
    about = about_of(ready, day)
    public = identifiers.write("subscription", ready.subscription)
    words = notice_words(desk.base_url, about, told(about, reader.language), public)
    if has_dates(about) and about.erase_on is not None:
        words[ATTACHMENTS] = (calendar_of(desk, ready, about, reader.language, public),)
    message = written(desk, facts, reader, words)
    return replace(message, return_path=bounces.return_path(desk.return_address, ready.id, desk.secret))


def about_of(ready: Ready, day: date) -> About:
    """What the notice is about, as it stands."""
    audience = Audience.OWN if ready.account and not ready.organisation else Audience.CONTACT
    return About(
        kind=ready.kind,
        audience=Audience.PARTNER if ready.organisation else audience,
        names=ready.names,
        customer=ready.customer_name,
        day=day,
        seats=ready.seats,
        ends_on=ready.life.ends_on,
        access_stops_on=ready.life.access_stops_on,
        erase_on=ready.life.erase_on,
        erased_on=ready.life.erased_on,
        partner=ready.partner_name,
        of_record=ready.of_record,
        failed_name=ready.failed_name,
        failed_outcome=ready.failed_outcome,
        failed_partner=ready.failed_partner,
    )


def notice_words(base_url: str, about: About, words: Told, public: str) -> dict[str, Any]:
    """What the templates of a notice need."""
    page = page_of(about, public)
    calendar = has_dates(about) and about.erase_on is not None
    return {"told": words, "link": f"{base_url}{page}", "calendar": calendar}


def page_of(about: About, public: str) -> str:
    """Where the notice leads: to whoever may renew, the page on which that is done."""
    if about.kind == "outside_address":
        return "/settings"
    renews = about.audience is not Audience.PARTNER or about.of_record
    return f"/subscriptions/{public}/renew" if renews else f"/subscriptions/{public}"


def calendar_of(desk: Desk, ready: Ready, about: About, language: str, public: str) -> Attachment:
    """The days to come as a calendar file; equal facts give equal bytes."""
    assert about.erase_on is not None
    days = calendars.Days(
        subscription=ready.subscription,
        customer_name=ready.customer_name,
        names=ready.names,
        ends_on=about.ends_on,
        access_stops_on=about.access_stops_on,
        erasure_on=about.erase_on,
        notice_days=ready.life.notice_days,
        term=ready.version,
    )
    content = calendars.calendar(
        days,
        write=wiring.calendar_writer(),
        language=language,
        base_url=desk.base_url,
        stamp=datetime.combine(ready.written_on, NOON),
    )
    return Attachment(f"{public}.ics", "text/calendar", content)
