"""Confirming that it is you: the most dangerous acts need a proof of presence that is five minutes old at most.

    @require_POST
    @operators_only
    @stepped_up
    def release(request): …

A page that is asked for leads to the confirmation and back. A form that was sent is not lost: its fields travel through
the confirmation in a capsule that is signed, short-lived, bound to the session and to the form's address, and a button
sends it on. Keys and passwords never travel so; such a form is to be filled in again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse

from chaveiro.web import accounts, capsules, confirming
from chaveiro.web.moving import see_other

View = Callable[..., HttpResponse]
CONFIRM = "/confirm-it-is-you"


def stepped_up(view: View) -> View:
    """A view that needs a confirmation within five minutes, whatever the method."""
    return _guarded(view, pages_too=True)


def stepped_up_to_post(view: View) -> View:
    """The same for what is sent alone; looking at the page needs none."""
    return _guarded(view, pages_too=False)


def _guarded(view: View, *, pages_too: bool) -> View:
    @wraps(view)
    def guarded(request: Any, *arguments: Any, **named: Any) -> HttpResponse:
        if request.sign_in is None:
            return accounts.lead_in(request)
        looking = request.method in accounts.SAFE
        if (looking and not pages_too) or confirming.is_fresh(request):
            return view(request, *arguments, **named)
        if looking:
            return see_other(accounts.with_next(CONFIRM, request.get_full_path()))
        return confirming.ask(request, capsule=capsules.pack(request))

    return guarded
