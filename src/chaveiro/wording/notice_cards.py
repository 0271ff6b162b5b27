"""Notices in lists: what each is, to whom it went, what became of it; and one as programs read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chaveiro.apps.closing.queries.notices import NoticeCard
from chaveiro.rules.notices import EVERYBODY, NOBODY
from chaveiro.rules.posting import OF_A_BOUNCE, family
from chaveiro.wording.notices import About, Audience
from chaveiro.wording.telling import day, instant, public

KINDS: Mapping[str, Any] = {
    "ends": gettext_lazy("Before the end"),
    "ended": gettext_lazy("Expired"),
    "access_stopped": gettext_lazy("Access stopped"),
    "erasure": gettext_lazy("Before the deletion"),
    "erased": gettext_lazy("Deleted"),
    "outside_address": gettext_lazy("Outside address missing"),
    "bounced": gettext_lazy("A notice did not arrive"),
}

STATES: Mapping[str, tuple[Any, str]] = {
    "owed": (gettext_lazy("to be posted"), "warn"),
    "accepted": (gettext_lazy("taken by the mail server"), "good"),
    "bounced": (gettext_lazy("did not arrive"), "bad"),
    "superseded": (gettext_lazy("not needed any more"), ""),
    "dropped": (gettext_lazy("nobody there to read it"), ""),
}


def kind_in_words(kind: str) -> str:
    """What a notice is, short: for lists. A threshold is named with its days."""
    if kind.startswith(OF_A_BOUNCE):
        return str(KINDS["bounced"])
    days = kind.partition("-")[2].partition("@")[0]
    title = str(KINDS.get(family(kind), kind))
    if not days.isdecimal():
        return title
    told = {"title": title, "days": days}
    return ngettext("%(title)s (%(days)s day)", "%(title)s (%(days)s days)", int(days)) % told


def recipient_in_words(recipient: str, person: str, organisation: str) -> str:
    """To whom a notice went, without the address."""
    if recipient.startswith("partner:"):
        return person or organisation or _("The partner’s contact")
    if recipient == "contact":
        return _("The organisation’s contact address")
    if recipient in (NOBODY, EVERYBODY):
        return _("Nobody")
    if recipient.endswith(":alternate"):
        return _("%(person)s, second address") % {"person": person or _("A person who has left")}
    return person or _("A person who has left")


def state_in_words(state: str) -> tuple[str, str]:
    """What became of a notice, and how the word is to look."""
    word, mood = STATES.get(state, (state, ""))
    return str(word), mood


def audience_of(card: NoticeCard) -> Audience:
    """Whose words a notice has."""
    if card.organisation is not None:
        return Audience.PARTNER
    return Audience.CONTACT if card.account is None else Audience.OWN


def about(card: NoticeCard, failed: NoticeCard | None = None) -> About:
    """What a notice said, from what was true when it was written; `failed` is the one that it tells of, if in sight."""
    facts = card.facts
    return About(
        kind=card.kind,
        audience=audience_of(card),
        names=card.names,
        customer=card.customer_name,
        day=card.written_on,
        seats=int(facts.get("seats") or 0),
        ends_on=_day(facts.get("ends_on")) or card.due_on,
        access_stops_on=_day(facts.get("access_stops_on")) or card.due_on,
        erase_on=_day(facts.get("erase_on")),
        erased_on=card.due_on if family(card.kind) == "erased" else None,
        partner=card.partner_name,
        failed_name="" if failed is None else failed.person,
        failed_outcome="" if failed is None else failed.outcome,
        failed_partner=failed is not None and failed.organisation is not None,
    )


def notice(card: NoticeCard) -> dict[str, Any]:
    """A notice as programs read it: to whom, in words and by kind, and never to which address."""
    return {
        "id": public("notice", card.id),
        "kind": card.kind,
        "term": card.term,
        "due_on": day(card.due_on),
        "written_on": day(card.written_on),
        "recipient": {
            "kind": audience_of(card).value if card.recipient not in (NOBODY, EVERYBODY) else card.recipient,
            "name": card.person or card.partner_name,
            "alternate": card.recipient.endswith(":alternate"),
            "partner": public("partner", card.organisation),
        },
        "state": card.state,
        "attempts": card.attempts,
        "server": card.server,
        "outcome": card.outcome,
        "settled_on": day(card.settled_on),
        "settled_at": instant(card.settled_at),
    }


def _day(text: Any) -> date | None:
    return None if text is None else date.fromisoformat(text)
