"""What every request is given before a page sees it: a number, a language, an actor; and a page for refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from chaveiro import wiring
from chaveiro.web import problems, sessions
from chaveiro.web.languages import html_lang, language_of

Answer = Callable[[HttpRequest], HttpResponse]

# Digits and a to f only: what a stranger sends is written to logs, and cannot be a product key, a name or a token.
REQUEST_ID = re.compile(r"[0-9a-f-]{16,64}")


class RequestIdMiddleware:
    """Gives the request a number, and a page in the reader's language to whatever was refused on the way."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        sent = request.headers.get("X-Request-Id", "")
        request.request_id = sent if REQUEST_ID.fullmatch(sent) else wiring.new_id().hex
        request.address = client_address(request)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)
        response = self.get_response(request)
        if response.status_code == 405 and not problems.is_for_programs(request):
            response = problems.method_not_allowed(request, response)
        response["X-Request-Id"] = request.request_id
        return response

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """A page for a refusal or a database out of reach; anything else is Django's, and then `server_error`."""
        return None if problems.is_for_programs(request) else problems.answer_to(request, fault)


class LanguageMiddleware:
    """The reader's language: what they chose, else what their browser asks for, else Portuguese."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        language = language_of(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language
        response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", html_lang(translation.get_language() or language))
        return response


class ActorMiddleware:
    """Who asks: `request.actor` with the roles that stand now, and `request.account`, None for a stranger."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        request.actor, request.account = sessions.who(request)
        zone = request.account.time_zone if request.account else settings.PLATFORM_TIME_ZONE
        with timezone.override(zone_or_utc(zone)):
            return self.get_response(request)


def zone_or_utc(name: str) -> ZoneInfo:
    """The time zone of that name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def client_address(request: HttpRequest) -> str:
    """The caller's network address; of X-Forwarded-For only what our own proxies wrote is believed."""
    remote = request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 - a unix socket has no address
    proxies = settings.TRUSTED_PROXIES
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    return hops[-proxies] if 0 < proxies <= len(hops) else remote
