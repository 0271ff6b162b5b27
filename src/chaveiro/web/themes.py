"""Light or dark, where somebody does not want it as their device has it: kept in a cookie of this browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from chaveiro.web.moving import see_other

COOKIE = "theme"
THEMES = ("light", "dark")
YEAR_SECONDS = 365 * 24 * 60 * 60


def theme_of(request: HttpRequest) -> str:
    """`light`, `dark`, or nothing where the device decides."""
    chosen = request.COOKIES.get(COOKIE, "")
    return chosen if chosen in THEMES else ""


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Choose, and go back to the page; any other word than the two gives the choice back to the device."""
    back = request.POST.get("next", "/")
    if not back.startswith("/") or not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = see_other(back)
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        response.set_cookie(COOKIE, wanted, max_age=YEAR_SECONDS, samesite="Lax", secure=settings.SECURE, httponly=True)
    else:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response
