"""Which article helps on which page, and by what name a page is told of: the pattern of its address, never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.http import HttpRequest
from django.urls import Resolver404, resolve

from chaveiro.rules.actors import ANONYMOUS, Kind

# By the beginning of the address' pattern; the longest decides. Pages about help itself lead to its index.
ARTICLES: Mapping[str, str] = {
    "redeem": "redeem-and-set-up",
    "r": "redeem-and-set-up",
    "redeem/code": "resume-later",
    "redeem/leave": "resume-later",
    "redeem/resume": "resume-later",
    "redeem/keys": "key-does-not-work",
    "redeem/check": "key-does-not-work",
    "redeem/purpose": "add-or-extend",
    "redeem/partner": "partner-of-record",
    "redeem/receipt": "redeem-and-set-up",
    "receipts": "redeem-and-set-up",
    "customers": "redeem-and-set-up",
    "stock": "mint-print-release",
    "clocks": "test-clocks",
    "desk/clocks": "test-clocks",
    "partner": "partner-of-record",
    "ownership": "take-ownership",
    "sign-in": "several-accounts",
    "accounts": "several-accounts",
    "forgotten": "take-ownership",
    "reset": "take-ownership",
    "address": "two-step-verification",
    "settings": "two-step-verification",
    "confirm-it-is-you": "two-step-verification",
    "openid": "two-step-verification",
    "oidc": "several-accounts",
    "partners-of-record": "partner-of-record",
    "partner-of-record": "partner-of-record",
    "subscriptions": "add-or-extend",
    "subscriptions/renew": "renew",
    "renewals": "renew",
    "desk/renewals": "renew",
    "history": "add-or-extend",
    "notices": "notices",
    "subscriptions/notices": "notices",
    "desk": "find-and-reverse",
    "desk/notices": "notices",
    "erasures": "your-data",
    "charts": "renew",
    "desk/products": "mint-print-release",
    "desk/batches": "mint-print-release",
    "desk/exports": "mint-print-release",
    "desk/cards": "mint-print-release",
}
HOMES: Mapping[Kind, str] = {
    Kind.CUSTOMER: "add-or-extend",
    Kind.CHANNEL: "redeem-and-set-up",
    Kind.OPERATOR: "mint-print-release",
}
SECRETS = ("secret", "token", "code")  # parts of an address that open something
_DRAFT = re.compile(r"<[^>]*>/")


def article_of(route: str, kind: Kind = Kind.ANONYMOUS) -> str:
    """The slug of the article for the pattern of an address; "" where the index is what helps."""
    if route in ("", "home"):
        return HOMES.get(kind, "redeem-and-set-up")
    # The draft's name in the middle of an address tells nothing: `redeem/<draft>/keys` is `redeem/keys`.
    wanted = _DRAFT.sub("", f"{route}/")
    fitting = [start for start in ARTICLES if wanted.startswith(f"{start}/") or wanted.startswith(f"{start}.")]
    return ARTICLES[max(fitting, key=len)] if fitting else ""


def help_path(request: HttpRequest) -> str:
    """Where help with this page is found."""
    match = request.resolver_match
    kind = getattr(request, "actor", ANONYMOUS).kind
    slug = "" if match is None else article_of(readable(match.route), kind)
    return f"/help/{slug}" if slug else "/help"


def page_told(request: HttpRequest) -> str:
    """The page's address, as it may be passed on; its pattern where the address itself opens something."""
    match = request.resolver_match
    if match is None:
        return ""
    if any(name in match.kwargs for name in SECRETS):
        return f"/{readable(match.route)}"
    return request.path_info


def pattern_of(path: str) -> tuple[str, str]:
    """The pattern of a page's address, and the address to go back to; both of the start page for one unknown."""
    try:
        match = resolve(path)
    except Resolver404:
        return "", "/"
    back = "/" if any(name in match.kwargs for name in SECRETS) else path
    return readable(match.route), back


def readable(route: str) -> str:
    """A pattern without the marks of a regular expression: `receipts/<reference>`."""
    named = re.sub(r"\(\?P(<\w+>)[^()]*\)", r"\1", route)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", named.strip("^$")).replace("\\.", ".")
