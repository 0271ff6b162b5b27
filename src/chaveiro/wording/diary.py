"""A test clock as programs read it, and its diary in words: one line for each thing that happened on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from chaveiro.apps.clocks.queries import ClockCard
from chaveiro.apps.closing.queries.diary import Line
from chaveiro.rules.lifecycle import last_day
from chaveiro.wording.figures import figures
from chaveiro.wording.notice_cards import kind_in_words
from chaveiro.wording.papers import named
from chaveiro.wording.telling import day as told_day
from chaveiro.wording.telling import instant, public


def clock(one: ClockCard) -> dict[str, Any]:
    """A test clock."""
    return {
        "id": public("clock", one.id),
        "name": one.name,
        "day": told_day(one.day),
        "holder": public("partner", one.organisation),
        "moving_to": told_day(one.moving_to),
        "operation": public("operation", one.operation),
        "created_at": instant(one.created_at),
        "moved_at": instant(one.moved_at),
        "ended_at": instant(one.ended_at),
    }


def line(one: Line, language: str) -> dict[str, Any]:
    """A line as programs read it, with the sentence for people."""
    return {
        "day": told_day(one.day),
        "what": one.what,
        "customer": public("customer", one.customer),
        "customer_name": one.customer_name,
        "subscription": public("subscription", one.subscription),
        "product": named(one.names, language),
        "facts": dict(one.facts),
        "text": sentence(one, language),
    }


def sentence(one: Line, language: str) -> str:
    """What happened, in a whole sentence; the customer's name stands beside it."""
    with override(language):
        noun, _colon, kind = one.what.partition(":")
        match noun:
            case "grace":
                return _("The subscription ended; everything works on in the days of grace.")
            case "retained":
                return _("Access stopped; the data are kept.")
            case "erased":
                return _("The data were erased.")
            case "notice":
                said = _("Notice: %(notice)s.") % {"notice": kind_in_words(kind)}
                return " ".join((said, *_outcome(one.facts, language)))
            case _:
                return _ledger(kind, one.facts, language)


def _ledger(kind: str, facts: Any, language: str) -> str:
    write = figures(language)
    if not facts["ends_on"] or not facts["seats"]:
        return _("What had been redeemed was taken back.")
    told = {
        "seats": write.number(facts["seats"]),
        "day": write.day(last_day(date.fromisoformat(facts["ends_on"]))),
    }
    match kind:
        case "open":
            words = _("A key opened the subscription: %(seats)s licences, last day %(day)s.")
        case "add":
            words = _("A key added licences: %(seats)s now, last day %(day)s.")
        case "extend":
            words = _("A key renewed the subscription: %(seats)s licences, last day %(day)s.")
        case "forfeit":
            return _("What was left of the subscription is forfeited.")
        case _:
            words = _("The subscription changed: %(seats)s licences, last day %(day)s.")
    return words % told


def _outcome(facts: Any, language: str) -> Iterator[str]:
    write = figures(language)

    def count(name: str) -> int:
        return int(facts.get(name, 0))

    if count("accepted"):
        words = ngettext("%(n)s address accepted it.", "%(n)s addresses accepted it.", count("accepted"))
        yield words % {"n": write.number(count("accepted"))}
    if count("bounced"):
        words = ngettext("%(n)s address refused it.", "%(n)s addresses refused it.", count("bounced"))
        yield words % {"n": write.number(count("bounced"))}
    if count("owed"):
        words = ngettext("%(n)s mail is on its way.", "%(n)s mails are on their way.", count("owed"))
        yield words % {"n": write.number(count("owed"))}
    if count("dropped") and not (count("accepted") or count("bounced") or count("owed")):
        yield _("It was not sent: nobody was there to read it.")
