"""The question under each page: was it useful, how is its language, what was wrong. It works without script.

Yes or no is kept at once; what else somebody says comes on a page of its own. Nobody's name is kept with it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.feedback import actions, queries
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.errors import NotFound
from chaveiro.rules.feedback import Affected, Opinion, opinion_of
from chaveiro.rules.keys import scrub
from chaveiro.rules.verdicts import Refusals
from chaveiro.web.guards import operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problems_at
from chaveiro.web.signposts import pattern_of
from chaveiro.wording.feedback import AFFECTED, affected_words

SALT = "feedback"
SECONDS_TO_TELL = 3600
LANGUAGES_ASKED = (("pt-pt", "Português"), ("en", "English"))
PLACES = {"/text": "#text", "/quote": "#quote"}


@lru_cache(maxsize=1)
def program_version() -> str:
    """The version of the program that showed the page; `checkout` where it was not installed."""
    try:
        return version("chaveiro")
    except PackageNotFoundError:
        return "checkout"


@require_POST
def answer(request: Any) -> HttpResponse:
    """Yes or no; then the page on which more can be said."""
    count(request, "feedback")
    pattern, back = pattern_of(request.POST.get("page", "/"))
    spoken = actions.Page(pattern, language(), program_version())
    useful = request.POST.get("useful") == "yes"
    kept = actions.keep(actor=request.actor, page=spoken, useful=useful, means=wiring.means())
    told = {"answer": kept.hex, "back": scrub(back), "useful": useful}
    return see_other(f"/feedback/{signing.dumps(told, salt=SALT)}")


@require_http_methods(["GET", "HEAD", "POST"])
def more(request: Any, token: str) -> HttpResponse:
    """What else somebody has to say of the page: language, what affected them, a text to be corrected."""
    known = _known(token)
    told = _told(request, known)
    if request.method != "POST":
        return page(request, "feedback/more.html", told)
    wanted = switching(request)
    if wanted:
        switch_now(request, wanted)
        return remember(page(request, "feedback/more.html", _told(request, known)), wanted)
    try:
        opinion = _opinion(request)
    except Refusals as refusals:
        return page(request, "feedback/more.html", told, status=422, problems=problems_at(refusals.faults, PLACES))
    actions.tell(actor=request.actor, answer=UUID(known["answer"]), opinion=opinion, now=wiring.now())
    return see_other("/feedback/thanks")


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Said."""
    return page(request, "feedback/thanks.html")


def _known(token: str) -> dict[str, Any]:
    try:
        return dict(signing.loads(token, salt=SALT, max_age=SECONDS_TO_TELL))
    except signing.BadSignature:
        raise NotFound() from None


def _opinion(request: HttpRequest) -> Opinion:
    sent = request.POST
    affected = [each.value for each in Affected if f"affected-{each.value}" in sent]
    return opinion_of(sent.get("satisfaction", ""), affected, sent.get("text", ""), sent.get("quote", ""))


def _told(request: HttpRequest, known: dict[str, Any]) -> dict[str, Any]:
    sent = request.POST
    stars = (
        _("1: not satisfied at all"),
        _("2: rather not satisfied"),
        _("3: neither"),
        _("4: rather satisfied"),
        _("5: very satisfied"),
    )
    return {
        "useful": known["useful"],
        "back": known["back"],
        "satisfaction": sent.get("satisfaction", ""),
        "satisfactions": [(str(place), words, "") for place, words in enumerate(stars, 1)],
        "ticks": [(f"affected-{code}", words, f"affected-{code}" in sent) for code, words in affected_words()],
        "text": sent.get("text", ""),
        "quote": sent.get("quote", ""),
    }


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """What readers said, the newest first, with the sums over all that the filters let through."""
    wanted = _wanted(request)
    after = _id(request.GET.get("after", ""))
    with acting(request.actor):
        found = queries.answers(wanted, before=after)
        totals = queries.totals(wanted)
    rows = [(each, [AFFECTED[code] for code in each.affected if code in AFFECTED]) for each in found]
    following = request.GET.copy()
    following["after"] = found[-1].id.hex if found else ""
    context = {
        "rows": rows,
        "totals": totals,
        "share": round(100 * totals.useful / totals.answers) if totals.answers else 0,
        "wanted": wanted,
        "useful": {True: "yes", False: "no", None: ""}[wanted.useful],
        "next": f"?{following.urlencode()}" if len(found) == queries.LISTED_AT_MOST else "",
        "first": "?" if after else "",
        "answers": [("", _("All answers")), ("yes", _("Useful")), ("no", _("Not useful"))],
        "languages": [("", _("All languages")), *LANGUAGES_ASKED],
    }
    return page(request, "feedback/listing.html", context)


def _wanted(request: HttpRequest) -> queries.Wanted:
    asked = request.GET
    useful = {"yes": True, "no": False}.get(asked.get("useful", ""))
    told = asked.get("told", "") == "yes"
    return queries.Wanted(useful, asked.get("language", "")[:20], asked.get("page", "").strip("/")[:200], told)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
