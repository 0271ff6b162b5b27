"""Whether a notice that is owed may still be posted: its sentence must be true on the day, and somebody there to read.

    owed ──posted──▶ accepted ──a delivery report──▶ bounced
      ├──refused, or nobody took it after all attempts──▶ bounced
      ├──a later one took its place, or its facts moved──▶ superseded
      └──nobody is there to read it any more──▶ dropped

Source: rules, section 5; invariant N1. What is owed when is for `rules.notices`; this looks at one that was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, WAITS

# A notice that tells others that one did not arrive: `bounced-ends-30`.
OF_A_BOUNCE = "bounced-"
LAST_WORD_DAYS = 7  # before an erasure, by which its last notice is owed (rules, section 5)
# Longer than any conversation with a mail server lasts: nobody else takes a notice in hand meanwhile.
LEASE = timedelta(minutes=5)


class Verdict(StrEnum):
    """What becomes of a notice that is about to be posted; the last two are states of its row."""

    POST = "post"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A subscription as it stands when one of its notices is about to be posted.

    `erase_on` is the day on which it is to be erased, postponed or not, None while nobody has named one (of a closed
    one); `held` tells of a legal hold; `renews` that it goes on by itself, so that no end is announced; `outside_works`
    that somebody has an address outside what the subscription serves.
    """

    term: int
    ends_on: date
    access_stops_on: date
    erase_on: date | None
    notice_days: tuple[int, ...]
    erased_on: date | None = None
    closed: bool = False
    held: bool = False
    renews: bool = False
    outside_works: bool = False


def family(kind: str) -> str:
    """The kind of sentence that a notice says: `ends`, `ended`, `access_stopped`, `erasure`, `erased`, …"""
    plain = kind.removeprefix(OF_A_BOUNCE)
    return plain.partition("-")[0]


def judge(kind: str, term: int, facts: Mapping[str, Any], life: Life, day: date) -> Verdict:
    """POST where the notice's sentence is true on this day and no later notice has taken its place."""
    plain = kind.removeprefix(OF_A_BOUNCE)
    if term != life.term:
        return Verdict.SUPERSEDED
    if family(kind) == "erased":
        return Verdict.POST if life.erased_on is not None and life.erased_on <= day else Verdict.SUPERSEDED
    if life.erased_on is not None or (life.closed and family(kind) != "erasure"):
        return Verdict.SUPERSEDED
    return Verdict.POST if _is_true(plain, facts, life, day) else Verdict.SUPERSEDED


def _is_true(kind: str, facts: Mapping[str, Any], life: Life, day: date) -> bool:
    match family(kind):
        case "ends":
            return not life.renews and day < _next_word_before_the_end(kind, life)
        case "outside_address":
            return day < life.ends_on and not life.outside_works
        case "ended":
            return life.ends_on <= day < life.access_stops_on
        case "access_stopped":
            return life.access_stops_on <= day and (life.erase_on is None or day < life.erase_on)
        case "erasure":
            return _names_the_erasure(kind, facts, life, day)
    return False


def _names_the_erasure(kind: str, facts: Mapping[str, Any], life: Life, day: date) -> bool:
    """It names the day of the erasure, which is to come; after a postponement a notice of its own names the new one."""
    if life.held or life.erase_on is None or facts.get("erase_on") != life.erase_on.isoformat():
        return False
    later = LAST_WORD_DAYS if _threshold(kind) > LAST_WORD_DAYS else 0
    return day < days_later(life.erase_on, -later)


def _next_word_before_the_end(kind: str, life: Life) -> date:
    """The day from which a later notice says it instead: the next threshold's, at last the end itself."""
    threshold = _threshold(kind)
    later = max((days for days in life.notice_days if days < threshold), default=0)
    return days_later(life.ends_on, -later)


def _threshold(kind: str) -> int:
    text = kind.partition("-")[2].partition("@")[0]
    return int(text) if text.isdecimal() else 0


def is_outside(address: str, served: tuple[str, ...]) -> bool:
    """Whether an address lies outside the domains whose mailboxes the subscription itself serves."""
    domain = address.rpartition("@")[2].casefold().rstrip(".")
    return not any(domain == one or domain.endswith(f".{one}") for one in (each.casefold() for each in served))


def wait_after(attempts: int) -> timedelta | None:
    """How long a notice waits after that many attempts that nobody took; None when there is no further one."""
    return WAITS[attempts - 1] if 0 < attempts < ATTEMPTS_AT_MOST else None
