"""A page: its template, its problems listed at the top and again at their fields, and what every page is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chaveiro.rules.errors import Refusal
from chaveiro.rules.openings import Missing
from chaveiro.rules.verdicts import Fault
from chaveiro.wording import sentence, what_to_do


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to correct: at which field, or on which page, and the words, the same at the top and at the field."""

    at: str
    text: str
    todo: str
    page: str = ""
    label: str = ""  # of which of several alike it is said, in the list at the top

    @property
    def href(self) -> str:
        """Where the entry in the list of problems leads."""
        return f"{self.page}#{self.at}"


def language() -> str:
    """The language of the page that is being made."""
    return get_language() or "pt-pt"


def problem(at: str, refusal: Refusal, page: str = "") -> Problem:
    """A refusal in words, at its place; keys are many, so theirs say which."""
    number = at.removeprefix("key-")
    label = _("Key %(number)s") % {"number": number} if number != at else ""
    # A field that was left empty says what to enter; that it is to be filled in needs no second sentence.
    todo = "" if isinstance(refusal, Missing) else what_to_do(refusal, language())
    return Problem(at, sentence(refusal, language()), todo, page, label)


def problems_at(faults: Iterable[Fault], places: Mapping[str, str]) -> list[Problem]:
    """Faults in words, each at the field of its pointer. `places` maps pointers to `page#field`."""
    found = []
    for fault in faults:
        page, _, at = place_of(fault.pointer, places).partition("#")
        found.append(problem(at, fault.refusal, page))
    return found


def place_of(pointer: str, places: Mapping[str, str]) -> str:
    """`page#field` for a pointer: its own, or that of `<its beginning>/*`, where `{}` takes what is left of it.

    Positions count from nought in a pointer, and from one where people read.
    """
    head, _slash, tail = pointer.rpartition("/")
    if pointer in places:
        return places[pointer]
    if f"{head}/*" not in places:
        return "#top"
    return places[f"{head}/*"].replace("{}", str(int(tail) + 1) if tail.isdecimal() else tail)


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
    problems: Iterable[Problem] = (),
    at_fields_only: bool = False,
) -> HttpResponse:
    """The page, never kept by a browser or a proxy: most hold what is nobody else's.

    `problems` are listed at its top and told again at their fields; `at_fields_only` where nothing was sent just now.
    """
    found = list(problems)
    told = {
        **(context or {}),
        "problems": [] if at_fields_only else found,
        "problem_at": {each.at: each for each in reversed(found)},
    }
    response = render(request, template, told, status=status)
    response["Cache-Control"] = "no-store"
    return response
