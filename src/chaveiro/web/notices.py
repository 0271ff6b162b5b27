"""Notices: a person's inbox, those of one subscription, and one as it was written, with what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import notices as queries
from chaveiro.apps.closing.queries.notices import MailStanding, NoticeCard, Place
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices.actions import settling
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.posting import OF_A_BOUNCE
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import language, page
from chaveiro.wording import notice_cards
from chaveiro.wording.notices import Told, told

ROWS = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of a list: the notice, and its words."""

    card: NoticeCard
    kind: str
    to: str
    word: str
    mood: str

    @classmethod
    def of(cls, card: NoticeCard) -> Shown:
        """The words of a row, in the language of the page."""
        word, mood = notice_cards.state_in_words(card.state)
        to = notice_cards.recipient_in_words(card.recipient, card.person, card.partner_name)
        return cls(card, notice_cards.kind_in_words(card.kind), to, word, mood)


def standing_of(request: Any) -> MailStanding:
    """What whoever asks has not opened, and which addresses failed; nothing for a stranger or an operator."""
    actor = request.actor
    if actor.kind not in (Kind.CUSTOMER, Kind.CHANNEL) or actor.account is None:
        return MailStanding(0, 0)
    with acting(actor):
        return queries.standing(account=actor.account, customer=actor.customer)


@require_safe
@signed_in
def listing(request: Any) -> HttpResponse:
    """What was written to the reader, the newest first."""
    actor = request.actor
    if actor.kind not in (Kind.CUSTOMER, Kind.CHANNEL):
        raise NotFound()
    before = place_in(request.GET.get("after", ""))
    organisation = actor.organisation if actor.kind is Kind.CHANNEL else None
    with acting(actor):
        found = queries.written_to(account=actor.account, organisation=organisation, before=before, limit=ROWS + 1)
    context = {"notices": [Shown.of(card) for card in found[:ROWS]], **pager(found, ROWS, bool(before))}
    return page(request, "notices/listing.html", context)


@require_safe
@signed_in
def notice(request: Any, notice: str) -> HttpResponse:
    """One notice as it was written, with what became of it; to whom it went, it counts as read from now on."""
    wanted, actor, means = id_in("notice", notice), request.actor, wiring.means()
    with acting(actor):
        card = queries.one(wanted)
        failed = _failed(card)
        if request.method == "GET" and card.read_at is None and actor.account == card.account is not None:
            settling.mark_read(notices=[wanted], account=actor.account, now=means.now)
    about = notice_cards.about(card, failed)
    context = {
        "row": Shown.of(card),
        "told": told(about, language()),
        "mine": actor.kind is Kind.CUSTOMER,
        "link": link_of(card, told(about, language())),
    }
    return page(request, "notices/notice.html", context)


def link_of(card: NoticeCard, words: Told) -> str:
    """Where the notice leads; empty where it leads nowhere any more."""
    if not words.before_link:
        return ""
    subscription = identifiers.write("subscription", card.subscription)
    return "/settings" if card.kind == "outside_address" else f"/subscriptions/{subscription}"


@require_safe
@signed_in
def of_subscription(request: Any, subscription: str) -> HttpResponse:
    """Every notice of a subscription that the reader may know of, with its outcome, the newest first."""
    wanted, means = id_in("subscription", subscription), wiring.means()
    with acting(request.actor):
        card = delegation.subscription_in_sight(wanted, day=means.day)
        before = place_in(request.GET.get("after", ""))
        found = queries.at_the_desk(queries.Wanted(subscription=wanted), before=before, limit=ROWS + 1)
    context = {
        "card": card,
        "notices": [Shown.of(one) for one in found[:ROWS]],
        **pager(found, ROWS, bool(before)),
    }
    return page(request, "notices/subscription.html", context)


def _failed(card: NoticeCard) -> NoticeCard | None:
    """The notice that did not arrive, where this one tells of it and the reader may see it."""
    if not card.kind.startswith(OF_A_BOUNCE):
        return None
    try:
        return queries.one(id_in("notice", f"not_{str(card.facts.get('of', '')).replace('-', '')}"))
    except NotFound:
        return None


def place_in(text: str) -> Place | None:
    """The place in a list that an address names, `2027-10-23.not_…`; None where it names none."""
    day, _, public = text.partition(".")
    identifier = id_or_none("notice", public)
    if identifier is None:
        return None
    try:
        return Place.read(f"{day}|{identifier}")
    except Malformed:
        return None


def pager(found: list[NoticeCard], rows: int, is_further: bool, query: str = "") -> dict[str, str]:
    """Where the list goes on, and where it begins."""
    joined = f"{query}&" if query else ""
    more = ""
    if len(found) > rows:
        last = found[rows - 1]
        more = f"?{joined}after={last.written_on}.{identifiers.write('notice', last.id)}"
    return {"next": more, "first": f"?{query}" if is_further else ""}
