"""What every page is told: whose installation it is, who reads it, in which language."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from chaveiro.rules.actors import ANONYMOUS
from chaveiro.rules.keys import scrub
from chaveiro.web import own_day
from chaveiro.web.demo import service_file
from chaveiro.web.languages import SWITCH, html_lang, language_of
from chaveiro.web.navigation import navigation
from chaveiro.web.notices import standing_of
from chaveiro.web.signposts import help_path, page_told
from chaveiro.web.themes import theme_of

LANGUAGE_NAMES = (("pt-pt", "Português"), ("en", "English"))


def installation(request: HttpRequest) -> dict[str, Any]:
    """Context of every template; holds on pages that are made before anything is known of the reader."""
    language = language_of(request)
    return {
        "vendor": settings.VENDOR_NAME,
        "demo": settings.DEMO,
        "demo_service": settings.DEMO and service_file().exists(),
        "own_day": own_day.of(request),
        "language": language,
        "html_lang": html_lang(language),
        "language_names": [(code, html_lang(code), name) for code, name in LANGUAGE_NAMES],
        "switch_name": SWITCH,
        "reader": getattr(request, "account", None),
        "theme": theme_of(request),
        "navigation": navigation(request),
        "mail": SimpleLazyObject(lambda: standing_of(request)),
        "at": getattr(request, "at", ""),
        "accounts": getattr(request, "accounts", ()),
        "actor": getattr(request, "actor", ANONYMOUS),
        "request_id": getattr(request, "request_id", ""),
        "here": scrub(request.path_info),
        "help_path": help_path(request),
        "page_told": scrub(page_told(request)),
        "ask_opinion": not request.path_info.startswith(("/feedback", "/desk/feedback")),
    }
