"""The reader's language: found, switched, remembered in a cookie."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from chaveiro.web.moving import see_other
from chaveiro.wording import LANGUAGES

SWITCH = "switch_to"  # the name of the language buttons; every form of ours takes them
YEAR_SECONDS = 365 * 24 * 60 * 60
_HTML = {"pt-pt": "pt-PT", "en": "en"}


def language_of(request: HttpRequest) -> str:
    """The language that the reader chose, else the first of their browser's that we have, else Portuguese."""
    found = translation.get_language_from_request(request)
    return found if found in LANGUAGES else settings.LANGUAGE_CODE


def html_lang(language: str) -> str:
    """The tag of a language for `lang`."""
    return _HTML.get(language, language)


def switching(request: HttpRequest) -> str | None:
    """The language to which a form was sent to switch, None when it was sent for anything else."""
    wanted = request.POST.get(SWITCH, "")
    return wanted if wanted in LANGUAGES else None


def switch_now(request: HttpRequest, language: str) -> None:
    """Make this very page in another language: for a form whose text is nowhere but in the request."""
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = language
    translation.activate(language)


def remember(response: HttpResponse, language: str) -> HttpResponse:
    """The same response, with the language in a cookie for a year."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=settings.SECURE,
        httponly=True,
    )
    return response


def greet(request: HttpRequest, response: HttpResponse, language: str) -> HttpResponse:
    """Whoever signs in reads in their account's language, unless another was chosen at this browser."""
    return response if settings.LANGUAGE_COOKIE_NAME in request.COOKIES else remember(response, language)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Switch the language on a page without a form of its own, and go back to it."""
    back = request.POST.get("next", "/")
    if not back.startswith("/") or not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = see_other(back)
    wanted = switching(request)
    return response if wanted is None else remember(response, wanted)
