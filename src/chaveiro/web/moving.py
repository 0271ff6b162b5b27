"""Going on to another page."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """Look there, by GET: the answer to every form that was taken, so that going back or loading again is safe."""

    status_code = 303


def see_other(path: str) -> HttpResponse:
    """The answer that leads to a page of ours."""
    response = SeeOther(path)
    response["Cache-Control"] = "no-store"
    return response
