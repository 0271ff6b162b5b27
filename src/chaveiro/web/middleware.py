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
from django.utils.functional import SimpleLazyObject

from chaveiro import wiring
from chaveiro.rules.actors import ANONYMOUS
from chaveiro.rules.errors import NotFound
from chaveiro.rules.sessions import split
from chaveiro.web import accounts, problems, sessions
from chaveiro.web.languages import html_lang, language_of
from chaveiro.web.moving import SeeOther

Answer = Callable[[HttpRequest], HttpResponse]

# Digits and a to f only: what a stranger sends is written to logs, and cannot be a product key, a name or a token.
REQUEST_ID = re.compile(r"[0-9a-f-]{16,64}")
# No account's prefix stands before these: programs and files are not anybody's pages.
NOBODYS = (*problems.FOR_PROGRAMS, settings.STATIC_URL)
# Pages and forms that are the same whoever asks, so that they are taken from an address whose account has left.
ANYBODYS = frozenset({"/language", "/theme", "/sign-out", "/sign-in", "/accounts"})


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
    """Who asks: the account that the address names, while it is signed in at this browser.

    Takes `/a/<tag>` off the address, and puts it before where a `SeeOther` leads. `request.at` is that prefix, or "";
    `request.actor` has the roles that stand now; `request.account` and `request.sign_in` (the session, how and when it
    began, when it was last confirmed) are None for a stranger; `request.accounts` are all that are signed in here.
    An address without prefix is nobody's, whoever is signed in.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        tag, path = split(request.path_info)
        of_pages = bool(tag) and not path.startswith(NOBODYS)
        request.tag = tag if of_pages else ""
        if of_pages:
            request.path = request.path_info = path
        request.at, request.account, request.actor, request.sign_in = "", None, ANONYMOUS, None
        request.accounts = SimpleLazyObject(lambda: sessions.live(request))
        found = sessions.who(request)
        if found is not None:
            request.at, request.account, request.actor, request.sign_in = (
                found.prefix,
                found.account,
                found.actor,
                found,
            )
        response = self._answered(request)
        if isinstance(response, SeeOther):
            response["Location"] = (request.at if response.at is None else response.at) + response["Location"]
        sessions.keep(request, response)
        return response

    def _answered(self, request: Any) -> HttpResponse:
        if self._is_gone(request) and request.method in accounts.SAFE:
            return accounts.lead_in(request)
        zone = request.account.time_zone if request.account else settings.PLATFORM_TIME_ZONE
        # Whoever belongs to a customer on a test clock lives on its day.
        day = request.sign_in.day if request.sign_in else None
        with timezone.override(zone_or_utc(zone)), wiring.on_day(day):
            return self.get_response(request)

    def process_view(self, request: Any, view: object, arguments: object, named: object) -> HttpResponse | None:
        """A form of an account that is not signed in here any more is never acted upon."""
        del view, arguments, named
        return accounts.too_late(request) if self._is_gone(request) else None

    @staticmethod
    def _is_gone(request: Any) -> bool:
        return request.tag and request.account is None and request.path_info not in ANYBODYS

    def process_exception(self, request: Any, fault: Exception) -> None:
        """Where a page is not this account's, say so if it is that of another one that is signed in here."""
        if isinstance(fault, NotFound):
            request.elsewhere = accounts.elsewhere(request)


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
