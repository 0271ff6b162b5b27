"""What a reader may say of a page, and what a question for help must have. Free texts are bounded; nothing is asked
that is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.openings import Missing
from chaveiro.rules.verdicts import Fault, Refusals

TEXT_AT_MOST = 2_000
QUOTE_AT_MOST = 500
MESSAGE_AT_MOST = 4_000
NAME_AT_MOST = 200
EMAIL_AT_MOST = 254
REFERENCE_AT_MOST = 40
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")


class TextTooLong(Refusal):
    """A free text is longer than is kept. Facts: field, most (characters)."""

    code = "text_too_long"


class FormTooOld(Refusal):
    """A form was open for longer than it can be told from a doubled one. Facts: none."""

    code = "form_too_old"


class Affected(StrEnum):
    """What may have affected somebody's experience of a page; the codes are for ever."""

    WORDS = "words"  # words that are wrong or foreign
    UNCLEAR = "unclear"  # hard to understand
    UNTRANSLATED = "untranslated"  # text in another language
    MISSING = "missing"  # what was looked for is not there
    WRONG = "wrong"  # what it says is not so
    BROKEN = "broken"  # something did not work
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a reader says after yes or no. `satisfaction` with the language is 1 to 5, None where not told."""

    satisfaction: int | None
    affected: tuple[str, ...]
    text: str = field(default="", repr=False)
    quote: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A question for help: to `operator` or `partner`, from which page, about which reference."""

    receiver: str
    page: str
    language: str
    message: str = field(repr=False)
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    reference: str = ""


def opinion_of(satisfaction: str, affected: Collection[str], text: str, quote: str) -> Opinion:
    """An opinion as a form has it: what is not among the choices is left out. Raises Refusals for texts too long."""
    known = tuple(each for each in Affected if each in affected)
    faults = _too_long(("text", text, TEXT_AT_MOST), ("quote", quote, QUOTE_AT_MOST))
    if faults:
        raise Refusals(tuple(faults))
    stars = int(satisfaction) if satisfaction in {"1", "2", "3", "4", "5"} else None
    return Opinion(stars, tuple(each.value for each in known), text.strip(), quote.strip())


def check_question(question: Question) -> Question:
    """The same question. Raises Refusals with every fault: no message, a text too long, an address that is none.

    An address is not asked for: without one nobody can answer, and the page says so.
    """
    faults = []
    if not question.message.strip():
        faults.append(Fault("/message", Missing(field="message")))
    faults += _too_long(
        ("message", question.message, MESSAGE_AT_MOST),
        ("name", question.name, NAME_AT_MOST),
        ("reference", question.reference, REFERENCE_AT_MOST),
    )
    if question.email and (len(question.email) > EMAIL_AT_MOST or not _EMAIL.fullmatch(question.email)):
        faults.append(Fault("/email", Malformed(field="answer_to", reason="is not an e-mail address")))
    if faults:
        raise Refusals(tuple(faults))
    return question


def _too_long(*texts: tuple[str, str, int]) -> list[Fault]:
    return [Fault(f"/{name}", TextTooLong(field=name, most=most)) for name, value, most in texts if len(value) > most]
