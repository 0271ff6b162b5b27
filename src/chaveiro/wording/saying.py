"""Finds the words for a refusal, fills in its facts, and says them in a language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from chaveiro.rules.errors import Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.rules.offers import FewerKeys, FurtherKeys, Offer, SeatsAsGiven, SeatsBetween, Wait
from chaveiro.rules.verdicts import Fault, Refusals
from chaveiro.wording.figures import Figures, figures
from chaveiro.wording.sentences import SENTENCES
from chaveiro.wording.words import Words

GROUP_SYMBOLS = 5
# What came back from the database as JSON.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def sentence(refusal: Refusal, language: str) -> str:
    """What is refused, and why, in one or two whole sentences. Never holds a key, a name or an address."""
    refusal = _one(refusal)
    with override(language):
        return str(_words(refusal).what % _facts(refusal.facts, figures(language)))


def what_to_do(refusal: Refusal, language: str) -> str:
    """Who can lift the refusal and what to do now, the acts that would do among it."""
    refusal = _one(refusal)
    with override(language):
        offers = _offers(refusal.facts.get("instead") or (), figures(language))
        return offers or str(_words(refusal).todo % _facts(refusal.facts, figures(language)))


def problem_title(code: str, language: str = "en") -> str:
    """A few words for a kind of refusal, the same at each occurrence."""
    with override(language):
        return str(SENTENCES.get(code, SENTENCES["refused"]).title)


def said(code: str, language: str, **facts: Any) -> str:
    """The sentence of a code that is no refusal of the rules but of a door (`method_not_allowed`, …)."""
    with override(language):
        return str(SENTENCES.get(code, SENTENCES["refused"]).what % _facts(facts, figures(language)))


def said_to_do(code: str, language: str, **facts: Any) -> str:
    """What to do now, for such a code."""
    with override(language):
        return str(SENTENCES.get(code, SENTENCES["refused"]).todo % _facts(facts, figures(language)))


def _one(refusal: Refusal) -> Refusal:
    """The refusal inside a fault, or the first of several."""
    if isinstance(refusal, Refusals):
        return refusal.first
    return refusal.refusal if isinstance(refusal, Fault) else refusal


def _words(refusal: Refusal) -> Words:
    for variant in _variants(refusal):
        if f"{refusal.code}:{variant}" in SENTENCES:
            return SENTENCES[f"{refusal.code}:{variant}"]
    return SENTENCES.get(refusal.code, SENTENCES["refused"])


def _variants(refusal: Refusal) -> Iterable[str]:
    """What of a refusal's facts may choose other words for it."""
    facts = refusal.facts
    if isinstance(refusal, TooMany):
        yield "too_many"
    if facts.get("repair"):
        yield "repair"
    if facts.get("positions"):
        yield "positions"
    if facts.get("whole"):
        yield "whole"
    if isinstance(facts.get("kind"), str) and isinstance(facts.get("holder"), str):
        yield f"{facts['kind']}:{facts['holder']}"
    for name in ("field", "reason", "what", "act", "kind"):
        if isinstance(facts.get(name), str):
            yield facts[name]


class _Told(dict[str, Any]):
    """Facts in words. One that a sentence asks for and a refusal does not have must not keep it from being said."""

    def __missing__(self, name: str) -> Any:
        return 2 if name.endswith("_count") else "–"


def _facts(facts: Mapping[str, Any], write: Figures) -> dict[str, Any]:
    """Each fact as people read it; `<name>_count` keeps a number for the plural's sake."""
    told = _Told()
    for name, value in facts.items():
        told[name] = _SPECIAL[name](value, write) if name in _SPECIAL and value is not None else _plain(value, write)
        if isinstance(value, int) and not isinstance(value, bool):
            told[f"{name}_count"] = value
        if isinstance(value, list | tuple):
            told[f"{name}_count"] = len(value)
    return told


def _plain(value: Any, write: Figures) -> str:
    match value:
        case str() if _INSTANT.match(value):
            return write.instant(datetime.fromisoformat(value))
        case datetime():
            return write.instant(value)
        case date():
            return write.day(value)
        case bool() | None:
            return ""
        case int():
            return write.number(value)
        case list() | tuple():
            return write.joined(str(part) for part in value)
    return str(value)


def _positions(positions: Iterable[int], write: Figures) -> str:
    """`13 (group 3)`, for each."""
    return write.joined(
        _("%(position)s (group %(group)s)") % {"position": place, "group": (place - 1) // GROUP_SYMBOLS + 1}
        for place in positions
    )


_SPECIAL: Mapping[str, Callable[[Any, Figures], str]] = {
    "positions": _positions,
    "first": lambda index, write: write.number(index + 1),
    "country": lambda code, write: write.country(code),
    "countries": lambda codes, write: write.joined(write.country(code) for code in codes),
    "ends_on": lambda day, write: write.last_day(day),
    "horizon": lambda day, write: write.last_day(day),
}


def _offers(offers: Iterable[Offer], write: Figures) -> str:
    """The acts that would do, as sentences; empty when there is none."""
    return " ".join(_offer(offer, write) for offer in offers)


def _offer(offer: Offer, write: Figures) -> str:
    match offer:
        case FurtherKeys(count, grant):
            return ngettext(
                "One more key would do, with the same licences (%(seats)s) and months (%(months)s).",
                "%(count)s more keys would do, with the same licences (%(seats)s) and months (%(months)s) each.",
                count,
            ) % {"count": write.number(count), "seats": write.number(grant.seats), "months": grant.months}
        case FewerKeys(count):
            return ngettext(
                "Only the first key fits; keep the others for later.",
                "Only the first %(count)s keys fit; keep the others for later.",
                count,
            ) % {"count": write.number(count)}
        case SeatsBetween(lowest, highest):
            return _("Choose between %(lowest)s and %(highest)s licences.") % {
                "lowest": write.number(lowest),
                "highest": write.number(highest),
            }
        case SeatsAsGiven(seats):
            return ngettext(
                "Without a choice of yours there is %(seats)s licence afterwards, and that would do.",
                "Without a choice of yours there are %(seats)s licences afterwards, and that would do.",
                seats,
            ) % {"seats": write.number(seats)}
        case Wait(until):
            return _("From %(day)s on these keys fit; nothing stops until then.") % {"day": write.day(until)}
