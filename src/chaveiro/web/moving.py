"""Going on to another page.

Every page of ours has two addresses: `/x` for whoever is not signed in, and `/a/<tag>/x` for the account of that tag.
Addresses are written without the prefix everywhere; templates put `{{ at }}` before them, and the account's middleware
puts it before where a `SeeOther` leads.
"""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """Look there, by GET: the answer to every form that was taken, so that going back or loading again is safe.

    `at` is the prefix of the account under whose address it leads; None stands for the account of the request.
    """

    status_code = 303

    def __init__(self, path: str, at: str | None = None) -> None:
        super().__init__(path)
        self.at = at


def see_other(path: str, at: str | None = None) -> HttpResponse:
    """The answer that leads to a page of ours; `at` where it is another account's than the request's."""
    response = SeeOther(path, at)
    response["Cache-Control"] = "no-store"
    return response
