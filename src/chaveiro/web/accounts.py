"""Several accounts at one browser: choosing one, being led to the right one, and what is said where none is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from chaveiro.apps.customers import queries as customers
from chaveiro.apps.customers.queries import AtBrowser
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries as redemption
from chaveiro.apps.subscriptions import queries as subscriptions
from chaveiro.rules.errors import NotFound
from chaveiro.rules.keys import scrub
from chaveiro.rules.sessions import split
from chaveiro.web import sessions
from chaveiro.web.addresses import id_in
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page

NEXT_LENGTH_AT_MOST = 1_000
KEPT_AT_MOST = 20_000  # characters of a form that came too late
# What a form that came too late is not told back: secrets, and what the framework puts in.
_SECRET_FIELD = re.compile(r"csrf|password|again|secret|code|key|many|token|pin", re.IGNORECASE)
SAFE = ("GET", "HEAD")


# --- where to go ---------------------------------------------------------------------------------------------------


def next_of(request: Any) -> str:
    """The page of ours to which a request wants to be led afterwards, "" where it names none."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if _is_ours(wanted) else ""


def _is_ours(path: str) -> bool:
    return (
        path.startswith("/")
        and len(path) <= NEXT_LENGTH_AT_MOST
        and path.isprintable()
        and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
        and scrub(path) == path
    )


def with_next(path: str, wanted: str) -> str:
    """A page's address with the page that comes after it."""
    return f"{path}?{urlencode({'next': wanted})}" if _is_ours(wanted) and wanted != "/home" else path


def lead_in(request: Any) -> HttpResponse:
    """A stranger asks for a page of somebody who is signed in.

    By GET: on to the only account here, else to the choice, else to signing in; it answers alike whatever the page is.
    Anything else is not acted upon.
    """
    if request.method not in SAFE:
        return too_late(request)
    wanted = request.get_full_path()
    if request.tag:
        return see_other(with_next("/sign-in", f"/a/{request.tag}{wanted}"), at="")
    here = sessions.live(request)
    if len(here) == 1:
        return see_other(wanted, at=here[0].prefix)
    return see_other(with_next("/accounts" if here else "/sign-in", wanted), at="")


def lead_on(request: Any, prefixes: Iterable[str]) -> HttpResponse:
    """Whoever just signed in goes on to what they wanted, as the account that it was wanted for, else to their home."""
    arrived = list(prefixes)
    wanted = next_of(request)
    tag, path = split(wanted)
    if tag:
        return see_other(path, at=f"/a/{tag}") if f"/a/{tag}" in arrived else _home(arrived, "")
    return _home(arrived, wanted)


def _home(arrived: list[str], wanted: str) -> HttpResponse:
    if len(arrived) > 1:
        return see_other(with_next("/accounts", wanted), at="")
    return see_other(wanted or "/home", at=arrived[0])


# --- the choice ----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: Any) -> HttpResponse:
    """The accounts of this browser: go on as one of them, sign one or all out, take an ended one off the list."""
    if request.method == "POST":
        return _sign_out(request)
    wanted = split(next_of(request))[1]
    known = sessions.at_browser(request)
    context = {
        "known": known,
        "some_live": any(each.live for each in known),
        "wanted": wanted if next_of(request) else "/home",
        "next": next_of(request),
    }
    return page(request, "accounts/choose.html", context)


def _sign_out(request: Any) -> HttpResponse:
    tag = request.POST.get("out", "")
    if tag == "all":
        sessions.end_all(request)
        return see_other("/", at="")
    for one in sessions.at_browser(request):
        if one.tag == tag:
            sessions.end(request, one)
            break
    return see_other(with_next("/accounts", next_of(request)), at="")


# --- too late, or elsewhere ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form sent that nobody was signed in for: `complete` when nothing of it had to be left out."""

    fields: tuple[tuple[str, str], ...]
    complete: bool


def too_late(request: Any) -> HttpResponse:
    """What was sent was not acted upon: the account of the page is not signed in here any more, or there is none.

    What was typed is told back, to be sent again after signing in; secrets and files are not.
    """
    typed = _typed(request)
    prefix = f"/a/{request.tag}" if request.tag else ""
    context = {"typed": typed, "target": prefix + request.get_full_path(), "prefix": prefix}
    return page(request, "accounts/ended.html", context, status=403)


def _typed(request: Any) -> Typed:
    sent = [(name, value) for name, values in request.POST.lists() for value in values]
    sent = [(name, value) for name, value in sent if name != "csrfmiddlewaretoken"]
    kept = [(name, value) for name, value in sent if not _SECRET_FIELD.search(name) and scrub(value) == value]
    small = sum(len(name) + len(value) for name, value in kept) <= KEPT_AT_MOST
    complete = small and len(kept) == len(sent) and not request.FILES
    return Typed(tuple(kept) if small else (), complete)


def _receipt(found: re.Match[str]) -> object:
    return redemption.by_reference(found["reference"])


def _subscription(found: re.Match[str]) -> object:
    return subscriptions.subscription(id_in("subscription", found["id"]))


def _customer(found: re.Match[str]) -> object:
    return customers.name_of(id_in("customer", found["id"]))


# Pages that one account of a person may see and another may not, and how an account is asked whether it may.
ELSEWHERE: Mapping[re.Pattern[str], Callable[[re.Match[str]], object]] = {
    re.compile(r"/receipts/(?P<reference>[Rr]-[0-9A-Za-z]{4}-[0-9A-Za-z]{4})(?:\.\w+)?"): _receipt,
    re.compile(r"/subscriptions/(?P<id>sub_\w+)(?:\.\w+)?"): _subscription,
    re.compile(r"/(?:desk/)?customers/(?P<id>cus_\w+)"): _customer,
}


def elsewhere(request: Any) -> list[AtBrowser]:
    """The other accounts signed in at this browser that may see the page which this one may not: each asks for itself.

    Nobody else is told anything, and nothing is asked where no other account is signed in.
    """
    others = [each for each in sessions.live(request) if each.tag != request.tag] if request.tag else []
    for pattern, ask in ELSEWHERE.items():
        found = pattern.fullmatch(request.path_info)
        if found and request.method in SAFE:
            return [each for each in others if _sees(each, ask, found)]
    return []


def _sees(one: AtBrowser, ask: Callable[[re.Match[str]], object], found: re.Match[str]) -> bool:
    try:
        with acting(one.actor):
            ask(found)
    except NotFound:
        return False
    return True
