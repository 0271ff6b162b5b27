"""Who may see a page at all. Whoever may not see it learns nothing of it: it answers like a page that does not exist.

    @require_http_methods(["GET", "HEAD", "POST"])
    @operators_only
    def batches(request): …

A stranger is led to sign in, or on to the account that is signed in at this browser, by GET alone: what a form sends to
an address without an account is never acted upon.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import NotFound
from chaveiro.web import accounts

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """A page of whoever is signed in."""

    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponse:
        if request.account is None:
            return accounts.lead_in(request)
        return view(request, *arguments, **named)

    return guarded


def operators_only(view: View) -> View:
    """A page of the vendor's own people."""
    return _only(Kind.OPERATOR, view)


def customers_only(view: View) -> View:
    """A page of a customer's people."""
    return _only(Kind.CUSTOMER, view)


def channel_only(view: View) -> View:
    """A page of distributors and resellers."""
    return _only(Kind.CHANNEL, view)


def _only(kind: Kind, view: View) -> View:
    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponse:
        if request.actor.kind is not kind:
            raise NotFound()
        return view(request, *arguments, **named)

    return signed_in(guarded)
